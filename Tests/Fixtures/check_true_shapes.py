#!/usr/bin/env python3
"""Holds the binary to the original libraries on checkpoints of the published sizes.

    python3 Tests/Fixtures/check_true_shapes.py VITVIDEO PICTURE

Each family's model is made at its true shape by its own library (timm, transformers, OpenCLIP, NumPy in the
JAX layout), filled from a seeded generator, saved in its own format and run through

    vitvideo picture.png --weights file --resolution native --export out.npz

at 224×224 and 256×384 (height × width) cut from PICTURE. Attention of the last and of a middle block and logits
must equal the library's within 1e-4. The map is the class token's attention to the patches; of SigLIP that of
the pooling probe; of other models without a class token the mean of the patches' own, with `--query mean`.
The tests in the package do the same on tiny models; this takes some minutes, 2 GB of memory and the
libraries of make_goldens.py, so it is run by hand.
"""

import argparse
import copy
import inspect
import itertools
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import timm
import torch
import transformers
from PIL import Image
from safetensors.torch import save_file
from timm.layers import resample_abs_pos_embed

IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
HALF = (np.array([0.5] * 3), np.array([0.5] * 3))
CLIP = (np.array([0.48145466, 0.4578275, 0.40821073]), np.array([0.26862954, 0.26130258, 0.27577711]))
TOLERANCE = 1e-4
# Blocks; every model here has twelve.
LAST, MIDDLE = -1, 6
MEAN_QUERY = ["--query", "mean"]
QUERY_AND_KEY = ("qkv.weight", "in_proj_weight", "query", "key.", "q_proj.", "k_proj.", "pool.q.", "pool.kv.")


def stir(model: torch.nn.Module) -> torch.nn.Module:
    """Values under which a wrong eps, order or interpolation shows, and single precision does not."""
    for name, parameter in model.named_parameters():
        if any(part in name for part in ("pos_embed", "position", "token")):
            parameter.normal_(0, 0.5)
        elif name in ("head.weight", "classifier.weight"):  # almost 0 as some models are built
            parameter.normal_(0, 0.05)
        elif name.endswith(("attn_pool.latent", "head.probe")):
            parameter.normal_(0, 1)
        elif name.endswith("bias"):
            parameter.normal_(0, 0.1)
        elif any(part in name for part in QUERY_AND_KEY) and not name.startswith("head."):
            parameter.mul_(3)
        elif parameter.ndim == 1:
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


