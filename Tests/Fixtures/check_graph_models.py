#!/usr/bin/env python3
"""Holds the binary to timm on hierarchical models of the published sizes.

    python3 Tests/Fixtures/check_graph_models.py VITVIDEO [--bench VITVIDEO-BENCH] [--only TEXT] [--source TEXT]
    python3 Tests/Fixtures/check_graph_models.py --reference DIRECTORY [--only TEXT]

Each model of `MODELS` is made at its true shape by timm, filled from a seeded generator, and saved as a directory of
safetensors and configuration and by PyTorch's two ONNX exporters. The program runs on a picture of colored noise, one
layer and query at a time,

    vitvideo picture.png --weights file --resolution native --layer N --query cls --export out.npz

from all three at the native size, and from safetensors at another that is not square, where timm has the model for it.
Logits and attention must equal timm's within 1e-4; with --bench so must the gradient of a class by the input, of its
largest value. Queries are the class token, where the layer has one among its queries, else the mean
over the patches; and one patch, which shows a window in its place. With --reference the weights and what timm computes
are written to DIRECTORY instead. The tests in the package do the same on tiny models; this takes some minutes,
10 GB of memory and the libraries of make_goldens.py, so it is run by hand.
"""

import argparse
import copy
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from golden_scripts.hierarchical import EXPORTS, TARGET, Tiny, at_size, export, picture, save, seed
from golden_scripts.layers import Attention, traced
from PIL import Image
from torch import nn

TOLERANCE = 1e-4
CHANNELS = (0, 0, 0)
"""The queries of CoaT's attention: none is a token."""
OUTPUT = dict(num_classes=1000)
WINDOW = dict(window_size=7)
MODELS = [
    Tiny("swin_tiny_patch4_window7_224", (224, 224), OUTPUT | WINDOW, (224, 288)),
    Tiny("swinv2_tiny_window8_256", (256, 256), OUTPUT | dict(window_size=8), (256, 320)),
    Tiny("pit_xs_224", (224, 224), OUTPUT),
    Tiny("pit_xs_distilled_224", (224, 224), OUTPUT),
    Tiny("convit_tiny", (224, 224), OUTPUT),
    Tiny("coat_lite_tiny", (224, 224), OUTPUT, (224, 288)),
    Tiny("coat_tiny", (224, 224), OUTPUT, (224, 288)),
    Tiny("twins_svt_small", (224, 224), OUTPUT, (224, 288), takes_any_size=True),
    Tiny("twins_pcpvt_small", (224, 224), OUTPUT, (224, 288), takes_any_size=True),
    Tiny("cait_xxs24_224", (224, 224), OUTPUT),
]


# --- what timm computes ---


@dataclass
class Reference:
    """For one picture. `pixels` is 1 × 3 × H × W, normalized."""

    pixels: torch.Tensor
    output: np.ndarray
    gradient: np.ndarray
    attention: list[Attention]


def reference(model: nn.Module, pixels: torch.Tensor, window: int | None) -> Reference:
    with torch.no_grad():
        output, attention = traced(model, pixels, window)
    leaf = pixels.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(model(leaf)[0, TARGET], leaf)
    return Reference(pixels, output[0].numpy(), gradient.numpy(), attention)


def queries(attention: Attention) -> list[str]:
    """What the program is asked to show of a layer, as `--query` reads it."""
    prefix, rows, columns = attention.queries
    names = ["cls" if prefix > 0 else "mean"]
    if rows > 2:
        names.append(f"{rows // 2},{columns - 2}")
    return names


def shown(attention: Attention, query: str) -> np.ndarray:
    """Heads × rows × columns of the keys' grid."""
    prefix, _, columns = attention.queries
    if query == "cls":
        row = attention.values[:, 0]
    elif query == "mean":
        row = attention.values[:, prefix:].mean(dim=1)
    else:
        at = [int(part) for part in query.split(",")]
        row = attention.values[:, prefix + at[0] * columns + at[1]]
    return row[:, attention.keys[0] :].reshape(-1, *attention.keys[1:]).numpy()


# --- what the program computes ---


def run(program: str, image: Path, weights: Path, model: nn.Module, layer: int, query: str) -> dict:
    """The arrays that the program exports of one layer, first axis the frame. All that is to be known of its command
    line is here."""
    out = image.with_name("out.npz")
    command = [program, str(image), "--weights", str(weights)]
    if weights.suffix != ".onnx":
        command += ["--resolution", "native"]
    else:
        for name in ("mean", "std"):
            command += [f"--{name}", ",".join(str(value) for value in model.pretrained_cfg[name])]
    command += ["--layer", str(layer), "--query", query, "--export", str(out), "-y", "-q"]
    subprocess.run(command, check=True)
    with np.load(out) as arrays:
        return dict(arrays)


