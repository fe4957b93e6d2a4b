"""Goldens of masks: pictures as PIL writes them with the objects' numbers they stand for, and COCO's run lengths.

Each `NAME.png` has its indices in `NAME.png.idx`: height and width as little-endian 16-bit numbers, then a byte a
pixel. `palette.rgb` is the palette of DAVIS, 256 × 3 bytes. `rle.json` holds masks and what pycocotools makes of them.
"""

import json
import struct
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps
from pycocotools import mask as coco


def palette() -> np.ndarray:
    """The colour map of PASCAL VOC: the bits of an index, three at a time from below, are the next bits of red, green
    and blue from above. [256, 3]"""
    colors = np.zeros((256, 3), np.uint8)
    for index in range(256):
        rest = index
        for bit in reversed(range(8)):
            for channel in range(3):
                colors[index, channel] |= (rest >> channel & 1) << bit
            rest >>= 3
    return colors


def labels(height: int = 23, width: int = 37, objects: tuple[int, ...] = (1, 2, 3)) -> np.ndarray:
    """Discs of several objects, one over the other, and a pixel of each in a corner."""
    y, x = np.mgrid[0:height, 0:width]
    indices = np.zeros((height, width), np.uint8)
    rng = np.random.default_rng(len(objects))
    for number in objects:
        row, column, radius = rng.integers(0, height), rng.integers(0, width), rng.integers(3, 9)
        indices[(y - row) ** 2 + (x - column) ** 2 <= radius**2] = number
    indices[-1, -len(objects) :] = objects
    return indices


def make(directory: Path) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    colors = palette()
    (directory / "palette.rgb").write_bytes(colors.tobytes())
    make_pictures(directory, colors)
    make_run_lengths(directory)


def make_pictures(directory: Path, colors: np.ndarray) -> None:
    def save(name: str, image: Image.Image, indices: np.ndarray, **options) -> None:
        image.save(directory / name, "PNG", **options)
        stored = ImageOps.exif_transpose(Image.open(directory / name))
        if stored.mode == "P":
            assert (np.asarray(stored) == indices).all(), name
        head = struct.pack("<HH", *indices.shape)
        (directory / f"{name}.idx").write_bytes(head + indices.astype(np.uint8).tobytes())

    for bits in (1, 2, 4, 8):
        objects = {1: (1,), 2: (1, 2, 3), 4: (1, 7, 15), 8: (1, 5, 200, 255)}[bits]
        indices = labels(objects=objects)
        image = Image.fromarray(indices, "P")
        # Another palette than that of DAVIS: the indices count, not the colors.
        image.putpalette((255 - colors[: 1 << bits]).tobytes())
        save(f"indexed{bits}.png", image, indices, bits=bits)
    indices = labels(objects=(1, 2, 3, 4))
    davis = Image.fromarray(indices, "P")
    davis.putpalette(colors.tobytes())
    save("davis.png", davis, indices)
    save("clear.png", davis, indices, transparency=0)
    exif = Image.Exif()
    exif[274] = 6
    save("turned.png", davis, np.rot90(indices, -1), exif=exif)
    save("oblong.png", davis, indices, dpi=(72, 144))

    save("gray.png", Image.fromarray(indices), indices)
    gray = labels(objects=(40, 255))
    save("gray-high.png", Image.fromarray(gray), gray)
    one = labels(objects=(1,))
    save("black-white.png", Image.fromarray(one * 255), one)
    save("bits.png", Image.fromarray(one * 255).convert("1"), one)
    save("gray-alpha.png", Image.fromarray(np.dstack([indices, 255 - indices]), "LA"), indices)

    save("color.png", Image.fromarray(colors[indices]), indices)
    many = labels(objects=(1, 9, 38, 255))
    save("color-many.png", Image.fromarray(colors[many]), many)
    early = colors[many]
    early[early == 192] = 191
    save("color-early.png", Image.fromarray(early), many)
    save("color-white.png", Image.fromarray(np.dstack([one * 255] * 3)), one)
    # Objects 1 and 2 are dark red and dark green already; red, white and yellow follow in the order of red, green, blue.
    own = np.array([[0, 0, 0], [128, 0, 0], [255, 255, 255], [0, 128, 0], [255, 0, 0], [255, 255, 0]], np.uint8)
    which = labels(objects=(1, 2, 3, 4, 5))
    numbers = np.array([0, 1, 5, 2, 3, 4], np.uint8)
    save("color-own.png", Image.fromarray(own[which]), numbers[which])
    save("color-alpha.png", Image.fromarray(np.dstack([own[which], 255 - which])), numbers[which])


def make_run_lengths(directory: Path) -> None:
    rng = np.random.default_rng(5)
    masks = [
        labels(),
        labels(70, 90, (1, 2, 9)),
        np.zeros((3, 4), np.uint8),
        np.ones((3, 4), np.uint8),
        np.ones((1, 1), np.uint8),
        rng.integers(0, 3, (11, 7), np.uint8),
        (rng.random((40, 61)) < 0.02).astype(np.uint8) * 255,
        np.repeat(np.repeat(rng.integers(0, 2, (3, 4), np.uint8), 40, 0), 900, 1),
    ]
    cases = []
    for indices in masks:
        objects = []
        for number in np.unique(indices[indices > 0]):
            encoded = coco.encode(np.asfortranarray(indices == number, np.uint8))
            objects.append(
                {
                    "object": int(number),
                    "counts": encoded["counts"].decode(),
                    "area": int(coco.area(encoded)),
                    "bbox": [int(value) for value in coco.toBbox(encoded)],
                }
            )
        # The mask in rows, each run as its object and its length.
        flat = indices.reshape(-1)
        starts = np.flatnonzero(np.diff(flat, prepend=-1.0))
        lengths = np.diff(np.append(starts, flat.size))
        runs = [[int(flat[start]), int(length)] for start, length in zip(starts, lengths)]
        height, width = indices.shape
        cases.append({"height": height, "width": width, "runs": runs, "objects": objects})
    document = {"pycocotools": version("pycocotools"), "cases": cases}
    (directory / "rle.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")
