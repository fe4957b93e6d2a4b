"""Feature visualisation: steps of the default recipe, ours beside PyTorch's."""

import sys
from functools import partial

from suite import processor, programs
from suite.measure import interleaved, run, spread
from suite.rows import NEURON

BLOCK = 11
COPIES = 8


def compare(rounds: int, threads: int, share: float) -> dict:
    """Milliseconds a step for a neuron of the last block, after a warm-up. `share` is how many of the usual steps a
    round measures."""
    weights = programs.prepare(NEURON, "--weights-only") / "weights.safetensors"
    steps = max(4, round(20 * share))
    options = [
        "--block", str(BLOCK), "--copies", str(COPIES), "--steps", str(steps), "--threads", str(threads),
    ]  # fmt: skip
    ours = [programs.BENCH, "neuron", "--weights", weights, "--side", str(NEURON.height), *options]
    torch = [
        sys.executable, "-m", "peers.neuron_torch", "--prepared", weights.parent, "--row", NEURON.name,
        *options,
    ]  # fmt: skip
    jobs = {
        f"{title}, {precision}": partial(run, [*command, "--precision", precision])
        for precision in reversed(processor.floats())
        for title, command in (("vitvideo", ours), ("PyTorch + timm", torch))
    }
    return {
        "row": NEURON.name,
        "steps": steps,
        "programs": {
            title: {
                "milliseconds": spread([1000 * one.report["seconds"] / steps for one in runs]),
                "peak_bytes": max(one.peak_bytes for one in runs),
            }
            for title, runs in interleaved(jobs, rounds).items()
        },
    }
