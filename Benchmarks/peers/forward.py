"""What the peers' measurements of forward passes have in common."""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import numpy as np
from safetensors.numpy import load_file, save_file

from suite.rows import BY_NAME, Row

Infer = Callable[[np.ndarray], np.ndarray]
"""A frame (1, 3, height, width) to attention (1, heads, patches)."""


def arguments(description: str) -> argparse.Namespace:
    """The options of a peer."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by suite.prepare")
    parser.add_argument("--row", required=True, choices=list(BY_NAME))
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--mode", choices=["latency", "throughput"], default="throughput",
                        help="all threads on a frame, or a frame a thread")  # fmt: skip
    parser.add_argument("--model", choices=["model", "original"], default="model",
                        help="of the last block one query, or all as in the original")  # fmt: skip
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=16, help="how many to measure")
    parser.add_argument("--dump", type=Path, help="where to write the first frame's attention")
    options = parser.parse_args()
    options.shape = BY_NAME[options.row]
    return options


def load_frames(options: argparse.Namespace) -> list[np.ndarray]:
    """The prepared frames, (1, 3, height, width) each."""
    frames = load_file(options.prepared / "frames.safetensors")["frames"]
    return [frames[i : i + 1] for i in range(len(frames))]


def dump(path: Path | None, row: Row, attention: np.ndarray) -> None:
    """Writes attention as `vitvideo-bench --dump` does."""
    if path:
        maps = np.ascontiguousarray(attention.astype(np.float32).reshape(row.heads, *row.grid))
        save_file({"attention": maps}, path)


def report(frames: int, seconds: float, engine: str) -> None:
    """Prints what was measured."""
    print(json.dumps({"frames": frames, "seconds": seconds, "engine": engine}))


def timed(infer: Infer, frames: list[np.ndarray], count: int, workers: int) -> float:
    """Seconds that `workers` threads take for `count` frames, those of the list in turn."""

    def work(first: int) -> None:
        for index in range(first, count, workers):
            infer(frames[index % len(frames)])

    threads = [Thread(target=work, args=(number,)) for number in range(workers)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - start
