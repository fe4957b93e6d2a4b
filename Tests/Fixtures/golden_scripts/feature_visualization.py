"""Feature visualisation by autograd, on the tiny models: after Ghiasi et al. 2022, "What do Vision Transformers
Learn? A Visual Exploration", with every random number given.

Written to `vit/<model>.visualization.safetensors`: a picture, what one step draws, and for each target the
activation and the gradient of the objective by the picture with no total variation in it; total variation with its
gradient; and for one model a whole optimisation.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from .models import CONFIGS, TinyConfig, TinyViT, build
from .store import save

COPIES = 4
TV_UNIT = 0.0005
NATIVE = 4
"""Patches a side."""
OPTIMISED = "registers"
STEPS = 60
OPTIMISED_TV = 1.0
NORMALIZATION = {
    "vit": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    "other": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
}


def float32(values: np.ndarray) -> torch.Tensor:
    """Values as the tests read them back, in float64."""
    return torch.from_numpy(np.asarray(values).astype(np.float32).astype(np.float64))


def draws(rng: np.random.Generator, deviation: float) -> dict[str, torch.Tensor]:
    """What one step draws for all copies; `deviation` is the noise's."""
    return {
        "mean": float32(rng.uniform(-1, 1, (COPIES, 3))),
        "deviation": float32(np.exp(rng.uniform(-1, 1, (COPIES, 3)))),
        "noise": float32(deviation * rng.standard_normal((COPIES, 3))),
        "roll": float32(rng.integers(-32, 33, 2)),
    }


def augmented(picture: torch.Tensor, drawn: dict[str, torch.Tensor]) -> torch.Tensor:
    """The copies: ColorShift, one number a channel, a roll of all of them."""
    shape = (COPIES, 3, 1, 1)
    batch = picture[None].repeat(COPIES, 1, 1, 1)
    batch = (batch - drawn["mean"].view(shape)) / drawn["deviation"].view(shape)
    batch = batch + drawn["noise"].view(shape)
    return torch.roll(batch, [int(v) for v in drawn["roll"]], dims=(2, 3))


def normalized(batch: torch.Tensor, config: TinyConfig) -> torch.Tensor:
    mean, deviation = NORMALIZATION["vit" if config.family == "vit" else "other"]
    return (batch - float32(mean).view(3, 1, 1)) / float32(deviation).view(3, 1, 1)


def total_variation(batch: torch.Tensor) -> torch.Tensor:
    """Four norms of differences, each the mean over copies and channels, added up."""
    differences = [
        batch[:, :, :, :-1] - batch[:, :, :, 1:],
        batch[:, :, :-1, :] - batch[:, :, 1:, :],
        batch[:, :, 1:, :-1] - batch[:, :, :-1, 1:],
        batch[:, :, :-1, :-1] - batch[:, :, 1:, 1:],
    ]
    return sum(torch.linalg.vector_norm(d, dim=(2, 3)).mean() for d in differences)


def targets(model: TinyViT) -> dict:
    """By name, a function of one normalised picture. A name says what the test is to ask for."""
    config = model.config
    special, width = config.special_tokens, config.width
    head_width = width // config.heads

    def hooked(module, image):
        seen = []
        hook = module.register_forward_hook(lambda _m, _i, out: seen.append(out))
        model.trace(image)
        hook.remove()
        return seen[0][0, special:]

    def neuron(block, index):
        mlp = model.blocks[block].mlp

        def activation(image):
            hidden = hooked(mlp.fc1, image)
            if config.swiglu:
                gate, value = hidden.chunk(2, dim=-1)
                return (functional.silu(gate) * value)[:, index].mean()
            return functional.gelu(hidden)[:, index].mean()

        return activation

    def channels(block, third, first, end):
        def activation(image):
            return hooked(model.blocks[block].attn.qkv, image)[:, third * width + first : third * width + end].mean()

        return activation

    found = {f"neuron.{block}.{7 * block + 3}": neuron(block, 7 * block + 3) for block in range(config.depth)}
    for third, name in enumerate(["query", "key", "value"]):
        found[f"{name}.{third}.5.6"] = channels(third, third, 5, 6)
        found[f"{name}.{2 - third}.{head_width}.{2 * head_width}"] = channels(
            2 - third, third, head_width, 2 * head_width
        )
    if config.classes:
        found["logit.3"] = lambda image: model.trace(image)["logits"][0, 3]
    vector = float32(np.random.default_rng(4000 + config.seed).standard_normal(width))
    found["class_token"] = lambda image: model.trace(image)["norm"][0, 0] @ vector
    return found, vector


