"""Goldens of augmentation: resize, crop and flip by torchvision and PyTorch, Keras's turn and zoom by their formulas.

Keras's `RandomRotation` and `RandomZoom` make a projective transform of the output's pixels to the input's and hand it to
TensorFlow's `ImageProjectiveTransformV3`, bilinear, fill mode `reflect`. Stated here with `grid_sample`, whose `reflection`
without aligned corners mirrors at the pixels' outer edges, too.

    rotation: x' = c·x − s·y + ((W−1) − (c·(W−1) − s·(H−1))) / 2,  y' = s·x + c·y + ((H−1) − (s·(W−1) + c·(H−1))) / 2
    zoom:     x' = zx·x + (W−1)/2·(1−zx),                          y' = zy·y + (H−1)/2·(1−zy)

The pickles are as Python 3 writes CIFAR's dictionaries in three protocols.
"""

import pickle
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.transforms.v2 import functional

from .store import save

MEAN, DEVIATION = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


def normalized(picture: np.ndarray) -> torch.Tensor:
    """(H, W, 3) bytes to 1 × 3 × H × W."""
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    return functional.normalize(tensor, MEAN, DEVIATION)


def mapped(picture: torch.Tensor, matrix: list[float]) -> torch.Tensor:
    """Shows at (x, y) what lies at (a0·x + a1·y + a2, b0·x + b1·y + b2)."""
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height).float(), torch.arange(width).float(), indexing="ij")
    a0, a1, a2, b0, b1, b2 = matrix
    across = (2 * (a0 * x + a1 * y + a2) + 1) / width - 1
    down = (2 * (b0 * x + b1 * y + b2) + 1) / height - 1
    grid = torch.stack((across, down), dim=-1)[None]
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def rotated(picture: torch.Tensor, angle: float) -> torch.Tensor:
    bottom, right = (side - 1 for side in picture.shape[-2:])
    c, s = np.cos(angle), np.sin(angle)
    offsets = (right - (c * right - s * bottom)) / 2, (bottom - (s * right + c * bottom)) / 2
    return mapped(picture, [c, -s, offsets[0], s, c, offsets[1]])


def zoomed(picture: torch.Tensor, height_factor: float, width_factor: float) -> torch.Tensor:
    bottom, right = (side - 1 for side in picture.shape[-2:])
    offsets = right / 2 * (1 - width_factor), bottom / 2 * (1 - height_factor)
    return mapped(picture, [width_factor, 0, offsets[0], 0, height_factor, offsets[1]])


def resized(picture: torch.Tensor, side: int, antialias: bool = False) -> torch.Tensor:
    return F.interpolate(picture, (side, side), mode="bilinear", align_corners=False, antialias=antialias)


def make(directory: Path) -> None:
    rng = np.random.default_rng(25)
    # Smooth, as pictures are: noise alone would show the rounding of coordinates.
    waves = np.add.outer(np.sin(np.arange(32) / 5), np.cos(np.arange(32) / 3))[..., None] * [50, 40, 30]
    square = np.clip(waves + 120 + rng.integers(-20, 20, (32, 32, 3)), 0, 255).astype(np.uint8)
    oblong = rng.integers(0, 256, (20, 28, 3), dtype=np.uint8)
    planes, long = normalized(square), normalized(oblong)
    tensors = {"square": square, "oblong": oblong}
    for angle in (0.1, -0.12, 1.0):
        tensors[f"rotation/{angle}"] = rotated(long, angle)[0].numpy()
    for factors in ((1.2, 0.8), (0.83, 1.17), (3.5, 2.9)):
        tensors[f"zoom/{factors[0]}/{factors[1]}"] = zoomed(long, *factors)[0].numpy()
    # Three rows of black at the bottom are left of the border, four columns at the left.
    padded = functional.pad(torch.from_numpy(square).permute(2, 0, 1), [4, 4, 4, 4])
    cropped = functional.crop(padded, 7, 0, 32, 32).float() / 255
    tensors["padded_crop"] = functional.normalize(cropped, MEAN, DEVIATION).numpy()
    keras = resized(planes, 40).flip(-1)
    tensors["keras"] = zoomed(rotated(keras, -0.11), 0.9, 1.15)[0].numpy()
    tensors["probing_vits"] = resized(planes, 52)[..., 3:51, 1:49].flip(-1)[0].numpy()
    tensors["evaluation_larger"] = resized(planes, 40)[0].numpy()
    tensors["evaluation_smaller"] = resized(long[..., 4:24], 12, antialias=True)[0].numpy()
    values = square.reshape(-1, 3).astype(np.float64) / 255
    tensors["statistics"] = np.stack((values.mean(0), values.std(0)))
    save(directory / "augmentation.safetensors", tensors, {"mean": MEAN, "deviation": DEVIATION})

    data = rng.integers(0, 256, (3, 3072), dtype=np.uint8)
    save(directory / "pickled.safetensors", {"data": data}, {"labels": [3, 0, 9]})
    for protocol in (2, 4, 5):
        record = {"data": data, "labels": [3, 0, 9], "filenames": ["a.png", "b.png", "c.png"], "batch_label": "1 of 1"}
        (directory / f"data_batch.protocol{protocol}.pickle").write_bytes(pickle.dumps(record, protocol))
