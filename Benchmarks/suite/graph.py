"""Forward passes of transformers of other builds, from the same ONNX files, ours beside ONNX Runtime's."""

import sys
from functools import partial

import numpy as np
from suite import programs
from suite.measure import interleaved, run, spread

MODELS = {"swin_tiny_patch4_window7_224": "Swin-T", "pit_xs_224": "PiT-XS"}
TOLERANCE = 1e-4
"""How far outputs may lie apart, of the largest."""


def compare(rounds: int, threads: int, share: float) -> dict:
    """Milliseconds a pass over a picture of 224×224, all threads on it. `share` is how many of the usual passes a round
    measures."""
    frames = max(4, round(20 * share))
    options = ["--frames", str(frames), "--threads", str(threads)]
    jobs = {}
    for architecture, title in MODELS.items():
        file = programs.CACHE / f"{architecture}.onnx"
        if not file.exists():
            run([sys.executable, "-m", "suite.prepare_graph", file, architecture])
        given = ["--weights", file, *options]
        jobs[title, "vitvideo"] = partial(run, [programs.BENCH, "graph", *given])
        jobs[title, "ONNX Runtime"] = partial(run, [sys.executable, "-m", "peers.graph_onnxruntime", *given])
    table: dict[str, dict] = {title: {} for title in MODELS.values()}
    outputs = {}
    for (title, program), runs in interleaved(jobs, rounds).items():
        reports = [one.report for one in runs]
        outputs[title, program] = np.array(reports[0]["output"])
        table[title][program] = {
            "milliseconds": spread([1000 * report["seconds"] / frames for report in reports]),
            "peak_bytes": max(one.peak_bytes for one in runs),
            "planned_bytes": reports[0].get("plannedBytes"),
        }
    for title in MODELS.values():
        ours, theirs = outputs[title, "vitvideo"], outputs[title, "ONNX Runtime"]
        difference = np.abs(ours - theirs).max() / np.abs(theirs).max()
        if difference > TOLERANCE:
            raise ValueError(f"{title}: outputs differ by {difference:.1e}")
    return table
