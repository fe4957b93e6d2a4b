"""Files, directories, lists and arrays."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from conftest import TINY, CommandLine, words
from numpy.typing import NDArray
from PIL import Image

import vitvideo

Pictures = NDArray[np.uint8]


@pytest.mark.parametrize("method", ["attention", "features"])
@pytest.mark.parametrize("frames", [None, slice(-3, None), slice(None, None, 2)])
def test_array_equals_png_files(method: str, frames: Any, pictures: Pictures, png_files: List[Path]) -> None:
    files = vitvideo.run(method, png_files[0].with_name("%d.png"), frames=frames, **TINY)
    array = vitvideo.run(method, pictures, frames=frames, **TINY)
    for name in files:
        np.testing.assert_array_equal(array[name], files[name])
    assert float(array[method].std()) > 0


@pytest.mark.parametrize("height,width", [(48, 48), (50, 1002)])
def test_pixels_arrive_as_they_are(height: int, width: int, tmp_path: Path) -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (2, height, width, 3), np.uint8)
    # A panel of the original in a lossless file has the pixels that the program decoded, below its caption.
    vitvideo.annotate(pictures, tmp_path / "out-%d.png", panel="original", **TINY)
    for index, picture in enumerate(pictures):
        written = np.asarray(Image.open(tmp_path / f"out-{index + 1}.png").convert("RGB"))
        np.testing.assert_array_equal(written[-height:, :width], picture)


def test_array_is_drawn_as_png_files_are(pictures: Pictures, png_files: List[Path], tmp_path: Path) -> None:
    vitvideo.annotate(pictures, tmp_path / "array-%d.png", **TINY)
    vitvideo.annotate(png_files[0].with_name("%d.png"), tmp_path / "files-%d.png", **TINY)
    for number in range(1, 5):
        array, files = (np.asarray(Image.open(tmp_path / f"{kind}-{number}.png")) for kind in ("array", "files"))
        np.testing.assert_array_equal(array, files)


def test_memory_mapped_and_sliced_arrays(pictures: Pictures, tmp_path: Path) -> None:
    np.save(tmp_path / "pictures.npy", pictures)
    expected = vitvideo.attention(np.ascontiguousarray(pictures[::2, ::-1]), **TINY)
    for array in (np.load(tmp_path / "pictures.npy", mmap_mode="r"), pictures):
        np.testing.assert_array_equal(vitvideo.attention(array[::2, ::-1], **TINY).attention, expected.attention)


def test_single_picture(pictures: Pictures, png_files: List[Path]) -> None:
    array = vitvideo.attention(pictures[2], **TINY)
    np.testing.assert_array_equal(array.attention, vitvideo.attention(png_files[2], **TINY).attention)


@pytest.mark.parametrize("fps", [25, 50, 30, 30000 / 1001, 0.5])
def test_time_of_arrays(fps: float, pictures: Pictures) -> None:
    result = vitvideo.attention(pictures, fps=fps, **TINY)
    np.testing.assert_allclose(result.time, np.arange(4) / fps, rtol=0, atol=4e-9)


def test_wrong_arrays_are_refused(pictures: Pictures) -> None:
    wrong: Any
    for wrong in (pictures.astype(np.float32), pictures[..., 0], pictures[:0], pictures[..., :2], pictures[0, 0]):
        with pytest.raises(ValueError, match=r"uint8 \[n, height, width, 3\] of RGB, not "):
            vitvideo.attention(wrong, **TINY)


def test_pictures_that_are_no_clip(png_files: List[Path], command_line: CommandLine) -> None:
    Image.new("RGB", (200, 100), "red").save(png_files[3])
    result = vitvideo.attention(png_files, **TINY)
    expected = command_line(*png_files, *words(TINY))
    assert list(result) == ["0.png", "1.png", "2.png", "3.png"]
    for name, picture in result.items():
        np.testing.assert_array_equal(picture.attention, expected[f"{name}/attention"])
        assert picture.meta["source_width"] == (200 if name == "3.png" else 131)
    directory = vitvideo.attention(png_files[0].parent, **TINY)
    np.testing.assert_array_equal(directory["1.png"].attention, result["1.png"].attention)
    assert result.meta == {}


def test_names_of_files(png_files: List[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    png_files[0].rename(png_files[0].with_name("-o.png"))
    monkeypatch.chdir(png_files[0].parent)
    assert vitvideo.attention("-o.png", **TINY).attention.shape[0] == 1
    expected = vitvideo.attention("1.png", **TINY).attention
    os.rename(png_files[1], b"caf\xe9, 1.png")
    np.testing.assert_array_equal(vitvideo.attention(b"caf\xe9, 1.png", **TINY).attention, expected)
    with pytest.raises(vitvideo.NoInputError, match=r"^vitvideo: cannot read caf\\xE9\.png: No such file"):
        vitvideo.attention(b"caf\xe9.png", **TINY)


def test_standard_input(clip: Path) -> None:
    code = (
        "import vitvideo, sys\n"
        f"result = vitvideo.attention('-', frames=slice(3, 5), weights={str(TINY['weights'])!r}, num_heads=3,"
        " resolution=48)\n"
        "print(result.attention.sum(dtype='f8').item())")
    with open(clip, "rb") as file:
        output = subprocess.run([sys.executable, "-c", code], stdin=file, check=True, stdout=subprocess.PIPE).stdout
    expected = vitvideo.attention(clip, frames=slice(3, 5), **TINY).attention.sum(dtype="f8")
    assert float(output) == expected
