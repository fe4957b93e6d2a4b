"""The notebook in media, cell by cell, and what its figures hold."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any, List

import nbformat
import numpy as np
import pytest
from conftest import ROOT, TINY
from nbclient import NotebookClient
from PIL import Image

import vitvideo

MEDIA = ROOT / "media"


def pictures(cell: Any) -> List[Any]:
    """The figures of a cell as arrays."""
    found = [output["data"]["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")) for data in found]


def text(cell: Any) -> str:
    return "".join(output["text"] for output in cell.outputs if output.get("name") == "stdout")


def html(cell: Any) -> str:
    return "".join(output["data"].get("text/html", "") for output in cell.outputs if "data" in output)


def test_notebook(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VITVIDEO_MEDIA", raising=False)
    notebook = nbformat.read(MEDIA / "vitvideo.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(MEDIA)}})
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index)
        _, heads, same, rollout, distance, video, models, published = [
            cell for cell in notebook.cells if cell.cell_type == "code"]
        assert "attention float32 [1, 6, 32, 56]" in text(heads)
        assert text(same) == "largest difference 0.0\n"
        for cell in (heads, rollout, distance):
            [figure] = pictures(cell)
            assert figure.std() > 10
        assert html(video).startswith('<video width="640"')
        (tmp_path / "shown.mp4").write_bytes(base64.b64decode(html(video).split("base64,")[1].split('"')[0]))
        assert vitvideo.attention(tmp_path / "shown.mp4", **TINY).frame.tolist() == list(range(25))
        # The supervised model is compared where it is here, else the message names it.
        assert "vit_base_patch16_224" in text(models)
        assert html(published).startswith('<img width="800"')
        # Once more with heatmaps to read back, of two layers of the default model, in the places of the published ones.
        vitvideo.annotate(
            clip, tmp_path / "dinosaur.mp4", frames=slice(50, 81), view="overlay", alpha=0, resolution=28,
            no_audio=True)
        for name, layer in (("dino", -1), ("supervised", 2)):
            vitvideo.annotate(
                tmp_path / "dinosaur.mp4", tmp_path / f"dinosaur-{name}-b16-heatmap.mp4", view="heatmap", layer=layer,
                resolution=224)
        cell = nbformat.v4.new_code_cell(f"os.environ['VITVIDEO_MEDIA'] = {str(tmp_path)!r}\n{published.source}")
        notebook.cells.append(cell)
        client.execute_cell(cell, len(notebook.cells) - 1)
    lines = {line.split()[0]: line for line in text(cell).splitlines()}
    assert set(lines) == {"dinov2_vits14", "dinosaur-dino-b16-heatmap", "dinosaur-supervised-b16-heatmap"}
    own = lines["dinov2_vits14"].split()
    correlations = {own[i]: float(own[i + 1]) for i in range(1, len(own), 2)}
    assert correlations["correlation_dinosaur-dino-b16-heatmap"] > 0.5
    assert correlations["correlation_dinosaur-dino-b16-heatmap"] > (
        correlations["correlation_dinosaur-supervised-b16-heatmap"] + 0.2)
