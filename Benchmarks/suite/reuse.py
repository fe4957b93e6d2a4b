"""`--reuse`: what is taken over from frame to frame, its speed and its error."""

import re
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from suite import processor, programs
from suite.job import CLIP, CLIP_FRAMES
from suite.measure import FOLDER, Run, interleaved, progress, run, spread
from suite.programs import CACHE, VITVIDEO
from suite.rows import DEFAULT

MEDIA = CLIP.parent
STATIC_FRAMES = 300
LEVELS = 0.5


def compare(frames: int, rounds: int, threads: int) -> dict:
    """Forward passes and jobs with and without, on cameras that stand, pan and shake."""
    out = FOLDER / "out" / "reuse"
    out.mkdir(parents=True, exist_ok=True)
    static = static_camera(out / "static.mp4")
    clips = {
        "standing camera": (static, min(frames, STATIC_FRAMES)),
        "bikes.mp4, hand-held": (MEDIA / "bikes.mp4", min(frames, 250)),
        "Big Buck Bunny, animated": (CLIP, min(frames, CLIP_FRAMES)),
    }
    results = {}
    for title, (clip, count) in clips.items():
        progress(f"reuse: {title}")
        results[title] = {
            "frames": count,
            "passes": _passes(clip, count, rounds, threads, out),
            "jobs": _jobs(clip, count, rounds, threads, out, with_peer=clip == static),
        }
    return results


def static_camera(path: Path) -> Path:
    """A street: a still of the clip with parts of another shot of it moving over it, the noise of a sensor, and H.264 at
    usual quality."""
    if not path.exists():
        scene = (
            "[0]scale=1280:544,crop=960:540[still];"
            "[1]crop=150:262:380:0,scale=74:130,setpts=PTS-STARTPTS,loop=-1:20[person];"
            "[2]crop=290:240:0:32,scale=116:96,setpts=PTS-STARTPTS,loop=-1:20[van];"
            "[still][person]overlay=x='60+1.6*n':y=300[one];"
            "[one][van]overlay=x='900-2.3*n':y=380,noise=alls=4:allf=t,format=yuv420p"
        )
        bikes = MEDIA / "bikes.mp4"
        shot = ["-ss", "4.6", "-t", "0.8", "-i", bikes]
        still = path.with_suffix(".png")
        ffmpeg = ["ffmpeg", "-v", "error", "-nostdin", "-y"]
        subprocess.run([*ffmpeg, "-ss", "7.2", "-i", bikes, "-frames:v", "1", still], check=True)
        subprocess.run(
            [
                *ffmpeg, "-loop", "1", "-framerate", "25", "-i", still, *shot, *shot,
                "-filter_complex", scene, "-frames:v", str(STATIC_FRAMES), "-c:v", "libx264",
                "-preset", "medium", "-crf", "23", path,
            ],
            check=True,
        )  # fmt: skip
    return path


def _passes(clip: Path, frames: int, rounds: int, threads: int, out: Path) -> dict:
    """Forward passes alone, all threads on a frame, and how far the maps are apart."""
    files = {amount: out / f"{clip.stem}-{amount}.npz" for amount in ["off", str(LEVELS)]}
    jobs = {
        amount: partial(
            run,
            [
                VITVIDEO, clip, "--export", file, "-y", "-v", "--progress", "none", "--offline", "--frames",
                f"0:{frames}", "--threads", str(threads), "--workers", "1", "--reuse", amount,
                *_fastest(),
            ],
        )
        for amount, file in files.items()
    }  # fmt: skip
    measured = interleaved(jobs, rounds)
    whole, reused = ([_inference_seconds(one) for one in measured[amount]] for amount in files)
    errors = np.array(_errors(*files.values()))
    said = _said(measured[str(LEVELS)][-1].errors)
    return {
        "whole_seconds": spread(whole),
        "reused_seconds": spread(reused),
        "computed": said["computed"],
        "error_mean": float(errors.mean()),
        "error_worst": float(errors.max()),
        "error_told": said["mean"],
    }


def _fastest() -> Sequence[str]:
    """What the program computes pictures in here."""
    return ["--precision", "bf16" if "bf16" in processor.precisions() else "fp32"]


def _inference_seconds(one: Run) -> float:
    return float(re.search(r"inference +([0-9.]+) s", one.errors)[1])


def _said(text: str) -> dict[str, float | None]:
    """The line that a run with `--reuse` ends with; no error where no frame's was looked at."""
    numbers = re.search(r"reuse: (\d+) % was computed(?:; off by ([0-9.]+) of 255)?", text)
    return {"computed": int(numbers[1]) / 100, "mean": float(numbers[2]) if numbers[2] else None}


def _errors(whole: Path, reused: Path) -> list[float]:
    """By frame the mean difference of the fused maps in levels, each map over its own range."""

    def levels(attention: np.ndarray) -> np.ndarray:
        fused = attention.mean(axis=0)
        return 255 * (fused - fused.min()) / (fused.max() - fused.min())

    with np.load(whole) as exact, np.load(reused) as found:
        pairs = zip(exact["attention"], found["attention"], strict=True)
        return [float(np.abs(levels(a) - levels(b)).mean()) for a, b in pairs]


def _jobs(clip: Path, frames: int, rounds: int, threads: int, out: Path, *, with_peer: bool) -> dict:
    """Seconds of whole jobs."""
    jobs = {
        f"--reuse {amount}": partial(
            run,
            [
                VITVIDEO, clip, "-o", out / "job.mp4", "-y", "--quiet", "--offline", "--frames", f"0:{frames}",
                "--threads", str(threads), "--reuse", amount,
            ],
        )
        for amount in ["off", "auto"]
    }  # fmt: skip
    if with_peer:
        default_weights = run([VITVIDEO, "models", "path", "dinov2_vits14"]).output.strip()
        programs.prepare(DEFAULT, "--weights", default_weights)
        jobs["PyAV + OpenVINO bf16 + OpenCV"] = partial(
            run,
            [
                sys.executable, "-m", "peers.openvino_video", clip, out / "peer.mp4", "--prepared",
                CACHE / DEFAULT.name, "--frames", str(frames), "--threads", str(threads),
            ],
        )  # fmt: skip
    return {
        title: spread([one.wall_seconds for one in runs])
        for title, runs in interleaved(jobs, rounds).items()
    }
