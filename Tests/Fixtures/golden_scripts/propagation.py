"""Labels carried through tiny clips, and scores of masks, stated in PyTorch and NumPy from the definitions.

Label propagation after Jabri et al. 2020 in the settings of DINO's `eval_video_segmentation.py` ("dino") and of DINOv3's
`segmentation_tracking.ipynb` ("dinov3"), as dense matrices. `propagation/<case>.safetensors` holds what goes in and what
comes out. J and F are those of `davis2017-evaluation`; `propagation/scores.json` holds masks as disks and their scores.
"""

import json
import math
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file


@dataclass
class Settings:
    protocol: str = "dino"
    last_frames: int = 7
    radius: int = 12
    neighbors: int = 5

    @property
    def temperature(self) -> float:
        return 0.1 if self.protocol == "dino" else 0.2


# --- propagation ---


def nearby(rows: int, columns: int, settings: Settings) -> torch.Tensor:
    """Which patches (second axis) may speak for which (first axis)."""
    place = torch.cartesian_prod(torch.arange(rows), torch.arange(columns))
    away = (place[:, None] - place[None]).abs()
    if settings.protocol == "dino":
        return away.amax(-1) <= settings.radius
    return away.pow(2).sum(-1) <= settings.radius**2


def weights(target: torch.Tensor, sources: torch.Tensor, near: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Of unit features (N, D) and (contexts, N, D) the weight of each source for each target, (N, contexts * N)."""
    cosine = torch.einsum("td,csd->tcs", target, sources)
    if settings.protocol == "dino":
        affinity = (cosine / settings.temperature).exp() * near[:, None]
        affinity = affinity.flatten(1)
        least = affinity.topk(settings.neighbors, dim=1).values[:, -1:]
        affinity = torch.where(affinity < least, 0, affinity)
        return affinity / affinity.sum(1, keepdim=True)
    cosine = cosine.masked_fill(~near[:, None], -torch.inf).flatten(1)
    least = cosine.topk(settings.neighbors, dim=1).values[:, -1:]
    return (cosine.masked_fill(cosine < least, -torch.inf) / settings.temperature).softmax(1)


def propagate(features, grid: tuple[int, int], start: torch.Tensor, settings: Settings):
    """Of features (N, D) a frame and the first frame's one-hot labels (N, C) the soft labels (N, C) of each frame."""
    near = nearby(*grid, settings)
    before = deque(maxlen=settings.last_frames)
    first = None
    for frame in features:
        unit = F.normalize(frame, dim=1)
        if first is None:
            first = (unit, start)
            yield start
            continue
        contexts = [first, *before]
        matrix = weights(unit, torch.stack([context[0] for context in contexts]), near, settings)
        soft = matrix @ torch.cat([context[1] for context in contexts])
        before.append((unit, soft))
        yield soft


def decide(soft: torch.Tensor, grid: tuple[int, int], patch: int, size: tuple[int, int], protocol: str) -> np.ndarray:
    """The object of each pixel of a frame of `size`, of soft labels (N, C)."""
    maps = soft.T.reshape(1, -1, *grid)
    if protocol == "dino":
        large = F.interpolate(maps, scale_factor=patch, mode="bilinear", align_corners=False)[0]
        stretched = []
        for one in large:
            if one.max() > 0:
                one = one - one.min()
                one = one / one.max()
            stretched.append(one)
        labels = torch.stack(stretched).max(0).indices.numpy().astype(np.uint8)
        return np.asarray(Image.fromarray(labels).resize(size[::-1], Image.NEAREST))
    large = F.interpolate(maps, size=size, mode="nearest")[0]
    low, high = large.amin((1, 2), keepdim=True), large.amax((1, 2), keepdim=True)
    stretched = ((large - low) / (high - low)).nan_to_num(0)
    return stretched.max(0).indices.numpy().astype(np.uint8)


def on_grid(mask: np.ndarray, grid: tuple[int, int], protocol: str) -> np.ndarray:
    if protocol == "dino":
        return np.asarray(Image.fromarray(mask).resize(grid[::-1], Image.NEAREST))
    small = F.interpolate(torch.from_numpy(mask)[None, None].float(), grid, mode="nearest-exact")
    return small[0, 0].numpy().astype(np.uint8)


def one_hot(labels: np.ndarray, classes: int) -> torch.Tensor:
    return F.one_hot(torch.from_numpy(labels.astype(np.int64)).flatten(), classes).float()


# --- scores ---


def region(found: np.ndarray, wanted: np.ndarray) -> float:
    either = (found | wanted).sum()
    return 1.0 if either == 0 else float((found & wanted).sum() / either)


def edge(mask: np.ndarray) -> np.ndarray:
    """Pixels that differ from the right, the lower or the lower right one; past the border the pixel itself goes on."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    right, lower, diagonal = padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    return (mask != right) | (mask != lower) | (mask != diagonal)


def boundary(found: np.ndarray, wanted: np.ndarray) -> float:
    reach = math.ceil(0.008 * math.hypot(*found.shape))
    a, b = (np.argwhere(edge(mask)) for mask in (found, wanted))
    if len(a) == 0 or len(b) == 0:
        return 1.0 if len(a) == len(b) else 0.0
    near = ((a[:, None] - b[None]) ** 2).sum(-1) <= reach**2
    precision, recall = near.any(1).mean(), near.any(0).mean()
    return 0.0 if precision + recall == 0 else float(2 * precision * recall / (precision + recall))


def disks(size: tuple[int, int], parts: list[list[int]]) -> np.ndarray:
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for row, column, radius in parts:
        mask |= (rows - row) ** 2 + (columns - column) ** 2 <= radius**2
    return mask


# --- files ---


def clip(seed: int, frames: int, grid: tuple[int, int], width: int) -> torch.Tensor:
    """Features that move by a patch a frame over a ground that stays, with some noise: (frames, N, D)."""
    rng = np.random.default_rng(seed)
    ground, things = rng.standard_normal((2, *grid, width))
    inside = np.zeros(grid, bool)
    inside[1:4, 1:4] = True
    result = []
    for index in range(frames):
        moved = np.where(np.roll(inside, index, 1)[..., None], np.roll(things, index, 1), ground)
        result.append(moved + 0.4 * rng.standard_normal(moved.shape))
    return torch.from_numpy(np.stack(result).reshape(frames, -1, width).astype(np.float32))


def case(path: Path, features: torch.Tensor, grid: tuple[int, int], mask: np.ndarray, classes: int, settings: Settings):
    patch, size = 4, (33, 47)
    start = one_hot(on_grid(mask, grid, settings.protocol), classes)
    soft = list(propagate(features, grid, start, settings))
    labels = [decide(one, grid, patch, size, settings.protocol) for one in soft[1:]]
    save_file(
        {
            "features": features, "soft": torch.stack(soft), "mask": torch.from_numpy(mask).float(),
            "labels": torch.from_numpy(np.stack(labels)).float(),
        },
        path,
        metadata={
            "settings": json.dumps(
                {
                    "protocol": settings.protocol, "last_frames": settings.last_frames, "radius": settings.radius,
                    "neighbors": settings.neighbors, "rows": grid[0], "columns": grid[1], "patch": patch,
                }
            )
        },
    )  # fmt: skip


def make(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    grid = (7, 10)
    mask = np.zeros((21, 31), np.uint8)
    mask[3:12, 3:12], mask[13:20, 20:29] = 1, 2
    moving = clip(1, 6, grid, 12)
    # Features that are one of four: most similarities are equal.
    kinds = np.random.default_rng(2).integers(0, 4, (5, grid[0] * grid[1]))
    equal = F.one_hot(torch.from_numpy(kinds), 4).float()
    # No patch's center is an object's: the background is everywhere.
    speck = np.zeros((70, 100), np.uint8)
    speck[0, 0] = 1
    for protocol in ("dino", "dinov3"):
        small = Settings(protocol, last_frames=2, radius=2, neighbors=3)
        case(out / f"{protocol}.safetensors", moving, grid, mask, 3, small)
        case(out / f"{protocol}_defaults.safetensors", moving[:4], grid, mask, 3, Settings(protocol))
        case(out / f"{protocol}_ties.safetensors", equal, grid, mask, 3, small)
        case(out / f"{protocol}_nothing.safetensors", moving[:2], grid, speck, 2, small)
    make_scores(out / "scores.json")


def make_scores(path: Path) -> None:
    rng = np.random.default_rng(3)
    cases = []
    for size in [(24, 40), (90, 160), (360, 480)]:
        scale = min(size) // 6
        pairs = [([], []), ([[size[0] // 2, size[1] // 2, scale]], []), ([], [[3, 3, 2]])]
        for _ in range(5):
            truth = [[int(rng.integers(size[0])), int(rng.integers(size[1])), scale] for _ in range(3)]
            found = [[row + int(rng.integers(-2, 3)), column + int(rng.integers(-2, 3)), scale] for row, column, _ in truth]
            pairs.append((found, truth))
        for found, truth in pairs:
            a, b = disks(size, found), disks(size, truth)
            cases.append(
                {"height": size[0], "width": size[1], "found": found, "truth": truth, "J": region(a, b), "F": boundary(a, b)}
            )  # fmt: skip
    path.write_text(json.dumps(cases, indent=1) + "\n")
