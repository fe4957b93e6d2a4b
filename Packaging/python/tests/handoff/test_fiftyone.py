"""FiftyOne's samples. They need no database; a dataset that they are added to does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import fiftyone
import numpy as np
import pytest
from conftest import CLASSIFIER, TINY
from PIL import Image

import vitvideo


def numbers(label: Any) -> Any:
    """A heatmap's numbers, after they went through the form that the database keeps."""
    return type(label).from_dict(label.to_dict()).map


def test_video(clip: Path, tmp_path: Path) -> None:
    pattern = str(tmp_path / "mask-%03d.png")
    result = vitvideo.attention(clip, frames=slice(70, 80, 3), masks=pattern, **TINY)
    [sample] = vitvideo.to_fiftyone(result, clip, masks=pattern)
    assert sample.filepath == str(clip)
    assert sample.media_type == "video"
    assert sorted(sample.frames) == [71, 74, 77, 80]
    for index, frame in enumerate(result.frame):
        labels = sample.frames[int(frame) + 1]
        fused = result.attention[index].mean(0)
        np.testing.assert_array_equal(numbers(labels.attention), fused)
        assert labels.attention.range == [float(fused.min()), float(fused.max())]
        assert labels.mask.mask.shape == (720, 1280)
        assert np.unique(labels.mask.mask).tolist() == [0, 1]
        # The mask keeps what is most attended to.
        rows, cols = fused.shape
        patches = labels.mask.mask[30:rows * 60:60, 30:cols * 60:60] == 1
        assert fused[patches].min() >= fused[~patches].max()


def test_pictures(png_files: List[Path], tmp_path: Path) -> None:
    Image.new("RGB", (200, 100), "red").save(png_files[3])
    result = vitvideo.attention(png_files, masks=tmp_path / "mask-%s.png", **CLASSIFIER)
    names = [f"class {number}" for number in range(11)]
    for source in (png_files, tmp_path):
        samples = vitvideo.to_fiftyone(result, source, masks=str(tmp_path / "mask-%s.png"), labels=names)
        assert [sample.filepath for sample in samples] == [str(path) for path in png_files]
        for sample, picture in zip(samples, result.values()):
            np.testing.assert_array_equal(numbers(sample.attention), picture.attention[0].mean(0))
            assert sample.logits.label == names[int(picture.logits[0].argmax())]
            assert 1 / 11 < sample.logits.confidence <= 1
            with Image.open(tmp_path / f"mask-{Path(sample.filepath).stem}.png") as mask:
                np.testing.assert_array_equal(sample.mask.mask, np.asarray(mask))
            assert sample.media_type == "image"


def test_numbered_pictures_and_one(png_files: List[Path]) -> None:
    result = vitvideo.run("foreground", png_files[0].with_name("%d.png"), frames=slice(1, 3), **TINY)
    samples = vitvideo.to_fiftyone(result, png_files)
    assert [sample.filepath for sample in samples] == [str(path) for path in png_files[1:3]]
    for sample, mask, component in zip(samples, result.foreground, result.foreground_component):
        np.testing.assert_array_equal(sample.foreground.mask, mask)
        np.testing.assert_array_equal(numbers(sample.foreground_component), component)
    [sample] = vitvideo.to_fiftyone(vitvideo.run("tokens", png_files[2], **TINY), png_files[2])
    assert not [name for name in sample.field_names if isinstance(sample[name], fiftyone.Label)]


def test_models_and_objects(clip: Path) -> None:
    result = vitvideo.attention(
        clip, frames=slice(0, 1), define={"a.b": CLASSIFIER["weights"]}, set=["a.b:num-heads=3"], compare="a.b", **TINY)
    [sample] = vitvideo.to_fiftyone(result, clip)
    np.testing.assert_array_equal(
        numbers(sample.frames[1].attention_a_b), result["attention.a.b"][0].mean(0))
    options = {key: value for key, value in TINY.items() if key != "resolution"}
    objects = vitvideo.propagate(clip, frames=slice(0, 2), point="300px,300px", resolution=96, **options)
    [sample] = vitvideo.to_fiftyone(objects, clip)
    np.testing.assert_array_equal(sample.frames[2].segmentation.mask, objects.segmentation[1].argmax(-1))


def test_picture_that_is_not_in_the_list(png_files: List[Path]) -> None:
    result = vitvideo.attention(png_files, **TINY)
    with pytest.raises(IndexError):
        vitvideo.to_fiftyone(result, png_files[:2])
