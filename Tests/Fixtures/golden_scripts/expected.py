"""What a library computes from a picture, in the one form that `siglip`, `patches`, `variants`, `beit` and `eva` write.

`<name>.expected.safetensors` holds for each grid, all from that library in float64 (some parts are float32 whatever
the model is: the softmax of transformers, timm's sines and cosines, a resampled table of relative positions):

  input            channels × H × W, normalized
  attention.N      heads × rows × cols of block N: the class token's over the patches; without a class token the
                   mean over all patches of theirs over the patches
  tokens           tokens × D after the final norm, in the model's own order; before the norm where a model has that
                   after the mean of its patches
  weights          tokens × D, seeded
  gradient         channels × H × W, of Σ weights ⊙ tokens with respect to the input
  logits           classes
  probe            heads × rows × cols, attention of a pooling head's probe over the patches
  pooled           D, the pooling head's output
  pooled_weights   D, seeded
  pooled_gradient  channels × H × W, of Σ pooled_weights ⊙ pooled

What methods make of these is in `<name>.maps.safetensors` under the names of `maps`.

The last five are there where the model has a classifier or a pooling head. Metadata: `heads`, and where it is one of
`models.resample_positions` also `positions`, the rule by which the table came to the wide grid.
"""

import copy
import math
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from . import maps
from .models import EMBEDDING_SCALE, TinyViT, resample_positions
from .store import save

GRIDS = {"native": (4, 4), "wide": (3, 7)}
TOLERANCE = 1e-5
MAPS = "maps."
"""Begins the names of what `maps` makes, which goes to `<name>.maps.safetensors`."""


@dataclass
class Trace:
    """One picture's, batch axis removed, graph kept. `attention` is heads × tokens × tokens a block, `special` the
    number of tokens before the patches, and `outputs` holds logits, probe (heads × patches) and pooled."""

    attention: list[torch.Tensor]
    tokens: torch.Tensor
    special: int
    has_class: bool
    outputs: dict[str, torch.Tensor] = field(default_factory=dict)
    roots: list[torch.Tensor] = field(default_factory=list)
    """The attention as nodes of the graph, batch axis kept."""
    probe_root: torch.Tensor | None = None
    reads_class: bool = False
    """Whether the logits come of the class token."""


# --- the libraries ---

@contextmanager
def seen_softmax():
    """Gathers what softmax gives inside the block; timm's pooling head shows its attention nowhere else."""
    original, found = torch.Tensor.softmax, []

    def softmax(*arguments, **options):
        found.append(original(*arguments, **options))
        return found[-1]

    torch.Tensor.softmax = softmax
    try:
        yield found
    finally:
        torch.Tensor.softmax = original


Library = Callable[[torch.Tensor], Trace]
"""From a picture of channels × H × W."""


class Timm:
    """`VisionTransformer`, `Beit` or `Eva`. Where `classifies` is false its head is no classifier."""

    def __init__(self, model: nn.Module, classifies: bool = True):
        self.model, self.pool = model.double().eval(), getattr(model, "attn_pool", None)
        self.classifies = classifies and model.num_classes > 0
        for attention in [*(block.attn for block in model.blocks), self.pool]:
            if attention is not None:
                attention.fused_attn = False

    def __call__(self, image: torch.Tensor) -> Trace:
        model, attention, pool = self.model, [], {}
        hooks = [
            block.attn.attn_drop.register_forward_hook(lambda _m, _i, out: attention.append(out))
            for block in model.blocks
        ]
        if self.pool is not None:
            for name in ("q_norm", "k_norm"):
                module = getattr(self.pool, name)
                hooks.append(module.register_forward_hook(lambda _m, _i, out, n=name: pool.update({n: out[0]})))
        features = model.forward_features(image[None])
        outputs = {}
        if self.classifies:
            with seen_softmax() as probes:
                outputs["logits"] = model.forward_head(features)[0]
            if self.pool is not None:
                (pool["attention"],) = probes
        if self.pool is not None:
            outputs["pooled"] = model.forward_head(features, pre_logits=True)[0]
            scores = self.pool.scale * pool["q_norm"] @ pool["k_norm"].transpose(-2, -1)
            outputs["probe"] = scores.softmax(dim=-1)[:, 0]
        for hook in hooks:
            hook.remove()
        return Trace(
            [block[0] for block in attention], features[0], model.num_prefix_tokens, model.cls_token is not None,
            outputs, attention, pool.get("attention"), getattr(model, "global_pool", "") == "token",
        )


