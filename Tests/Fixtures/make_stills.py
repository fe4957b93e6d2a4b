"""Makes the goldens of still pictures: files in the ways cameras and programs write them, and PIL's pixels.

    pip install pillow numpy
    python3 Tests/Fixtures/make_stills.py    # from the top folder; needs ImageMagick's `convert` too

Each `NAME.EXT` has its pixels, as `ImageOps.exif_transpose(Image.open(…)).convert("RGB")` gives them, in
`NAME.EXT.rgb`: height and width as little-endian 16-bit numbers, then rows of RGB.
"""

import io
import pathlib
import struct
import subprocess
import sys
import zlib

import numpy as np
import PIL
import PIL.features
from PIL import Image, ImageOps

TARGET = pathlib.Path("Tests/Fixtures/goldens/stills")


def picture(height: int = 29, width: int = 43) -> Image.Image:
    """Smooth slopes, a colored block with hard edges, and a little noise."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([x * 255 // width, y * 255 // height, (x * y) % 256], -1)
    pixels[height // 4 : height // 2, width // 4 : width // 2] = [250, 10, 20]
    pixels += np.random.default_rng(1).integers(-6, 7, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save(name: str, data: bytes) -> None:
    (TARGET / name).write_bytes(data)
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    head = struct.pack("<HH", image.height, image.width)
    (TARGET / f"{name}.rgb").write_bytes(head + image.tobytes())


def encode(image: Image.Image, format: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()


def convert(image: Image.Image, *options: str) -> bytes:
    """What ImageMagick writes: samplings that PIL does not offer."""
    command = ["convert", "png:-", *options]
    return subprocess.run(command, input=encode(image, "PNG"), capture_output=True, check=True).stdout


def orientation(number: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = number
    return exif


def deep_png(pixels: np.ndarray, kind: int) -> bytes:
    """A PNG file of 16 bits a sample."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    color = picture()
    for sampling in ["4:4:4", "4:2:2", "4:2:0"]:
        for progressive in [False, True]:
            name = f"{sampling.replace(':', '')}{'-progressive' if progressive else ''}.jpg"
            save(name, encode(color, "JPEG", quality=85, subsampling=sampling, progressive=progressive))
    for sampling in ["1x2", "4x1", "2x1,1x2,1x1"]:
        name = f"sampling-{sampling.replace(',', '-')}.jpg"
        save(name, convert(color, "-quality", "85", "-sampling-factor", sampling, "jpg:-"))
    save("restart.jpg", encode(color, "JPEG", quality=60, subsampling="4:2:0", restart_marker_blocks=2))
    save("coarse.jpg", encode(color, "JPEG", quality=8))
    save("rgb.jpg", encode(color, "JPEG", quality=85, keep_rgb=True))
    save("gray.jpg", encode(color.convert("L"), "JPEG", quality=85))
    save("cmyk.jpg", encode(color.convert("CMYK"), "JPEG", quality=85))
    save("ycck.jpg", convert(color, "-colorspace", "CMYK", "-quality", "85", "-sampling-factor", "2x2", "jpg:-"))
    for height, width in [(1, 1), (2, 3), (16, 16), (17, 15)]:
        save(f"size-{height}x{width}.jpg", encode(picture(height, width), "JPEG", subsampling="4:2:0"))
    for number in range(1, 9):
        turned = picture(12, 20)
        save(f"turned{number}.jpg", encode(turned, "JPEG", exif=orientation(number)))
        save(f"turned{number}.png", encode(turned, "PNG", exif=orientation(number)))
        save(f"turned{number}.tif", encode(turned, "TIFF", tiffinfo={274: number}))
        save(f"turned{number}.avif", encode(turned, "AVIF", quality=100, subsampling="4:4:4", exif=orientation(number)))
        save(f"turned{number}.webp", encode(turned, "WEBP", lossless=True, exif=orientation(number)))

    noise = np.random.default_rng(2).integers(0, 65536, (9, 13, 4)).astype(np.uint16)
    save("deep-color.png", deep_png(noise[..., :3], 2))
    save("deep-alpha.png", deep_png(noise, 6))
    save("deep-gray-alpha.png", deep_png(noise[..., :2], 4))
    clear = color.convert("RGBA")
    clear.putalpha(color.convert("L"))
    save("alpha.png", encode(clear, "PNG"))
    save("gray-alpha.png", encode(clear.convert("LA"), "PNG"))
    save("gray.png", encode(color.convert("L"), "PNG"))
    save("bits.png", encode(color.convert("1"), "PNG"))
    save("palette.png", encode(color.quantize(13), "PNG"))
    save("palette-clear.png", encode(color.quantize(13), "PNG", transparency=3))
    save("inks.tif", encode(color.convert("CMYK"), "TIFF", compression="tiff_lzw"))
    save("palette.tif", encode(color.quantize(13), "TIFF"))
    save("lossless.webp", encode(color, "WEBP", lossless=True))
    save("lossy.webp", encode(color, "WEBP", quality=80))
    save("lossy-alpha.webp", encode(clear, "WEBP", quality=80))
    for height, width in [(1, 1), (2, 3), (16, 16), (17, 15)]:
        save(f"size-{height}x{width}.webp", encode(picture(height, width), "WEBP", quality=80))
    turbo = PIL.features.version("libjpeg_turbo")
    print(f"Python {sys.version.split()[0]}, PIL {PIL.__version__}, libjpeg-turbo {turbo}, NumPy {np.__version__}")


main()
