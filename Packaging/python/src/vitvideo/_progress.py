"""How far a run is, from the program's JSON lines."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Optional, Union

Progress = Union[bool, None, Callable[[Dict[str, Any]], None]]
"""``True``: a bar, which needs tqdm. ``None``: a bar after a second, on a terminal or in a notebook, where tqdm is
installed. ``False``: nothing. A function is called with each line of the program: ``frames`` done, ``frame``, the last
one's index in the source, ``total`` where it is known, ``fps``, ``elapsed_seconds`` and ``eta_seconds``."""


def listener(progress: Progress) -> Optional[Callable[[Dict[str, Any]], None]]:
    """What is to be called with each line, or None."""
    if callable(progress):
        return progress
    if progress is False or (progress is None and not (sys.stderr.isatty() or _in_notebook())):
        return None
    try:
        return Bar(delay_seconds=0 if progress else 1)
    except ImportError:
        if progress:
            raise
        return None


class Bar:
    """A bar of tqdm's, which appears with the first frame."""

    def __init__(self, delay_seconds: float) -> None:
        from tqdm import tqdm

        self._make = tqdm
        self._delay_seconds = delay_seconds
        self._bar: Optional[Any] = None

    def __call__(self, line: Dict[str, Any]) -> None:
        if self._bar is None:
            self._bar = self._make(total=line.get("total"), unit="frame", delay=self._delay_seconds)
        self._bar.update(line["frames"] - self._bar.n)

    def close(self) -> None:
        """Leaves the bar as it is and ends its line."""
        if self._bar is not None:
            self._bar.close()


def _in_notebook() -> bool:
    return "ipykernel" in sys.modules
