#!/usr/bin/env python3
"""Measures what it costs to divide a job: a clip in 1, 2, 4, 8 and 16 parts, one after the other on this machine.

    python3 parts.py                      2,000 frames, 40 minutes on two cores; prints the tables
    python3 parts.py --frames 256 --parts 2,4 --resolution 224

One undivided `--resume` run of the clip goes on beside all divisions, stopped while a part runs: each part is run right
after the same frames of that run, as a machine's speed drifts over so long a time. A row gives the sum of the parts and
the join over the undivided run, and the longest part over the mean, beside the same of the undivided run's own stretches,
which is the machine's unsteadiness. Below the table stands what each step costs, and what that comes to for a film of ten
hours on 64 machines: a projection, not a measurement.
"""

import argparse
import json
import os
import shutil
import signal
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


class Undivided:
    """A run of the whole job, which stands still between the calls of `advance`."""

    def __init__(self, command: list[str], directory: Path):
        self.begin = time.monotonic()
        self.process = subprocess.Popen(
            [*command, "--progress", "json"], cwd=directory, stderr=subprocess.PIPE, text=True
        )

    def advance(self, frames: int | None) -> float:
        """Goes on until so many frames are done, or all and the output is there; returns the seconds it took."""
        self.process.send_signal(signal.SIGCONT)
        start, self.begin = self.begin or time.monotonic(), None
        for line in self.process.stderr:
            done = json.loads(line).get("frames", 0) if line.startswith("{") else 0
            if frames is not None and done >= frames:
                self.process.send_signal(signal.SIGSTOP)
                return time.monotonic() - start
        if self.process.wait():
            sys.exit("the undivided run failed")
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
                "--resolution", options.resolution, *more,
            ]  # fmt: skip

        print(f"{options.frames} frames, segments of {options.segment_frames}, {os.cpu_count()} cores\n")
        counts = sorted(int(count) for count in options.parts.split(","))
        ends = {count: [round(k * options.frames / count) for k in range(1, count + 1)] for count in counts}
        whole = Undivided(command("whole.mp4", "-y"), directory)
        slices: list[tuple[int, float]] = []
        parts: dict[int, list[tuple[float, float, int]]] = {count: [] for count in counts}
        for end in ends[counts[-1]]:
            slices.append((end, whole.advance(end if end < options.frames else None)))
            for count in counts:
                if end not in ends[count]:
                    continue
                first = parts[count][-1][2] if parts[count] else 0
                same = sum(seconds for place, seconds in slices if first < place <= end)
                part = ran(command(f"out{count}.mp4", "--part", f"{len(parts[count]) + 1}/{count}"), directory)
                parts[count].append((part, same, end))
        total = sum(seconds for _, seconds in slices)
        joins = {}
        print("| parts | parts and join over one run | longest part over mean | of the one run's stretches | join over one run |")
        print("|--:|--:|--:|--:|--:|")
        for count in counts:
            joins[count] = ran(command(f"out{count}.mp4", "--join-only"), directory)
            if (directory / "whole.mp4").read_bytes() != (directory / f"out{count}.mp4").read_bytes():
                sys.exit(f"{count} parts give another file")
            own, same = ([one[place] for one in parts[count]] for place in (0, 1))
            over = (sum(own) + joins[count]) / total
            longest, steady = (max(times) * count / sum(times) for times in (own, same))
            print(f"| {count} | {over:.3f} | {longest:.3f} | {steady:.3f} | {joins[count] / total:.3f} |", flush=True)

        # What a part costs besides its frames: one that finds all its segments there.
        count = counts[-1]
        ran(command("out.mp4", "--part", f"{count}/{count}"), directory)
        start = min(ran(command("out.mp4", "--part", f"{count}/{count}"), directory) for _ in range(5))
        shutil.rmtree(directory / "out.mp4.resume")
        first = ran(command("out.mp4", "--part", f"1/{count}"), directory)
        join = min(joins.values())
        frame = (total - join) / options.frames
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
        print(json.dumps({"undivided": slices, "parts": parts, "joins": joins}), file=sys.stderr)


if __name__ == "__main__":
    main()
