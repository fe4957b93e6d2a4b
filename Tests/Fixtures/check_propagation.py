#!/usr/bin/env python3
"""Compares `vitvideo propagate` with the PyTorch statement of its definition on a real clip.

    venv/bin/pip install torch numpy pillow safetensors
    venv/bin/python Tests/Fixtures/check_propagation.py VITVIDEO CLIP [--protocol NAME] [--weights FILE] [--frames N] [--threads N]

Two objects are drawn on the first frame. The program writes the masks of the next ones, and the features that it has
computed; the statement (`golden_scripts/propagation.py`) works on the same features, after either protocol. At least
99.9 % of the pixels must have the same label. Printed beside: the time of both for a frame, without the network.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from golden_scripts.propagation import Settings, decide, on_grid, one_hot, propagate


def draw(size: tuple[int, int]) -> np.ndarray:
    """Two ellipses, in parts of the frame: on Big Buck Bunny the bunny in its hole and the stones."""
    rows, columns = np.mgrid[: size[0], : size[1]] / np.array(size)[:, None, None]
    mask = np.zeros(size, np.uint8)
    mask[((rows - 0.57) / 0.22) ** 2 + ((columns - 0.28) / 0.08) ** 2 <= 1] = 1
    mask[((rows - 0.48) / 0.12) ** 2 + ((columns - 0.79) / 0.16) ** 2 <= 1] = 2
    return mask


def run(program: str, clip: str, folder: Path, options: list[str]) -> float:
    """Seconds that the program takes for labels and masks in all."""
    done = subprocess.run(
        [program, "propagate", clip, "--mask", "first.png", "-y", "--verbose", "--progress", "none", *options],
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(re.search(r"propagate and encode +([0-9.]+) s", done.stderr)[1])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vitvideo")
    parser.add_argument("clip")
    parser.add_argument("--protocol", choices=["dino", "dinov3"], help="only this one")
    parser.add_argument("--weights", help="weights file instead of the default model")
    parser.add_argument("--frames", type=int, default=20, help="after the first")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--resolution", help="short side, instead of the protocol's")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    program, clip = str(Path(options.vitvideo).resolve()), str(Path(options.clip).resolve())
    common = ["--frames", f":{options.frames + 1}", "--workers", "1", "--threads", str(options.threads)]
    if options.weights:
        common += ["--weights", str(Path(options.weights).resolve())]
    if options.resolution:
        common += ["--resolution", options.resolution]
    shape = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=height,width", "-of", "csv=p=0", clip],
        check=True, capture_output=True, text=True,
    ).stdout.strip().split(",")  # fmt: skip
    size = (int(shape[1]), int(shape[0]))
    failed = False
    for protocol in [options.protocol] if options.protocol else ["dino", "dinov3"]:
        settings = Settings(protocol)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            mask = draw(size)
            Image.fromarray(mask).save(folder / "first.png")
            given = [*common, "--protocol", protocol]
            run(program, clip, folder, [*given, "--export", "out.npz"])
            # Once more without the export, which takes time of its own.
            ours = run(program, clip, folder, [*given, "--masks", "out-%05d.png", "--precision", "fp32"])
            archive = np.load(folder / "out.npz")
            features, soft = (torch.from_numpy(archive[key]) for key in ("features", "segmentation"))
            found = [np.asarray(Image.open(path)) for path in sorted(folder.glob("out-*.png"))]
        grid = tuple(features.shape[1:3])
        patch = int(re.search(r'"patch": *(\d+)', str(archive["meta"]))[1])
        start = one_hot(on_grid(mask, grid, protocol), 3)
        begin = time.perf_counter()
        stated, labels = [], []
        for one in propagate(features.flatten(1, 2), grid, start, settings):
            stated.append(one)
            labels.append(decide(one, grid, patch, size, protocol))
        theirs = time.perf_counter() - begin
        labels[0] = mask
        equal = [(a == b).mean() for a, b in zip(labels, found, strict=True)]
        worst = (torch.stack(stated) - soft.flatten(1, 2)).abs().max().item()
        shares = [np.mean(found[-1] == label) for label in range(3)]
        print(
            f"{protocol}: {len(found)} frames of {grid[1]}x{grid[0]} patches of {patch}; pixels alike {100 * np.mean(equal):.4f} %, "
            f"least {100 * min(equal):.4f} %; soft labels differ by {worst:.1e} at most; last frame's shares "
            + ", ".join(f"{share:.3f}" for share in shares)
        )
        frames = options.frames
        print(
            f"{protocol}: a frame takes {ours / frames:.3f} s here (masks written), {theirs / frames:.3f} s in PyTorch "
            f"{torch.__version__}, {theirs / ours:.1f} times as long, {options.threads} threads"
        )
        failed |= min(equal) < 0.999
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
