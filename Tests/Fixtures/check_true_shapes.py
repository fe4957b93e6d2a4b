#!/usr/bin/env python3
"""Holds the binary to the original libraries on checkpoints of the published sizes.

    python3 Tests/Fixtures/check_true_shapes.py VITVIDEO PICTURE

Each family's model is made at its true shape by its own library (timm, transformers, NumPy in the JAX
layout), filled from a seeded generator, saved in its own format and run through

    vitvideo picture.png --weights file --resolution native --export out.npz

at 224×224 and 256×384 (height × width) cut from PICTURE. Attention of the last block and logits must
equal the library's within 1e-4. The tests in the package do the same on tiny models; this takes some
minutes, 1 GB of memory and the libraries of make_goldens.py, so it is run by hand.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file

IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
HALF = (np.array([0.5] * 3), np.array([0.5] * 3))
CLIP = (np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711]))
TOLERANCE = 1e-4


def stir(model: torch.nn.Module) -> torch.nn.Module:
    """Values under which a wrong eps, order or interpolation shows."""
    for name, parameter in model.named_parameters():
        if any(part in name for part in ("pos_embed", "position", "token")):
            parameter.normal_(0, 0.5)
        elif name.endswith("bias"):
            parameter.normal_(0, 0.1)
        elif any(part in name for part in ("qkv.weight", "query", "key.", "q_proj.", "k_proj.")):
            parameter.mul_(3)
        elif parameter.ndim == 1:
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def pixels(path: Path, normalization, patch: int) -> torch.Tensor:
    values = np.asarray(Image.open(path).convert("RGB")).astype(np.float64) / 255
    height, width = (side // patch * patch for side in values.shape[:2])
    values = (values[:height, :width] - normalization[0]) / normalization[1]
    return torch.tensor(values.transpose(2, 0, 1)[None], dtype=torch.float32)


def timm_result(model, x):
    """Last block's attention (heads, tokens, tokens) and logits."""
    seen = {}
    attention = model.blocks[-1].attn
    attention.fused_attn = False
    hook = attention.attn_drop.register_forward_hook(lambda _, inputs, __: seen.update(a=inputs[0]))
    output = model(x)
    hook.remove()
    return seen["a"][0], output[0].numpy() if model.num_classes else None


def huggingface_result(model, x):
    kinds = (transformers.ViTForImageClassification, transformers.CLIPVisionModel)
    extra = {"interpolate_pos_encoding": True} if isinstance(model, kinds) else {}
    output = model(pixel_values=x, output_attentions=True, **extra)
    return output.attentions[-1][0], output.logits[0].numpy() if hasattr(output, "logits") else None


