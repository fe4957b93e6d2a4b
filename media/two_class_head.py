#!/usr/bin/env python3
"""Fits a linear classifier, rabbit or meadow, to the default model's tokens of Big Buck Bunny.

    media/two_class_head.py VITVIDEO media/cache/bigbuckbunny.mp4 media/out

writes rabbit-head.npz for --head and rabbit-head.txt for --labels: an example of a classifier of one's own, and
what the README's picture of gradient rollout was made with. Wants NumPy and ffmpeg.

A classifier whose weights are the identity gives the tokens themselves as its "logits", so that the export holds
the features: the class token, then the mean of the patches. The left half of the frame shows the rabbit, the right
half does not; every eighth frame of each is enough for ridge regression.
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np

WIDTH = 384  # of ViT-S


def features(vitvideo: str, clip: str, crop: str, folder: Path) -> np.ndarray:
    """Class token and mean patch of every eighth frame, cropped: frames × 2·WIDTH."""
    frames = folder / "crop-%03d.png"
    for old in folder.glob("crop-*.png"):
        old.unlink()
    filters = f"crop={crop},select=not(mod(n\\,8))"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", clip, "-an", "-vf", filters, "-vsync", "0", frames], check=True)
    subprocess.run(
        [vitvideo, frames, "-y", "-q", "--export", folder / "crop.npz", "--head", folder / "identity.npz",
         "--resolution", "224"], check=True)
    return np.load(folder / "crop.npz")["logits"].astype(np.float64)


def main(vitvideo: str, clip: str, out: str) -> None:
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    zeros = np.zeros(2 * WIDTH, np.float32)
    np.savez(folder / "identity.npz", weight=np.eye(2 * WIDTH, dtype=np.float32), bias=zeros)
    rabbit = features(vitvideo, clip, "640:720:40:0", folder)
    meadow = features(vitvideo, clip, "640:720:640:0", folder)

    tokens = np.concatenate([rabbit, meadow])
    sides = np.repeat([1.0, -1.0], [len(rabbit), len(meadow)])
    mean, deviation = tokens.mean(0), tokens.std(0) + 1e-6
    scaled = (tokens - mean) / deviation
    # Fewer frames than features: the ridge's dual form.
    weight = scaled.T @ np.linalg.solve(scaled @ scaled.T + 10 * np.eye(len(scaled)), sides) / deviation
    bias = -mean @ weight
    # The regression aims at ±1; five times that are logits that softmax makes something of.
    np.savez(
        folder / "rabbit-head.npz", weight=5 * np.stack([weight, -weight]).astype(np.float32),
        bias=5 * np.array([bias, -bias], np.float32))
    (folder / "rabbit-head.txt").write_text("rabbit\nmeadow\n")
    for name in [*folder.glob("crop-*.png"), folder / "crop.npz", folder / "identity.npz"]:
        name.unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vitvideo", metavar="VITVIDEO", help="the program")
    parser.add_argument("clip", metavar="CLIP", help="Big Buck Bunny")
    parser.add_argument("out", metavar="DIRECTORY", help="where the classifier and its labels go")
    main(**vars(parser.parse_args()))
