#!/usr/bin/env python3
"""Measures what it costs to divide a job: a clip in 1, 2, 4, 8 and 16 parts, one after the other on this machine.

    python3 parts.py                      2,000 frames, 40 minutes on two cores; prints the tables
    python3 parts.py --frames 256 --parts 2,4 --resolution 224

Each row is held against one `--resume` run of the same clip, made just before it: the sum of the parts and the join over
that run, and the longest part over the mean. Below it stands what each step costs, and what that comes to for a film of ten
hours on 64 machines: a projection, not a measurement.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def ran(command: list[str], directory: Path) -> float:
    """Runs a command to its end and returns the seconds it took."""
    start = time.monotonic()
    outcome = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if outcome.returncode:
        sys.exit(f"{' '.join(command)}: {outcome.stderr}")
    return time.monotonic() - start


def make_clip(source: Path, frames: int, target: Path) -> None:
    """The demo clip over and over, with a key frame every ten seconds, as films have them."""
    subprocess.run(
        ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", source, "-frames:v", str(frames), "-an"]
        + ["-c:v", "libx264", "-preset", "veryfast", "-g", "250", target],
        check=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / ".build/release/vitvideo")
    parser.add_argument("--clip", type=Path, default=ROOT / "media/cache/bigbuckbunny.mp4")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--parts", default="1,2,4,8,16")
    parser.add_argument("--segment-frames", type=int, default=125, help="default: 125, so that parts are equal")
    parser.add_argument("--resolution", default="224", help="short side fed to the model; default: 224")
    options = parser.parse_args()
    program = str(options.program.resolve())
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        make_clip(options.clip.resolve(), options.frames, directory / "clip.mp4")

        def command(output: str, *more: str) -> list[str]:
            return [
                program, "clip.mp4", "-o", output, "--resume", "--segment-frames", str(options.segment_frames),
                "--resolution", options.resolution, "--quiet", *more,
            ]  # fmt: skip

        print(f"{options.frames} frames, segments of {options.segment_frames}, {os.cpu_count()} cores\n")
        print("| parts | parts and join over one run | longest part over mean | join over one run |")
        print("|--:|--:|--:|--:|")
        measured = {}
        for count in map(int, options.parts.split(",")):
            whole = ran(command("whole.mp4", "-y"), directory)
            times = [ran(command("out.mp4", "--part", f"{k}/{count}"), directory) for k in range(1, count + 1)]
            join = ran(command("out.mp4", "--join-only"), directory)
            same = (directory / "whole.mp4").read_bytes() == (directory / "out.mp4").read_bytes()
            if not same:
                sys.exit(f"{count} parts give another file")
            (directory / "out.mp4").unlink()
            over = (sum(times) + join) / whole
            longest = max(times) / (sum(times) / count)
            measured[count] = {"whole": whole, "times": times, "join": join}
            print(f"| {count} | {over:.3f} | {longest:.3f} | {join / whole:.3f} |", flush=True)

        # What a part costs besides its frames: one that finds all its segments there.
        count = max(measured)
        ran(command("out.mp4", "--part", f"{count}/{count}"), directory)
        start = min(ran(command("out.mp4", "--part", f"{count}/{count}"), directory) for _ in range(5))
        shutil.rmtree(directory / "out.mp4.resume")
        first = ran(command("out.mp4", "--part", f"1/{count}"), directory)
        whole, join = (min(measured[c][name] for c in measured) for name in ("whole", "join"))
        frame = (whole - join) / options.frames
        print(f"\nA part that finds all there takes {start:.2f} s, the first one with the plan {first:.2f} s,")
        print(f"a frame {1000 * frame:.1f} ms, the join {1000 * join / options.frames:.2f} ms a frame.")
        film, machines = 10 * 3600 * 25, 64
        share = start + film / machines * frame
        joining = start + film * join / options.frames
        total = share + joining
        print(
            f"Projected for a film of ten hours (25 frames a second) on {machines} such machines: {share / 60:.0f} minutes a "
            f"part and {joining / 60:.1f} minutes for the join, against {film * frame / 3600:.1f} hours on one: "
            f"{film * frame / total:.0f} times as fast."
        )
        print(json.dumps(measured), file=sys.stderr)


if __name__ == "__main__":
    main()
