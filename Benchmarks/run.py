#!/usr/bin/env python3
"""Measures vitvideo beside other programs on this machine; `make bench` runs it.

    .venv/bin/python run.py                   everything; writes RESULTS.md and results.svg
    .venv/bin/python run.py --quick           in three minutes; writes to out/
    .venv/bin/python run.py --only forward --rows vits16_224 --programs ours_bf16,openvino_bf16

Programs run one at a time, each once a round, in an order that changes with the round. A section's
table is printed when it is done. Only a full run of everything writes RESULTS.md.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Collection

from suite import forward, graph, job, neuron, processor, report, reuse, train
from suite.machine import describe
from suite.measure import FOLDER, ProgramFailed, run
from suite.programs import PROGRAMS
from suite.rows import ROWS

SECTIONS = ["peak", "forward", "graph", "job", "neuron", "train", "reuse", "workers", "tokens", "memory"]
QUICK_SECTIONS = ["peak", "forward", "job"]
QUICK_ROWS = ["vits16_224", "vits16_512"]
QUICK_PROGRAMS = ["ours_fp32", "openvino_fp32", "ours_bf16", "openvino_bf16"]


def names(known: Collection[str]) -> Callable[[str], list[str]]:
    """A type for argparse: names out of `known`, with commas between them."""

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(known)}")
        return chosen

    return parse


def parse_arguments() -> argparse.Namespace:
    """The options, with the defaults of the quick mode or the full one filled in."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few frames, one round")
    parser.add_argument("--only", type=names(SECTIONS), help=f"of {','.join(SECTIONS)}")
    parser.add_argument("--rows", type=names(ROWS), help=f"of {','.join(ROWS)}")
    parser.add_argument("--programs", type=names(PROGRAMS), help=f"of {','.join(PROGRAMS)}")
    parser.add_argument("--rounds", type=int, help="default: 5, quick 1")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="default: the cores"
    )
    options = parser.parse_args()
    options.is_whole = not (options.quick or options.only or options.rows or options.programs)
    options.only = options.only or (QUICK_SECTIONS if options.quick else SECTIONS)
    options.rows = options.rows or (QUICK_ROWS if options.quick else list(ROWS))
    options.programs = options.programs or measurable(QUICK_PROGRAMS if options.quick else list(PROGRAMS))
    options.rounds = options.rounds or (1 if options.quick else 5)
    return options


def measurable(programs: list[str]) -> list[str]:
    """Without those in a precision that this machine does not have."""
    found = [name for name in programs if PROGRAMS[name].precision in processor.precisions()]
    if left := sorted({PROGRAMS[name].precision for name in programs if name not in found}):
        print(f"run.py: not measured on this processor: {', '.join(left)}", file=sys.stderr)
    return found


def measure(section: str, options: argparse.Namespace) -> dict | list:
    """One section's results."""
    rounds, threads = options.rounds, options.threads
    share = 0.25 if options.quick else 1
    match section:
        case "peak":
            return forward.peak(threads)
        case "forward":
            rows = [ROWS[name] for name in options.rows]
            chosen = [PROGRAMS[name] for name in options.programs]
            return forward.compare(rows, chosen, rounds, threads, share)
        case "neuron":
            return neuron.compare(min(rounds, 3), threads, share)
        case "graph":
            return graph.compare(rounds, threads, share)
        case "train":
            return train.compare(min(rounds, 3), threads, share)
        case "reuse":
            return reuse.compare(60 if options.quick else reuse.STATIC_FRAMES, min(rounds, 3), threads)
        case "workers":
            return forward.workers(ROWS["vits16_512"], rounds, threads, share)
        case "tokens":
            return forward.sizes(min(rounds, 3), threads, 4000 if options.quick else 100_000)
        case "memory":
            return job.memory(threads)
        case _:
            frames = 12 if options.quick else job.CLIP_FRAMES
            return job.compare(frames, min(rounds, 3), threads)


def write(results: dict, is_whole: bool) -> None:
    """Results as JSON, Markdown and a chart."""
    out = FOLDER / "out"
    target = FOLDER if is_whole else out
    (out / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    if "forward" in results:
        run([sys.executable, "-m", "suite.chart", out / "results.json", target / "results.svg"])
    (target / "RESULTS.md").write_text(report.whole(results, "results.svg"))
    print(f"written: {(target / 'RESULTS.md').relative_to(FOLDER.parent)}", file=sys.stderr)


def main() -> None:
    options = parse_arguments()
    (FOLDER / "out").mkdir(exist_ok=True)
    command = " ".join(["Benchmarks/run.py", *sys.argv[1:]])
    results: dict = {
        "machine": describe(),
        "command": command,
        "rounds": options.rounds,
        "threads": options.threads,
    }
    try:
        for section in [name for name in SECTIONS if name in options.only]:
            results[section] = measure(section, options)
            print(getattr(report, section)(results), flush=True)
            # So that a run that is cut short leaves what it has.
            (FOLDER / "out" / "results.json").write_text(json.dumps(results, indent=2) + "\n")
        write(results, options.is_whole)
    except (ProgramFailed, ValueError) as error:
        raise SystemExit(f"run.py: {error}") from error


if __name__ == "__main__":
    main()
