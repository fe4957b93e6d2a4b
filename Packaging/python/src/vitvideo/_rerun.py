"""Opens exports in Rerun: the command ``rerun-importer-vitvideo``, which its viewer runs for every file that is opened.

The rules are at https://rerun.io/docs/concepts/logging-and-ingestion/importers/overview: the file's path and options
come as arguments, the recording goes to standard output, and exit code 66 says that the file is of another kind.
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path
from typing import Any, Optional, Sequence

import numpy as np
from numpy.typing import NDArray

from ._result import Result, load

_INCOMPATIBLE = 66
# Inferno at eight places, between which colours are mixed.
_INFERNO = np.array([
    [0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21], [250, 193, 39],
    [252, 255, 164]])
_STACKS = {"attention": "head", "layers": "layer", "neuron": "neuron"}


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Reads an export, and the video beside it, and writes a recording."""
    given, _ = _parser().parse_known_args(arguments)
    path = Path(given.path)
    result = _export(path)
    if result is None:
        sys.exit(_INCOMPATIBLE)
    import rerun

    recording = rerun.RecordingStream(given.application_id or "vitvideo", recording_id=given.recording_id)
    if given.save is None:
        recording.stdout()
    else:
        recording.save(given.save)
    video = Path(given.video) if given.video else path.with_suffix(".mp4")
    prefix = (given.entity_path_prefix or "").rstrip("/")
    log(recording, result, video if given.video or video.exists() else None, prefix)
    recording.flush()


def log(recording: Any, result: Result, video: Optional[Path], prefix: str = "") -> None:
    """Logs a result to a recording.

    Arrays are tensors on the timelines ``frame`` (index in the source) and ``time`` (seconds). Their maps, of heads,
    layers or neurons the mean, are heat over ``video``.

    Args:
        recording: a ``rerun.RecordingStream``.
        result: of one clip, or of pictures that are no clip, each by itself.
        video: the MP4 file that the result is of.
        prefix: goes before the names of all entities.
    """
    import rerun

    def entity(*parts: str) -> str:
        return prefix + str(rerun.new_entity_path(parts))

    if video is not None:
        recording.log(entity("video"), rerun.AssetVideo(path=video), static=True)
    for name, item in result.items():
        if isinstance(item, Result):
            log(recording, item, None, entity(name))
    if "frame" not in result:
        return
    for index, (frame, time) in enumerate(zip(result.frame.tolist(), result.time.tolist())):
        recording.set_time("frame", sequence=frame)
        recording.set_time("time", duration=time)
        if video is not None:
            recording.log(entity("video"), rerun.VideoFrameReference(seconds=time))
        for name, array in result.items():
            if isinstance(array, Result) or array.ndim < 3:
                continue
            kind, _, model = name.partition(".")
            values = np.array(array[index])
            dimensions = ["row", "col"] if values.ndim == 2 else (
                [_STACKS[kind], "row", "col"] if kind in _STACKS else ["row", "col", "channel"])
            recording.log(entity(name), rerun.Tensor(values, dim_names=dimensions))
            heat = values if values.ndim == 2 else values.mean(0) if kind in _STACKS else None
            if heat is not None:
                meta = result.meta[model] if model else result.meta
                recording.log(entity("video", name), _picture(rerun, heat, meta))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rerun-importer-vitvideo", description="Writes an export of vitvideo as a Rerun recording.",
        epilog="Options that Rerun passes and that do not matter here are passed over.")
    parser.add_argument("path", help="a .npz or .safetensors file that --export wrote")
    parser.add_argument("--video", help="the MP4 file that it is of (default: the one beside it, of the same name)")
    parser.add_argument("--save", help="an .rrd file to write (default: standard output)")
    parser.add_argument("--application-id", help="given by the viewer")
    parser.add_argument("--recording-id", help="given by the viewer")
    parser.add_argument("--entity-path-prefix", help="goes before the names of all entities")
    return parser


def _export(path: Path) -> Optional[Result]:
    """The result in a file, or None where it is no export of maps."""
    if path.suffix not in (".npz", ".safetensors") or not path.is_file():
        return None
    try:
        result = load(path)
    except (ValueError, KeyError, OSError, zipfile.BadZipFile):
        return None
    parts = [part for part in result.values() if isinstance(part, Result)] or [result]
    return result if all("frame" in part and "time" in part and part.meta for part in parts) else None


def _picture(rerun: Any, heat: NDArray[Any], meta: Any) -> Any:
    """A map [rows, cols] in colour, in the size of the source, scaled from its minimum to its maximum."""
    from PIL import Image

    span = float(heat.max() - heat.min())
    levels = np.rint((heat - heat.min()) * (255 / span if span > 0 else 0)).astype(np.uint8)
    rows = (np.arange(meta["source_height"]) / meta["cell_height"]).astype(int).clip(0, heat.shape[0] - 1)
    cols = (np.arange(meta["source_width"]) / meta["cell_width"]).astype(int).clip(0, heat.shape[1] - 1)
    stops = np.linspace(0, 255, len(_INFERNO))
    palette = np.stack([np.interp(np.arange(256), stops, channel) for channel in _INFERNO.T], 1).astype(np.uint8)
    picture = Image.fromarray(levels[rows][:, cols])
    picture.putpalette(palette.tobytes())
    file = io.BytesIO()
    picture.save(file, "PNG")
    return rerun.EncodedImage(contents=file.getvalue(), media_type="image/png", opacity=0.6)