def activation_mean(target, batch: torch.Tensor, config: TinyConfig) -> torch.Tensor:
    return torch.stack([target(image) for image in normalized(batch, config)]).mean()


def one_step(model: TinyViT) -> tuple[dict, list[str]]:
    config = model.config
    rng = np.random.default_rng(5000 + config.seed)
    side = NATIVE * config.patch
    picture = float32(rng.uniform(0, 1, (3, side, side)))
    drawn = draws(rng, 0.4)
    values = {"picture": picture} | drawn
    found, values["class_token"] = targets(model)
    for name, target in found.items():
        x = picture.clone().requires_grad_()
        activation = activation_mean(target, augmented(x, drawn), config)
        objective = -activation / COPIES
        objective.backward()
        assert x.grad.std() > 1e-3 * abs(x.grad).max(), f"{config.name}: {name} has a flat gradient"
        values[f"{name}/activation"] = activation.detach()
        values[f"{name}/gradient"] = x.grad
    x = picture.clone().requires_grad_()
    variation = total_variation(augmented(x, drawn))
    variation.backward()
    values |= {"total_variation": variation.detach(), "total_variation/gradient": x.grad}
    return values, list(found)


def optimisation(model: TinyViT, name: str) -> dict:
    """`STEPS` steps, PyTorch's own Adam and schedule."""
    config = model.config
    rng = np.random.default_rng(6000 + config.seed)
    side = NATIVE * config.patch
    start = float32(rng.uniform(0, 1, (3, side, side)))
    target = targets(model)[0][name]
    picture = start.clone().requires_grad_()
    optimizer = torch.optim.Adam([picture], lr=0.1, betas=(0.5, 0.99), eps=1e-8)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    steps = {key: [] for key in ["mean", "deviation", "noise", "roll", "objective", "activation"]}
    for step in range(STEPS):
        drawn = draws(rng, 0.5 * max(STEPS - 2 - step, 0) / STEPS)
        batch = augmented(picture, drawn)
        activation = activation_mean(target, batch, config)
        objective = -activation / COPIES + TV_UNIT * OPTIMISED_TV * total_variation(batch)
        optimizer.zero_grad()
        objective.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            picture.clamp_(0, 1)
        for key, value in drawn.items():
            steps[key].append(value)
        steps["objective"].append(objective.detach())
        steps["activation"].append(activation.detach())
    late, early = torch.stack(steps["activation"][30:]).mean(), torch.stack(steps["activation"][:5]).mean()
    assert late > early + 0.02, "the optimisation does not optimise"
    stacked = {f"run/{key}": torch.stack(values) for key, values in steps.items()}
    return stacked | {"run/start": start, "run/picture": picture.detach()}


def make(directory: Path) -> None:
    """Writes vit/<model>.visualization.safetensors."""
    for config in CONFIGS:
        model = build(config)
        values, names = one_step(model)
        metadata = {"targets": names, "copies": COPIES}
        if config.name == OPTIMISED:
            name = next(n for n in names if n.startswith("neuron.2."))
            values |= optimisation(model, name)
            metadata |= {"optimised": name, "steps": STEPS, "total_variation": OPTIMISED_TV}
        save(directory / f"{config.name}.visualization.safetensors", values, metadata)
