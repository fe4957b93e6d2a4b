"""Tiny towers of SigLIP as each library saves them, with what it computes from them (`expected`).

One set of weights:

  transformers/       `SiglipModel` by `save_pretrained`, with a text tower; tanh GELU
  vision.safetensors  `SiglipVisionModel` under the names that transformers 4 gave it, without a configuration; what is
                      computed is in `transformers.expected.safetensors`
  timm/               `vit_base_patch16_siglip_224.webli`, and
  timm2/              `vit_base_patch32_siglip_256.v2_webli`, as timm saves them, with `config.json`. timm computes the
                      first with erf GELU, as it does `vit_base_patch16_siglip_224.v2_webli`, `vit_large_patch16`
                      up to 384 and `vit_so400m_patch14`; the second with tanh GELU, as `vit_large_patch16_siglip_512`,
                      `vit_so400m_patch16` and `vit_giantopt`
  open_clip/          as OpenCLIP saves it, whose vision tower is timm's `vit_base_patch16_siglip_224`

On the wide grid transformers resamples positions by plain bicubic, timm by antialiased.
"""

import json
import shutil
from functools import partial
from pathlib import Path
from unittest import mock

import open_clip.timm_model
import timm
import torch
from open_clip.model import CustomTextCLIP
from timm.models._hub import save_config_for_hf
from timm.models.vision_transformer import VisionTransformer
from transformers import SiglipConfig, SiglipModel

from .expected import (
    Resampled, Timm, Transformers, check_agreement, check_difference, compute, positions, seed_weights, write,
)  # fmt: skip
from .families import write_safetensors

WIDTH, HEADS, PATCH, DEPTH, HIDDEN, SIDE = 24, 2, 4, 2, 48, 16
TINY = dict(
    img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, mlp_ratio=HIDDEN / WIDTH,
)  # fmt: skip
ERF, TANH = "vit_base_patch16_siglip_224.webli", "vit_base_patch32_siglip_256.v2_webli"
SEED = 3200


# --- the libraries ---


def timm_model(architecture: str, tensors: dict[str, torch.Tensor]) -> VisionTransformer:
    model = timm.create_model(architecture, dynamic_img_size=True, **TINY).double()
    model.load_state_dict(tensors)
    return model


def transformers_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The tower's, as the modules of `SiglipVisionModel` call them."""
    renamed = {
        "patch_embed.proj": "embeddings.patch_embedding", "pos_embed": "embeddings.position_embedding.weight",
        "blocks": "encoder.layers", "norm1": "layer_norm1", "norm2": "layer_norm2", "attn.proj": "self_attn.out_proj",
        "attn_pool.latent": "head.probe", "attn_pool.proj": "head.attention.out_proj",
        "attn_pool.norm": "head.layernorm", "attn_pool.mlp": "head.mlp",
    }  # fmt: skip
    names = {}
    for name, value in tensors.items():
        if name.startswith(("attn_pool.q.", "attn_pool.kv.")):
            continue
        if ".attn.qkv." in name:
            layer, kind = name.replace("blocks", "encoder.layers").split(".attn.qkv.")
            for part, third in zip("qkv", value.chunk(3), strict=True):
                names[f"{layer}.self_attn.{part}_proj.{kind}"] = third
            continue
        for old, new in renamed.items():
            name = name.replace(old, new)
        if name.startswith("norm."):
            name = f"post_layer{name}"
        names[name] = value[0] if name == "embeddings.position_embedding.weight" else value
    for kind in ("weight", "bias"):
        both = [tensors[f"attn_pool.{part}.{kind}"] for part in ("q", "kv")]
        names[f"head.attention.in_proj_{kind}"] = torch.cat(both)
    return names


