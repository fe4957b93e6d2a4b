"""Tiny DINOv3 checkpoints in every dialect, with what timm and transformers compute from them.

Two models: `mlp` has a plain feed-forward part and biases of queries and values, `gated` has SwiGLU and,
as ViT-7B, no such biases. Each is written

  <model>.pth                 as DINOv3's own code saves it, which is on no package index: periods rounded to
                              bfloat16; for `mlp` a bias of all three with its mask, the keys' not 0
  <model>_timm.safetensors    as timm saves it (`mlp`: that of the `_qkvb` models)
  <model>_transformers/       by `save_pretrained`, `gated` in shards

and `<model>.expected.safetensors` holds for each grid the picture, and of timm's model, run in float64, each
block's output and attention, before and after its periods are rounded. transformers has to agree with timm.
`rope.safetensors` holds both libraries' sines and cosines for heads of 64.
"""

import math
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import torch
from timm.layers import LayerNorm
from timm.layers.pos_embed_sincos import RotaryEmbeddingDinoV3
from timm.models.eva import Eva
from transformers import DINOv3ViTConfig, DINOv3ViTModel
from transformers.models.dinov3_vit.modeling_dinov3_vit import DINOv3ViTRopePositionEmbedding

from .families import dummy, write_safetensors
from .models import EMBEDDING_SCALE
from .store import save

WIDTH, HEADS, PATCH, DEPTH, REGISTERS = 24, 2, 4, 2, 4
SPECIAL = 1 + REGISTERS
HIDDEN = {"mlp": 48, "gated": 32}
GRIDS = {"native": (4, 4), "wide": (3, 7), "tall": (5, 2)}
ROPE_GRIDS = {"square": (3, 3), "wide": (2, 5), "row": (1, 4)}
TOLERANCE = 1e-5


def build(name: str, seed: int) -> Eva:
    """timm's model with seeded weights, every one a float32 value, in float64.

    As `models.build`: peaked attention, norms far from the identity, embeddings so small that an eps of 1e-6
    for 1e-5 shows.
    """
    gated = name == "gated"
    model = Eva(
        img_size=GRIDS["native"][0] * PATCH, patch_size=PATCH, num_classes=0, embed_dim=WIDTH, depth=DEPTH,
        num_heads=HEADS, qkv_bias=not gated, mlp_ratio=HIDDEN[name] / WIDTH,
        swiglu_mlp=gated, swiglu_align_to=8, init_values=1e-5, class_token=True, num_reg_tokens=REGISTERS,
        use_abs_pos_emb=False, use_rot_pos_emb=True, rope_type="dinov3", rope_temperature=100,
        rope_rotate_half=True, use_fc_norm=False, norm_layer=partial(LayerNorm, eps=1e-5),
        dynamic_img_size=True,
    )  # fmt: skip
    rng = np.random.default_rng(seed)
    for parameter_name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        values = rng.standard_normal(shape)
        if "norm" in parameter_name and parameter_name.endswith("weight"):
            values = 1 + 0.3 * values
        elif "gamma" in parameter_name:
            values = 0.5 + 0.5 * values
        elif parameter_name.endswith("fc1.bias"):
            values = -1.5 + 0.2 * values
        elif parameter_name == "patch_embed.proj.bias":
            values = EMBEDDING_SCALE * 0.2 * values
        elif parameter_name.endswith("bias"):
            values = 0.5 * values
        elif parameter_name == "patch_embed.proj.weight":
            values = EMBEDDING_SCALE * values / math.sqrt(math.prod(shape[1:]))
        elif parameter_name.endswith("fc2.weight"):
            values = 3 * values / math.sqrt(shape[1])
        elif parameter_name.endswith("qkv.weight"):
            values = values * math.sqrt(3 / WIDTH)
        elif parameter_name.endswith("weight"):
            values = values / math.sqrt(math.prod(shape[1:]))
        else:  # tokens
            values = EMBEDDING_SCALE * 0.6 * values
        parameter.data = torch.from_numpy(values.astype(np.float32).astype(np.float64))
    for block in model.blocks:
        block.attn.fused_attn = False
    return model.double().eval()


