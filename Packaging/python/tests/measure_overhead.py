"""Measures what the package adds to the program's own time.

    VITVIDEO_PROGRAM=PROGRAM .venv/bin/python tests/measure_overhead.py CLIP [ROUNDS]

Every round runs the program with an export, ``vitvideo.attention`` in this process, and a Python process that imports
the package and does no more. Prints the medians, and by how much the other two are slower than the program.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Dict, List

import vitvideo
from vitvideo._program import find


def main(clip: str, rounds: int = 5) -> None:
    def program() -> None:
        with tempfile.TemporaryDirectory() as folder:
            export = str(Path(folder) / "result.safetensors")
            words = [find(), "annotate", clip, "--export", export, "--progress", "none"]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)

    def call() -> None:
        vitvideo.attention(clip)

    def process() -> None:
        code = "import sys, vitvideo; vitvideo.attention(sys.argv[1])"
        subprocess.run([sys.executable, "-c", code, clip], check=True)

    runs: Dict[str, Callable[[], None]] = {"program": program, "call": call, "process": process}
    seconds: Dict[str, List[float]] = {name: [] for name in runs}
    for run in runs.values():
        run()
    for number in range(rounds):
        # Each is first, second and third in turn.
        for name in [*runs][number % 3:] + [*runs][:number % 3]:
            start = time.perf_counter()
            runs[name]()
            seconds[name].append(time.perf_counter() - start)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        shown = " ".join(f"{value:.2f}" for value in values)
        print(f"{name:8}{median[name]:7.2f} s {median[name] / median['program'] * 100 - 100:+5.1f} %   ({shown})")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
