"""Results as FiftyOne's samples and labels."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Union

import numpy as np
from numpy.typing import NDArray

from ._result import Result

# [frames, maps, rows, cols], of which the mean over the maps is shown.
_STACKED = frozenset({"attention", "layers", "neuron"})
_AnyPath = Union[str, "os.PathLike[str]"]


def to_fiftyone(
    result: Result, source: Union[_AnyPath, Sequence[_AnyPath]], *, masks: Optional[str] = None,
    labels: Optional[Sequence[str]] = None,
) -> List[Any]:
    """Samples for ``fiftyone.Dataset.add_samples``, with maps as heatmaps in fields named as the arrays.

    Of a video the maps are in the sample's frames, of pictures in samples of their own. A map is the mean over heads,
    layers or neurons, its range its own minimum and maximum; ``foreground`` and the ``segmentation`` of
    ``vitvideo.propagate`` become masks. Arrays that hold no maps are left out. Needs FiftyOne (``pip install
    vitvideo[fiftyone]``).

    Args:
        result: of ``vitvideo.run`` and the like.
        source: the video or picture, the directory of pictures, or the list of pictures, in the order in which the
            program had them.
        masks: the pattern that ``masks=`` wrote files by (``"out-%05d.png"``, ``"out/%s.png"``); they become the field
            ``mask``.
        labels: names of the classes; ``logits`` become the likeliest class.

    Returns:
        a ``fiftyone.Sample`` for the video, or for each picture.
    """
    import fiftyone

    pictures = {name: part for name, part in result.items() if isinstance(part, Result)}
    if pictures:
        return [
            fiftyone.Sample(
                filepath=str(_picture_path(source, name, part)),
                **_fields(fiftyone, part, 0, None if masks is None else masks.replace("%s", Path(name).stem), labels))
            for name, part in pictures.items()]
    numbered = [
        _fields(fiftyone, result, index, None if masks is None else _numbered(masks, index), labels)
        for index in range(len(result.frame))]
    if not isinstance(source, (str, os.PathLike)):
        return [
            fiftyone.Sample(filepath=os.fspath(source[frame]), **fields)
            for frame, fields in zip(result.frame.tolist(), numbered)]
    sample = fiftyone.Sample(filepath=os.fspath(source))
    if sample.media_type != "video":
        return [fiftyone.Sample(filepath=os.fspath(source), **numbered[0])]
    for frame, fields in zip(result.frame.tolist(), numbered):
        # FiftyOne counts frames from 1.
        sample.frames[frame + 1] = fiftyone.Frame(**fields)
    return [sample]


def _picture_path(source: Union[_AnyPath, Sequence[_AnyPath]], name: str, picture: Result) -> Path:
    """The file of a picture: of a directory by its name, of a list by its place."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return path / name if path.is_dir() else path
    return Path(source[int(picture.frame[0])])


def _numbered(pattern: str, index: int) -> str:
    """The mask of a frame; the program counts from 1."""
    return pattern % (index + 1) if "%" in pattern else pattern


def _fields(
    fiftyone: Any, result: Result, index: int, mask: Optional[str], labels: Optional[Sequence[str]]
) -> Dict[str, Any]:
    """The labels of one frame."""
    fields: Dict[str, Any] = {}
    for name, array in result.items():
        # The name of a model follows after a dot, which FiftyOne's fields cannot have.
        kind, field = name.split(".")[0], name.replace(".", "_")
        if kind == "logits" and labels is not None:
            fields[field] = _classification(fiftyone, array[index], labels)
        elif kind == "foreground":
            fields[field] = fiftyone.Segmentation(mask=array[index].astype(np.uint8))
        elif kind == "segmentation":
            fields[field] = fiftyone.Segmentation(mask=array[index].argmax(-1).astype(np.uint8))
        elif kind in _STACKED and array.ndim == 4:
            fields[field] = _heatmap(fiftyone, array[index].mean(0, dtype=np.float32))
        elif array.ndim == 3:
            fields[field] = _heatmap(fiftyone, array[index])
    if mask is not None:
        # FiftyOne would read the palette's colours from the file, and not the indices.
        from PIL import Image

        with Image.open(mask) as file:
            fields["mask"] = fiftyone.Segmentation(mask=np.asarray(file))
    return fields


def _heatmap(fiftyone: Any, map: NDArray[Any]) -> Any:
    values = np.array(map, np.float32)
    return fiftyone.Heatmap(map=values, range=[float(values.min()), float(values.max())])


def _classification(fiftyone: Any, logits: NDArray[Any], labels: Sequence[str]) -> Any:
    odds = np.exp(logits.astype(np.float64) - logits.max())
    best = int(logits.argmax())
    return fiftyone.Classification(
        label=labels[best], confidence=float(odds[best] / odds.sum()), logits=np.array(logits))
