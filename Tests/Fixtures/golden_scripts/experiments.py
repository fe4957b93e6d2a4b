"""Goldens of the experiments of Ghiasi et al. 2022 on the tiny models, stated in PyTorch and NumPy.

Sources: the paper (arXiv 2212.06727) for what is measured; the shares of variance are ours.
"""

from pathlib import Path

import numpy as np
import torch

from .models import CONFIGS, TinyViT, build
from .store import save
from .tiny import GRIDS, describe_cases, images

CASE = "wide"
VARIANCE_CASES = ("native", "square", "wide", "small", "reshaped")
# Of the picture with a box: rows and columns of patches, and the box as shares of the sides.
BOX_GRID = (3, 5)
BOX = (0.2, 0.3, 0.7, 0.9)
# What the tests give pictures of each family by.
NORMALIZATION = {
    "dino": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "dinov2": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "deit": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "vit": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
}


def apart(block, tokens: torch.Tensor) -> torch.Tensor:
    """A block on the class token alone, and on all other tokens."""
    return torch.cat((block(tokens[:, :1]), block(tokens[:, 1:])), dim=1)


def divided(model: TinyViT, image: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens after the final norm (S + N, D), the first `count` blocks divided, and the last block's
    class attention (heads, N); zeros where that block is divided."""
    tokens, _ = model.embed(image[None])
    last = model.blocks[-1]
    seen = []
    for index, block in enumerate(model.blocks):
        if index < count:
            tokens = apart(block, tokens)
            continue
        hook = last.attn.attn_drop.register_forward_hook(lambda _m, _i, out: seen.append(out))
        tokens = block(tokens)
        hook.remove()
    special = model.config.special_tokens
    attention = seen[-1][0, :, 0, special:] if seen else torch.zeros(model.config.heads, tokens.shape[1] - special)
    return model.norm(tokens)[0], attention


def patch_logits(model: TinyViT, normed: torch.Tensor) -> torch.Tensor:
    """The heads on every patch token (N, classes)."""
    patches = normed[model.config.special_tokens :]
    scores = model.head(patches)
    return (scores + model.head_dist(patches)) / 2 if model.config.distilled else scores


def neurons(model: TinyViT, image: torch.Tensor) -> list[np.ndarray]:
    """By block what goes into the second layer of the feed-forward part, at the patches (N, hidden)."""
    seen = []
    hooks = [
        block.mlp.fc2.register_forward_pre_hook(lambda _m, inputs: seen.append(inputs[0][0]))
        for block in model.blocks
    ]
    model.trace(image)
    for hook in hooks:
        hook.remove()
    return [values[model.config.special_tokens :].numpy() for values in seen]


def within_share(pictures: list[np.ndarray]) -> np.ndarray:
    """Of each neuron the share of its variance over all patches that lies within pictures."""
    together = np.concatenate(pictures)
    within = sum(len(values) * values.var(axis=0) for values in pictures)
    return within / (len(together) * together.var(axis=0))


def sparsity(means: np.ndarray) -> np.ndarray:
    """Lifetime sparsity of (pictures, neurons); −1 where no picture excites the neuron."""
    r = np.maximum(means, 0)
    n = len(r)
    square = (r**2).mean(axis=0)
    return np.where(square > 0, (1 - r.mean(axis=0) ** 2 / np.where(square > 0, square, 1)) / (1 - 1 / n), -1)


def boxed(model: TinyViT) -> dict:
    """A picture of bytes, its box, and whole, foreground and background through the model."""
    config = model.config
    height, width = BOX_GRID[0] * config.patch, BOX_GRID[1] * config.patch
    picture = np.random.default_rng(3000 + config.seed).integers(0, 256, (height, width, 3))
    x0, y0 = round(BOX[0] * width), round(BOX[1] * height)
    x1, y1 = round(BOX[2] * width), round(BOX[3] * height)
    background = picture / 255
    background[y0:y1, x0:x1] = 0
    forms = {"whole": picture / 255, "foreground": picture / 255 - background, "background": background}
    mean, deviation = (np.array(values) for values in NORMALIZATION[config.family])
    found = {"boxed/picture": picture, "boxed/box": np.array([x0, y0, x1, y1])}
    for name, form in forms.items():
        planes = torch.from_numpy(((form - mean) / deviation).transpose(2, 0, 1).copy())
        trace = model.trace(planes)
        found[f"boxed/{name}/token"] = trace["norm"][0, 0]
        last = trace[f"attention.{config.depth - 1}"]
        found[f"boxed/{name}/attention"] = last[0, :, 0, config.special_tokens :].mean(0)
        if config.classes:
            found[f"boxed/{name}/logits"] = trace["logits"][0]
    return found


def make(directory: Path) -> None:
    """Writes vit/<model>.experiments.safetensors."""
    for config in CONFIGS:
        model = build(config)
        pictures = images(config)
        found = {}
        with torch.no_grad():
            for count in range(config.depth + 1):
                normed, attention = divided(model, pictures[CASE], count)
                found[f"divided.{count}/token"] = normed[0]
                found[f"divided.{count}/attention"] = attention
                if config.classes:
                    found[f"divided.{count}/logits"] = model.logits(normed[None])[0]
                if config.classes and count == 0:
                    found["patch_logits"] = patch_logits(model, normed)
            hidden = {name: neurons(model, pictures[name]) for name in VARIANCE_CASES}
            for index in range(config.depth):
                found[f"within_share.{index}"] = within_share([hidden[name][index] for name in VARIANCE_CASES])
                means = np.stack([hidden[name][index].mean(axis=0) for name in VARIANCE_CASES])
                found[f"sparsity.{index}"] = sparsity(means)
            found |= boxed(model)
        save(
            directory / f"{config.name}.experiments.safetensors",
            found,
            {
                "config": config.describe(),
                "cases": describe_cases(config, GRIDS),
                "case": CASE,
                "variance_cases": list(VARIANCE_CASES),
            },
        )