def transformers_model(tensors: dict[str, torch.Tensor]) -> SiglipModel:
    text = dict(
        hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=12,
        max_position_embeddings=5, projection_size=WIDTH, bos_token_id=10, eos_token_id=11,
    )  # fmt: skip
    vision = dict(
        hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
        image_size=SIDE, patch_size=PATCH,
    )  # fmt: skip
    model = SiglipModel(SiglipConfig(text_config=text, vision_config=vision))
    model.vision_model.load_state_dict(transformers_names(tensors))
    return model


OPEN_CLIP = {
    "embed_dim": WIDTH,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": SIDE, "timm_model_name": "vit_base_patch16_siglip_224", "timm_model_pretrained": False,
        "timm_pool": "map", "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 5, "vocab_size": 12, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
        "tokenizer_kwargs": {"clean": "canonicalize"}, "width": 8, "heads": 2, "layers": 1, "no_causal_mask": True,
        "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6},
    },
}  # fmt: skip


def open_clip_model(tensors: dict[str, torch.Tensor]) -> CustomTextCLIP:
    """OpenCLIP's class round timm's tower, which it asks for by name and so gets in the published size."""
    tiny = partial(timm.create_model, dynamic_img_size=True, **TINY)
    options = {name: value for name, value in OPEN_CLIP.items() if name != "custom_text"}
    with mock.patch.object(open_clip.timm_model.timm, "create_model", tiny):
        model = CustomTextCLIP(**options)
    model.visual.trunk.load_state_dict(tensors)
    return model


# --- files ---


def write_transformers(out: Path, model: SiglipModel) -> None:
    shutil.rmtree(out / "transformers", ignore_errors=True)
    model.save_pretrained(out / "transformers")
    names = {f"vision_model.{name}": value for name, value in model.vision_model.state_dict().items()}
    write_safetensors(out / "vision.safetensors", names)


def write_timm(folder: Path, architecture: str, tensors: dict[str, torch.Tensor]) -> None:
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / "model.safetensors", tensors)
    save_config_for_hf(timm.create_model(architecture, **TINY), str(folder / "config.json"))


def write_open_clip(folder: Path, model: CustomTextCLIP) -> None:
    folder.mkdir(exist_ok=True)
    write_safetensors(folder / "open_clip_model.safetensors", model.state_dict())
    preprocess = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic", "resize_mode": "squash"}
    config = {"model_cfg": OPEN_CLIP, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")


def make(out: Path) -> None:
    out.mkdir(exist_ok=True)
    torch.manual_seed(91)  # of the text towers
    model = timm.create_model(TANH, **TINY)
    seed_weights(model, 91)
    tensors = model.state_dict()
    transformers, openclip = transformers_model(tensors), open_clip_model(tensors)
    write_transformers(out, transformers)
    write_timm(out / "timm", ERF, tensors)
    write_timm(out / "timm2", TANH, tensors)
    write_open_clip(out / "open_clip", openclip)

    libraries = {
        "transformers": Transformers(transformers, transformers.vision_model, special=0),
        "timm": Timm(timm_model(ERF, tensors)),
        "timm2": Timm(timm_model(TANH, tensors)),
        "open_clip": Timm(openclip.visual.trunk),
    }
    found = {name: compute(library, SEED, HEADS, PATCH) for name, library in libraries.items()}
    twin = Resampled(lambda size: timm.create_model(TANH, **(TINY | dict(img_size=size))), tensors, positions("plain", 0))
    twin = compute(twin, SEED, HEADS, PATCH)
    check_agreement("timm with transformers' positions", found["transformers"], twin)
    check_agreement("OpenCLIP and timm", found["open_clip"], found["timm"])
    image = found["open_clip"]["native/input"][None]
    check_agreement(
        "OpenCLIP's image embedding", {"pooled": found["open_clip"]["native/pooled"]},
        {"pooled": openclip.double().encode_image(image)[0].detach()},
    )  # fmt: skip
    check_difference("the kind of GELU", found["timm"], found["timm2"], part="", least=1e-3)
    for name, values in found.items():
        write(
            out / f"{name}.expected.safetensors", values, HEADS, "plain" if name == "transformers" else "antialias"
        )