def input_gradient(bench: str, scratch: Path, weights: Path, pixels: torch.Tensor) -> np.ndarray:
    """Of the logit of `TARGET`, 3 × H × W."""
    picture, out = scratch / "picture.npz", scratch / "gradient.npy"
    np.savez(picture, input=pixels.numpy().astype(np.float32))
    command = [bench, "input-gradient", "--weights", weights, "--input", picture, "--class", str(TARGET), "-o", out]
    subprocess.run(command, check=True)
    return np.load(out)


def compare(
    program: str, bench: str | None, weights: Path, model: nn.Module, expected: Reference
) -> Iterator[tuple[str, float]]:
    """What is compared, and by how much it differs."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch) / "picture.png"
        mean, std = (torch.tensor(model.pretrained_cfg[name]).view(3, 1, 1) for name in ("mean", "std"))
        levels = ((expected.pixels[0] * std + mean) * 255).round().to(torch.uint8)
        Image.fromarray(levels.permute(1, 2, 0).numpy()).save(image)
        for layer, attention in enumerate(expected.attention):
            for query in queries(attention):
                found = run(program, image, weights, model, layer, query)
                if attention.queries != CHANNELS:
                    yield f"layer {layer} {query}", np.abs(found["attention"][0] - shown(attention, query)).max()
                if layer == 0:
                    yield "logits", np.abs(found["logits"][0] - expected.output).max()
        if bench:
            gap = np.abs(input_gradient(bench, Path(scratch), weights, expected.pixels) - expected.gradient[0]).max()
            yield "gradient", gap / np.abs(expected.gradient).max()


# --- both ---

SOURCES = ["safetensors", *EXPORTS, "other size"]


def cases(spec: Tiny, index: int, folder: Path, sources: list[str]) -> Iterator[tuple[str, Path, nn.Module, Reference]]:
    """Source, weights, model and what is expected."""
    model = seed(spec.build(spec.size), 6000 + 10 * index)
    mean, std = (model.pretrained_cfg[name] for name in ("mean", "std"))
    native = reference(model, picture(spec.size, 6005 + 10 * index, mean, std), spec.window)
    single = copy.deepcopy(model).float()
    save(folder, single)
    for source in sources:
        if source == "safetensors":
            yield source, folder, model, native
        elif source in EXPORTS:
            export(folder / source, single, native.pixels.float(), native.output, EXPORTS[source])
            yield source, folder / source, model, native
        elif spec.other:
            pixels = picture(spec.other, 6006 + 10 * index, mean, std)
            yield source, folder, model, reference(at_size(spec, model, spec.other), pixels, spec.window)


def write(path: Path, expected: Reference) -> None:
    arrays = {"input": expected.pixels, "output": expected.output, "input_gradient": expected.gradient}
    for index, attention in enumerate(expected.attention):
        for query in queries(attention) if attention.queries != CHANNELS else []:
            arrays[f"attention_{index}_{query}"] = shown(attention, query)
    np.savez_compressed(path, **{name: np.asarray(value, dtype=np.float32) for name, value in arrays.items()})


def report(
    title: str, program: str, bench: str | None, weights: Path, model: nn.Module, expected: Reference
) -> bool:
    """Whether the program agrees."""
    try:
        gaps = list(compare(program, bench, weights, model, expected))
    except subprocess.CalledProcessError as error:
        print(title, f"the program left with {error.returncode}", flush=True)
        return False
    name, worst = max(gaps, key=lambda gap: gap[1])
    holds = worst <= TOLERANCE
    print(title, f"{len(gaps)} compared, at most {worst:.1e} ({name})", "" if holds else "  FAILS", flush=True)
    return holds


def main() -> None:
    parser = argparse.ArgumentParser(description="Holds the binary to timm on hierarchical models.")
    parser.add_argument("vitvideo", nargs="?")
    parser.add_argument("--bench", metavar="VITVIDEO-BENCH", help="what writes gradients")
    parser.add_argument("--only", default="", metavar="TEXT", help="models whose name holds it")
    parser.add_argument("--source", default="", metavar="TEXT", help=f"of {', '.join(SOURCES)} those that hold it")
    parser.add_argument("--reference", type=Path, metavar="DIRECTORY", help="write what timm computes")
    options = parser.parse_args()
    if (options.vitvideo is None) == (options.reference is None):
        parser.error("either VITVIDEO or --reference DIRECTORY")
    sources = [source for source in SOURCES if options.source in source]
    holds = True
    for index, spec in enumerate(MODELS):
        if options.only not in spec.architecture:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            folder = (options.reference or Path(scratch)) / spec.architecture
            if options.reference:
                for source, _, _, expected in cases(spec, index, folder, [SOURCES[0], SOURCES[-1]]):
                    write(folder / f"{source.split()[0]}.npz", expected)
                print(folder, flush=True)
                continue
            for source, weights, model, expected in cases(spec, index, folder, sources):
                title = f"{spec.architecture:30} {source:18}"
                holds = report(title, options.vitvideo, options.bench, weights, model, expected) and holds
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
