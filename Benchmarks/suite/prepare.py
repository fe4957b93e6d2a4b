"""Makes what the programs are given: `python -m suite.prepare FOLDER ROW`.

Seeded weights with timm's names, frames, and the same model for ONNX Runtime and OpenVINO. Run
apart from the measurements, so that no program that is measured holds a converter in memory.
"""

import argparse
import os
import shutil
from pathlib import Path

import numpy as np
import openvino
import torch
from openvino import preprocess
from peers import timm_model
from safetensors.torch import save_file
from timm.models._hub import save_config_for_hf
from suite.rows import BY_NAME, DEFAULT, Row

FRAMES = 4
"""Different frames; programs take them in turn."""

MEAN, DEVIATION = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def seeded_weights(row: Row) -> dict[str, torch.Tensor]:
    """Weights under which activations keep their size and attention is far from even."""
    generator = torch.Generator().manual_seed(20260101)
    weights = {}
    for name, like in timm_model.backbone(row).state_dict().items():
        noise = torch.randn(like.shape, generator=generator)
        if name.endswith(("norm1.weight", "norm2.weight", "norm.weight", "norm_pre.weight")):
            weights[name] = 1 + 0.1 * noise
        elif "gamma" in name:
            weights[name] = 0.5 + 0.1 * noise
        elif name.endswith(".weight"):
            weights[name] = noise * (like[0].numel() ** -0.5)
        else:
            weights[name] = 0.1 * noise
    return weights


def make_frames(row: Row, folder: Path) -> None:
    """Noise of the size that normalised pictures have."""
    generator = np.random.default_rng(20260101)
    frames = generator.standard_normal((FRAMES, 3, row.height, row.input_width), np.float32)
    save_file({"frames": torch.from_numpy(frames)}, folder / "frames.safetensors")


def convert(row: Row, folder: Path) -> None:
    """The model as ONNX and in OpenVINO's form."""
    backbone = timm_model.load(row, os.fspath(folder / "weights.safetensors"))
    model = timm_model.ClassTokenAttention(backbone).eval()
    example = torch.zeros(1, 3, row.height, row.input_width)
    with torch.inference_mode():
        torch.onnx.export(
            model, (example,), os.fspath(folder / "model.onnx"), input_names=["frame"],
            output_names=["attention"], opset_version=17, dynamo=False,
        )  # fmt: skip

    def to_openvino(module: torch.nn.Module, name: str) -> openvino.Model:
        # From PyTorch directly, so that OpenVINO sees whole attention operations.
        converted = openvino.convert_model(
            module, example_input=example, input=[1, 3, row.height, row.input_width]
        )
        openvino.save_model(converted, folder / f"{name}.xml", compress_to_fp16=False)
        return converted

    to_openvino(timm_model.LastSelfAttention(backbone).eval(), "original")
    converted = to_openvino(model, "model")
    if row is DEFAULT:
        openvino.save_model(
            from_pictures(converted), folder / "pictures.xml", compress_to_fp16=False
        )


def from_pictures(model: openvino.Model) -> openvino.Model:
    """The model with normalisation of RGB bytes (1, height, width, 3) put before it."""
    steps = preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    chain = steps.input().preprocess().convert_element_type(openvino.Type.f32)
    chain.mean([255 * value for value in MEAN]).scale([255 * value for value in DEVIATION])
    return steps.build()


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes what the programs are given.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("row", choices=list(BY_NAME))
    parser.add_argument("--weights", type=Path, help="a safetensors file; default: seeded weights")
    parser.add_argument("--weights-only", action="store_true", help="nothing for the peers")
    options = parser.parse_args()
    row = BY_NAME[options.row]
    # Whole or not at all: an interrupted run leaves nothing that looks prepared.
    temporary = options.folder.with_suffix(".part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    if options.weights:
        shutil.copyfile(options.weights, temporary / "weights.safetensors")
    else:
        save_file(seeded_weights(row), temporary / "weights.safetensors")
        if row.architecture:
            # By which ours knows the family.
            save_config_for_hf(timm_model.backbone(row), os.fspath(temporary / "config.json"))
    if not options.weights_only:
        make_frames(row, temporary)
        convert(row, temporary)
    temporary.rename(options.folder)


if __name__ == "__main__":
    main()