def jax_layout(model) -> dict:
    """A timm ViT's weights under the names and axes of the JAX checkpoints."""
    own = {name: value.numpy() for name, value in model.state_dict().items()}
    width, heads = model.embed_dim, model.blocks[0].attn.num_heads
    arrays = {
        "cls": own["cls_token"],
        "Transformer/posembed_input/pos_embedding": own["pos_embed"],
        "embedding/kernel": own["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": own["patch_embed.proj.bias"],
        "Transformer/encoder_norm/scale": own["norm.weight"],
        "Transformer/encoder_norm/bias": own["norm.bias"],
        "head/kernel": own["head.weight"].T,
        "head/bias": own["head.bias"],
    }
    for index in range(len(model.blocks)):
        to, block = f"Transformer/encoderblock_{index}/", f"blocks.{index}."
        for theirs, ours in (("LayerNorm_0", "norm1"), ("LayerNorm_2", "norm2")):
            arrays[to + theirs + "/scale"] = own[block + ours + ".weight"]
            arrays[to + theirs + "/bias"] = own[block + ours + ".bias"]
        weight = own[block + "attn.qkv.weight"].reshape(3, heads, -1, width)
        bias = own[block + "attn.qkv.bias"].reshape(3, heads, -1)
        attention = to + "MultiHeadDotProductAttention_1/"
        for part, name in enumerate(("query", "key", "value")):
            arrays[attention + name + "/kernel"] = weight[part].transpose(2, 0, 1)
            arrays[attention + name + "/bias"] = bias[part]
        projection = own[block + "attn.proj.weight"].T
        arrays[attention + "out/kernel"] = projection.reshape(heads, -1, width)
        arrays[attention + "out/bias"] = own[block + "attn.proj.bias"]
        for part, name in enumerate(("fc1", "fc2")):
            arrays[to + f"MlpBlock_3/Dense_{part}/kernel"] = own[block + f"mlp.{name}.weight"].T
            arrays[to + f"MlpBlock_3/Dense_{part}/bias"] = own[block + f"mlp.{name}.bias"]
    return arrays


def families(folder: Path):
    """Yields (title, weights file, extra options, patch, special tokens, normalisation, input → result)."""
    for name, patch, normalization, special, extra in (
        ("vit_small_patch16_224", 16, HALF, 1, []),
        ("deit_small_patch16_224", 16, IMAGENET, 1, []),
        ("deit_tiny_distilled_patch16_224", 16, IMAGENET, 2, []),
        ("vit_small_patch14_reg4_dinov2", 14, IMAGENET, 5, []),
        ("vit_small_patch14_dinov2", 14, IMAGENET, 1, ["--position-rule", "timm"]),
        ("vit_small_patch16_dinov3", 16, IMAGENET, 5, []),
        ("vit_small_patch16_dinov3_qkvb", 16, IMAGENET, 5, []),
        ("vit_small_plus_patch16_dinov3", 16, IMAGENET, 5, []),
        ("vit_base_patch16_clip_quickgelu_224", 16, CLIP, 1, ["--activation", "quick_gelu"]),
        ("vit_base_patch32_clip_224", 32, CLIP, 1, ["--activation", "gelu"]),
    ):
        # What timm calls a classifier of CLIP is none.
        kind = {"num_classes": 0} if "_clip_" in name else {}
        model = stir(timm.create_model(name, pretrained=False, dynamic_img_size=True, **kind))
        # The file's name tells a DeiT from a ViT, as those tensors do not.
        path = folder / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
        yield f"timm {name}", path, extra, patch, special, normalization, lambda x, m=model: timm_result(m, x)

    model = stir(timm.create_model("deit_tiny_patch16_224", pretrained=False, dynamic_img_size=True))
    for title, legacy in (("zip", False), ("legacy", True)):
        path = folder / f"deit_tiny_{title}.pth"
        checkpoint = {"model": model.state_dict(), "args": argparse.Namespace(lr=1)}
        torch.save(checkpoint, path, _use_new_zipfile_serialization=not legacy)
        yield f"DeiT .pth, {title}", path, [], 16, 1, IMAGENET, lambda x, m=model: timm_result(m, x)

    model = stir(timm.create_model("vit_small_patch16_224", pretrained=False, dynamic_img_size=True))
    np.savez(folder / "jax.npz", **jax_layout(model))
    yield "JAX .npz", folder / "jax.npz", [], 16, 1, HALF, lambda x, m=model: timm_result(m, x)

    small = dict(hidden_size=384, num_attention_heads=6, image_size=518, patch_size=14)
    dinov3 = dict(hidden_size=384, num_attention_heads=6, num_register_tokens=4, layer_norm_eps=1e-5)
    plus = dict(intermediate_size=1536, use_gated_mlp=True, hidden_act="silu")
    for title, kind, configuration, patch, special, normalization in (
        ("", transformers.ViTForImageClassification, transformers.ViTConfig(num_labels=1000), 16, 1, HALF),
        ("", transformers.Dinov2Model, transformers.Dinov2Config(**small), 14, 1, IMAGENET),
        (
            "", transformers.Dinov2WithRegistersModel, transformers.Dinov2WithRegistersConfig(**small), 14, 5,
            IMAGENET,
        ),
        (
            " S", transformers.DINOv3ViTModel,
            transformers.DINOv3ViTConfig(intermediate_size=1536, **dinov3), 16, 5, IMAGENET,
        ),
        (" S+", transformers.DINOv3ViTModel, transformers.DINOv3ViTConfig(**dinov3, **plus), 16, 5, IMAGENET),
        (" B", transformers.CLIPVisionModel, transformers.CLIPVisionConfig(patch_size=16), 16, 1, CLIP),
    ):  # fmt: skip
        configuration._attn_implementation = "eager"
        model = stir(kind(configuration))
        path = folder / f"{kind.__name__}{title}"
        model.save_pretrained(path)
        yield (
            f"transformers {kind.__name__}{title}", path / "model.safetensors", [], patch, special,
            normalization, lambda x, m=model: huggingface_result(m, x),
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Holds the binary to the original libraries.")
    parser.add_argument("vitvideo")
    parser.add_argument("picture", help="at least 384×256 pixels")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        picture = Image.open(options.picture).convert("RGB")
        picture.crop((0, 0, 224, 224)).save(folder / "224x224.png")
        picture.crop((0, 0, 384, 256)).save(folder / "256x384.png")
        for title, weights, extra, patch, special, normalization, result in families(folder):
            for size in ("224x224", "256x384"):
                x = pixels(folder / f"{size}.png", normalization, patch)
                attention, logits = result(x)
                rows, columns = x.shape[2] // patch, x.shape[3] // patch
                expected = attention[:, 0, special:].reshape(-1, rows, columns).numpy()
                export = folder / "out.npz"
                command = [options.vitvideo, str(folder / f"{size}.png"), "--weights", str(weights)]
                command += ["--resolution", "native", "--export", str(export), "-y", *extra]
                subprocess.run(command, check=True)
                found = np.load(export)
                error = np.abs(found["attention"][0] - expected).max()
                share = error / expected.max()
                line = f"{title:46} {size}  attention {error:.1e}, of the largest {share:.1e}"
                holds = error <= TOLERANCE
                if logits is not None:
                    gap = np.abs(found["logits"][0] - logits).max()
                    line += f"  logits {gap:.1e}"
                    holds = holds and gap <= TOLERANCE
                print(line, "" if holds else "  FAILS", flush=True)
                failed = failed or not holds
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
