"""Makes the ONNX model of a timm model with seeded weights: `python -m suite.prepare_graph FILE ARCHITECTURE`."""

import argparse
import os
from pathlib import Path

import torch
from peers.timm_model import timm


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("architecture")
    options = parser.parse_args()
    torch.manual_seed(20260101)
    # Attention by its two products, which an export has.
    timm.layers.set_fused_attn(False)
    model = timm.create_model(options.architecture, pretrained=False).eval()
    options.file.parent.mkdir(parents=True, exist_ok=True)
    # Whole or not at all.
    temporary = options.file.with_suffix(".part")
    with torch.inference_mode():
        torch.onnx.export(
            model, (torch.zeros(1, 3, 224, 224),), os.fspath(temporary), input_names=["frame"],
            output_names=["logits"], opset_version=17, dynamo=False,
        )  # fmt: skip
    temporary.rename(options.file)


if __name__ == "__main__":
    main()
