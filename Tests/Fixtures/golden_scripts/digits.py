"""The 1,797 handwritten digits that scikit-learn carries, out of its wheel, as an npz to train on.

    python3 digits.py WHEEL OUTPUT.npz

`images` uint8 [1797, 8, 8] are the counts 0…16 as 255·count/16, rounded; `labels` int64 [1797] are the digits.
Beside it come `three.pgm` and `eight.pgm`, the first of those, to be watched while training. Other values than expected
are an error. Only the standard library is used.
"""

import gzip
import hashlib
import io
import struct
import sys
import zipfile
from pathlib import Path

COUNT, SIDE = 1797, 8
MEMBER = "sklearn/datasets/data/digits.csv.gz"
SHA256 = "0b7e9c3202d7bcd255d6a19a238d3743bf5e320ba74812a6679958a017c55382"


def read(wheel: Path) -> tuple[bytes, bytes]:
    """The images' bytes and the labels', little-endian."""
    with zipfile.ZipFile(wheel) as archive:
        text = gzip.decompress(archive.read(MEMBER)).decode()
    rows = [[int(float(value)) for value in line.split(",")] for line in text.split()]
    images = bytes(round(255 * value / 16) for row in rows for value in row[:-1])
    labels = struct.pack(f"<{len(rows)}q", *(row[-1] for row in rows))
    found = hashlib.sha256(images + labels).hexdigest()
    if len(rows) != COUNT or found != SHA256:
        raise SystemExit(f"{wheel}: {len(rows)} digits hash to {found}, expected are {COUNT} and {SHA256}")
    return images, labels


def array(descriptor: str, shape: tuple[int, ...], content: bytes) -> bytes:
    """A .npy file, its header padded to end at a multiple of 64 bytes."""
    header = f"{{'descr': '{descriptor}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + content


def main(wheel: Path, output: Path) -> None:
    images, labels = read(wheel)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as entries:
        # Of one date, so that the bytes are the same each time.
        entries.writestr(zipfile.ZipInfo("images.npy"), array("|u1", (COUNT, SIDE, SIDE), images))
        entries.writestr(zipfile.ZipInfo("labels.npy"), array("<i8", (COUNT,), labels))
    # The first ten are 0 to 9.
    for digit, name in ((3, "three"), (8, "eight")):
        pixels = images[digit * SIDE * SIDE :][: SIDE * SIDE]
        output.with_name(f"{name}.pgm").write_bytes(b"P5 %d %d 255\n" % (SIDE, SIDE) + pixels)
    output.write_bytes(archive.getvalue())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
