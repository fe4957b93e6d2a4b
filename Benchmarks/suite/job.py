"""Whole jobs on a clip: ours beside two Python pipelines, and ours for its memory."""

import subprocess
import sys
from functools import partial
from pathlib import Path

from suite import programs
from suite.measure import FOLDER, interleaved, progress, run, spread
from suite.programs import CACHE, VITVIDEO
from suite.rows import DEFAULT, ROWS, VITS8

CLIP = FOLDER.parent / "media" / "cache" / "bigbuckbunny.mp4"
CLIP_FRAMES = 132
LONG_CLIP_FRAMES = 2000


def compare(frames: int, rounds: int, threads: int) -> dict:
    """Seconds and memory of the default job from clip to annotated clip."""
    default_weights = run([VITVIDEO, "models", "path", "dinov2_vits14"]).output.strip()
    programs.prepare(DEFAULT, "--weights", default_weights)
    out = FOLDER / "out" / "job"
    out.mkdir(parents=True, exist_ok=True)
    selection = ["--frames", str(frames), "--threads", str(threads)]
    peers = [sys.executable, "-m"]
    prepared = ["--prepared", CACHE / DEFAULT.name]
    jobs = {
        "vitvideo": partial(
            run,
            [
                VITVIDEO, CLIP, "-o", out / "vitvideo.mp4", "-y", "-v", "--progress", "none",
                "--offline", "--frames", f"0:{frames}", "--threads", str(threads),
            ],
        ),
        "PyAV + OpenVINO bf16 + OpenCV": partial(
            run, [*peers, "peers.openvino_video", CLIP, out / "openvino.mp4", *prepared, *selection]
        ),
        "DINO's pipeline": partial(
            run, [*peers, "peers.dino_video", CLIP, out / "dino.mp4", *prepared, *selection]
        ),
    }  # fmt: skip
    measured = interleaved(jobs, rounds)
    return {
        "frames": frames,
        "programs": {
            title: {
                "seconds": spread([one.wall_seconds for one in runs]),
                "peak_bytes": max(one.peak_bytes for one in runs),
                "cpu_seconds": spread([one.cpu_seconds for one in runs]),
            }
            for title, runs in measured.items()
        },
        "stages": _timing(measured["vitvideo"][-1].errors),
    }


def _timing(said: str) -> str:
    """The summary that `--verbose` ends with, without what it says of files and models before."""
    lines = said.strip().splitlines()
    first = next(i for i, line in enumerate(lines) if " frames in " in line)
    return "\n".join(lines[first:])


def memory(threads: int) -> list[dict]:
    """Peak memory of our jobs: at a usual size, at a large one, and over a long clip."""
    out = FOLDER / "out" / "memory"
    out.mkdir(parents=True, exist_ok=True)
    small = programs.prepare(ROWS["vits16_512"]) / "weights.safetensors"
    fine = programs.prepare(VITS8, "--weights-only") / "weights.safetensors"
    rows = ROWS["vits16_512"]
    long = _long_clip(out / "long.mp4")
    cases = [
        (f"{rows.title}", CLIP, CLIP_FRAMES, ["--weights", small, "--resolution", "512"]),
        (f"{VITS8.title}", CLIP, 2 * threads, ["--weights", fine, "--resolution", "native"]),
        ("dinov2_vits14, 112×196", CLIP, CLIP_FRAMES, ["--resolution", "112"]),
        ("dinov2_vits14, 112×196", long, LONG_CLIP_FRAMES, ["--resolution", "112"]),
    ]
    results = []
    for title, clip, frames, options in cases:
        progress(f"memory: {title}, {frames} frames")
        one = run([
            VITVIDEO, clip, "-o", out / "annotated.mp4", "-y", "--quiet", "--offline",
            "--frames", f"0:{frames}", "--threads", str(threads), *options,
        ])  # fmt: skip
        results.append({"title": title, "frames": frames, "peak_bytes": one.peak_bytes})
    return results


def _long_clip(path: Path) -> Path:
    """The clip over and over."""
    if not path.exists():
        repeats = LONG_CLIP_FRAMES // CLIP_FRAMES
        subprocess.run(
            ["ffmpeg", "-v", "error", "-stream_loop", str(repeats), "-i", CLIP, "-c", "copy", path],
            check=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return path