class Resized:
    """timm's model brought to the picture's size by timm."""

    def __init__(self, model: nn.Module, classifies: bool = True):
        self.model, self.classifies = model, classifies

    def __call__(self, image: torch.Tensor) -> Trace:
        model = copy.deepcopy(self.model)
        model.set_input_size(img_size=tuple(image.shape[1:]))
        return Timm(model, self.classifies)(image)


class Resampled:
    """timm's model brought to the picture's size by rules that are not timm's. `make(img_size)` gives a model for
    pictures of that size, `tensors` are its weights for the native one, and `resample(name, tensor, grid)` brings one
    of them to a grid."""

    def __init__(self, make, tensors: dict[str, torch.Tensor], resample):
        self.make, self.tensors, self.resample = make, tensors, resample

    def __call__(self, image: torch.Tensor) -> Trace:
        model = self.make(tuple(image.shape[1:])).double()
        grid = model.patch_embed.grid_size
        model.load_state_dict({name: self.resample(name, value, grid) for name, value in self.tensors.items()})
        return Timm(model)(image)


def positions(rule: str, prefix: int):
    """For `Resampled`: the absolute table by a rule of `models.resample_positions`."""

    def resample(name: str, value: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        return resample_positions(value, prefix, grid, rule) if name == "pos_embed" else value

    return resample


class Transformers:
    """`trunk` is the part of `model` that gives attentions and `last_hidden_state`, `norm` a final norm outside it;
    `options(image)` are for the forward pass."""

    def __init__(
        self, model: nn.Module, trunk: nn.Module, special: int, options=lambda image: {}, norm=nn.Identity()
    ):
        self.model, self.trunk, self.special, self.options = model.double().eval(), trunk, special, options
        self.norm, self.classifies = norm, hasattr(model, "classifier")
        model.set_attn_implementation("eager")

    def __call__(self, image: torch.Tensor) -> Trace:
        outputs, seen, head = {}, [], getattr(self.trunk, "head", None)
        hooks = [self.trunk.register_forward_hook(lambda _m, _i, out: seen.append(out))]
        if head is not None:

            def attend(module, inputs):
                outputs["probe"] = module(*inputs, need_weights=True, average_attn_weights=False)[1][0, :, 0]

            # The module is called once more in the hook, without hooks.
            hooks.append(head.register_forward_pre_hook(
                lambda module, inputs: attend(module.attention, (module.probe, inputs[0], inputs[0]))
            ))  # fmt: skip
        called = self.model if self.classifies else self.trunk
        whole = called(image[None], output_attentions=True, interpolate_pos_encoding=True, **self.options(image))
        for hook in hooks:
            hook.remove()
        (result,) = seen
        if self.classifies:
            outputs["logits"] = whole.logits[0]
        if head is not None:
            outputs["pooled"] = result.pooler_output[0]
        roots = list(whole.attentions)
        return Trace(
            [block[0] for block in roots], self.norm(result.last_hidden_state)[0], self.special, self.special > 0,
            outputs, roots, reads_class=getattr(getattr(self.model, "config", None), "use_mean_pooling", False) is False,
        )


class Ours:
    """`TinyViT` stands for code that is on no package index."""

    def __init__(self, model: TinyViT):
        self.model = model

    def __call__(self, image: torch.Tensor) -> Trace:
        seen = self.model.trace(image)
        roots = [seen[f"attention.{block}"] for block in range(self.model.config.depth)]
        return Trace([block[0] for block in roots], seen["norm"][0], self.model.config.special_tokens, True, roots=roots)


# --- what is written ---


def compute(library: Library, seed: int, heads: int, patch: int, channels: int = 3) -> dict[str, torch.Tensor]:
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
        found |= {MAPS + name: value for name, value in made(trace, (rows, columns)).items()}
        values |= {f"{grid}/{name}": value.detach() for name, value in found.items()}
    return values


def made(trace: Trace, grid: tuple[int, int]) -> dict[str, torch.Tensor]:
    return maps.of(
        trace.tokens, trace.roots, trace.special, trace.has_class, grid, trace.outputs.get("logits"), trace.probe_root,
        trace.reads_class,
    )


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


def write(path: Path, values: dict[str, torch.Tensor], heads: int, positions: str | None = None) -> None:
    metadata = {"heads": heads} | ({"positions": positions} if positions else {})
    save(path, {name: value for name, value in values.items() if MAPS not in name}, metadata)
    made = {name.replace(MAPS, ""): value for name, value in values.items() if MAPS in name}
    save(path.with_name(path.name.replace(".expected.", ".maps.")), made, {})


def difference(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], part: str = "") -> float:
    """The largest of all arrays whose names contain `part`, as a part of the array's largest value."""
    if first.keys() != second.keys():
        raise SystemExit(f"not the same arrays: {sorted(first.keys() ^ second.keys())}")
    names = [name for name in first if part in name]
    return max(((first[name] - second[name]).abs().max() / first[name].abs().max()).item() for name in names)


