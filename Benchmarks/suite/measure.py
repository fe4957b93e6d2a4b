"""Runs programs in turn and keeps what they measured."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")

FOLDER = Path(__file__).resolve().parent.parent
"""Benchmarks/"""


class ProgramFailed(Exception):
    """A program ended with an error."""


@dataclass(frozen=True)
class Run:
    """One run of a program, the whole process."""

    wall_seconds: float
    peak_bytes: int
    """Largest resident set."""
    cpu_seconds: float
    output: str
    errors: str

    @property
    def report(self) -> dict:
        """The JSON object that the program printed last."""
        return json.loads(self.output.strip().splitlines()[-1])


def run(command: Sequence[str | os.PathLike]) -> Run:
    """Runs a program to its end.

    Raises ProgramFailed with the last of what it wrote to standard error.
    """
    words = [os.fspath(word) for word in command]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        child = subprocess.Popen(words, stdout=output, stderr=errors, cwd=FOLDER)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        said = errors.read()
        if child.returncode != 0:
            raise ProgramFailed(f"{' '.join(words)}\n{said[-2000:]}")
        return Run(
            wall, usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, output.read(), said
        )


def rotated(items: Sequence[T], by: int) -> list[T]:
    """The items in another order each round, so that none always follows the same one."""
    by %= max(len(items), 1)
    return [*items[by:], *items[:by]]


def interleaved(jobs: dict[K, Callable[[], Run]], rounds: int) -> dict[K, list[Run]]:
    """Runs every job once a round."""
    runs: dict[K, list[Run]] = {key: [] for key in jobs}
    for number in range(rounds):
        for key in rotated(list(jobs), number):
            progress(f"round {number + 1} of {rounds}: {key}")
            runs[key].append(jobs[key]())
    return runs


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def progress(text: str) -> None:
    """Says what is done, on standard error."""
    print(text, file=sys.stderr, flush=True)
