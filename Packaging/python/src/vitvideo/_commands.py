"""The program's commands as functions; what they share is in ``_process``, ``_options`` and ``_sources``.

Every function takes the options of its command as keywords, by their names in ``vitvideo --help`` with underscores:
``head_fusion="min"`` is ``--head-fusion min``, ``overwrite=True`` is ``--overwrite``, ``frames=slice(50, 100)`` is
``--frames 50:100``, ``neuron=["11:768", "11:0"]`` is ``--neuron 11:768,11:0``. Two keywords are not the program's:
``progress`` (see ``vitvideo.Progress``) and ``fps``, the frames a second of pictures that come as an array.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

from . import _process
from ._options import arguments
from ._progress import Progress
from ._result import Result, load
from ._sources import AnyPath, Source, paths, read_standard_input
from ._sources import arguments as source_arguments


def attention(
    source: Source, /, *, frames: Any = None, model: Optional[str] = None, layer: Optional[int] = None,
    progress: Progress = None, fps: float = 25.0, **options: Any,
) -> Result:
    """The attention of one block, by head.

    Args:
        source: see ``vitvideo.Source``.
        frames: a slice of the frames' indices, such as ``slice(50, 100)``; all unless given.
        model: its name in torch.hub or timm; DINOv2 ViT-S/14 unless given.
        layer: the block, negative from the end; the last unless given.
        progress: see ``vitvideo.Progress``.
        fps: frames a second of pictures that come as an array.
        options: any other option of the command, such as ``heads=[0, 3]`` or ``query="640px,360px"``.

    Returns:
        ``attention`` float32 [frames, heads, rows, cols], ``frame`` [frames], ``time`` [frames] in seconds and
        ``meta``; with a classifier also ``logits`` [frames, classes].

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    given = {"frames": frames, "model": model, "layer": layer}
    return run("attention", source, progress=progress, fps=fps, **given, **options)


def run(
    method: str, source: Source, /, *, progress: Progress = None, fps: float = 25.0, **options: Any
) -> Result:
    """The maps of a method, as numbers.

    Args:
        method: by its name in ``vitvideo --help``: ``"rollout"``, ``"similarity"``, ``"features"`` and so on.
        source: see ``vitvideo.Source``.
        progress: see ``vitvideo.Progress``.
        fps: frames a second of pictures that come as an array.
        options: any option of the command. ``export`` keeps the file, ``.npz`` or ``.safetensors``, under that name.

    Returns:
        the arrays of the method by their names in ``--export``, such as ``rollout`` float32 [frames, rows, cols].

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    return _exporting(["annotate"], source, {"method": method, **options}, progress, fps, "safetensors")


def annotate(
    source: Source, output: Optional[AnyPath] = None, /, *, progress: Progress = None, fps: float = 25.0,
    **options: Any,
) -> Optional[Path]:
    """Draws what is attended to, and writes whatever outputs are named.

    Args:
        source: see ``vitvideo.Source``.
        output: a video, a picture or a pattern (``"out-%05d.png"``, of several pictures ``"out/%s.png"``); None where
            ``export``, ``masks``, ``stats`` or the like alone are wanted.
        progress: see ``vitvideo.Progress``.
        fps: frames a second of pictures that come as an array.
        options: any option of the command.

    Returns:
        ``output``.

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    with tempfile.TemporaryDirectory(prefix="vitvideo-") as folder:
        with source_arguments(source, fps, Path(folder)) as words:
            _run(["annotate"], words, {"output": output, **options}, progress)
    return None if output is None else Path(os.fsdecode(output))


