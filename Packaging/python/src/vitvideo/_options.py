"""Keywords as options of the command line."""

from __future__ import annotations

import os
from typing import Any, List, Mapping

import numpy as np

# Written with one dash, as ffmpeg has them; so are single letters.
_SINGLE_DASH = frozenset({"ss", "to"})
# Given once for each value of a list. All others take their values with commas between.
_REPEATED = frozenset({"compare", "define", "examples", "mask", "panel", "point", "set", "text"})


def arguments(options: Mapping[str, object]) -> List[str]:
    """Options as arguments, in their order; ``head_fusion="min"`` is ``--head-fusion=min``.

    A name loses an underscore at its end (``class_``). Any name is passed on: which options there are is the program's
    to say.

    ============================ ==============================================================
    value                        argument
    ============================ ==============================================================
    ``True``                     ``--name``
    ``False``, ``None``          nothing
    ``slice(a, b, c)``, a range  ``--name=a:b:c``
    a list, a tuple, an array    ``--name=x,y``, or ``--name=x --name=y`` where options are repeated
    a dictionary                 ``--name=key=value`` for each
    a text, number or path       ``--name=value``
    ============================ ==============================================================
    """
    words: List[str] = []
    for keyword, value in options.items():
        name = keyword.rstrip("_").replace("_", "-")
        for text in _values(name, value):
            if len(name) > 1 and name not in _SINGLE_DASH:
                words.append(f"--{name}" if text is None else f"--{name}={text}")
            else:
                words.extend([f"-{name}"] if text is None else [f"-{name}", text])
    return words


def path(value: Any) -> str:
    """A path as an argument that is taken for no option; ``-`` stays standard input."""
    text = os.fsdecode(value)
    return f"./{text}" if text.startswith("-") and text != "-" else text


def _values(name: str, value: Any) -> List[Any]:
    """What stands behind the option each time that it is given; None for a flag."""
    if value is None or value is False or (isinstance(value, np.bool_) and not value):
        return []
    if value is True or isinstance(value, np.bool_):
        return [None]
    if isinstance(value, Mapping):
        return [f"{key}={_text(name, each)}" for key, each in value.items()]
    if isinstance(value, (list, tuple, np.ndarray)):
        texts = [_text(name, each) for each in value]
        return texts if name in _REPEATED else [",".join(texts)]
    return [_text(name, value)]


def _text(name: str, value: Any) -> str:
    if isinstance(value, range):
        value = slice(value.start, value.stop, value.step)
    if isinstance(value, slice):
        parts = [value.start, value.stop] + ([] if value.step is None else [value.step])
        return ":".join("" if part is None else str(part) for part in parts)
    if isinstance(value, (str, bytes, os.PathLike)):
        return os.fsdecode(value)
    if isinstance(value, (int, float, np.number)):
        return str(value)
    raise TypeError(f"{name}: a {type(value).__name__} cannot be an option's value")
