#!/usr/bin/env python3
"""Writes the colour-map tables and what the tests compare them with, all from matplotlib.

    pip install matplotlib==3.11.2
    Tests/Fixtures/make_colormaps.py        # from the repository's root

Sources/Rendering/ColorMapTables.swift   six maps of 256 colours, in hexadecimal
Tests/Fixtures/goldens/colormaps.json    colours of a ramp of values that stand at, just below and
                                         just above the borders of the 256 bins, and a picture that
                                         matplotlib.image.imsave makes of a raw map
The tables are the bytes of `colormap(value, bytes=True)`: 255 * colour, rounded down.
"""

import io
import json
import pathlib

import matplotlib
import numpy
from matplotlib import image

NAMES = ["inferno", "magma", "viridis", "plasma", "turbo", "gray"]
ROOT = pathlib.Path(__file__).resolve().parents[2]


def table(name):
    colors = matplotlib.colormaps[name](numpy.arange(256), bytes=True)
    assert colors.shape == (256, 4)
    return colors[:, :3].tobytes().hex()


def swift_tables():
    lines = [
        f"// Made by Tests/Fixtures/make_colormaps.py from matplotlib {matplotlib.__version__}. Do not edit.",
        "",
        "/// The bytes of matplotlib's 256-entry tables, red, green, blue, in hexadecimal.",
        "enum ColorMapTables {",
    ]
    for name in NAMES:
        digits = table(name)
        rows = [digits[i : i + 96] for i in range(0, len(digits), 96)]
        lines.append(f'    static let {name} = """')
        lines += [f"        {row}\\" for row in rows[:-1]]
        lines.append(f"        {rows[-1]}")
        lines.append('        """')
    return "\n".join(lines + ["}", ""])


def ramp():
    borders = (numpy.arange(257, dtype=numpy.float64) / 256).astype(numpy.float32)
    one, below, above = borders, numpy.nextafter(borders, -1), numpy.nextafter(borders, numpy.float32(2))
    extra = numpy.float32([-1, -1e-30, 0.1, 0.3, 0.5, 0.7, 0.9, 1.5, 1e30])
    return numpy.concatenate([one, below, above, extra]).astype(numpy.float32)


def golden():
    values = ramp()
    colors = {
        name: matplotlib.colormaps[name](values, bytes=True)[:, :3].tobytes().hex() for name in NAMES
    }
    # What DINO does with an attention map: imsave of the raw values, scaled by their own range.
    raw = numpy.random.default_rng(7).gamma(0.6, 0.004, size=(9, 13)).astype(numpy.float32)
    png = io.BytesIO()
    image.imsave(png, raw, cmap="inferno", format="png")
    png.seek(0)
    pixels = numpy.round(image.imread(png)[:, :, :3] * 255).astype(numpy.uint8)
    return {
        "matplotlib": matplotlib.__version__,
        "numpy": numpy.__version__,
        "values_hex": values.astype("<f4").tobytes().hex(),
        "colors_hex": colors,
        "imsave": {
            "height": raw.shape[0],
            "width": raw.shape[1],
            "values_hex": raw.astype("<f4").tobytes().hex(),
            "inferno_hex": pixels.tobytes().hex(),
        },
    }


if __name__ == "__main__":
    (ROOT / "Sources/Rendering/ColorMapTables.swift").write_text(swift_tables())
    path = ROOT / "Tests/Fixtures/goldens/colormaps.json"
    path.write_text(json.dumps(golden(), indent=1) + "\n")
