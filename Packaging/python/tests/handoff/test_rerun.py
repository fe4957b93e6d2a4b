"""``rerun-importer-vitvideo``, by itself and as Rerun runs it."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import numpy as np
import pyarrow as pa
import pytest
from conftest import TINY, WEIGHTS
from PIL import Image
from rerun.chunk import RrdReader

import vitvideo

BIN = os.path.dirname(sys.executable)
IMPORTER = os.path.join(BIN, "rerun-importer-vitvideo")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Path:
    """Four frames of the clip, which lies beside the export."""
    folder = tmp_path_factory.mktemp("export")
    shutil.copy(clip, folder / "maps.mp4")
    vitvideo.attention(clip, frames=slice(70, 80, 3), export=folder / "maps.npz", **TINY)
    return folder / "maps.npz"


def columns(path: Path) -> Dict[str, List[Any]]:
    """Everything in a recording: ``/entity:component``, and times in nanoseconds."""
    found: Dict[str, List[Any]] = {}
    for chunk in RrdReader(path).stream():
        batch = chunk.to_record_batch()
        for name, column in zip(batch.schema.names, batch.columns):
            if pa.types.is_temporal(column.type):
                column = column.cast(pa.int64())
            if not name.startswith("rerun."):
                found.setdefault(f"{chunk.entity_path}:{name}", []).extend(column.to_pylist())
    return found


def check(found: Dict[str, List[Any]], result: vitvideo.Result, prefix: str = "") -> None:
    assert found[f"{prefix}/attention:frame"] == result.frame.tolist()
    np.testing.assert_allclose(np.array(found[f"{prefix}/attention:time"]) / 1e9, result.time, atol=1e-9)
    tensors = [row[0] for row in found[f"{prefix}/attention:Tensor:data"]]
    assert tensors[0]["names"] == ["head", "row", "col"]
    for tensor, values in zip(tensors, result.attention):
        np.testing.assert_array_equal(np.float32(tensor["buffer"]).reshape(tensor["shape"]), values)
    pictures = found[f"{prefix}/video/attention:EncodedImage:blob"]
    for picture, values in zip(pictures, result.attention):
        image = np.asarray(Image.open(io.BytesIO(bytes(picture[0]))).convert("RGB")).astype(int)
        assert image.shape == (720, 1280, 3)
        # The hottest patch is the brightest, 60 pixels a patch.
        row, col = np.unravel_index(values.mean(0).argmax(), values.shape[1:])
        assert image[row * 60 + 30, col * 60 + 30].tolist() == [252, 255, 164]
        assert (image.sum(-1).max() == image[row * 60 + 30, col * 60 + 30].sum())


def test_recording(export: Path, tmp_path: Path) -> None:
    with open(tmp_path / "out.rrd", "wb") as file:
        words = [IMPORTER, str(export), "--application-id", "a", "--recording-id", "b", "--opened-recording-id", "c"]
        subprocess.run(words, check=True, stdout=file)
    [store] = RrdReader(tmp_path / "out.rrd").recordings()
    assert (store.application_id, store.recording_id) == ("a", "b")
    found = columns(tmp_path / "out.rrd")
    result = vitvideo.load(export)
    check(found, result)
    assert bytes(found["/video:AssetVideo:blob"][0][0]) == export.with_suffix(".mp4").read_bytes()
    nanoseconds = np.array(found["/video:VideoFrameReference:timestamp"]).reshape(-1)
    np.testing.assert_allclose(nanoseconds / 1e9, result.time, atol=1e-9)


def test_other_place_and_name(export: Path, clip: Path, tmp_path: Path) -> None:
    shutil.copy(export, tmp_path / "elsewhere.npz")
    words = [IMPORTER, str(tmp_path / "elsewhere.npz"), "--entity-path-prefix", "mine/", "--save",
             str(tmp_path / "out.rrd")]
    subprocess.run(words, check=True)
    found = columns(tmp_path / "out.rrd")
    check(found, vitvideo.load(export), "/mine")
    assert not [name for name in found if "AssetVideo" in name]
    subprocess.run([*words, "--video", str(clip)], check=True)
    assert "/mine/video:AssetVideo:blob" in columns(tmp_path / "out.rrd")


def test_pictures(png_files: List[Path], tmp_path: Path) -> None:
    result = vitvideo.attention(png_files, export=tmp_path / "maps.safetensors", **TINY)
    subprocess.run([IMPORTER, str(tmp_path / "maps.safetensors"), "--save", str(tmp_path / "out.rrd")], check=True)
    found = columns(tmp_path / "out.rrd")
    for name, picture in result.items():
        [[tensor]] = found[f"/{name}/attention:Tensor:data"]
        np.testing.assert_array_equal(np.float32(tensor["buffer"]).reshape(tensor["shape"]), picture.attention[0])


def test_files_of_another_kind(clip: Path, tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", frame=np.arange(3))
    (tmp_path / "broken.npz").write_bytes(b"PK\3\4" + b"x" * 100)
    for path in (clip, tmp_path / "other.npz", tmp_path / "broken.npz", tmp_path, tmp_path / "nothing.npz",
                 WEIGHTS / "plain.weights.safetensors"):
        run = subprocess.run([IMPORTER, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert (run.returncode, run.stdout, run.stderr) == (66, b"", b""), path


def test_rerun_finds_it(export: Path, tmp_path: Path) -> None:
    code = (
        "import rerun, sys\n"
        "recording = rerun.RecordingStream('found')\n"
        "recording.save(sys.argv[1])\n"
        "recording.log_file_from_path(sys.argv[2])\n"
        "recording.flush()\n"
        "recording.disconnect()\n")
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out.rrd"), str(export)], check=True, env=environment)
    check(columns(tmp_path / "out.rrd"), vitvideo.load(export))
