"""Tiny BEiT checkpoints as each library saves them, with what it computes from them (`expected`).

Three models. Fine-tuned, with a table of relative positions in each block and the norm after the mean of the
patches:

  timm/                  as timm saves BEiT and BEiT v2
  finetuned.pth          BEiT's own file, with `relative_position_index`
  transformers/          `BeitForImageClassification`
  data2vec/              `Data2VecVisionForImageClassification`, as data2vec-vision-base-ft1k

Pretrained, with one table for all blocks and a norm of all tokens:

  official.pth           BEiT's own file, with `mask_token` and `lm_head`
  beitv2.pth             that of BEiT v2, under `module`, with the blocks that only its pretraining has
  transformers_shared/   `BeitForMaskedImageModeling`, whose norm is beside `beit`
  data2vec_shared/       `Data2VecVisionModel`, as data2vec-vision-base

With absolute positions and no table, as DiT, fine-tuned:

  absolute.pth           its own file
  transformers_absolute/ `BeitForImageClassification`

Epsilon is 1e-6, in transformers 1e-12. Keys have no bias. A table is ((2H − 1)(2W − 1) + 3, heads) for a grid of
(H, W): row-major over Δrow + H − 1 and Δcolumn + W − 1, Δ = query − key, then class to patch, patch to class, class
to class. Its values are added to q·k/√d. For another grid (H', W') the last three rows stay; the rest, a picture of
(2H − 1, 2W − 1) for each head, is brought to (2H' − 1, 2W' − 1)

  by timm          linearly, in float32. Along rows entry H − 1 ± i stands for the offset ±(1 + q + … + q^(i−1)) and
                   values are taken at −(H' − 1), …, H' − 1; beyond the first and last entry theirs. q is the one at
                   which the last entry stands for H' − 1, sought by halving [1.01, 1.5] until it is at most 1e-6
                   wide; it is the last middle that was tried. Columns likewise, with a q of their own. An axis whose
                   length stays is resampled too, with q = 1.01, if the other's does not. (BEiT's own code has a
                   cubic spline in place of linear.)
  by transformers  bilinearly, `align_corners=False`, without antialias, whether or not `interpolate_pos_encoding`
                   is set: that resamples the matrix of all tokens to the size that it has.

An absolute table is resampled by timm bicubically with antialias, by transformers without.
"""

import math
import shutil
from functools import partial
from pathlib import Path

import timm
import torch
from timm.layers import LayerNorm
from timm.models.beit import Beit, checkpoint_filter_fn
from torch import nn
from torch.nn.functional import interpolate
from transformers import (
    BeitConfig,
    BeitForImageClassification,
    BeitForMaskedImageModeling,
    Data2VecVisionConfig,
    Data2VecVisionForImageClassification,
    Data2VecVisionModel,
)

from .expected import (
    GRIDS, Library, Resampled, Resized, Scales, Transformers, check_agreement, check_difference, compute, positions,
    seed_weights, write,
)  # fmt: skip
from .families import CLASSES, SHAPE, dummy

WIDTH, HEADS, PATCH, DEPTH, SIDE = SHAPE["width"], SHAPE["heads"], SHAPE["patch"], SHAPE["depth"], 16
SCALES = Scales(queries=math.sqrt(3), second=1.5, matrices=1.5, bias=0.5, first_bias=-0.5)
EPSILON = 1e-12  # of transformers
KINDS = {
    "finetuned": dict(num_classes=CLASSES),
    "pretrained": dict(use_rel_pos_bias=False, use_shared_rel_pos_bias=True, num_classes=0, global_pool="token"),
    "absolute": dict(use_rel_pos_bias=False, use_abs_pos_emb=True, num_classes=CLASSES),
}
TABLE = "relative_position_bias_table"


# --- timm ---


def build(kind: str, size: int | tuple[int, int] = SIDE, **options) -> Beit:
    return timm.create_model(
        "beit_base_patch16_224", img_size=size, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS,
        **KINDS[kind], **options,
    )  # fmt: skip


