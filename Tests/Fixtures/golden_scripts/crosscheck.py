"""Proof that `models.TinyViT` is the original: whole models of timm and transformers, same weights.

Both libraries interpolate positions in float32 whatever the model's precision, so the match off
the native grid is that of float32.
"""

import timm.models.deit
import timm.models.vision_transformer
import torch
from timm.layers import SwiGLUPacked
from torch import nn
from transformers import Dinov2Config, Dinov2Model, Dinov2WithRegistersConfig, Dinov2WithRegistersModel

from .models import TinyViT

TOLERANCE = 1e-5


def timm_twin(model: TinyViT) -> nn.Module:
    """timm's whole VisionTransformer holding the tiny model's weights."""
    config = model.config
    kind = (
        timm.models.deit.VisionTransformerDistilled
        if config.distilled
        else timm.models.vision_transformer.VisionTransformer
    )
    fc1_rows = config.mlp_hidden * (2 if config.swiglu else 1)
    options = dict(
        img_size=config.native_grid * config.patch,
        patch_size=config.patch,
        embed_dim=config.width,
        depth=config.depth,
        num_heads=config.heads,
        mlp_ratio=fc1_rows / config.width,
        init_values=1.0 if config.layer_scale else None,
        num_classes=config.classes,
        dynamic_img_size=True,
    )
    if config.swiglu:
        options |= dict(mlp_layer=SwiGLUPacked, act_layer=nn.SiLU)
    weights = dict(model.state_dict())
    if config.registers:
        # timm gives neither CLS nor registers a position: it folds CLS's row into its token.
        options |= dict(reg_tokens=config.registers, no_embed_class=True)
        weights["reg_token"] = weights.pop("register_tokens")
        weights["cls_token"] = weights["cls_token"] + weights["pos_embed"][:, :1]
        weights["pos_embed"] = weights["pos_embed"][:, 1:]
    twin = kind(**options)
    twin.load_state_dict(weights)
    return twin.double().eval()


def transformers_twin(model: TinyViT) -> nn.Module:
    """Hugging Face's Dinov2Model or Dinov2WithRegistersModel holding the tiny model's weights.

    The names are those of transformers 5's modules; released checkpoints say
    `attention.attention.query`, `attention.output.dense`, `mlp.weights_in`, `mlp.weights_out`.
    """
    config = model.config
    shape = dict(
        hidden_size=config.width,
        num_hidden_layers=config.depth,
        num_attention_heads=config.heads,
        image_size=config.native_grid * config.patch,
        patch_size=config.patch,
        use_swiglu_ffn=config.swiglu,
        layer_norm_eps=1e-6,
    )
    if config.registers:
        twin = Dinov2WithRegistersModel(
            Dinov2WithRegistersConfig(num_register_tokens=config.registers, **shape)
        )
    else:
        twin = Dinov2Model(Dinov2Config(**shape))
    source = model.canonical_weights()
    target = {
        "embeddings.cls_token": source["cls_token"],
        "embeddings.mask_token": torch.zeros(1, config.width),
        "embeddings.position_embeddings": source["pos_embed"],
        "embeddings.patch_embeddings.projection.weight": source["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.projection.bias": source["patch_embed.proj.bias"],
        "layernorm.weight": source["norm.weight"],
        "layernorm.bias": source["norm.bias"],
    }
    if config.registers:
        target["embeddings.register_tokens"] = source["register_tokens"]
    twins_by_part = {
        "norm1": "norm1",
        "norm2": "norm2",
        "attn.proj": "attention.o_proj",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
        "mlp.w3": "mlp.down_proj",
    }
    prefix = next(n for n, _ in twin.named_parameters() if ".0.norm1.weight" in n).split("0.norm1")[0]
    for index in range(config.depth):
        ours, theirs = f"blocks.{index}.", f"{prefix}{index}."
        for kind in ("weight", "bias"):
            qkv = source[f"{ours}attn.qkv.{kind}"].chunk(3)
            for name, part in zip("qkv", qkv):
                target[f"{theirs}attention.{name}_proj.{kind}"] = part
            if config.swiglu:
                gate, value = source[f"{ours}mlp.w12.{kind}"].chunk(2)
                target[f"{theirs}mlp.gate_proj.{kind}"] = gate
                target[f"{theirs}mlp.up_proj.{kind}"] = value
            for mine, other in twins_by_part.items():
                if f"{ours}{mine}.{kind}" in source:
                    target[f"{theirs}{other}.{kind}"] = source[f"{ours}{mine}.{kind}"]
        for number in (1, 2):
            target[f"{theirs}layer_scale{number}.lambda1"] = source[f"{ours}ls{number}.gamma"]
    twin.load_state_dict(target)
    return twin.double().eval()


def check(model: TinyViT, images: dict[str, torch.Tensor]) -> None:
    """Compares final hidden states and logits wherever the library has the family's position rule."""
    config = model.config
    results = {}
    with torch.no_grad():
        twin = timm_twin(model)
        for name, image in images.items():
            native = image.shape[1] == image.shape[2] == config.native_grid * config.patch
            if not native and config.position != "antialias":
                continue  # timm has one rule for all; DINO's and DINOv2's is another
            ours = model.trace(image)
            difference = (twin.forward_features(image[None]) - ours["norm"]).abs().max().item()
            if config.classes:
                difference = max(difference, (twin(image[None]) - ours["logits"]).abs().max().item())
            results[f"timm {name}"] = difference
        if config.family == "dinov2":
            twin = transformers_twin(model)
            for name, image in images.items():
                native = image.shape[1] == image.shape[2] == config.native_grid * config.patch
                if not native and not config.registers:
                    continue  # transformers drops the 0.1
                theirs = twin(image[None]).last_hidden_state
                results[f"transformers {name}"] = (theirs - model.trace(image)["norm"]).abs().max().item()
    worst = max(results.values())
    print(f"{config.name}: {len(results)} comparisons with the originals, worst {worst:.2e}")
    if worst > TOLERANCE:
        raise AssertionError(f"{config.name} differs from the original: {results}")
