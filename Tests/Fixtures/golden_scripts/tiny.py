"""Goldens of the tiny models: weights, hidden states and attention, gradients."""

from pathlib import Path

import numpy as np
import torch

from . import crosscheck, maps, probing
from .models import CONFIGS, TinyConfig, TinyViT, build
from .store import save

# (rows, cols) of patches, for a native 4×4 table: on it, square and larger, one side smaller and
# the other larger, smaller on both, and as many patches as the native grid in another shape.
GRIDS = {"native": (4, 4), "square": (5, 5), "wide": (3, 7), "small": (2, 3), "reshaped": (2, 8)}
QUERY_KEY_CASES = ("native", "wide")
GRADIENT_CASES = ("native", "wide")
PROBING_CASES = ("native", "square", "wide")
# Parameter gradients are as large as the model: all of one model's, and of three others those of
# one block and of everything outside the blocks. Together they hold every kind of parameter.
PARAMETER_GRADIENTS = {"plain": "", "registers": "blocks.1.", "distilled": "blocks.1.", "swiglu": "blocks.1."}
GRADIENT_CLASS = 3


def images(config: TinyConfig) -> dict[str, torch.Tensor]:
    """One preprocessed picture (3, H, W) a case: noise of unit variance, float32 values."""
    rng = np.random.default_rng(1000 + config.seed)
    pictures = {}
    for name, (rows, cols) in GRIDS.items():
        values = rng.standard_normal((3, rows * config.patch, cols * config.patch))
        pictures[name] = torch.from_numpy(values.astype(np.float32).astype(np.float64))
    return pictures


def describe_cases(config: TinyConfig, names) -> dict:
    return {
        name: {
            "grid": list(GRIDS[name]),
            "size": [GRIDS[name][0] * config.patch, GRIDS[name][1] * config.patch],
        }
        for name in names
    }


def gradient_head(model: TinyViT) -> dict[str, torch.Tensor]:
    """A linear head on the normed CLS token for models that have none: a score to differentiate."""
    rng = np.random.default_rng(2000 + model.config.seed)
    values = {
        "head.weight": rng.standard_normal((5, model.config.width)) / model.config.width**0.5,
        "head.bias": 0.2 * rng.standard_normal(5),
    }
    return {k: torch.from_numpy(v.astype(np.float32).astype(np.float64)) for k, v in values.items()}


def gradients(model: TinyViT, image: torch.Tensor, head: dict) -> tuple[dict, dict]:
    """The trace with `logits`, and d logit[GRADIENT_CLASS] by every intermediate, the input and
    every parameter (`parameter/<name>`)."""
    image = image.clone().requires_grad_()
    trace = model.trace(image)
    if head:
        trace["logits"] = trace["norm"][:, 0] @ head["head.weight"].T + head["head.bias"]
    depth = model.config.depth
    by_name = {f"grad.{name}": trace[name] for name in ["embed"]}
    by_name |= {f"grad.block.{index}": trace[f"block.{index}"] for index in range(depth)}
    by_name |= {f"grad.attention.{index}": trace[f"attention.{index}"] for index in range(depth)}
    by_name["grad.input"] = image
    by_name |= {f"parameter/{model.canonical_name(n)}": p for n, p in model.named_parameters()}
    found = torch.autograd.grad(trace["logits"][0, GRADIENT_CLASS], list(by_name.values()))
    return trace, dict(zip(by_name, found))


def made_maps(model: TinyViT, image: torch.Tensor, grid: tuple[int, int], head: dict) -> dict[str, torch.Tensor]:
    """What `maps` makes; and the similarity of queries, keys and values of the last block, and of block 0's output."""
    config, last = model.config, model.config.depth - 1
    trace = model.trace(image)
    logits = trace["norm"][:, 0] @ head["head.weight"].T + head["head.bias"] if head else trace["logits"]
    attention = [trace[f"attention.{index}"] for index in range(config.depth)]
    special = config.special_tokens
    found = maps.of(trace["norm"][0], attention, special, True, grid, logits[0])
    vectors = {name: trace[f"{name}.{last}"][0].transpose(0, 1).flatten(1) for name in "qkv"}
    vectors["block.0"] = trace["block.0"][0]
    for name, value in vectors.items():
        found[f"similarity.{name}"] = maps.similarity(value[special:].detach(), grid)
    return found


