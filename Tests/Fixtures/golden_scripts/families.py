"""Tiny checkpoints as each original library saves them, with what it computes from them.

Every family gets a file in its own naming and format and beside it `<name>.expected.safetensors`:
for the native grid and another one the input, the class token's attention in the last block and,
where there is a classifier, the logits. The models are `models.TinyViT`'s weights in the library's
own classes, so that the library and not this script says what the names mean.

`deit.pth` alone has other bytes each time: PyTorch's old format names storages by their addresses.
"""

import argparse
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from transformers import (
    DeiTConfig,
    DeiTForImageClassificationWithTeacher,
    Dinov2Config,
    Dinov2ForImageClassification,
    Dinov2WithRegistersConfig,
    Dinov2WithRegistersForImageClassification,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

from .crosscheck import timm_twin
from .models import TinyConfig, TinyViT, build
from .store import save

GRIDS = {"native": (4, 4), "wide": (3, 7)}
CLASSES = 5
SHAPE = dict(width=24, heads=2, patch=4, depth=2)


def tiny(family: str, seed: int, position: str, **options) -> TinyViT:
    return build(TinyConfig(f"{family}-{seed}", family, seed, position=position, **(SHAPE | options)))


def dummy(seed: int, *shape: int) -> torch.Tensor:
    """Values of a tensor that must not matter, or of a classifier: seeded, float32."""
    values = np.random.default_rng(seed).standard_normal(shape) / 5
    return torch.from_numpy(values.astype(np.float32))


# --- what a library computes ---


class Ours:
    """`TinyViT` stands for the code of DINO and DINOv2, which is on no package index."""

    def __init__(self, model: TinyViT):
        self.model = model

    def __call__(self, image):
        trace = self.model.trace(image)
        last = trace[f"attention.{self.model.config.depth - 1}"]
        return last[0, :, 0, self.model.config.special_tokens :], trace.get("logits")


class Timm:
    def __init__(self, model: VisionTransformer):
        self.model = model.double().eval()
        for block in model.blocks:
            block.attn.fused_attn = False

    def __call__(self, image):
        seen = []
        hook = self.model.blocks[-1].attn.attn_drop.register_forward_hook(lambda _m, _i, out: seen.append(out))
        logits = self.model(image[None])
        hook.remove()
        classes = self.model.num_classes
        return seen[0][0, :, 0, self.model.num_prefix_tokens :], logits if classes else None


class Transformers:
    """`special` tokens before the patches; `options` for the forward pass."""

    def __init__(self, model: nn.Module, special: int, **options):
        self.model, self.special, self.options = model.double().eval(), special, options
        model.set_attn_implementation("eager")

    def __call__(self, image):
        result = self.model(image[None], output_attentions=True, **self.options)
        return result.attentions[-1][0, :, 0, self.special :], getattr(result, "logits", None)


def write_expected(path: Path, original, seed: int) -> None:
    rng = np.random.default_rng(3000 + seed)
    values = {}
    for name, (rows, cols) in GRIDS.items():
        pixels = rng.standard_normal((3, rows * SHAPE["patch"], cols * SHAPE["patch"])).astype(np.float32)
        with torch.no_grad():
            attention, logits = original(torch.from_numpy(pixels).double())
        values[f"{name}/input"] = pixels
        values[f"{name}/attention"] = attention.reshape(SHAPE["heads"], rows, cols)
        if logits is not None:
            values[f"{name}/logits"] = logits[0]
    save(path, values, {"heads": SHAPE["heads"]})


def write_safetensors(path: Path, tensors: dict) -> None:
    """As timm and transformers write them, through the safetensors library."""
    tensors = {name: value.detach().float().contiguous().clone() for name, value in tensors.items()}
    safetensors.torch.save_file(tensors, path, metadata={"format": "pt"})


def rounded(model: nn.Module) -> nn.Module:
    """The model as it will be read back: float32 values, in float64."""
    return model.float().double()


# --- one function a family; each returns the original and the file's seed ---


def dino(path: Path):
    """DINO's training checkpoint: student and teacher with their projection heads, and the options."""
    model = tiny("dino", 31, "scale-offset")
    student = tiny("dino", 32, "scale-offset", width=8, depth=1)

    def wrapped(of: TinyViT, prefix: str, seed: int) -> dict:
        names = {f"{prefix}backbone.{name}": value.float() for name, value in of.state_dict().items()}
        for layer, shape in {"mlp.0.weight": (8, 24), "mlp.0.bias": (8,), "last_layer.weight_g": (6, 1)}.items():
            names[f"{prefix}head.{layer}"] = dummy(seed, *shape)
        return names

    torch.save(
        {
            "student": wrapped(student, "module.", 1),
            "teacher": wrapped(model, "", 2),
            "epoch": 100,
            "args": argparse.Namespace(arch="vit_tiny", patch_size=4, lr=0.0005),
        },
        path.with_suffix(".pth"),
    )
    return Ours(model)


def dino_wrapped(path: Path):
    """The same names in safetensors, from a model wrapped for distributed training."""
    model = tiny("dino", 33, "scale-offset")
    names = {f"module.backbone.{name}": value for name, value in model.state_dict().items()}
    names["module.head.mlp.0.weight"] = dummy(3, 8, 24)
    names["module.head.last_layer.weight_v"] = dummy(4, 6, 8)
    write_safetensors(path.with_suffix(".safetensors"), names)
    return Ours(model)


def dinov2_chunked(path: Path):
    """DINOv2's FSDP form `blocks.0.N.`, SwiGLU as in ViT-g, and the mask token."""
    model = tiny("dinov2", 34, "scale-offset", layer_scale=True, swiglu=True)
    names = {n.replace("blocks.", "blocks.0."): value for n, value in model.canonical_weights().items()}
    write_safetensors(path.with_suffix(".safetensors"), names | {"mask_token": dummy(5, 1, 24)})
    return Ours(model)


def dinov2_registers(path: Path):
    model = tiny("dinov2", 35, "antialias", layer_scale=True, registers=3)
    names = model.canonical_weights() | {"mask_token": dummy(6, 1, 24)}
    write_safetensors(path.with_suffix(".safetensors"), names)
    return Ours(model)


def deit(path: Path):
    """DeiT's own file: a plain model's weights under `model`, in PyTorch's format before 1.6."""
    model = rounded(timm_twin(tiny("deit", 36, "antialias", classes=CLASSES)))
    names = {name: value.float() for name, value in model.state_dict().items()}
    torch.save({"model": names}, path.with_suffix(".pth"), _use_new_zipfile_serialization=False)
    return Timm(model)


def deit_distilled(path: Path):
    model = rounded(timm_twin(tiny("deit", 37, "antialias", classes=CLASSES, distilled=True)))
    write_safetensors(path.with_suffix(".safetensors"), model.state_dict())
    return Timm(model)


def timm_registers(path: Path):
    """timm's layout of DINOv2 ViT-g with registers: `reg_token`, no position for the class token (it is
    in the token already), gate and value of SwiGLU in `mlp.fc1`."""
    options = dict(layer_scale=True, swiglu=True, registers=4)
    model = rounded(timm_twin(tiny("dinov2", 38, "antialias", **options)))
    write_safetensors(path.with_suffix(".safetensors"), model.state_dict())
    return Timm(model)


def hugging_face_names(model: TinyViT) -> dict:
    """The weights under the names of transformers 5's modules."""
    source = model.canonical_weights()
    names = {
        "embeddings.cls_token": source["cls_token"],
        "embeddings.position_embeddings": source["pos_embed"],
        "embeddings.patch_embeddings.projection.weight": source["patch_embed.proj.weight"],
        "embeddings.patch_embeddings.projection.bias": source["patch_embed.proj.bias"],
        "layernorm.weight": source["norm.weight"],
        "layernorm.bias": source["norm.bias"],
    }
    if model.config.distilled:
        names["embeddings.distillation_token"] = source["dist_token"]
    dinov2 = model.config.family == "dinov2"
    if dinov2:
        names["embeddings.mask_token"] = dummy(7, 1, model.config.width)
    if model.config.registers:
        names["embeddings.register_tokens"] = source["register_tokens"]
    parts = {"attn.proj": "attention.o_proj", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"}
    parts |= {"norm1": "norm1", "norm2": "norm2"} if dinov2 else {
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
    }
    for index in range(model.config.depth):
        ours = f"blocks.{index}."
        theirs = f"encoder.layer.{index}." if dinov2 else f"layers.{index}."
        for kind in ("weight", "bias"):
            for name, part in zip("qkv", source[f"{ours}attn.qkv.{kind}"].chunk(3)):
                names[f"{theirs}attention.{name}_proj.{kind}"] = part
            if model.config.swiglu:
                gate, value = source[f"{ours}mlp.w12.{kind}"].chunk(2)
                names[f"{theirs}mlp.gate_proj.{kind}"] = gate
                names[f"{theirs}mlp.up_proj.{kind}"] = value
                names[f"{theirs}mlp.down_proj.{kind}"] = source[f"{ours}mlp.w3.{kind}"]
            for mine, other in parts.items():
                if f"{ours}{mine}.{kind}" in source:
                    names[f"{theirs}{other}.{kind}"] = source[f"{ours}{mine}.{kind}"]
        if dinov2:
            for number in (1, 2):
                names[f"{theirs}layer_scale{number}.lambda1"] = source[f"{ours}ls{number}.gamma"]
    return names


def hugging_face_shape(config: TinyConfig) -> dict:
    return dict(
        hidden_size=config.width,
        num_hidden_layers=config.depth,
        num_attention_heads=config.heads,
        image_size=config.native_grid * config.patch,
        patch_size=config.patch,
    )


def save_pretrained(model: nn.Module, path: Path) -> None:
    """Through the library's own `save_pretrained`, which writes the published spelling of the names."""
    directory = path.with_suffix(".directory")
    model.save_pretrained(directory)
    (directory / "model.safetensors").rename(path.with_suffix(".safetensors"))
    for left in directory.iterdir():
        left.unlink()
    directory.rmdir()


def hf_vit(path: Path):
    """`ViTForImageClassification`, with the library's own LayerNorm eps of 1e-12."""
    tiny_model = tiny("vit", 39, "antialias", classes=CLASSES)
    config = ViTConfig(intermediate_size=96, num_labels=CLASSES, **hugging_face_shape(tiny_model.config))
    model = ViTForImageClassification(config)
    names = {f"vit.{name}": value for name, value in hugging_face_names(tiny_model).items()}
    weights = tiny_model.canonical_weights()
    names |= {f"classifier.{kind}": weights[f"head.{kind}"] for kind in ("weight", "bias")}
    model.load_state_dict(names)
    save_pretrained(model, path)
    return Transformers(model, 1, interpolate_pos_encoding=True)


def hf_vit_state_dict(path: Path):
    """A `state_dict` of `ViTModel`, whose names are those of the modules; with the pooler."""
    tiny_model = tiny("vit", 40, "antialias")
    config = ViTConfig(intermediate_size=96, **hugging_face_shape(tiny_model.config))
    model = ViTModel(config)
    pooler = {"pooler.dense.weight": dummy(8, 24, 24), "pooler.dense.bias": dummy(9, 24)}
    model.load_state_dict(hugging_face_names(tiny_model) | pooler)
    write_safetensors(path.with_suffix(".safetensors"), model.state_dict())
    return Transformers(model, 1, interpolate_pos_encoding=True)


def hf_deit(path: Path):
    tiny_model = tiny("deit", 41, "antialias", classes=CLASSES, distilled=True)
    config = DeiTConfig(intermediate_size=96, num_labels=CLASSES, **hugging_face_shape(tiny_model.config))
    model = DeiTForImageClassificationWithTeacher(config)
    names = {f"deit.{name}": value for name, value in hugging_face_names(tiny_model).items()}
    weights = tiny_model.canonical_weights()
    for ours, theirs in {"head": "cls_classifier", "head_dist": "distillation_classifier"}.items():
        names |= {f"{theirs}.{kind}": weights[f"{ours}.{kind}"] for kind in ("weight", "bias")}
    model.load_state_dict(names)
    save_pretrained(model, path)
    return Transformers(model, 2, interpolate_pos_encoding=True)


def hf_dinov2(path: Path):
    """`Dinov2ForImageClassification`: its classifier takes class token and mean patch token."""
    tiny_model = tiny("dinov2", 42, "scale-offset", layer_scale=True, swiglu=True)
    config = Dinov2Config(num_labels=CLASSES, use_swiglu_ffn=True, **hugging_face_shape(tiny_model.config))
    model = Dinov2ForImageClassification(config)
    names = {f"dinov2.{name}": value for name, value in hugging_face_names(tiny_model).items()}
    names |= {"classifier.weight": dummy(10, CLASSES, 48), "classifier.bias": dummy(11, CLASSES)}
    model.load_state_dict(names)
    save_pretrained(model, path)
    return Transformers(model, 1)


def hf_dinov2_registers(path: Path):
    tiny_model = tiny("dinov2", 43, "antialias", layer_scale=True, registers=4)
    shape = hugging_face_shape(tiny_model.config)
    model = Dinov2WithRegistersForImageClassification(
        Dinov2WithRegistersConfig(num_labels=CLASSES, num_register_tokens=4, **shape)
    )
    names = {f"dinov2_with_registers.{name}": v for name, v in hugging_face_names(tiny_model).items()}
    names |= {"classifier.weight": dummy(12, CLASSES, 48), "classifier.bias": dummy(13, CLASSES)}
    model.load_state_dict(names)
    save_pretrained(model, path)
    return Transformers(model, 5)


def jax(path: Path):
    """The layout of google-research/vision_transformer's `.npz`, read back by timm's own loader."""
    tiny_model = tiny("vit", 44, "antialias", classes=CLASSES)
    source = {name: value.numpy() for name, value in tiny_model.state_dict().items()}
    heads, width = SHAPE["heads"], SHAPE["width"]
    arrays = {
        "cls": source["cls_token"],
        "Transformer/posembed_input/pos_embedding": source["pos_embed"],
        "embedding/kernel": source["patch_embed.proj.weight"].transpose(2, 3, 1, 0),
        "embedding/bias": source["patch_embed.proj.bias"],
        "Transformer/encoder_norm/scale": source["norm.weight"],
        "Transformer/encoder_norm/bias": source["norm.bias"],
        "head/kernel": source["head.weight"].T,
        "head/bias": source["head.bias"],
    }
    for index in range(SHAPE["depth"]):
        ours, theirs = f"blocks.{index}.", f"Transformer/encoderblock_{index}/"
        for norm, number in {"norm1": 0, "norm2": 2}.items():
            arrays[f"{theirs}LayerNorm_{number}/scale"] = source[f"{ours}{norm}.weight"]
            arrays[f"{theirs}LayerNorm_{number}/bias"] = source[f"{ours}{norm}.bias"]
        for number in (0, 1):
            dense = f"{theirs}MlpBlock_3/Dense_{number}/"
            arrays[f"{dense}kernel"] = source[f"{ours}mlp.fc{number + 1}.weight"].T
            arrays[f"{dense}bias"] = source[f"{ours}mlp.fc{number + 1}.bias"]
        attention = f"{theirs}MultiHeadDotProductAttention_1/"
        weights = np.split(source[f"{ours}attn.qkv.weight"], 3)
        biases = np.split(source[f"{ours}attn.qkv.bias"], 3)
        for name, weight, bias in zip(("query", "key", "value"), weights, biases):
            arrays[f"{attention}{name}/kernel"] = weight.T.reshape(width, heads, -1)
            arrays[f"{attention}{name}/bias"] = bias.reshape(heads, -1)
        arrays[f"{attention}out/kernel"] = source[f"{ours}attn.proj.weight"].T.reshape(heads, -1, width)
        arrays[f"{attention}out/bias"] = source[f"{ours}attn.proj.bias"]
    file = path.with_suffix(".npz")
    np.savez(file, **{name: np.ascontiguousarray(value, dtype=np.float32) for name, value in arrays.items()})
    model = VisionTransformer(
        img_size=16, patch_size=4, embed_dim=width, depth=SHAPE["depth"], num_heads=heads,
        num_classes=CLASSES, dynamic_img_size=True,
    )  # fmt: skip
    model.load_pretrained(str(file))
    return Timm(model)


def dinov2_registers_gated(path: Path):
    """DINOv2's ViT-g with registers."""
    model = tiny("dinov2", 47, "antialias", layer_scale=True, swiglu=True, registers=4)
    names = model.canonical_weights() | {"mask_token": dummy(17, 1, 24)}
    write_safetensors(path.with_suffix(".safetensors"), names)
    return Ours(model)


def timm_gated(path: Path):
    """timm's layout of DINOv2 ViT-g without registers."""
    model = rounded(timm_twin(tiny("dinov2", 48, "antialias", layer_scale=True, swiglu=True)))
    write_safetensors(path.with_suffix(".safetensors"), model.state_dict())
    return Timm(model)


def hf_dinov2_registers_gated(path: Path):
    tiny_model = tiny("dinov2", 49, "antialias", layer_scale=True, swiglu=True, registers=4)
    shape = hugging_face_shape(tiny_model.config)
    model = Dinov2WithRegistersForImageClassification(
        Dinov2WithRegistersConfig(num_labels=CLASSES, num_register_tokens=4, use_swiglu_ffn=True, **shape)
    )
    names = {f"dinov2_with_registers.{name}": v for name, v in hugging_face_names(tiny_model).items()}
    names |= {"classifier.weight": dummy(18, CLASSES, 48), "classifier.bias": dummy(19, CLASSES)}
    model.load_state_dict(names)
    save_pretrained(model, path)
    return Transformers(model, 5)


FAMILIES = [
    dino, dino_wrapped, dinov2_chunked, dinov2_registers, deit, deit_distilled, timm_registers, hf_vit,
    hf_vit_state_dict, hf_deit, hf_dinov2, hf_dinov2_registers, jax, dinov2_registers_gated, timm_gated,
    hf_dinov2_registers_gated,
]  # fmt: skip


def linear_heads(directory: Path) -> None:
    """DINO's linear classifiers, on the features that its `eval_linear.py` puts together: the class
    tokens of the last four blocks (ViT-S), or the last one's and the mean patch token (ViT-B), which
    are stacked along a new last axis and so alternate channel by channel."""
    model = tiny("dino", 45, "scale-offset", width=16, depth=4)
    write_safetensors(directory / "linear_backbone.safetensors", model.state_dict())
    image = dummy(14, 3, 12, 28).double()
    with torch.no_grad():
        trace = model.trace(image)
        normed = [model.norm(trace[f"block.{index}"]) for index in range(4)]
        small = torch.cat([tokens[:, 0] for tokens in normed], dim=-1)
        mean = normed[-1][:, 1:].mean(dim=1)
        base = torch.cat((normed[-1][:, 0].unsqueeze(-1), mean.unsqueeze(-1)), dim=-1).reshape(1, -1)
        expected = {"input": image}
        for name, features in {"small": small, "base": base}.items():
            weight, bias = dummy(15, CLASSES, features.shape[1]), dummy(16, CLASSES)
            head = {"module.linear.weight": weight, "module.linear.bias": bias}
            write_safetensors(directory / f"linear_{name}.safetensors", head)
            expected[name] = (features @ weight.double().T + bias.double())[0]
    save(directory / "linear.expected.safetensors", expected, {"heads": SHAPE["heads"]})


def make(directory: Path) -> None:
    """Writes families/<name>.<format> and families/<name>.expected.safetensors."""
    directory.mkdir(parents=True, exist_ok=True)
    for seed, family in enumerate(FAMILIES):
        path = directory / family.__name__
        write_expected(directory / f"{family.__name__}.expected.safetensors", family(path), seed)
    linear_heads(directory)