def trace(model: Eva, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """Each block's output (tokens, D) and attention (heads, tokens, tokens), and the normed tokens."""
    seen, hooks = {}, []
    for index, block in enumerate(model.blocks):
        hooks.append(block.register_forward_hook(lambda _m, _i, out, n=f"block.{index}": seen.update({n: out[0]})))
        hooks.append(
            block.attn.attn_drop.register_forward_hook(
                lambda _m, _i, out, n=f"attention.{index}": seen.update({n: out[0]})
            )
        )
    with torch.no_grad():
        seen["norm"] = model.forward_features(image[None])[0]
    for hook in hooks:
        hook.remove()
    return seen


# --- names ---


def official_names(model: Eva, name: str) -> dict[str, torch.Tensor]:
    """As DINOv3's own code calls them, with what it has beside them."""
    seed = 60
    names = {"mask_token": dummy(seed, 1, WIDTH), "rope_embed.periods": rounded(model.rope.periods)}
    renamed = {"reg_token": "storage_tokens", "gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"}
    renamed |= {"mlp.fc1_g.": "mlp.w1.", "mlp.fc1_x.": "mlp.w2."}
    if name == "gated":
        renamed |= {"mlp.fc2.": "mlp.w3."}
        names |= {"local_cls_norm.weight": dummy(seed + 1, WIDTH), "local_cls_norm.bias": dummy(seed + 2, WIDTH)}
    for parameter, value in model.state_dict().items():
        if parameter.endswith("v_bias"):
            continue
        if parameter.endswith("q_bias"):
            layer = parameter.removesuffix("q_bias")
            seed += 3
            values = model.state_dict()[f"{layer}v_bias"]
            names[f"{layer}qkv.bias"] = torch.cat((value, dummy(seed, WIDTH), values))
            mask = torch.ones(3, WIDTH)
            mask[1] = 0
            names[f"{layer}qkv.bias_mask"] = mask.flatten()
            continue
        for old, new in renamed.items():
            parameter = parameter.replace(old, new)
        names[parameter] = value
    return {key: value.float() for key, value in names.items()}


def transformers_model(model: Eva, name: str) -> DINOv3ViTModel:
    config = DINOv3ViTConfig(
        patch_size=PATCH, image_size=GRIDS["native"][0] * PATCH, hidden_size=WIDTH, intermediate_size=HIDDEN[name],
        num_hidden_layers=DEPTH, num_attention_heads=HEADS, num_register_tokens=REGISTERS, layer_norm_eps=1e-5,
        use_gated_mlp=name == "gated", hidden_act="silu" if name == "gated" else "gelu", key_bias=False,
        query_bias=name == "mlp", value_bias=name == "mlp",
    )  # fmt: skip
    twin = DINOv3ViTModel(config)
    source = model.state_dict()
    first = next(key for key in twin.state_dict() if key.endswith("layer.0.norm1.weight"))
    root = first.removesuffix("layer.0.norm1.weight")
    target = {
        "embeddings.cls_token": source["cls_token"],
        "embeddings.register_tokens": source["reg_token"],
        "embeddings.mask_token": dummy(59, 1, 1, WIDTH),
        "embeddings.patch_embeddings.weight": source["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.bias": source["patch_embed.proj.bias"],
        "norm.weight": source["norm.weight"],
        "norm.bias": source["norm.bias"],
    }
    parts = {"norm1": "norm1", "norm2": "norm2", "attn.proj": "attention.o_proj", "mlp.fc2": "mlp.down_proj"}
    if name == "gated":
        parts |= {"mlp.fc1_g": "mlp.gate_proj", "mlp.fc1_x": "mlp.up_proj"}
    else:
        parts |= {"mlp.fc1": "mlp.up_proj"}
    for index in range(DEPTH):
        ours, theirs = f"blocks.{index}.", f"{root}layer.{index}."
        for letter, weight in zip("qkv", source[f"{ours}attn.qkv.weight"].chunk(3)):
            target[f"{theirs}attention.{letter}_proj.weight"] = weight
            if name == "mlp" and letter != "k":
                target[f"{theirs}attention.{letter}_proj.bias"] = source[f"{ours}attn.{letter}_bias"]
        for mine, other in parts.items():
            for kind in ("weight", "bias"):
                target[f"{theirs}{other}.{kind}"] = source[f"{ours}{mine}.{kind}"]
        for number in (1, 2):
            target[f"{theirs}layer_scale{number}.lambda1"] = source[f"{ours}gamma_{number}"]
    twin.load_state_dict({key: value.float() for key, value in target.items()})
    twin.set_attn_implementation("eager")
    return twin.eval()


def rounded(periods: torch.Tensor) -> torch.Tensor:
    return periods.bfloat16().to(periods.dtype)


# --- checks ---


def check(model: Eva, twin: DINOv3ViTModel, image: torch.Tensor, expected: dict) -> None:
    """transformers agrees, and what a mistake would leave out matters."""
    with torch.no_grad():
        result = twin(image[None], output_attentions=True)
    worst = (result.last_hidden_state[0] - expected["norm"]).abs().max().item()
    for index in range(DEPTH):
        worst = max(worst, (result.attentions[index][0] - expected[f"attention.{index}"]).abs().max().item())
    print(f"  transformers differs from timm by {worst:.1e}")
    assert worst <= TOLERANCE, worst

    attention = torch.stack([expected[f"attention.{index}"] for index in range(DEPTH)])
    entropy = -(attention * attention.log()).sum(-1) / math.log(attention.shape[-1])
    print(f"  attention sharpness by head {[f'{1 - e:.2f}' for e in entropy.mean(-1).flatten().tolist()]}")
    assert (entropy.mean(-1) < 0.9).all(), "attention is flat"
    without = rope_free(model, image)
    difference = (without["attention.1"] - expected["attention.1"]).abs().max().item()
    print(f"  without rotation attention differs by {difference:.2f}")
    assert difference > 0.05


def rope_free(model: Eva, image: torch.Tensor) -> dict:
    """The trace with all angles 0."""
    periods = model.rope.periods.clone()
    model.rope.periods.fill_(1e30)
    result = trace(model, image)
    model.rope.periods.copy_(periods)
    return result


# --- files ---


def make_model(directory: Path, name: str, seed: int) -> None:
    model = build(name, seed)
    torch.save(official_names(model, name), directory / f"{name}.pth")
    write_safetensors(directory / f"{name}_timm.safetensors", model.state_dict())
    twin = transformers_model(model, name)
    folder = directory / f"{name}_transformers"
    shutil.rmtree(folder, ignore_errors=True)
    twin.save_pretrained(folder, **(dict(max_shard_size="20KB") if name == "gated" else {}))
    twin = twin.double()

    rng = np.random.default_rng(3100 + seed)
    values, periods = {}, model.rope.periods.clone()
    for grid, (rows, columns) in GRIDS.items():
        pixels = rng.standard_normal((3, rows * PATCH, columns * PATCH)).astype(np.float32)
        image = torch.from_numpy(pixels).double()
        values[f"{grid}/input"] = pixels
        computed = trace(model, image)
        print(f"{name}, {grid}")
        check(model, twin, image, computed)
        values |= {f"{grid}/computed/{key}": value for key, value in computed.items()}
        model.rope.periods.copy_(rounded(periods))
        values |= {f"{grid}/rounded/{key}": value for key, value in trace(model, image).items()}
        model.rope.periods.copy_(periods)
    save(directory / f"{name}.expected.safetensors", values, {"heads": HEADS})


def make_rope(directory: Path) -> None:
    """Both libraries' tables (patches, head width), whose halves are alike."""
    values = {}
    theirs = DINOv3ViTRopePositionEmbedding(
        DINOv3ViTConfig(hidden_size=384, num_attention_heads=6, patch_size=16, image_size=224)
    ).eval()
    for name, (rows, columns) in ROPE_GRIDS.items():
        sines, cosines = RotaryEmbeddingDinoV3(64, temperature=100).eval().get_embed([rows, columns]).chunk(2, -1)
        values |= {f"{name}/timm/sin": sines, f"{name}/timm/cos": cosines}
        cosines, sines = theirs(torch.zeros(1, 3, 16 * rows, 16 * columns))
        values |= {f"{name}/transformers/sin": sines, f"{name}/transformers/cos": cosines}
    save(directory / "rope.safetensors", values, {"grids": ROPE_GRIDS})


def make(directory: Path) -> None:
    """Writes dinov3/."""
    directory.mkdir(parents=True, exist_ok=True)
    make_model(directory, "mlp", 71)
    make_model(directory, "gated", 72)
    make_rope(directory)
