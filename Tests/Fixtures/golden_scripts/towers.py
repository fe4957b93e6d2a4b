"""What the goldens of a vision tower hold, from any library's forward pass.

`<name>.expected.safetensors` has for each grid, float32, of one picture:

  {grid}/input            normalized planes (3, H, W)
  {grid}/attention.{n}    block n: the class token over the patches (heads, rows, cols)
  {grid}/tokens           after the last norm (tokens, D); where a model norms the mean of its patches, before it
  {grid}/weights          seeded (tokens, D)
  {grid}/gradient         of Σ weights ⊙ tokens by the input (3, H, W)
  {grid}/logits           where there is a classifier
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from .models import EMBEDDING_SCALE
from .store import save

WIDTH, HEADS, PATCH, DEPTH, SIDE, CLASSES = 24, 2, 4, 2, 16, 5
GRIDS = {"native": (4, 4), "wide": (3, 7)}
# Something is float32 in each library whatever the model is: softmax, a resampled table, sines and cosines.
TOLERANCE = 2e-5

# A picture (1, 3, H, W) to each block's attention (heads, tokens, tokens), the tokens (tokens, D) and the logits.
Forward = Callable[[torch.Tensor], tuple[list[torch.Tensor], torch.Tensor, torch.Tensor | None]]


def expected(forward: dict[str, Forward], seed: int) -> dict[str, torch.Tensor]:
    """`forward` is that of each grid; float64 in, float64 out."""
    rng = np.random.default_rng(3200 + seed)
    values = {}
    for grid, (rows, columns) in GRIDS.items():
        pixels = rng.standard_normal((3, rows * PATCH, columns * PATCH)).astype(np.float32)
        image = torch.from_numpy(pixels).double().requires_grad_()
        attention, tokens, logits = forward[grid](image[None])
        weights = torch.from_numpy(rng.standard_normal(tuple(tokens.shape)).astype(np.float32)).double()
        (gradient,) = torch.autograd.grad((weights * tokens).sum(), image)
        values |= {f"{grid}/input": image, f"{grid}/tokens": tokens, f"{grid}/weights": weights}
        values[f"{grid}/gradient"] = gradient
        if logits is not None:
            values[f"{grid}/logits"] = logits
        for block, matrix in enumerate(attention):
            row = matrix[:, 0, 1:]
            if not row.max() > 3 * row.mean():
                raise SystemExit(f"attention of block {block} is flat")
            values[f"{grid}/attention.{block}"] = row.reshape(HEADS, rows, columns)
    return {name: value.detach() for name, value in values.items()}


def difference(one: dict, other: dict, part: str = "") -> float:
    """The largest one of the values whose names contain `part`."""
    if one.keys() != other.keys():
        raise SystemExit(f"not the same values: {sorted(one.keys() ^ other.keys())}")
    return max((one[name] - other[name]).abs().max().item() for name in one if part in name)


def agree(what: str, one: dict, other: dict) -> None:
    worst = difference(one, other)
    print(f"  {what}: largest difference {worst:.1e}")
    if not worst <= TOLERANCE:
        raise SystemExit(f"{what} do not agree")


def differ(what: str, one: dict, other: dict) -> None:
    """A mistake in `what` has to show in the attention."""
    least = difference(one, other, "attention")
    print(f"  {what}: attention differs by {least:.2f}")
    if not least > 0.02:
        raise SystemExit(f"{what} does not show")


def write(path: Path, values: dict) -> None:
    save(path, values, {"heads": HEADS})


# --- timm ---


def timm_forward(model: torch.nn.Module) -> Forward:
    """Of one whose blocks have `attn`, unfused."""
    for block in model.blocks:
        block.attn.fused_attn = False

    def forward(image):
        attention, hooks = [], []
        for block in model.blocks:
            hooks.append(block.attn.attn_drop.register_forward_hook(lambda _m, _i, out: attention.append(out[0])))
        tokens = model.forward_features(image)
        for hook in hooks:
            hook.remove()
        logits = model.forward_head(tokens)[0] if model.num_classes else None
        return attention, tokens[0], logits

    return forward


def fill(model: torch.nn.Module, seed: int) -> None:
    """Seeded values that float32 holds, in float64.

    Tokens are small before the first block, so that another epsilon shows; tables of relative positions are as
    large as q·k/√d.
    """
    rng = np.random.default_rng(seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        values = rng.standard_normal(shape)
        if "norm" in name and name.endswith("weight"):
            values = 1 + 0.3 * values
        elif "gamma" in name:
            values = 0.5 + 0.5 * values
        elif name.endswith("fc1.bias"):
            values = -0.5 + 0.2 * values
        elif name == "patch_embed.proj.bias":
            values = EMBEDDING_SCALE * 0.2 * values
        elif name.endswith("bias"):
            values = 0.5 * values
        elif name == "patch_embed.proj.weight":
            values = EMBEDDING_SCALE * values / np.sqrt(np.prod(shape[1:]))
        elif any(part in name for part in ("qkv.weight", "q_proj.weight", "k_proj.weight")):
            values = values * np.sqrt(3 / WIDTH)
        elif name.endswith("weight"):
            values = 1.5 * values / np.sqrt(np.prod(shape[1:]))
        elif "relative_position_bias_table" not in name:  # tokens and positions
            values = EMBEDDING_SCALE * 0.6 * values
        parameter.data = torch.from_numpy(values.astype(np.float32).astype(np.float64))
    model.double().eval()
