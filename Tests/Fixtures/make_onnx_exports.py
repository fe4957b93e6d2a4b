"""Exports tiny Vision Transformers of timm, transformers and OpenCLIP to goldens/onnx with PyTorch's two ONNX exporters.

Run from this directory, with the versions that goldens/onnx/versions.json names for each model or newer ones:

    python3 make_onnx_exports.py [DIRECTORY [MODEL …]]

Without a model's name all are made. Each model's parameters are saved beside its exports as safetensors. The test of an export is that every one of
them comes back, bit for bit.
"""

import json
import os
import sys

import onnx
import open_clip
import safetensors.torch
import timm
import torch
import transformers
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn

from golden_scripts.store import strip_onnx

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens", "onnx")
SIZES = {"img_size": 8, "patch_size": 4, "embed_dim": 8, "depth": 1, "num_heads": 2, "mlp_ratio": 2, "num_classes": 0}
HF_SIZES = {
    "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "mlp_ratio": 2,
    "image_size": 8, "patch_size": 4,
}

OLD = {"dynamo": False}
NEW = {"dynamo": True, "external_data": False}
BESIDE = {"dynamo": True, "external_data": True}
# All sides of the input are open.
NEW_AXES = NEW | {"dynamic_shapes": ({axis: torch.export.Dim.AUTO for axis in (0, 2, 3)},)}
# As Optimum exports for transformers.js: GELU and norms are parts in this version.
OPTIMUM = OLD | {
    "opset_version": 14, "dynamic_axes": {"pixels": {0: "batch_size", 2: "height", 3: "width"}},
}  # fmt: skip


class Wrapped(nn.Module):
    """What people put around a model of Hugging Face, so that a tensor comes out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        output = self.model(pixels)
        return output.logits if hasattr(output, "logits") else output.last_hidden_state


class Pictures(nn.Module):
    """The part of a model of pictures and texts that embeds pictures."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model.get_image_features(pixels).pooler_output


def vit(**options):
    return VisionTransformer(**(SIZES | options))


def registered(architecture, **options):
    """A model of timm's by its name there. Heads are 8 wide, so that DINOv3 has two periods of rotation."""
    sizes = {name: value for name, value in SIZES.items() if name != "num_classes"} | {"embed_dim": 16}
    return timm.create_model(architecture, **(sizes | options))


def open_clip_tower(**options):
    return open_clip.transformer.VisionTransformer(
        image_size=8, patch_size=4, width=16, layers=1, heads=2, mlp_ratio=2, output_dim=6, **options
    )


def models():
    """Name, model, whether its parameters are made to differ, and its exports."""
    t = transformers
    yield "timm", vit(num_classes=3), True, {"old": OLD, "beside": BESIDE}
    # As it is before any training: biases are 0 and norms 1 everywhere, and stored once.
    yield "equal", vit(depth=2, init_values=1e-5), False, {"old": OLD, "new": NEW}
    yield "biasless", nn.Sequential(vit(qkv_bias=False, proj_bias=False)), True, {"old": OLD}
    # DINO's own code resamples its positions in the graph as timm does with this.
    yield "dynamic", vit(dynamic_img_size=True), True, {"new": NEW, "axes": NEW_AXES}
    yield "deit", VisionTransformerDistilled(**(SIZES | {"num_classes": 3})), True, {"new": NEW}
    # A token for each of two pictures.
    yield "registers", vit(init_values=1.0, reg_tokens=2, no_embed_class=True), True, {"batch": NEW}
    yield "hf_vit", Wrapped(t.ViTForImageClassification(t.ViTConfig(**HF_SIZES))), True, {"new": NEW}
    yield "hf_dinov2", Wrapped(t.Dinov2Model(t.Dinov2Config(**HF_SIZES))), True, {
        "old": OLD, "new": NEW}
    yield "hf_registers", Wrapped(
        t.Dinov2WithRegistersModel(t.Dinov2WithRegistersConfig(num_register_tokens=2, **HF_SIZES))), True, {"new": NEW}
    # The rotation of queries and keys is a constant where the input's size is fixed.
    yield "dinov3", registered("vit_small_patch16_dinov3"), True, {"old": OLD, "new": NEW, "axes": NEW_AXES}
    # Queries, keys and values have one bias, joined of two parameters and zeros.
    yield "dinov3_qkvb", registered("vit_small_patch16_dinov3_qkvb"), True, {"old": OLD, "new": NEW}
    yield "dinov3_gated", registered("vit_small_plus_patch16_dinov3"), True, {"old": OLD}
    wide = HF_SIZES | {"hidden_size": 16, "intermediate_size": 32}
    del wide["mlp_ratio"]
    yield "hf_dinov3", Wrapped(t.DINOv3ViTModel(t.DINOv3ViTConfig(num_register_tokens=2, **wide))), True, {
        "old": OLD, "new": NEW, "axes": NEW_AXES}
    text = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "vocab_size": 12, "max_position_embeddings": 5, "bos_token_id": 10, "eos_token_id": 11}
    yield "hf_clip", Pictures(t.CLIPModel(t.CLIPConfig(
        text_config=text, vision_config=wide, projection_dim=6))), True, {"old": OLD, "new": NEW, "axes": NEW_AXES}
    yield "hf_clip_vision", t.CLIPVisionModelWithProjection(
        t.CLIPVisionConfig(projection_dim=6, hidden_act="gelu", **wide)), True, {"optimum": OPTIMUM, "old": OLD}
    yield "open_clip", open_clip_tower(), True, {"old": OLD, "new": NEW, "axes": NEW_AXES}
    yield "open_clip_quickgelu", open_clip_tower(act_layer=open_clip.transformer.QuickGELU), True, {
        "optimum": OPTIMUM}
    yield "timm_clip", registered("vit_base_patch32_clip_quickgelu_224", num_classes=6), True, {"new": NEW}


def make_differ(model):
    """Gives all parameters other values, so that none can be taken for another."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.randn(value.shape, generator=generator) / 4)


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else OUT
    chosen = sys.argv[2:]
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(0)
    for name, model, differs, exports in models():
        if chosen and name not in chosen:
            continue
        model.eval()
        if differs:
            make_differ(model)
        state = {key: value.contiguous() for key, value in model.state_dict().items()}
        safetensors.torch.save_file(state, os.path.join(out, f"{name}.safetensors"))
        for kind, options in exports.items():
            path = os.path.join(out, f"{name}.{kind}.onnx")
            # The new exporter takes a side of 1 for fixed.
            pixels = torch.randn(2 if kind in ("batch", "axes") else 1, 3, 8, 8)
            torch.onnx.export(model, (pixels,), path, input_names=["pixels"], **options)
            strip_onnx(path)
        note_versions(out, name)
    if not chosen or "empty" in chosen:
        torch.onnx.export(nn.Linear(2, 2), (torch.randn(1, 2),), os.path.join(out, "empty.onnx"),
                          export_params=False, **OLD)
        note_versions(out, "empty")


def note_versions(out, name):
    """The versions that a model is made with, in versions.json."""
    path = os.path.join(out, "versions.json")
    noted = {}
    if os.path.exists(path):
        with open(path) as file:
            noted = json.load(file)
    modules = (onnx, open_clip, timm, torch, transformers)
    noted[name] = {module.__name__: module.__version__ for module in modules}
    with open(path, "w") as file:
        json.dump(noted, file, indent=2, sort_keys=True)
        file.write("\n")


if __name__ == "__main__":
    main()
