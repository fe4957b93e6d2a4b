"""Forward passes: ours beside the peers', over workers, and over the number of tokens."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from suite import processor, programs
from suite.measure import FOLDER, interleaved, progress, run, spread
from suite.programs import MODES, PROGRAMS, Program
from suite.rows import ROWS, SIZES, Row
from suite.tensors import largest_difference

FP32_TOLERANCE = 1e-4
"""How far attention in fp32 may lie from ours."""


def peak(threads: int) -> dict:
    """GFLOP/s of fused multiply-adds in registers, on one core and on all threads."""
    counts = sorted({1, threads})
    return {
        count: run([programs.BENCH, "peak", "--threads", str(count)]).report for count in counts
    }


def compare(
    rows: list[Row], chosen: list[Program], rounds: int, threads: int, share: float
) -> dict:
    """Frames a second of every program on every row.

    A round before the first one lets each program try both ways to use its threads, and holds its
    attention against ours; its times are only used to choose the better way. `share` is how much
    of each row's frames a round measures.
    """
    out = FOLDER / "out" / "attention"
    out.mkdir(parents=True, exist_ok=True)
    modes: dict[tuple[str, str], str] = {}
    differences: dict[tuple[str, str], float] = {}
    frames = {row.name: max(2 * threads, round(row.frames * share)) for row in rows}
    for row in rows:
        progress(f"prepare {row.title}")
        programs.prepare(row)
        reference = _reference(row, threads, out)
        for program in chosen:
            dump = out / f"{row.name}-{program.key}.safetensors"
            modes[row.name, program.key] = _better_mode(
                program, row, threads, max(2 * threads, frames[row.name] // 4), dump
            )
            difference = largest_difference(dump, reference)
            if program.precision == "fp32" and difference > FP32_TOLERANCE:
                raise ValueError(f"{row.title}: {program.title} differs from ours by {difference}")
            differences[row.name, program.key] = difference

    jobs = {
        (row.name, program.key): partial(
            run,
            program.command(
                row,
                mode=modes[row.name, program.key],
                threads=threads,
                frames=frames[row.name],
                dump=None,
            ),
        )
        for row in rows
        for program in chosen
    }
    table: dict[str, dict] = {row.name: {} for row in rows}
    for (row, key), runs in interleaved(jobs, rounds).items():
        reports = [one.report for one in runs]
        table[row][key] = {
            "fps": spread([report["frames"] / report["seconds"] for report in reports]),
            "peak_bytes": max(one.peak_bytes for one in runs),
            "mode": modes[row, key],
            "difference": differences[row, key],
            "engine": reports[0]["engine"],
            "frames": frames[row],
        }
    return table


def _reference(row: Row, threads: int, out: Path) -> Path:
    """Our attention in fp32."""
    path = out / f"{row.name}.safetensors"
    run(PROGRAMS["ours_fp32"].command(row, mode="latency", threads=threads, frames=1, dump=path))
    return path


def _better_mode(program: Program, row: Row, threads: int, frames: int, dump: Path) -> str:
    speeds = {}
    for mode in MODES:
        progress(f"try {row.title}: {program.title} {program.precision}, {mode}")
        report = run(
            program.command(row, mode=mode, threads=threads, frames=frames, dump=dump)
        ).report
        speeds[mode] = report["frames"] / report["seconds"]
    return max(speeds, key=speeds.__getitem__)


def workers(row: Row, rounds: int, threads: int, share: float) -> dict:
    """Our frames a second with one worker and with `threads`."""
    weights = programs.prepare(row) / "weights.safetensors"
    frames = max(2 * threads, round(row.frames * share))
    jobs = {
        (precision, count): partial(
            run,
            [
                *programs.ours(row, weights, count),
                "--precision",
                precision,
                "--frames",
                str(frames),
            ],
        )
        for precision in processor.floats()
        for count in [1, threads]
    }
    table: dict[str, dict] = {}
    for (precision, count), runs in interleaved(jobs, rounds).items():
        speeds = [one.report["framesPerSecond"] for one in runs]
        table.setdefault(precision, {})[count] = spread(speeds)
    return {"row": row.name, "frames": frames, "precisions": table}


def sizes(rounds: int, threads: int, most_patches: int) -> list[dict]:
    """Our speed with ViT-S/16 over the size of the input."""
    base = ROWS["vits16_224"]
    weights = programs.prepare(base) / "weights.safetensors"
    jobs, rows = {}, {}
    for height, width in SIZES:
        row = replace(base, height=height, input_width=width)
        if row.patches > most_patches:
            continue
        rows[row.tokens] = row
        # About 400 GFLOP, and a frame for each worker at least.
        frames = max(threads, threads * round(400 / row.gigaflop / threads))
        for precision in processor.floats():
            command = [
                *programs.ours(row, weights, threads), "--precision", precision,
                "--frames", str(frames),
            ]  # fmt: skip
            jobs[row.tokens, precision] = partial(run, command)
    return [
        {
            "tokens": tokens,
            "height": rows[tokens].height,
            "width": rows[tokens].input_width,
            "gigaflop": rows[tokens].gigaflop,
            "precision": precision,
            "fps": spread([one.report["framesPerSecond"] for one in runs]),
            "gflops": spread([one.report["gigaflopPerSecond"] for one in runs]),
            "peak_bytes": max(one.peak_bytes for one in runs),
        }
        for (tokens, precision), runs in interleaved(jobs, rounds).items()
    ]
