"""Feature visualisation by PyTorch with timm's model: `python -m peers.neuron_torch --help`.

The published recipe as one writes it: eager, weights frozen, the blocks above the neuron's left out and
of its own fc1 the neuron's row alone, attention by scaled_dot_product_attention.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import torch
from peers import timm_model
from suite.rows import BY_NAME
from torch.nn import functional

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def activations(model, images: torch.Tensor, block: int, neuron: int) -> torch.Tensor:
    """Mean over the patches of the neuron after its GELU, for each image."""
    patches = model.patch_embed(images)
    tokens = torch.cat([model.cls_token.expand(len(images), -1, -1), patches], dim=1) + model.pos_embed
    for each in model.blocks[:block]:
        tokens = each(tokens)
    last = model.blocks[block]
    tokens = last.norm2(tokens + last.ls1(last.attn(last.norm1(tokens))))
    fc1 = last.mlp.fc1
    hidden = functional.linear(tokens[:, 1:], fc1.weight[neuron : neuron + 1], fc1.bias[neuron : neuron + 1])
    return functional.gelu(hidden).mean(dim=(1, 2))


def total_variation(x: torch.Tensor) -> torch.Tensor:
    differences = [
        x[:, :, :, 1:] - x[:, :, :, :-1],
        x[:, :, 1:] - x[:, :, :-1],
        x[:, :, 1:, 1:] - x[:, :, :-1, :-1],
        x[:, :, 1:, :-1] - x[:, :, :-1, 1:],
    ]
    return sum(d.flatten(2).norm(dim=2).mean() for d in differences)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by suite.prepare")
    parser.add_argument("--row", required=True, choices=list(BY_NAME))
    parser.add_argument("--block", type=int, default=11)
    parser.add_argument("--neuron", type=int, default=120)
    parser.add_argument("--copies", type=int, default=8)
    parser.add_argument("--steps", type=int, default=20, help="how many to measure")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="bf16 by autocast")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    row = BY_NAME[options.row]
    model = timm_model.load(row, os.fspath(options.prepared / "weights.safetensors")).requires_grad_(False)
    mean, deviation = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(DEVIATION).view(3, 1, 1)
    image = torch.rand(1, 3, row.height, row.input_width).requires_grad_()
    optimizer = torch.optim.Adam([image], lr=0.1, betas=(0.5, 0.99), eps=1e-8)
    shape = (options.copies, 3, 1, 1)
    warm_up = 3
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 400)
    for step in range(warm_up + options.steps):
        if step == warm_up:
            start = time.perf_counter()
        batch = image.repeat(options.copies, 1, 1, 1)
        batch = (batch - (2 * torch.rand(shape) - 1)) / torch.exp(2 * torch.rand(shape) - 1)
        batch = batch + torch.randn(shape) * 0.5 * (398 - step) / 400
        batch = torch.roll(batch, torch.randint(-32, 33, (2,)).tolist(), dims=(2, 3))
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            values = activations(model, (batch - mean) / deviation, options.block, options.neuron)
        loss = -values.float().mean() / options.copies + 0.0005 * total_variation(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            image.clamp_(0, 1)
    seconds = time.perf_counter() - start
    if not math.isfinite(loss.item()):
        raise SystemExit("the objective is not finite")
    print(
        json.dumps(
            {"steps": options.steps, "seconds": seconds, "engine": f"PyTorch {torch.__version__}"}
        )
    )


if __name__ == "__main__":
    main()