def check_agreement(what: str, first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> None:
    found = difference(first, second)
    print(f"  {what}: they differ by {found:.1e}")
    if not found <= TOLERANCE:
        raise SystemExit(f"{what}: they differ by {found}")


def check_difference(
    what: str, first: dict[str, torch.Tensor], second: dict[str, torch.Tensor], part: str = "attention",
    least: float = 0.02,
) -> None:  # fmt: skip
    """A mistake in `what` has to show."""
    found = difference(first, second, part)
    print(f"  {what}: a mistake shows by {found:.2g}")
    if not found > least:
        raise SystemExit(f"{what} does not show: {found}")


# --- weights ---

QUERIES = ("qkv.weight", "q_proj.weight", "k_proj.weight", "attn_pool.q.weight", "attn_pool.kv.weight")


@dataclass(frozen=True)
class Scales:
    """What seeded values are multiplied by; the three of matrices, for inputs of size 1."""

    queries: float = 2.0
    second: float = 3.0
    matrices: float = 1.0
    bias: float = 0.3
    first_bias: float = -1.5
    """The mean of those before the activation."""


def seed_weights(model: nn.Module, seed: int, scales: Scales = Scales(), precision: type = np.float32) -> None:
    """Seeded values that `precision` holds, in float64 under timm's names, chosen as in `models.build`: peaked
    attention, norms far from the identity, embeddings so small that another epsilon shows, GELU where its
    approximation is worst. A table of relative positions is as large as q·k/√d."""
    rng = np.random.default_rng(seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        value = rng.standard_normal(shape)
        fan_in = math.sqrt(math.prod(shape[1:]))
        if name.endswith(("q_norm.weight", "k_norm.weight")):
            value = 1.8 + 0.5 * value
        elif "norm" in name and name.endswith("weight"):
            value = 1 + 0.3 * value
        elif "gamma" in name:
            value = 0.5 + 0.5 * value
        elif name.endswith("fc1.bias"):
            value = scales.first_bias + 0.2 * value
        elif name == "patch_embed.proj.bias":
            value = EMBEDDING_SCALE * 0.2 * value
        elif name.endswith("bias"):
            value = scales.bias * value
        elif name == "patch_embed.proj.weight":
            value = EMBEDDING_SCALE * value / fan_in
        elif name.endswith(QUERIES):
            value = scales.queries * value / fan_in
        elif name.endswith("fc2.weight"):
            value = scales.second * value / fan_in
        elif name.endswith("weight"):
            value = scales.matrices * value / fan_in
        elif not name.endswith(("attn_pool.latent", "relative_position_bias_table")):
            value = EMBEDDING_SCALE * 0.6 * value  # class token, registers and positions
        parameter.data = torch.from_numpy(value.astype(precision).astype(np.float64))