def twin(kind: str, tensors: dict[str, torch.Tensor]) -> Resampled:
    """timm's model with transformers' epsilon and rules."""
    absolute = positions("plain", 1)

    def resample(name: str, value: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
        return bilinear(value, grid) if TABLE in name else absolute(name, value, grid)

    return Resampled(lambda size: build(kind, size, norm_layer=partial(LayerNorm, eps=EPSILON)), tensors, resample)


def bilinear(table: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    rows, columns = (2 * side - 1 for side in grid)
    length = 2 * GRIDS["native"][0] - 1
    picture = table[:-3].reshape(1, length, length, -1).permute(0, 3, 1, 2)
    picture = interpolate(picture, size=(rows, columns), mode="bilinear", align_corners=False)
    return torch.cat((picture[0].permute(1, 2, 0).reshape(rows * columns, -1), table[-3:]))


# --- transformers ---


def settings(kind: str) -> dict:
    return dict(
        hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=4 * WIDTH,
        image_size=SIDE, patch_size=PATCH, num_labels=CLASSES, layer_norm_eps=EPSILON,
        use_relative_position_bias=kind == "finetuned", use_shared_relative_position_bias=kind == "pretrained",
        use_absolute_position_embeddings=kind == "absolute", attn_implementation="eager",
    )  # fmt: skip


def module_names(tensors: dict[str, torch.Tensor], inside: str, old: bool) -> dict[str, torch.Tensor]:
    """timm's tensors under the names of the modules; data2vec has the `old` ones. `inside` is the base's prefix."""
    attention = "attention.attention." if old else "attention."
    q, k, v = ("query", "key", "value") if old else ("q_proj", "k_proj", "v_proj")
    blocks = f"{inside}encoder.layer." if old else f"{inside}layers."
    shared = "encoder.relative_position_bias" if old else "shared_position_bias"
    renamed = {
        "cls_token": f"{inside}embeddings.cls_token",
        "pos_embed": f"{inside}embeddings.position_embeddings",
        "patch_embed.proj": f"{inside}embeddings.patch_embeddings.projection",
        "rel_pos_bias": f"{inside}{shared}",
        "fc_norm": f"{inside}pooler.layernorm",
        "head": "classifier",
        "blocks.": blocks,
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "gamma_": "lambda_",
        "attn.proj": "attention.output.dense" if old else "attention.o_proj",
        "mlp.fc1": "intermediate.dense" if old else "mlp.fc1",
        "mlp.fc2": "output.dense" if old else "mlp.fc2",
        f"attn.{TABLE}": f"{attention if old else ''}relative_position_bias.{TABLE}",
        "attn.q_bias": f"{attention}{q}.bias",
        "attn.v_bias": f"{attention}{v}.bias",
    }
    names = {}
    for name, value in tensors.items():
        if name.startswith("norm."):
            names[f"layer{name}"] = value
            continue
        for mine, theirs in renamed.items():
            name = name.replace(mine, theirs)
        if name.endswith("attn.qkv.weight"):
            layer = name.removesuffix("attn.qkv.weight")
            for part, third in zip((q, k, v), value.chunk(3), strict=True):
                names[f"{layer}{attention}{part}.weight"] = third
        else:
            names[name] = value
    return names


def transformers_model(family: type[nn.Module], configuration, names: dict[str, torch.Tensor]) -> nn.Module:
    model = family(configuration)
    model.load_state_dict({name: value.float() for name, value in names.items()})
    return model.eval()


def in_transformers(model: nn.Module) -> Transformers:
    base = getattr(model, model.base_model_prefix, model)
    # Of the pretrained BEiT the norm of all tokens is no part of the base.
    options = dict(norm=model.layernorm) if base is not model and hasattr(model, "layernorm") else {}
    return Transformers(model, base, special=1, **options)


# --- BEiT's own names ---


def official(model: Beit) -> dict[str, torch.Tensor]:
    """timm's are those, without the buffers."""
    names = {name: value.float() for name, value in model.state_dict().items()}
    index = {name: value for name, value in model.named_buffers() if name.endswith("relative_position_index")}
    return names | index


def pretraining(model: Beit) -> dict[str, torch.Tensor]:
    parts = {"mask_token": (1, 1, WIDTH), "lm_head.weight": (6, WIDTH), "lm_head.bias": (6,)}
    return official(model) | {name: dummy(80 + n, *shape) for n, (name, shape) in enumerate(parts.items())}


def second_version(model: Beit) -> dict[str, torch.Tensor]:
    """With some tensors of the blocks that BEiT v2's pretraining has beside the last ones for the class token."""
    names = pretraining(model)
    extra = {name: value for name, value in names.items() if name.startswith(("blocks.1.norm", "blocks.1.attn"))}
    return names | {name.replace("blocks.1.", "cls_pt_layers.0."): 2 * value for name, value in extra.items()}


def is_read_by_timm(file: dict, kind: str, tensors: dict[str, torch.Tensor]) -> None:
    """Through its own reader, but for what only pretraining has."""
    read = checkpoint_filter_fn(file, build(kind))
    left = {name for name in read if name.startswith(("mask_token", "lm_head", "cls_pt_layers"))}
    if read.keys() - left != tensors.keys():
        raise SystemExit(f"timm reads other tensors: {read.keys() ^ tensors.keys()}")
    if any(not torch.equal(read[name].double(), tensors[name]) for name in tensors):
        raise SystemExit("timm reads other values")


# --- files ---


def expected(library: Library, seed: int) -> dict[str, torch.Tensor]:
    return compute(library, 3200 + seed, HEADS, PATCH)


def make_kind(directory: Path, kind: str, seed: int) -> None:
    model = build(kind)
    seed_weights(model, seed, SCALES)
    tensors = dict(model.state_dict())
    original = expected(Resized(model), seed)
    theirs = expected(twin(kind, tensors), seed)
    without = {
        name: torch.zeros_like(value) if TABLE in name or name == "pos_embed" else value
        for name, value in tensors.items()
    }
    print(kind)
    check_difference("the rule of a grid", original, theirs, "wide/attention")
    check_difference("positions", theirs, expected(twin(kind, without), seed))

    files = {
        "finetuned": {"finetuned": {"model": official(model)}},
        "pretrained": {"official": {"model": pretraining(model)}, "beitv2": {"module": second_version(model)}},
        "absolute": {"absolute": {"model": official(model)}},
    }[kind]
    for name, file in files.items():
        is_read_by_timm(file, kind, tensors)
        torch.save(file, directory / f"{name}.pth")
        write(directory / f"{name}.expected.safetensors", original, HEADS)
    if kind == "finetuned":
        timm.models.save_for_hf(model.float(), directory / "timm", safe_serialization=True)
        write(directory / "timm.expected.safetensors", original, HEADS)

    masked = dict(use_mask_token=True, vocab_size=6)
    token = {"beit.embeddings.mask_token": dummy(83, 1, 1, WIDTH)}
    head = {"lm_head.weight": dummy(84, 6, WIDTH), "lm_head.bias": dummy(85, 6)}
    beit, data2vec = module_names(tensors, "beit.", False), module_names(tensors, "data2vec_vision.", True)
    own = settings(kind)
    models = {
        "finetuned": {
            "transformers": (BeitForImageClassification, BeitConfig(**own), beit),
            "data2vec": (Data2VecVisionForImageClassification, Data2VecVisionConfig(**own), data2vec),
        },
        "pretrained": {
            "transformers_shared": (BeitForMaskedImageModeling, BeitConfig(**own, **masked), beit | token | head),
            "data2vec_shared": (
                Data2VecVisionModel, Data2VecVisionConfig(**own, use_mean_pooling=False),
                module_names(tensors, "", True),
            ),
        },
        "absolute": {"transformers_absolute": (BeitForImageClassification, BeitConfig(**own), beit)},
    }[kind]  # fmt: skip
    for name, (family, configuration, names) in models.items():
        saved = transformers_model(family, configuration, names)
        shutil.rmtree(directory / name, ignore_errors=True)
        saved.save_pretrained(directory / name)
        values = expected(in_transformers(saved), seed)
        check_agreement(f"{name} and timm", values, theirs)
        write(directory / f"{name}.expected.safetensors", values, HEADS)


def make(directory: Path) -> None:
    """Writes beit/."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(91)  # of what the models are built with
    for seed, kind in enumerate(KINDS, start=91):
        make_kind(directory, kind, seed)
