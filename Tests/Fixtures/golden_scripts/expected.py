"""What a library computes from a picture, in the one form that `siglip`, `patches` and `variants` write.

`<name>.expected.safetensors` holds for each grid, all from that library in float64 (transformers takes its
softmax in float32 whatever the model's precision):

  input            channels × H × W, normalized
  attention.N      heads × rows × cols of block N: the class token's over the patches; without a class token the
                   mean over all patches of theirs over the patches
  tokens           tokens × D after the final norm, in the model's own order
  weights          tokens × D, seeded
  gradient         channels × H × W, of Σ weights ⊙ tokens with respect to the input
  logits           classes
  probe            heads × rows × cols, attention of a pooling head's probe over the patches
  pooled           D, the pooling head's output
  pooled_weights   D, seeded
  pooled_gradient  channels × H × W, of Σ pooled_weights ⊙ pooled

The last five are there where the model has a classifier or a pooling head. Metadata: `heads`, and `positions`, the
rule by which the table came to the wide grid (`models.resample_positions`).
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from .models import EMBEDDING_SCALE, TinyViT, resample_positions
from .store import save

GRIDS = {"native": (4, 4), "wide": (3, 7)}
TOLERANCE = 1e-5


@dataclass
class Trace:
    """One picture's, batch axis removed, graph kept. `attention` is heads × tokens × tokens a block, `special` the
    number of tokens before the patches, and `outputs` holds logits, probe (heads × patches) and pooled."""

    attention: list[torch.Tensor]
    tokens: torch.Tensor
    special: int
    has_class: bool
    outputs: dict[str, torch.Tensor] = field(default_factory=dict)


# --- the libraries; each is called with a picture of channels × H × W and gives a Trace ---


class Timm:
    def __init__(self, model: VisionTransformer):
        self.model = model.double().eval()
        for block in model.blocks:
            block.attn.fused_attn = False
        if model.attn_pool is not None:
            model.attn_pool.fused_attn = False

    def __call__(self, image: torch.Tensor) -> Trace:
        model, attention, pool = self.model, [], {}
        hooks = [
            block.attn.attn_drop.register_forward_hook(lambda _m, _i, out: attention.append(out[0]))
            for block in model.blocks
        ]
        if model.attn_pool is not None:
            for name in ("q_norm", "k_norm"):
                module = getattr(model.attn_pool, name)
                hooks.append(module.register_forward_hook(lambda _m, _i, out, n=name: pool.update({n: out[0]})))
        features = model.forward_features(image[None])
        outputs = {}
        if model.num_classes:
            outputs["logits"] = model.forward_head(features)[0]
        if model.attn_pool is not None:
            outputs["pooled"] = model.forward_head(features, pre_logits=True)[0]
            scores = model.attn_pool.scale * pool["q_norm"] @ pool["k_norm"].transpose(-2, -1)
            outputs["probe"] = scores.softmax(dim=-1)[:, 0]
        for hook in hooks:
            hook.remove()
        return Trace(attention, features[0], model.num_prefix_tokens, model.has_class_token, outputs)


class Resampled:
    """timm's model with its table brought to the picture's grid by a rule that is not timm's. `make(img_size)`
    gives a model for pictures of that size, and `tensors` are its weights for the native one."""

    def __init__(self, make, tensors: dict[str, torch.Tensor], rule: str):
        self.make, self.tensors, self.rule = make, tensors, rule

    def __call__(self, image: torch.Tensor) -> Trace:
        model = self.make(tuple(image.shape[1:])).double()
        grid, prefix = model.patch_embed.grid_size, model.pos_embed.shape[1] - model.patch_embed.num_patches
        table = resample_positions(self.tensors["pos_embed"], prefix, grid, self.rule)
        model.load_state_dict(self.tensors | {"pos_embed": table})
        return Timm(model)(image)


class Transformers:
    """`trunk` is the part that gives attentions and `last_hidden_state`; `options(image)` are for its forward pass."""

    def __init__(self, model: nn.Module, trunk: nn.Module, special: int, options=lambda image: {}):
        self.model, self.trunk, self.special, self.options = model.double().eval(), trunk, special, options
        model.set_attn_implementation("eager")

    def __call__(self, image: torch.Tensor) -> Trace:
        pool, hooks, head = {}, [], getattr(self.trunk, "head", None)
        if head is not None:

            def attend(module, inputs):
                pool["probe"] = module(*inputs, need_weights=True, average_attn_weights=False)[1][0, :, 0]

            # The module is called once more in the hook, without hooks.
            hooks.append(head.register_forward_pre_hook(
                lambda module, inputs: attend(module.attention, (module.probe, inputs[0], inputs[0]))
            ))  # fmt: skip
        result = self.trunk(
            image[None], output_attentions=True, interpolate_pos_encoding=True, **self.options(image)
        )
        for hook in hooks:
            hook.remove()
        outputs = pool | ({"pooled": result.pooler_output[0]} if pool else {})
        attention = [block[0] for block in result.attentions]
        return Trace(attention, result.last_hidden_state[0], self.special, self.special > 0, outputs)


class Ours:
    """`TinyViT` stands for code that is on no package index."""

    def __init__(self, model: TinyViT):
        self.model = model

    def __call__(self, image: torch.Tensor) -> Trace:
        seen = self.model.trace(image)
        attention = [seen[f"attention.{block}"][0] for block in range(self.model.config.depth)]
        return Trace(attention, seen["norm"][0], self.model.config.special_tokens, True)


# --- what is written ---


def compute(library, seed: int, heads: int, patch: int, channels: int = 3) -> dict[str, torch.Tensor]:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32)).double()

    values = {}
    for grid, (rows, columns) in GRIDS.items():
        image = normal(channels, rows * patch, columns * patch).requires_grad_()
        trace = library(image)
        first = 0 if trace.has_class else trace.special
        stop = 1 if trace.has_class else None
        found = {"input": image, "tokens": trace.tokens, "weights": normal(*trace.tokens.shape)}
        for block, attention in enumerate(trace.attention):
            row = attention[:, first:stop, trace.special :].mean(dim=1)
            found[f"attention.{block}"] = row.reshape(heads, rows, columns)
        found["gradient"] = gradient(found["weights"], trace.tokens, image)
        found |= trace.outputs
        if "probe" in found:
            found["probe"] = found["probe"].reshape(heads, rows, columns)
            found["pooled_weights"] = normal(*found["pooled"].shape)
            found["pooled_gradient"] = gradient(found["pooled_weights"], found["pooled"], image)
        check_peaks(trace, grid)
        values |= {f"{grid}/{name}": value.detach() for name, value in found.items()}
    return values


def gradient(weights: torch.Tensor, output: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
    return torch.autograd.grad((weights * output).sum(), image, retain_graph=True)[0]


def check_peaks(trace: Trace, grid: str) -> None:
    """A query's largest attention is on average three times the mean one, in each head of each block."""
    maps = list(trace.attention)
    maps += [trace.outputs["probe"][:, None]] if "probe" in trace.outputs else []
    for attention in maps:
        peaks = (attention.amax(dim=-1) / attention.mean(dim=-1)).mean(dim=-1)
        if not (peaks > 3).all():
            raise SystemExit(f"attention is flat, {grid}: {peaks.tolist()}")


