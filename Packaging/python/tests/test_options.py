"""Keywords and what becomes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import numpy as np
import pytest
from conftest import TINY

import vitvideo
from vitvideo._options import arguments, path


@pytest.mark.parametrize("name,value,words", [
    ("head_fusion", "min", ["--head-fusion=min"]),
    ("layer", -1, ["--layer=-1"]),
    ("discard_ratio", 0.9, ["--discard-ratio=0.9"]),
    ("overwrite", True, ["--overwrite"]),
    ("overwrite", np.True_, ["--overwrite"]),
    ("overwrite", False, []),
    ("overwrite", np.False_, []),
    ("frames", None, []),
    ("frames", slice(50, 100), ["--frames=50:100"]),
    ("frames", slice(-25, None), ["--frames=-25:"]),
    ("frames", slice(None, None, 10), ["--frames=::10"]),
    ("frames", range(100, 160, 4), ["--frames=100:160:4"]),
    ("blocks", slice(-1, None), ["--blocks=-1:"]),
    ("heads", [0, 3], ["--heads=0,3"]),
    ("heads", np.array([0, 3]), ["--heads=0,3"]),
    ("query", (2, 5), ["--query=2,5"]),
    ("mean", [0.5, np.float32(0.25), 1], ["--mean=0.5,0.25,1"]),
    ("text", ["a dog", "grass, high"], ["--text=a dog", "--text=grass, high"]),
    ("define", {"mine": Path("a,b.pth")}, ["--define=mine=a,b.pth"]),
    ("mask", ["first.png", "120=later.png"], ["--mask=first.png", "--mask=120=later.png"]),
    ("class_", "top", ["--class=top"]),
    ("ss", "1:30", ["-ss", "1:30"]),
    ("t", 5, ["-t", "5"]),
    ("y", True, ["-y"]),
    ("not_yet_known", 3, ["--not-yet-known=3"]),
])
def test_arguments(name: str, value: Any, words: List[str]) -> None:
    assert arguments({name: value}) == words


def test_wrong_values_are_refused() -> None:
    with pytest.raises(TypeError, match="^layer: a complex cannot be an option's value$"):
        arguments({"layer": 1j})


def test_paths() -> None:
    assert [path("-"), path("-a.mp4"), path(Path("b.mp4")), path(b"c.mp4")] == ["-", "./-a.mp4", "b.mp4", "c.mp4"]


def test_option_that_the_program_does_not_know(clip: Path) -> None:
    line = "^vitvideo: Unknown option '--not-yet-known'; see 'vitvideo --help'$"
    with pytest.raises(vitvideo.UsageError, match=line):
        vitvideo.attention(clip, not_yet_known=True, **TINY)


def test_option_that_the_module_does_not_know(clip: Path) -> None:
    whole = vitvideo.attention(clip, frames=slice(0, 1), **TINY)
    # `position_rule` stands nowhere in the module.
    timm = vitvideo.attention(clip, frames=slice(0, 1), position_rule="timm", **TINY)
    assert timm.meta["position_rule"] == "timm"
    assert float(np.abs(timm.attention - whole.attention).max()) > 0


def test_times_of_ffmpeg(clip: Path) -> None:
    result = vitvideo.attention(clip, ss="2.0", t=0.2, **TINY)
    assert result.frame.tolist() == [50, 51, 52, 53, 54]
