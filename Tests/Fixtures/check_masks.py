#!/usr/bin/env python3
"""Holds the masks that the binary writes to PIL and pycocotools.

    pip install pillow numpy pycocotools
    python3 Tests/Fixtures/check_masks.py VITVIDEO CLIP [OPTION ...]

Runs `vitvideo CLIP --masks … --coco …` with the options, such as `--weights FILE --threshold 0.4`, and expects

- of every mask: mode `P`, the 256 colours of PASCAL VOC, and the bytes that PIL gives and takes back,
- of every image: the mask's size and a file name of its own,
- of every annotation: run lengths that pycocotools decodes to exactly the mask's pixels, their area and box,
- of every object of a mask one annotation, whose category is there.

The tests in the package hold the same code to goldens; this is run by hand.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as run_lengths
from pycocotools.coco import COCO


def palette() -> list[int]:
    """Red, green and blue of 256 colours: of an index, bits 0, 3 and 6 are red's highest, and so on."""

    def value(index: int, channel: int) -> int:
        return sum((index >> (3 * place + channel) & 1) << (7 - place) for place in range(3))

    return [value(index, channel) for index in range(256) for channel in range(3)]


def main() -> None:
    parser = argparse.ArgumentParser(description="Holds masks to PIL and pycocotools.")
    parser.add_argument("vitvideo", type=Path)
    parser.add_argument("clip", type=Path)
    arguments, options = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subprocess.run(
            [arguments.vitvideo, arguments.clip, "--masks", folder / "mask-%05d.png", "--coco", folder / "masks.json"]
            + options,
            check=True,
        )
        check(folder)


def check(folder: Path) -> None:
    coco = COCO(folder / "masks.json")
    files = sorted(folder.glob("mask-*.png"))
    images = coco.loadImgs(sorted(coco.getImgIds()))
    assert [image["id"] for image in images] == list(range(1, len(files) + 1)), "an image for every mask"
    assert len({image["file_name"] for image in images}) == len(images), "file names of their own"
    categories = set(coco.getCatIds())
    expected_palette = palette()
    annotations, inside = 0, 0
    for image, file in zip(images, files):
        picture = Image.open(file)
        assert picture.mode == "P", f"{file.name}: mode {picture.mode}"
        assert picture.getpalette() == expected_palette, f"{file.name}: another palette"
        assert "transparency" not in picture.info, f"{file.name}: transparency"
        indices = np.asarray(picture)
        assert indices.shape == (image["height"], image["width"]), f"{file.name}: {indices.shape}"
        found = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        assert sorted(a["category_id"] for a in found) == sorted(set(indices[indices > 0].tolist())), file.name
        for annotation in found:
            number = annotation["category_id"]
            assert number in categories and annotation["iscrowd"] == 0
            mask = indices == number
            assert (coco.annToMask(annotation) == mask).all(), f"{file.name}: object {number}"
            encoded = run_lengths.encode(np.asfortranarray(mask, np.uint8))
            assert annotation["segmentation"]["counts"] == encoded["counts"].decode(), f"{file.name}: {number}"
            assert annotation["area"] == mask.sum() == run_lengths.area(encoded)
            assert annotation["bbox"] == list(run_lengths.toBbox(encoded)), f"{file.name}: {annotation['bbox']}"
            inside += int(mask.sum())
        annotations += len(found)
    pixels = sum(image["height"] * image["width"] for image in images)
    print(
        f"{len(images)} masks, {annotations} annotations, {len(categories)} categories; "
        f"{100 * inside / pixels:.1f} % of {pixels:,} pixels inside: all as PIL and pycocotools read them"
    )


if __name__ == "__main__":
    main()
