#!/usr/bin/env python3
"""Writes goldens/resampling.json: small maps and pictures resized by the libraries we follow.

    pip install torch==2.15.0 Pillow==13.0.0 numpy==2.4.6
    Tests/Fixtures/make_resampling.py

maps      torch.nn.functional.interpolate(mode, align_corners=False) of a 5 × 7 map
pictures  Pillow's Image.resize(BILINEAR), which antialiases when it shrinks
"""

import json
import pathlib

import numpy
import PIL
import torch
from PIL import Image

GOLDENS = pathlib.Path(__file__).resolve().parent / "goldens"


def hexadecimal(array):
    return numpy.ascontiguousarray(array).tobytes().hex()


def maps(random):
    source = random.random((5, 7), dtype=numpy.float32)
    entries = []
    for mode in ["bilinear", "bicubic"]:
        for height, width in [(20, 28), (23, 31)]:
            out = torch.nn.functional.interpolate(
                torch.from_numpy(source)[None, None], size=(height, width), mode=mode, align_corners=False
            )[0, 0]
            entries.append(
                {"mode": mode, "height": height, "width": width, "values_hex": hexadecimal(out.numpy())}
            )
    return {"height": 5, "width": 7, "values_hex": hexadecimal(source), "enlarged": entries}


def pictures(random):
    source = random.integers(0, 256, size=(37, 53, 3), dtype=numpy.uint8)
    entries = []
    for height, width in [(37, 53), (18, 26), (14, 20), (5, 53), (37, 7), (60, 90)]:
        out = numpy.asarray(Image.fromarray(source).resize((width, height), Image.Resampling.BILINEAR))
        entries.append({"height": height, "width": width, "bytes_hex": hexadecimal(out)})
    return {"height": 37, "width": 53, "bytes_hex": hexadecimal(source), "resized": entries}


if __name__ == "__main__":
    random = numpy.random.default_rng(11)
    golden = {
        "torch": torch.__version__,
        "pillow": PIL.__version__,
        "numpy": numpy.__version__,
        "maps": maps(random),
        "pictures": pictures(random),
    }
    (GOLDENS / "resampling.json").write_text(json.dumps(golden, indent=1) + "\n")