def propagate(
    source: Source, output: Optional[AnyPath] = None, /, *, progress: Progress = None, fps: float = 25.0,
    **options: Any,
) -> Result:
    """Carries the masks of a first frame, or points on it, through a clip.

    Args:
        source: a video, numbered pictures, or uint8 [n, H, W, 3].
        output: a video of the objects in colour.
        progress: see ``vitvideo.Progress``.
        fps: frames a second of pictures that come as an array.
        options: any option of the command: ``mask="first.png"``, ``point=["640px,360px"]``, ``masks="out-%05d.png"``.

    Returns:
        ``features`` [frames, rows, cols, D] of length 1 and ``segmentation`` [frames, rows, cols, classes], soft labels
        with the background first, both float32; ``frame``, ``time`` and ``meta``.

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    return _exporting(["propagate"], source, {"output": output, **options}, progress, fps, "npz")


def neuron(
    units: Union[str, Sequence[str]] = (), output: Optional[AnyPath] = None, /, *, progress: Progress = None,
    **options: Any,
) -> Result:
    """Makes the picture that excites a neuron most.

    Args:
        units: ``"5:120"``, several (``"8:*:16"``), classes, or pictures of ``target="class-token"``.
        output: a picture, a sheet, or a video of the optimization.
        progress: see ``vitvideo.Progress``.
        options: any option of the command but ``examples``, for which there is ``neuron_examples``.

    Returns:
        ``picture`` float32 [pictures, 3, height, width] in [0, 1], ``activation`` [pictures], ``objective``,
        ``step_activation`` and ``total_variation`` [pictures, steps], and ``meta``.

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    return _exporting(["neuron"], units, {"output": output, **options}, progress, 25.0, "safetensors")


def neuron_examples(
    examples: Union[AnyPath, Sequence[AnyPath]], output: AnyPath, units: Union[str, Sequence[str]] = (), /, *,
    progress: Progress = None, **options: Any,
) -> Path:
    """Looks for the frames that excite neurons most.

    Args:
        examples: videos, pictures and directories of pictures.
        output: a sheet; without units, for which ``layer`` stands, a directory.
        units: ``"5:120"`` or several.
        progress: see ``vitvideo.Progress``.
        options: any option of ``vitvideo neuron``.

    Returns:
        ``output``.

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    given = {"examples": paths(examples), "output": output, **options}
    _run(["neuron"], paths(units), given, progress)
    return Path(os.fsdecode(output))


def probe(
    pictures: Union[AnyPath, Sequence[AnyPath]], output: AnyPath, /, *, progress: Progress = None, **options: Any
) -> Path:
    """Makes a report on pictures.

    Args:
        pictures: pictures, and directories of pictures; of a video the first frame.
        output: the report's directory.
        progress: see ``vitvideo.Progress``.
        options: any option of the command, such as ``only=["distance", "heads"]``.

    Returns:
        the report's page, ``index.html``.

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    _run(["probe"], paths(pictures), {"output": output, **options}, progress)
    return Path(os.fsdecode(output)) / "index.html"


def train(data: AnyPath, output: AnyPath, /, *, progress: Progress = None, **options: Any) -> Path:
    """Trains a small Vision Transformer on labelled pictures.

    Args:
        data: a folder of class folders, CIFAR's files, or an npz of images and labels.
        output: the model's checkpoint, ``.safetensors``.
        progress: see ``vitvideo.Progress``; what counts is steps.
        options: any option of the command, such as ``epochs=20`` or ``watch=["dog.png"], o_watch="watch.mp4"``.

    Returns:
        the checkpoint, for ``weights=`` of the other functions.

    Raises:
        VitvideoError: of the kind that goes with the program's exit code.
    """
    _run(["train"], paths(data), {"output": output, **options}, progress)
    return Path(os.fsdecode(output))


def _exporting(
    command: Sequence[str], source: Any, options: Dict[str, Any], progress: Progress, fps: float, extension: str
) -> Result:
    """Runs a command with an export, in a temporary directory unless it is named, and maps it."""
    named = options.pop("export", None)
    with tempfile.TemporaryDirectory(prefix="vitvideo-") as folder:
        export = str(Path(folder) / f"result.{extension}") if named is None else os.fsdecode(named)
        if not export.endswith((".npz", ".safetensors")) or "%s" in export:
            raise ValueError(f"{export}: a result is one .npz or .safetensors file; vitvideo.annotate writes others")
        with source_arguments(source, fps, Path(folder)) as words:
            _run(command, words, {**options, "export": export}, progress)
        return load(export)


def _run(command: Sequence[str], sources: List[str], options: Dict[str, Any], progress: Progress) -> None:
    words = [*command, *sources, *arguments(options)]
    _process.run(words, progress, reads_standard_input=read_standard_input(sources))
