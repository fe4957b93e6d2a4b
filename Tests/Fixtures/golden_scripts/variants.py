"""Tiny models of timm's `VisionTransformer` in which one part is another, with what timm computes from them
(`expected`; positions antialiased).

Each is in `<name>/` as timm saves it, with `config.json`. `<name>.safetensors` holds the same tensors without a
configuration, where their names and shapes tell everything but the number of heads. Values are half precision's.

  avg_fc_norm         mean of the patches, then the norm (`fc_norm`); the final norm is none
  avg_norm            the final norm, then the mean of the patches
  norm_pre            a norm before the blocks, and a bias of the patches, which timm's models with that norm do not have
  no_embed_class_reg  four registers; positions for the patches alone
  reg_only            four registers and no class token; positions for the patches alone, `fc_norm`
  reg_only_positions  four registers and no class token; positions for registers too
  gap                 no class token
  qk_norm             queries and keys normed in each head, which no model published does
  scale_norm          BEiT-3's norms before the projections of attention and feed-forward part; an epsilon of 1e-5
  no_qkv_bias         queries, keys and values without bias
  no_proj_bias        projections and feed-forward parts without bias
  heads32, heads128   heads of that width
  patch8              patches of 8 pixels
  grey                one channel
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import safetensors.torch
import timm
import torch
from timm.models._hub import save_config_for_hf
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from .expected import Timm, compute, seed_weights, write
from .families import CLASSES

SEED = 3400


@dataclass
class Variant:
    """`architecture` is the entry of timm's registry that the configuration names, its own where one is published;
    `options` are what else differs from it."""

    architecture: str = "vit_base_patch16_224"
    options: dict = field(default_factory=dict)
    width: int = 24
    heads: int = 2
    patch: int = 4
    depth: int = 2
    ratio: float = 2.0
    channels: int = 3
    has_bare_copy: bool = True


VARIANTS = {
    "avg_fc_norm": Variant("eva_large_patch14_196"),
    "avg_norm": Variant(options=dict(global_pool="avg", fc_norm=False), has_bare_copy=False),
    "norm_pre": Variant(options=dict(pre_norm=True)),
    "no_embed_class_reg": Variant(options=dict(no_embed_class=True, reg_tokens=4)),
    "reg_only": Variant("vit_medium_patch16_reg4_gap_256"),
    "reg_only_positions": Variant("vit_so150m_patch16_reg4_gap_256"),
    "gap": Variant("vit_huge_patch14_gap_224"),
    "qk_norm": Variant(options=dict(qk_norm=True)),
    "scale_norm": Variant("beit3_base_patch16_224", has_bare_copy=False),
    "no_qkv_bias": Variant("vit_base_patch16_224_miil"),
    "no_proj_bias": Variant(options=dict(proj_bias=False)),
    "heads32": Variant(width=64, ratio=1.0, has_bare_copy=False),
    "heads128": Variant(width=128, heads=1, depth=1, ratio=0.5, has_bare_copy=False),
    "patch8": Variant("vit_base_patch8_224", patch=8),
    "grey": Variant(channels=1),
}


def build(name: str, **options) -> VisionTransformer:
    variant = VARIANTS[name]
    model = timm.create_model(
        variant.architecture, img_size=4 * variant.patch, patch_size=variant.patch, embed_dim=variant.width,
        depth=variant.depth, num_heads=variant.heads, mlp_ratio=variant.ratio, num_classes=CLASSES,
        in_chans=variant.channels, **variant.options, **options,
    )  # fmt: skip
    if name == "norm_pre":
        model.patch_embed.proj = nn.Conv2d(variant.channels, variant.width, variant.patch, variant.patch)
    return model


def write_half(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    halves = {name: value.detach().half().contiguous() for name, value in tensors.items()}
    safetensors.torch.save_file(halves, path, metadata={"format": "pt"})


def make(out: Path) -> None:
    shutil.rmtree(out, ignore_errors=True)
    for index, (name, variant) in enumerate(VARIANTS.items()):
        folder = out / name
        folder.mkdir(parents=True)
        model = build(name, dynamic_img_size=True)
        seed_weights(model, 100 + index, precision=np.float16)
        write_half(folder / "model.safetensors", model.state_dict())
        save_config_for_hf(build(name), str(folder / "config.json"))
        if variant.has_bare_copy:
            shutil.copyfile(folder / "model.safetensors", out / f"{name}.safetensors")
        values = compute(Timm(model), SEED + index, variant.heads, variant.patch, variant.channels)
        write(out / f"{name}.expected.safetensors", values, variant.heads, "antialias")