def write(path: Path, values: dict[str, torch.Tensor], heads: int, positions: str) -> None:
    save(path, values, {"heads": heads, "positions": positions})


def difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    """The largest of all arrays, as a part of the array's largest value."""
    assert first.keys() == second.keys(), first.keys() ^ second.keys()
    return max(((first[name] - second[name]).abs().max() / first[name].abs().max()).item() for name in first)


def check_agreement(what: str, first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    found = difference(first, second)
    print(f"  {what}: they differ by {found:.1e}")
    if not found <= TOLERANCE:
        raise SystemExit(f"{what}: they differ by {found}")


# --- weights ---


def seed_weights(model: nn.Module, seed: int, precision: type = np.float32) -> None:
    """Seeded values that `precision` holds, under timm's names, chosen as in `models.build`: peaked attention, norms
    far from the identity, embeddings so small that another epsilon shows, GELU where its approximation is worst."""
    rng = np.random.default_rng(seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        value = rng.standard_normal(shape)
        fan_in = math.sqrt(math.prod(shape[1:]))
        if name.endswith(("q_norm.weight", "k_norm.weight")):
            value = 1.8 + 0.5 * value
        elif "norm" in name and name.endswith("weight"):
            value = 1 + 0.3 * value
        elif name.endswith("gamma"):
            value = 0.5 + 0.5 * value
        elif name.endswith("fc1.bias"):
            value = -1.5 + 0.2 * value
        elif name == "patch_embed.proj.bias":
            value = EMBEDDING_SCALE * 0.2 * value
        elif name.endswith("bias"):
            value = 0.3 * value
        elif name == "patch_embed.proj.weight":
            value = EMBEDDING_SCALE * value / fan_in
        elif name.endswith(("qkv.weight", "attn_pool.q.weight", "attn_pool.kv.weight")):
            value = 2 * value / fan_in
        elif name.endswith("fc2.weight"):
            value = 3 * value / fan_in
        elif name.endswith("weight"):
            value = value / fan_in
        elif name != "attn_pool.latent":  # class token, registers and positions
            value = EMBEDDING_SCALE * 0.6 * value
        parameter.data = torch.from_numpy(value.astype(precision).astype(np.float64))
