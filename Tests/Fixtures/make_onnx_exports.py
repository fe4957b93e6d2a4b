"""Exports tiny Vision Transformers of timm and transformers to goldens/onnx with PyTorch's two ONNX exporters.

Run from this directory, with the versions in goldens/onnx/versions.json or newer ones:

    python3 make_onnx_exports.py [DIRECTORY]

Each model's parameters are saved beside its exports as safetensors. The test of an export is that every one of
them comes back, bit for bit.
"""

import json
import os
import sys

import onnx
import safetensors.torch
import timm
import torch
import transformers
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import nn

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


class Wrapped(nn.Module):
    """What people put around a model of Hugging Face, so that a tensor comes out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        output = self.model(pixels)
        return output.logits if hasattr(output, "logits") else output.last_hidden_state


def vit(**options):
    return VisionTransformer(**(SIZES | options))


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


def make_differ(model):
    """Gives all parameters other values, so that none can be taken for another."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in model.parameters():
            value.copy_(torch.randn(value.shape, generator=generator) / 4)


def strip(path):
    """Drops the stack traces and the like that the new exporter notes on every node, most of a small file; the names
    of the modules stay."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        kept = [(p.key, p.value) for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        for key, value in kept:
            node.metadata_props.add(key=key, value=value)
        node.doc_string = ""
    for value in [*model.graph.initializer, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, path)


def main():
    out = sys.argv[1] if len(sys.argv) > 1 else OUT
    os.makedirs(out, exist_ok=True)
    torch.manual_seed(0)
    for name, model, differs, exports in models():
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
            strip(path)
    model = nn.Linear(2, 2)
    torch.onnx.export(model, (torch.randn(1, 2),), os.path.join(out, "empty.onnx"), export_params=False, **OLD)
    versions = {module.__name__: module.__version__ for module in (onnx, timm, torch, transformers)}
    with open(os.path.join(out, "versions.json"), "w") as file:
        json.dump(versions, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
