"""What is looked at: files, directories and NumPy arrays."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from . import _frames
from ._options import path

AnyPath = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Source = Union[AnyPath, Sequence[AnyPath], NDArray[np.uint8]]
"""A video, a picture or numbered pictures (``f%03d.png``); a directory of pictures or a list of paths, which are no
clip; or pictures as uint8 [n, H, W, 3] of RGB, which are one. ``"-"`` is standard input."""


@contextmanager
def arguments(source: Source, fps: float, folder: Path) -> Iterator[List[str]]:
    """The arguments that name a source.

    Args:
        fps: frames a second of pictures that come as an array.
        folder: where such pictures wait as a file for as long as the context lasts.
    """
    if not isinstance(source, np.ndarray):
        yield paths(source)
        return
    frames = _frames.checked(source)
    name = folder / "frames.mkv"
    with open(name, "wb") as file:
        _frames.write(frames, fps, file)
    try:
        yield [str(name)]
    finally:
        name.unlink()


def paths(source: Any) -> List[str]:
    """One path or several, as arguments."""
    if isinstance(source, (str, bytes, os.PathLike)):
        return [path(source)]
    return [path(each) for each in source]


def read_standard_input(words: Sequence[str]) -> bool:
    """Whether standard input is among the sources."""
    return "-" in words