def keeps_gradient(config: TinyConfig, parameter: str) -> bool:
    if config.name not in PARAMETER_GRADIENTS:
        return False
    return not parameter.startswith("blocks.") or parameter.startswith(PARAMETER_GRADIENTS[config.name])


def report_attention(config: TinyConfig, trace: dict) -> None:
    """Prints how peaked softmax is: 1 is one-hot, 0 uniform."""
    sharpness = []
    for index in range(config.depth):
        attention = trace[f"attention.{index}"]
        entropy = -(attention * attention.log()).sum(-1).mean()
        sharpness.append(1 - (entropy / np.log(attention.shape[-1])).item())
    print(f"{config.name}: attention sharpness by block", " ".join(f"{s:.2f}" for s in sharpness))


def make_maps(directory: Path, config: TinyConfig, model: TinyViT, pictures: dict, head: dict) -> None:
    """Writes vit/<model>.maps.safetensors."""
    values = {}
    for name in PROBING_CASES:
        found = made_maps(model, pictures[name], GRIDS[name], head)
        values |= {f"{name}/{key}": value for key, value in found.items()}
    save(directory / f"{config.name}.maps.safetensors", values, {"class": maps.CLASS})


def make(directory: Path) -> None:
    """Writes vit/<model>.{weights,cases,gradients,probing,maps}.safetensors."""
    for config in CONFIGS:
        model = build(config)
        pictures = images(config)
        crosscheck.check(model, pictures)
        describe = config.describe()
        save(directory / f"{config.name}.weights.safetensors", model.canonical_weights(), {"config": describe})

        cases = {}
        for name, image in pictures.items():
            with torch.no_grad():
                trace = model.trace(image)
            cases[f"{name}/input"] = image
            for key, value in trace.items():
                if key[0] == "v" or key[0] in "qk" and name not in QUERY_KEY_CASES:
                    continue
                cases[f"{name}/{key}"] = value[0]
            if name == "native":
                report_attention(config, trace)
        save(
            directory / f"{config.name}.cases.safetensors",
            cases,
            {"config": describe, "cases": describe_cases(config, GRIDS)},
        )

        head = {} if config.classes else gradient_head(model)
        make_maps(directory, config, model, pictures, head)
        derived, attention_gradients = dict(head), {}
        for name in PROBING_CASES:
            trace, found = gradients(model, pictures[name], head)
            attention_gradients[name] = [
                found[f"grad.attention.{index}"][0].numpy() for index in range(config.depth)
            ]
            if name not in GRADIENT_CASES:
                continue
            derived[f"{name}/logits"] = trace["logits"][0]
            for key, value in found.items():
                if not key.startswith("parameter/"):
                    derived[f"{name}/{key}"] = value if key == "grad.input" else value[0]
                elif name == "native" and keeps_gradient(config, key.removeprefix("parameter/")):
                    derived[f"{name}/{key}"] = value
        save(
            directory / f"{config.name}.gradients.safetensors",
            derived,
            {
                "config": describe,
                "cases": describe_cases(config, GRADIENT_CASES),
                "class": GRADIENT_CLASS,
            },
        )

        probes = {}
        for name in PROBING_CASES:
            attention = [cases[f"{name}/attention.{index}"].numpy() for index in range(config.depth)]
            found = probing.all_probes(config, GRIDS[name], attention, attention_gradients[name])
            probes |= {f"{name}/{key}": value for key, value in found.items()}
        save(
            directory / f"{config.name}.probing.safetensors",
            probes,
            {
                "config": describe,
                "cases": describe_cases(config, PROBING_CASES),
                "class": GRADIENT_CLASS,
                "discard_ratios": list(probing.DISCARD_RATIOS),
                "thresholds": list(probing.THRESHOLDS),
            },
        )
