"""Results are the numbers that the command line exports, mapped from a file that is gone."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pytest
from conftest import CLASSIFIER, TINY, CommandLine, words

import vitvideo
from vitvideo._program import find

# What each method needs besides a model.
METHODS: Dict[str, Dict[str, Any]] = {
    "attention": TINY, "rollout": {**TINY, "head_fusion": "min"}, "gradient-rollout": CLASSIFIER, "flow": TINY,
    "relevance": CLASSIFIER, "gradcam": CLASSIFIER, "layers": TINY, "qk": {**TINY, "channel": 3},
    "similarity": {**TINY, "query": "2,3"}, "tokens": TINY, "features": TINY, "foreground": TINY,
    "neuron": {**TINY, "neuron": "1:3,2:0-2"},
}


def test_table_of_methods_is_that_of_the_program() -> None:
    text = subprocess.run([find(), "--help"], check=True, stdout=subprocess.PIPE, text=True).stdout
    method = " ".join(text[text.index("--method <method>"):text.index("--layer <n>")].split())
    values = method[method.index("(values: ") + len("(values: "):method.index("; default:")]
    assert values.split(", ") == list(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_result_equals_the_export(method: str, clip: Path, command_line: CommandLine) -> None:
    options = METHODS[method]
    result = vitvideo.run(method, clip, frames=slice(70, 72), **options)
    expected = command_line(clip, "--method", method, "--frames", "70:72", *words(options))
    assert result.meta == json.loads(str(expected.pop("meta")))
    assert set(result) == set(expected)
    for name, array in expected.items():
        assert result[name].dtype == array.dtype
        np.testing.assert_array_equal(result[name], array)
    assert result.frame.tolist() == [70, 71]
    np.testing.assert_allclose(result.time, np.arange(70, 72) / 25)


def test_attention_of_the_default_model_falls_on_the_rabbit(clip: Path) -> None:
    result = vitvideo.attention(clip, frames=slice(75, 76), model="dinov2_vits14", layer=-1, resolution=224)
    assert result.attention.shape == (1, 6, 16, 28)
    fused = result.attention[0].mean(0)
    # The rabbit fills the middle of the left half; the rest of the mass is on the class token itself.
    assert 0 < fused.sum() < 1
    assert fused.max() > 4 * fused.mean()
    assert fused[:, :14].sum() > 2 * fused[:, 14:].sum()


def test_named_arguments_reach_the_program(clip: Path, command_line: CommandLine) -> None:
    result = vitvideo.attention(clip, frames=slice(0, 9, 4), layer=0, heads=[0, 2], dtype="float16", **TINY)
    expected = command_line(
        clip, "--frames", "0:9:4", "--layer", "0", "--heads", "0,2", "--dtype", "float16", *words(TINY))
    assert result.attention.dtype == np.float16
    assert result.attention.shape[:2] == (3, 2)
    np.testing.assert_array_equal(result.attention, expected["attention"])
    assert result.meta["layer"] == 0


def test_logits(clip: Path) -> None:
    result = vitvideo.attention(clip, frames=slice(0, 2), **CLASSIFIER)
    assert result.logits.shape == (2, 11)
    assert float(result.logits.std()) > 0
    plain = vitvideo.attention(clip, frames=slice(0, 2), **TINY)
    with pytest.raises(AttributeError, match="no logits; it has frame, time, attention"):
        plain.logits


def test_class_is_an_attribute(clip: Path) -> None:
    result = vitvideo.run("gradcam", clip, frames=slice(0, 2), class_=4, **CLASSIFIER)
    assert result.class_.tolist() == [4, 4]
    assert result["class"] is result.class_


def test_several_models(clip: Path) -> None:
    result = vitvideo.attention(
        clip, frames=slice(0, 2), define={"other": CLASSIFIER["weights"]}, set=["other:num-heads=3"], compare="other",
        **TINY)
    assert result.models == ("other", "plain.weights")
    assert result.meta["other"]["weights_sha256"] != result.meta["plain.weights"]["weights_sha256"]
    one = result.model("plain.weights")
    alone = vitvideo.attention(clip, frames=slice(0, 2), **TINY)
    np.testing.assert_array_equal(one.attention, alone.attention)
    np.testing.assert_array_equal(one.time, alone.time)
    assert "logits" not in one and "logits" in result.model("other")
    with pytest.raises(KeyError):
        result.model("third")


@pytest.mark.parametrize("name", ["maps.npz", "maps.safetensors"])
def test_arrays_are_mapped(name: str, clip: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    kept = vitvideo.attention(clip, frames=slice(0, 3), export=path, **TINY)
    loaded = vitvideo.load(path)
    assert loaded.meta == kept.meta
    for result in (kept, loaded):
        assert isinstance(result.attention, np.memmap)
        assert not result.attention.flags.owndata
    np.testing.assert_array_equal(loaded.attention, kept.attention)
    # What is written to an array stays there.
    loaded.attention[:] = 7
    np.testing.assert_array_equal(vitvideo.load(path).attention, kept.attention)
    path.unlink()
    assert float(kept.attention.max()) < 1
    assert float(loaded.attention.min()) == 7


def test_temporary_files_go(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = vitvideo.attention(clip, frames=slice(0, 3), **TINY)
    assert list(tmp_path.iterdir()) == []
    assert mapped_and_gone(tmp_path)
    assert result.attention.shape == (3, 3, 12, 21)
    del result
    assert not mapped_and_gone(tmp_path)
    with pytest.raises(vitvideo.NoInputError):
        vitvideo.attention(tmp_path / "nothing.mp4", **TINY)
    assert list(tmp_path.iterdir()) == []


def mapped_and_gone(folder: Path) -> List[str]:
    """Mappings of this process whose file in a directory has no name any more."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return [line for line in lines if str(folder) in line and line.endswith("(deleted)")]


def test_compressed_archives_are_read(clip: Path, tmp_path: Path, command_line: CommandLine) -> None:
    expected = command_line(clip, "--frames", "0:3", *words(TINY))
    np.savez_compressed(tmp_path / "small.npz", **expected)  # type: ignore[arg-type]
    result = vitvideo.load(tmp_path / "small.npz")
    np.testing.assert_array_equal(result.attention, expected["attention"])
    assert result.meta == json.loads(str(expected["meta"]))


def test_other_archives_are_refused(clip: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", a=np.array([None]))
    with pytest.raises(ValueError, match="not an array of an export"):
        vitvideo.load(tmp_path / "objects.npz")
    np.savez(tmp_path / "columns.npz", a=np.asfortranarray(np.zeros((3, 4))))
    with pytest.raises(ValueError, match="not an array of an export"):
        vitvideo.load(tmp_path / "columns.npz")
    with pytest.raises(ValueError, match="xarray"):
        vitvideo.load("maps.zarr")
    with pytest.raises(ValueError, match=r"vitvideo\.annotate writes others"):
        vitvideo.attention(clip, export=tmp_path / "maps.zarr", **TINY)
