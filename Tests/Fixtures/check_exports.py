#!/usr/bin/env python3
"""Reads what the binary exports with the libraries that people read it with.

    python3 Tests/Fixtures/check_exports.py VITVIDEO CLIP

Runs the program on CLIP with tiny models of the committed goldens, and with the default model, to each format of
`--export` in each number of `--dtype`. Then

- `numpy.load` of the .npz is the reference, and its float16 is `astype("float16")` of its float32;
- `safetensors.numpy.load_file` and `safetensors.torch.load_file` give the same arrays, to the bit and of the same
  type; the header's places leave no hole, and each is a multiple of the element's size;
- `zarr.open_consolidated` gives the same arrays, one chunk a frame, and `numpy.fromfile` reads a chunk;
- `xarray.open_zarr` opens it with its dimensions by name, frames as labels and times as a coordinate, and saves it as
  NetCDF where SciPy can;
- the provenance is the same text in all three;
- of two pictures of different sizes each format holds both, in Zarr as groups that open alone and with the whole.

It needs numpy, torch, safetensors, zarr, xarray and scipy, so it is run by hand; it prints their versions.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import safetensors.numpy
import safetensors.torch
import torch
import xarray
import zarr

GOLDENS = Path(__file__).resolve().parent / "goldens" / "vit"
FRAMES = 7
TEXTS = ("meta",)


def tiny(name: str) -> list[str]:
    return ["--weights", str(GOLDENS / f"{name}.weights.safetensors"), "--num-heads", "3", "--resolution", "48"]


SUPERVISED = tiny("supervised") + ["--family", "vit"]
# Options, and the dimensions of what a method exports.
CASES = {
    "attention": (SUPERVISED, {"attention": ("frame", "head", "row", "col"), "logits": ("frame", "class_index")}),
    "classes": (
        SUPERVISED + ["--method", "gradient-rollout"],
        {"gradient_rollout": ("frame", "row", "col"), "class": ("frame",)},
    ),
    "neuron": (
        SUPERVISED + ["--method", "neuron", "--neuron", "1:5,1:6"],
        {"neuron": ("frame", "neuron_index", "row", "col")},
    ),
    "features": (tiny("plain") + ["--method", "features"], {"features": ("frame", "row", "col", "channel")}),
    "tokens": (
        tiny("plain") + ["--method", "tokens"],
        {"tokens": ("frame", "row", "col", "D"), "class_token": ("frame", "D")},
    ),
    "default": (["--resolution", "112"], {"attention": ("frame", "head", "row", "col")}),
    "two models": (
        SUPERVISED
        + ["--define", f"a={GOLDENS}/plain.weights.safetensors", "--set", "a:num-heads=3", "--compare", "a"],
        {"attention.a": ("frame", "head.a", "row.a", "col.a")},
    ),
}


def export(program: str, clip: str, path: Path, options: list[str]) -> None:
    subprocess.run([program, clip, "--frames", f":{FRAMES}", "--export", str(path), "-q", *options], check=True)


def same(name: str, got: np.ndarray, expected: np.ndarray) -> None:
    assert got.dtype == expected.dtype, f"{name}: {got.dtype}, not {expected.dtype}"
    assert got.shape == expected.shape, f"{name}: {got.shape}, not {expected.shape}"
    assert got.tobytes() == expected.tobytes(), f"{name}: values differ"


def read_npz(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    texts = {name: str(arrays.pop(name)) for name in list(arrays) if name.split("/")[-1].split(".")[0] in TEXTS}
    return arrays, texts


def check_safetensors(path: Path, arrays: dict[str, np.ndarray], texts: dict[str, str]) -> None:
    numbers, tensors = safetensors.numpy.load_file(path), safetensors.torch.load_file(path)
    assert set(numbers) == set(tensors) == set(arrays), (set(numbers), set(arrays))
    for name, expected in arrays.items():
        same(f"{path.name} {name}", numbers[name], expected)
        tensor = tensors[name]
        assert tensor.dtype == getattr(torch, str(expected.dtype)) and tensor.is_contiguous()
        same(f"{path.name} {name} (torch)", tensor.numpy(), expected)
    with safetensors.safe_open(path, "np") as file:
        assert file.metadata() == texts
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__")
    end = 0
    for entry in sorted(header.values(), key=lambda entry: entry["data_offsets"]):
        assert entry["data_offsets"][0] == end and end % (int(entry["dtype"][1:]) // 8) == 0, entry
        end = entry["data_offsets"][1]
    assert length % 8 == 0 and 8 + length + end == len(content)


def check_zarr(path: Path, arrays: dict[str, np.ndarray], texts: dict[str, str]) -> None:
    group = zarr.open_consolidated(str(path))
    assert set(group.array_keys()) == set(arrays)
    for name, expected in arrays.items():
        same(f"{path.name} {name}", group[name][:], expected)
        assert group[name].chunks[1:] == expected.shape[1:], group[name].chunks
        if expected.ndim > 1:
            assert group[name].chunks[0] == 1
            chunk = path / name / ".".join(["3"] + ["0"] * (expected.ndim - 1))
            same(str(chunk), np.fromfile(chunk, expected.dtype).reshape(expected.shape[1:]), expected[3])
    assert {name: group.attrs[name] for name in texts} == texts


def check_xarray(path: Path, arrays: dict[str, np.ndarray], texts: dict[str, str], dimensions: dict) -> None:
    with xarray.open_zarr(path) as dataset:
        assert set(dataset.variables) == set(arrays), set(dataset.variables)
        assert set(dataset.coords) == {"frame", "time"}, set(dataset.coords)
        assert dataset.attrs == texts
        for name, expected in arrays.items():
            same(f"{path.name} {name} (xarray)", dataset[name].values, expected)
            assert dataset[name].dims[0] == "frame" and dataset[name].ndim == expected.ndim
        for name, expected in dimensions.items():
            assert dataset[name].dims == expected, (name, dataset[name].dims)
        first = next(iter(name for name in arrays if arrays[name].ndim > 1))
        label = int(arrays["frame"][2])
        chosen = dataset[first].sel(frame=label)
        same(f"{path.name} {first} of a frame", chosen.values, arrays[first][2])
        assert float(chosen.time) == arrays["time"][2]
        if all(array.dtype != np.float16 for array in arrays.values()):
            dataset.to_netcdf(path.with_suffix(".nc"), engine="scipy")


def check(program: str, clip: str, folder: Path, options: list[str], dimensions: dict) -> None:
    exact: dict[str, np.ndarray] = {}
    for number in ("float32", "float16"):
        paths = {ending: folder / f"{number}.{ending}" for ending in ("npz", "safetensors", "zarr")}
        for path in paths.values():
            export(program, clip, path, [*options, "--dtype", number])
        arrays, texts = read_npz(paths["npz"])
        assert texts and all(json.loads(text)["version"] for text in texts.values())
        assert len(arrays["frame"]) == FRAMES and arrays["frame"].dtype == np.int64
        for name, array in arrays.items():
            if number == "float32":
                exact[name] = array
            else:
                same(name, array, exact[name].astype(np.float16) if exact[name].dtype == np.float32 else exact[name])
        check_safetensors(paths["safetensors"], arrays, texts)
        check_zarr(paths["zarr"], arrays, texts)
        check_xarray(paths["zarr"], arrays, texts, dimensions)
        print(f"  {number}: {', '.join(f'{name} {list(array.shape)}' for name, array in arrays.items())}")


def check_pictures(program: str, clip: str, folder: Path) -> None:
    names = {"wide.png": "160:90", "tall.jpg": "72:128"}
    for name, size in names.items():
        picture = ["-frames:v", "1", "-vf", f"scale={size}", str(folder / name)]
        subprocess.run(["ffmpeg", "-v", "error", "-i", clip, *picture], check=True)
    paths = {ending: folder / f"maps.{ending}" for ending in ("npz", "safetensors", "zarr")}
    for path in paths.values():
        inputs = [str(folder / name) for name in names]
        subprocess.run([program, *inputs, "--export", str(path), "-q", *SUPERVISED], check=True)
    arrays, texts = read_npz(paths["npz"])
    assert set(arrays) == {f"{name}/{array}" for name in names for array in ("attention", "logits", "frame", "time")}
    shapes = {arrays[f"{name}/attention"].shape for name in names}
    assert len(shapes) == 2 and all(shape[0] == 1 for shape in shapes), shapes
    check_safetensors(paths["safetensors"], arrays, texts)
    group = zarr.open_consolidated(str(paths["zarr"]))
    assert set(group.group_keys()) == set(names)
    tree = xarray.open_datatree(paths["zarr"], engine="zarr")
    assert set(tree.children) == set(names)
    for place, name in enumerate(names):
        with xarray.open_zarr(paths["zarr"], group=name) as dataset:
            assert dataset["attention"].dims == ("frame", "head", "row", "col")
            assert dataset.attrs == {"meta": texts[f"{name}/meta"]}
            assert int(dataset.frame[0]) == place
            for array in ("attention", "logits"):
                for found in (dataset[array], tree[name][array], group[f"{name}/{array}"]):
                    same(f"{name} {array}", np.asarray(found), arrays[f"{name}/{array}"])
    print(f"  {', '.join(f'{name} {list(array.shape)}' for name, array in arrays.items())}")


def main() -> None:
    warnings.simplefilter("error", RuntimeWarning)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("clip")
    arguments = parser.parse_args()
    print(", ".join(f"{module.__name__} {module.__version__}" for module in (np, torch, safetensors, zarr, xarray)))
    for name, (options, dimensions) in CASES.items():
        print(name)
        with tempfile.TemporaryDirectory() as folder:
            check(arguments.program, arguments.clip, Path(folder), options, dimensions)
    print("pictures")
    with tempfile.TemporaryDirectory() as folder:
        check_pictures(arguments.program, arguments.clip, Path(folder))


if __name__ == "__main__":
    sys.exit(main())
