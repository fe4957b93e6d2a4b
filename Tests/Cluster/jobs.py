"""Jobs that a cluster divides, and what must be the same however they were divided."""

import filecmp
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Three blocks and patches of 4 pixels.
TINY = [
    "--weights", str(ROOT / "Tests/Fixtures/goldens/vit/supervised.weights.safetensors"),
    "--num-heads", "3", "--family", "vit",
]


class Difference(Exception):
    """Two outputs that should be the same are not."""


def run(words, **options):
    """The standard output of a command that has to succeed."""
    done = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, words))}: exit code {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def frames_and_sound(video):
    """A line a frame and a line a packet of sound: time, duration, size and hash."""
    decoded = run(["ffmpeg", "-v", "error", "-i", video, "-map", "0:v", "-f", "framemd5", "-"])
    sound = run(["ffmpeg", "-v", "error", "-i", video, "-map", "0:a", "-c", "copy", "-f", "framemd5", "-"])
    return decoded.splitlines() + sound.splitlines()


def compare(divided, whole, names):
    """Holds the files of two directories to each other: videos by frames, times and sound, others by bytes.

    Returns how many frames and packets of sound were compared.
    """
    lines = 0
    for name in names:
        ours, theirs = divided / name, whole / name
        if name.endswith(".mp4"):
            pairs = [frames_and_sound(path) for path in (ours, theirs)]
            if pairs[0] != pairs[1]:
                different = sum(a != b for a, b in zip(*pairs)) + abs(len(pairs[0]) - len(pairs[1]))
                raise Difference(f"{name}: {different} of {len(pairs[1])} frames and packets of sound differ")
            lines += sum(not line.startswith("#") for line in pairs[1])
        elif not filecmp.cmp(ours, theirs, shallow=False):
            raise Difference(f"{name}: the bytes differ")
    return lines
