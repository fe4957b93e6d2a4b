"""Goldens of torchvision's antialiased bilinear resize, on 8-bit and on float tensors.

`float` is the picture divided by 255 first and resized in float32; `uint8` is resized as bytes,
0...255, which torchvision rounds once at the end (or, in its byte kernel, with fixed-point weights).
"""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

from .store import save

SAMPLES = 4096


def resized(picture: np.ndarray, size: list[int]) -> dict[str, np.ndarray]:
    """`picture` (H, W, 3) bytes by torchvision to `size`, [short side] or [height, width]."""
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    bytes_out = functional.resize(tensor, size, antialias=True)
    float_out = functional.resize(tensor.float() / 255, size, antialias=True)
    return {
        "uint8": bytes_out.permute(1, 2, 0).numpy(),
        "float": float_out.permute(1, 2, 0).numpy(),
    }


def make_synthetic(directory: Path) -> None:
    """A random 37×53 picture, down to 16×23, up to 64×92 and both at once, stored whole."""
    picture = np.random.default_rng(21).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    tensors = {"input": picture}
    for height, width in ((16, 23), (64, 92), (20, 80)):
        for key, value in resized(picture, [height, width]).items():
            tensors[f"{height}x{width}/{key}"] = value
    save(directory / "resize_synthetic.safetensors", tensors, {"sizes": [[16, 23], [64, 92], [20, 80]]})


def make_frame(directory: Path, frame: Path) -> None:
    """4,096 seeded samples of the full frame resized to short side 448 and 224.

    `index` is the flat position row-major in (H, W, 3).
    """
    picture = np.asarray(Image.open(frame).convert("RGB")).copy()
    rng = np.random.default_rng(22)
    tensors, sizes = {}, {}
    for short_side in (448, 224):
        output = resized(picture, [short_side])
        height, width, _ = output["uint8"].shape
        index = np.sort(rng.choice(output["uint8"].size, SAMPLES, replace=False))
        name = str(short_side)
        sizes[name] = [height, width]
        tensors[f"{name}/index"] = index
        for key, value in output.items():
            tensors[f"{name}/{key}"] = value.reshape(-1)[index]
        gap = np.abs(output["uint8"] / 255 - output["float"])
        print(f"resize to {height}×{width}: bytes and float differ by {gap.mean():.5f} mean, {gap.max():.5f} max")
    save(
        directory / "resize_frame.safetensors",
        tensors,
        {"input_size": list(picture.shape[:2]), "sizes": sizes, "frame": "full"},
    )
