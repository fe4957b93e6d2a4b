"""The frames of Big Buck Bunny that the real-weight goldens were made on, cut out with ffmpeg.

    python3 frames.py CLIP DIRECTORY      makes them and checks their pixels
    python3 frames.py --print             prints the commands

The flags make swscale's output the same on every machine: `bitexact` and `accurate_rnd` keep it
off the processor-specific shortcuts. The matrix is stated because the clip has no colour tags.
"""

import hashlib
import shlex
import subprocess
import sys
from pathlib import Path

SCALER = "bitexact+accurate_rnd+full_chroma_int"

# name: (frame number from 0, crop as (height, width, top, left) or None, SHA-256 of the RGB bytes)
FRAMES = {
    "square": (15, (224, 224, 190, 344), "05320deaaee3170b17efd79e2186a709e873e24cd58ffd0c06b552f72cc6baad"),
    "wide": (75, (308, 448, 60, 180), "c624bee80353c687a7cd0ea201e32b9525fbd7fd58e4bf76dcaf9c8d27017f25"),
    "full": (75, None, "9ae82a15bb1f57a766a21371f0cbd0dd8a00ded129100619abafdb7bab6b6204"),
}


def command(name: str, clip: str, output: str) -> list[str]:
    """The ffmpeg command that writes the frame as PNG (or as raw RGB, by `output`'s extension)."""
    number, crop, _ = FRAMES[name]
    steps = [
        f"select=eq(n\\,{number})",
        f"scale=in_color_matrix=bt709:in_range=tv:flags={SCALER}",
        "format=rgb24",
    ]
    if crop:
        height, width, top, left = crop
        steps.append(f"crop={width}:{height}:{left}:{top}")
    arguments = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-i", clip, "-vf", ",".join(steps)]
    arguments += ["-sws_flags", SCALER, "-fps_mode", "passthrough", "-frames:v", "1", "-bitexact"]
    return arguments + (["-f", "rawvideo", "-"] if output == "-" else ["-update", "1", output])


def make(clip: Path, directory: Path) -> dict[str, Path]:
    """Writes <directory>/<name>.png for every frame; other pixels than expected are an error."""
    directory.mkdir(parents=True, exist_ok=True)
    made = {}
    for name, (_, _, expected) in FRAMES.items():
        raw = subprocess.run(command(name, str(clip), "-"), check=True, capture_output=True).stdout
        found = hashlib.sha256(raw).hexdigest()
        if found != expected:
            raise SystemExit(f"{name}: pixels hash to {found}, the goldens were made on {expected}")
        made[name] = directory / f"{name}.png"
        subprocess.run(command(name, str(clip), str(made[name])), check=True)
    return made


if __name__ == "__main__":
    if sys.argv[1:] == ["--print"]:
        for frame in FRAMES:
            print(shlex.join(command(frame, "bigbuckbunny.mp4", f"{frame}.png")))
    elif len(sys.argv) == 3:
        make(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        raise SystemExit(__doc__)