def pixels(path: Path, normalization, patch: int) -> torch.Tensor:
    values = np.asarray(Image.open(path).convert("RGB")).astype(np.float64) / 255
    height, width = (side // patch * patch for side in values.shape[:2])
    values = (values[:height, :width] - normalization[0]) / normalization[1]
    return torch.tensor(values.transpose(2, 0, 1)[None], dtype=torch.float32)


def timm_result(model, x, block):
    """A block's attention (heads, tokens, tokens) and logits; of a pooling head (heads, 1, tokens) for the last one."""
    if not getattr(model, "dynamic_img_size", False):
        model = copy.deepcopy(model)
        model.set_input_size(img_size=tuple(x.shape[2:]))
    seen = {}
    attention = model.blocks[block].attn
    attention.fused_attn = False
    hooks = [attention.attn_drop.register_forward_hook(lambda _, inputs, __: seen.update(a=inputs[0]))]
    pool = getattr(model, "attn_pool", None) if block == LAST else None
    for name in ("q_norm", "k_norm") if pool else ():
        module = getattr(pool, name)
        hooks.append(module.register_forward_hook(lambda _, __, output, name=name: seen.update({name: output[0]})))
    output = model(x)
    for hook in hooks:
        hook.remove()
    if pool:
        return (pool.scale * seen["q_norm"] @ seen["k_norm"].transpose(-2, -1)).softmax(dim=-1), None
    return seen["a"][0], output[0].numpy() if model.num_classes else None


def huggingface_result(model, x, block):
    takes = inspect.signature(model.forward).parameters
    extra = {"interpolate_pos_encoding": True} if "interpolate_pos_encoding" in takes else {}
    seen, hooks = {}, []
    if isinstance(model, transformers.SiglipVisionModel) and block == LAST:
        head = model.head

        def attend(_, inputs):
            patches = inputs[0]
            seen["a"] = head.attention(head.probe, patches, patches, need_weights=True, average_attn_weights=False)[1]

        hooks.append(head.register_forward_pre_hook(attend))
    output = model(pixel_values=x, output_attentions=True, **extra)
    for hook in hooks:
        hook.remove()
    attention = seen["a"] if seen else output.attentions[block]
    return attention[0], output.logits[0].numpy() if hasattr(output, "logits") else None


def open_clip_result(tower, x, block):
    """With positions brought to the grid of `x` as OpenCLIP's `resize_pos_embed` does."""
    grid = [side // size for side, size in zip(x.shape[2:], tower.patch_size)]
    seen, shown = {}, tower.transformer.resblocks[block]

    def attend(_, __, out):
        seen["a"] = shown.attn(out, out, out, need_weights=True, average_attn_weights=False)[1][0]

    hook = shown.ln_1.register_forward_hook(attend)
    table = tower.positional_embedding
    resampled = resample_abs_pos_embed(table[None], grid, num_prefix_tokens=1)[0]
    tower.positional_embedding = torch.nn.Parameter(resampled)
    tower(x)
    tower.positional_embedding = table
    hook.remove()
    return seen["a"], None


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
        ("vit_small_patch16_224", 16, HALF, 1, ["--family", "vit"]),
        ("deit_small_patch16_224", 16, IMAGENET, 1, ["--family", "deit"]),
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
        yield (
            f"timm {name}", path, extra, patch, special, normalization,
            lambda x, block, m=model: timm_result(m, x, block),
        )  # fmt: skip

    model = stir(timm.create_model("deit_tiny_patch16_224", pretrained=False, dynamic_img_size=True))
    for title, legacy in (("zip", False), ("legacy", True)):
        path = folder / f"deit_tiny_{title}.pth"
        checkpoint = {"model": model.state_dict(), "args": argparse.Namespace(lr=1)}
        torch.save(checkpoint, path, _use_new_zipfile_serialization=not legacy)
        yield (
            f"DeiT .pth, {title}", path, ["--family", "deit"], 16, 1, IMAGENET,
            lambda x, block, m=model: timm_result(m, x, block),
        )  # fmt: skip

    model = stir(timm.create_model("vit_small_patch16_224", pretrained=False, dynamic_img_size=True))
    np.savez(folder / "jax.npz", **jax_layout(model))
    yield "JAX .npz", folder / "jax.npz", [], 16, 1, HALF, lambda x, block, m=model: timm_result(m, x, block)

    for name in (
        "vit_base_patch16_siglip_224", "vit_base_patch32_siglip_256", "vit_base_patch16_224.mae",
        "vit_medium_patch16_gap_256", "vit_medium_patch16_reg4_gap_256",
        "beit_base_patch16_224", "beitv2_base_patch16_224",
        "eva02_tiny_patch14_224", "eva02_small_patch14_336", "eva02_base_patch14_224", "eva02_base_patch16_clip_224",
    ):  # fmt: skip
        kind = {"num_classes": 0} if "_clip_" in name else {}
        model = stir(timm.create_model(name, pretrained=False, **kind))
        timm.models.save_for_hf(model, folder / name, safe_serialization=True)
        normalization = tuple(np.array(model.pretrained_cfg[key]) for key in ("mean", "std"))
        extra = [] if model.cls_token is not None or getattr(model, "attn_pool", None) else MEAN_QUERY
        yield (
            f"timm {name}", folder / name / "model.safetensors", extra, model.patch_embed.patch_size[0],
            model.num_prefix_tokens, normalization, lambda x, block, m=model: timm_result(m, x, block),
        )  # fmt: skip

    model = stir(timm.create_model("beit_base_patch16_224", pretrained=False))
    index = {name: value for name, value in model.named_buffers() if name.endswith("relative_position_index")}
    torch.save({"model": model.state_dict() | index}, folder / "beit_base.pth")
    yield "BEiT .pth", folder / "beit_base.pth", [], 16, 1, HALF, lambda x, block, m=model: timm_result(m, x, block)

    # Training checkpoints of DINO's kin around one backbone; timm's rule for positions, which is not their own.
    model = stir(timm.create_model("vit_small_patch16_224", pretrained=False, num_classes=0, dynamic_img_size=True))
    own = model.state_dict()
    decoder = {"mask_token": torch.zeros(1, 1, 8), "decoder_pos_embed": torch.zeros(1, 197, 8)}
    for title, checkpoint in (
        ("MAE", {"model": own | decoder}),
        ("iBOT", {"teacher": {f"backbone.{name}": value for name, value in own.items()}, "student": {}}),
        ("MSN", {"target_encoder": {f"module.{name}": value for name, value in own.items()}, "epoch": 1}),
    ):
        path = folder / f"{title}.pth"
        torch.save(checkpoint, path)
        yield (
            f"{title} .pth", path, ["--position-rule", "timm"], 16, 1, IMAGENET,
            lambda x, block, m=model: timm_result(m, x, block),
        )  # fmt: skip

    # I-JEPA's code with the sizes of a ViT-B; it is published with 14 and 16 as patch and H and g as size.
    model = stir(timm.create_model("vit_base_patch16_gap_224", pretrained=False, num_classes=0, num_heads=12))
    names = {f"module.{name}": value for name, value in model.state_dict().items()}
    predictor = {"module.predictor_pos_embed": torch.zeros(1, 196, 8)}
    checkpoint = {"encoder": names, "target_encoder": names, "predictor": predictor, "epoch": 1}
    torch.save(checkpoint, folder / "ijepa_vitb16.pth")
    yield (
        "I-JEPA .pth", folder / "ijepa_vitb16.pth", MEAN_QUERY, 16, 0, IMAGENET,
        lambda x, block, m=model: timm_result(m, x, block),
    )  # fmt: skip

    yield from clips(folder)

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
        (" B", transformers.SiglipVisionModel, transformers.SiglipVisionConfig(), 16, 0, HALF),
        (" B", transformers.ViTMSNModel, transformers.ViTMSNConfig(), 16, 1, IMAGENET),
        (" B", transformers.IJepaModel, transformers.IJepaConfig(), 16, 0, IMAGENET),
        (
            " B", transformers.BeitForImageClassification,
            transformers.BeitConfig(use_relative_position_bias=True, num_labels=1000), 16, 1, HALF,
        ),
        (
            " DiT B", transformers.BeitForImageClassification,
            transformers.BeitConfig(use_absolute_position_embeddings=True, num_labels=16), 16, 1, HALF,
        ),
        (
            " B", transformers.Data2VecVisionForImageClassification,
            transformers.Data2VecVisionConfig(use_relative_position_bias=True, num_labels=1000), 16, 1, HALF,
        ),
        (
            " B", transformers.Data2VecVisionModel,
            transformers.Data2VecVisionConfig(use_shared_relative_position_bias=True, use_mean_pooling=False), 16, 1,
            HALF,
        ),
    ):  # fmt: skip
        configuration._attn_implementation = "eager"
        model = stir(kind(configuration))
        path = folder / f"{kind.__name__}{title}"
        model.save_pretrained(path)
        extra = MEAN_QUERY if kind is transformers.IJepaModel else []
        yield (
            f"transformers {kind.__name__}{title}", path / "model.safetensors", extra, patch, special,
            normalization, lambda x, block, m=model: huggingface_result(m, x, block),
        )  # fmt: skip


def clips(folder: Path):
    """OpenAI's program in half precision, and OpenCLIP's file with its configuration; small text towers."""
    vision = dict(image_size=224, layers=12, width=768, patch_size=32)
    text = dict(context_length=77, vocab_size=64, width=64, heads=1, layers=1)
    for title, quick in (("OpenAI .pt", True), ("OpenCLIP", False)):
        model = open_clip.CLIP(512, open_clip.CLIPVisionCfg(**vision), open_clip.CLIPTextCfg(**text), quick)
        stir(model)
        if quick:
            path = folder / "ViT-B-32.pt"
            for name, value in (("input_resolution", 224), ("context_length", 77), ("vocab_size", 64)):
                vars(model).pop(name, None)
                model.register_buffer(name, torch.tensor(value))
            examples = (torch.zeros(1, 3, 224, 224), torch.zeros(1, 77, dtype=torch.long))
            torch.jit.trace(model, examples, check_trace=False).half().save(path)
            model.float()  # half precision's values: the program has the model's own tensors
        else:
            path = folder / "open_clip" / "open_clip_model.safetensors"
            path.parent.mkdir()
            save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
            configuration = {
                "model_cfg": {"embed_dim": 512, "vision_cfg": vision, "text_cfg": text},
                "preprocess_cfg": {"mean": CLIP[0].tolist(), "std": CLIP[1].tolist()},
            }
            (path.parent / "open_clip_config.json").write_text(json.dumps(configuration))
        yield title, path, [], 32, 1, CLIP, lambda x, block, m=model.visual: open_clip_result(m, x, block)


def main() -> None:
    parser = argparse.ArgumentParser(description="Holds the binary to the original libraries.")
    parser.add_argument("vitvideo")
    parser.add_argument("picture", help="at least 384×256 pixels")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose title holds it")
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
            if options.only not in title:
                continue
            for size, block in itertools.product(("224x224", "256x384"), (LAST, MIDDLE)):
                x = pixels(folder / f"{size}.png", normalization, patch)
                attention, logits = result(x, block)
                rows, columns = x.shape[2] // patch, x.shape[3] // patch
                # Without a class token a block is shown by the mean of its patches' queries.
                is_mean = MEAN_QUERY[0] in extra or special == 0 and block == MIDDLE
                queries = slice(special, None) if is_mean else slice(1)
                expected = attention[:, queries, special:].mean(dim=1).reshape(-1, rows, columns).numpy()
                if not expected.max() > 2 * expected.mean():
                    sys.exit(f"{title}: attention is flat")
                export = folder / "out.npz"
                command = [options.vitvideo, str(folder / f"{size}.png"), "--weights", str(weights), *extra]
                command += ["--resolution", "native", "--export", str(export), "-y"]
                if block != LAST:
                    command += ["--layer", str(block)]
                subprocess.run(command, check=True)
                found = np.load(export)
                error = np.abs(found["attention"][0] - expected).max()
                share = error / expected.max()
                place = "last" if block == LAST else f"{block:4}"
                line = f"{title:46} {size} {place}  attention {error:.1e}, of the largest {share:.1e}"
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
