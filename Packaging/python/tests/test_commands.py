"""The other commands, what notebooks show, and Parquet."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import List

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import CLASSIFIER, TINY
from PIL import Image

import vitvideo


def test_annotate(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    assert vitvideo.annotate(clip, out, frames=slice(0, 5), view="overlay", export=tmp_path / "maps.npz", **TINY) == out
    assert len(vitvideo.attention(out, **TINY).frame) == 5
    assert vitvideo.load(tmp_path / "maps.npz").attention.shape == (5, 3, 12, 21)
    with pytest.raises(vitvideo.CannotCreateError):
        vitvideo.annotate(clip, out, frames=slice(0, 5), **TINY)
    vitvideo.annotate(clip, out, frames=slice(0, 7), view="overlay", overwrite=True, **TINY)
    assert len(vitvideo.attention(out, **TINY).frame) == 7
    assert vitvideo.annotate(clip, masks=tmp_path / "mask-%d.png", frames=slice(0, 2), **TINY) is None
    assert np.asarray(Image.open(tmp_path / "mask-2.png")).shape == (720, 1280)


def test_propagate(clip: Path, tmp_path: Path) -> None:
    options = {key: value for key, value in TINY.items() if key != "resolution"}
    mask = np.zeros((720, 1280), np.uint8)
    mask[200:600, 300:700] = 1
    Image.fromarray(mask).save(tmp_path / "first.png")
    result = vitvideo.propagate(
        clip, mask=tmp_path / "first.png", frames=slice(75, 78), masks=tmp_path / "out-%d.png", resolution=96,
        **options)
    frames, rows, cols, classes = result.segmentation.shape
    assert (frames, classes) == (3, 2)
    assert result.features.shape[:3] == (3, rows, cols)
    np.testing.assert_allclose(np.linalg.norm(result.features, axis=-1), 1, rtol=1e-4)
    np.testing.assert_allclose(result.segmentation.sum(-1), 1, rtol=1e-4)
    written = np.asarray(Image.open(tmp_path / "out-3.png"))
    assert 0.05 < (written == 1).mean() < 0.5


def test_neuron(clip: Path, tmp_path: Path) -> None:
    result = vitvideo.neuron("1:3,2:0", tmp_path / "sheet.png", steps=5, seed=3, **TINY)
    assert result.picture.shape == (2, 3, 48, 48)
    assert 0 <= result.picture.min() < result.picture.max() <= 1
    assert result.objective.shape == (2, 5)
    again = vitvideo.neuron("1:3", steps=5, seed=3, **TINY)
    np.testing.assert_array_equal(again.picture[0], result.picture[0])
    sheet = vitvideo.neuron_examples([clip], tmp_path / "examples.png", "1:3", top=2, **TINY)
    assert np.asarray(Image.open(sheet)).std() > 0


def test_probe(clip: Path, tmp_path: Path) -> None:
    page = vitvideo.probe([clip], tmp_path / "report", only=["distance", "heads"], **TINY)
    assert "<html" in page.read_text()
    arrays = np.load(next((tmp_path / "report").rglob("*distance*.npz")))
    assert any(arrays[name].size > 3 for name in arrays)


def test_train(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 90, (40, 12, 12), np.uint8)
    labels = np.arange(40) % 2
    images[labels == 1, 3:9, 3:9] += 150
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    Image.fromarray(images[1]).save(tmp_path / "square.png")
    steps: List[int] = []
    weights = vitvideo.train(
        tmp_path / "data.npz", tmp_path / "model.safetensors", image_size=12, patch_size=4, width=16, depth=1,
        num_heads=2, mlp_width=16, pooling="token", no_gelu_after_mlp=True, epochs=3, batch_size=8,
        watch=[tmp_path / "square.png"], o_watch=tmp_path / "watch.mp4",
        progress=lambda line: steps.append(line["frames"]))
    assert steps and steps[-1] == 15
    result = vitvideo.attention(tmp_path / "square.png", weights=weights, resolution=12)
    assert result.attention.shape == (1, 2, 3, 3)
    assert vitvideo.attention(tmp_path / "watch.mp4", weights=weights, resolution=12).attention.shape[0] > 3


def test_show(clip: Path, tmp_path: Path) -> None:
    mp4 = vitvideo.annotate(clip, tmp_path / "a&b.mp4", frames=slice(0, 2), view="overlay", **TINY)
    webm = vitvideo.annotate(clip, tmp_path / "a.webm", frames=slice(0, 2), no_audio=True, **TINY)
    png = vitvideo.annotate(clip, tmp_path / "a.png", frames=slice(0, 1), view="overlay", **TINY)
    assert mp4 and webm and png
    html = vitvideo.show(mp4, webm, width=320)._repr_html_()
    assert html.startswith('<video width="320" title="a&amp;b.mp4" controls')
    first, second = html.split("<source ")[1:]
    assert first.startswith('type="video/mp4"') and second.startswith('type="video/webm"')
    assert base64.b64decode(first.split("base64,")[1].split('"')[0]) == mp4.read_bytes()
    assert base64.b64decode(second.split("base64,")[1].split('"')[0]) == webm.read_bytes()
    html = vitvideo.show(png)._repr_html_()
    assert html.startswith('<img alt="a.png" src="data:image/png;base64,')
    assert base64.b64decode(html.split("base64,")[1].split('"')[0]) == png.read_bytes()
    assert repr(vitvideo.show(png)) == f"Shown({str(png)!r})"
    with pytest.raises(ValueError, match=r"clip\.mkv: browsers show \.mp4"):
        vitvideo.show(tmp_path / "clip.mkv")
    with pytest.raises(ValueError, match="only of a video"):
        vitvideo.show(png, mp4)
    with pytest.raises(ValueError, match="nothing"):
        vitvideo.show()


def test_parquet(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = vitvideo.run("gradcam", clip, frames=slice(3, 20), **CLASSIFIER)
    # Two frames a row group.
    monkeypatch.setattr("vitvideo._parquet._GROUP_BYTES", 2200)
    result.to_parquet(tmp_path / "maps.parquet")
    file = pq.ParquetFile(tmp_path / "maps.parquet")
    assert file.metadata.num_row_groups > 2
    table = file.read()
    assert table.num_rows == 17
    assert set(table.column_names) == set(result)
    for name in result:
        read = np.array(table[name].to_pylist(), result[name].dtype)
        np.testing.assert_array_equal(read, result[name])
    assert json.loads(table.schema.metadata[b"meta"]) == result.meta
    assert sorted(path.name for path in tmp_path.iterdir()) == ["maps.parquet"]


def test_parquet_of_pictures(png_files: List[Path], tmp_path: Path) -> None:
    Image.new("RGB", (200, 100), "red").save(png_files[3])
    result = vitvideo.attention(png_files, **TINY)
    result.to_parquet(tmp_path / "maps.parquet")
    rows = pq.read_table(tmp_path / "maps.parquet").to_pylist()
    assert [row["picture"] for row in rows] == list(result)
    for row in rows:
        np.testing.assert_array_equal(
            np.array(row["attention"], np.float32), result[row["picture"]].attention[0])


def test_parquet_of_unequal_arrays(tmp_path: Path) -> None:
    wrong = vitvideo.Result({"a": np.zeros(3), "b": np.zeros(4)}, {})
    with pytest.raises(ValueError, match="no common rows"):
        wrong.to_parquet(tmp_path / "maps.parquet")
    assert list(tmp_path.iterdir()) == []
