"""Training: steps of the Keras example's small ViT in batches of 256, ours beside PyTorch's."""

import sys
from functools import partial

from suite import processor, programs
from suite.measure import interleaved, run, spread

BATCH = 256
EPOCH = 45_000
"""Pictures of an epoch of the example: CIFAR-100 without the tenth for validation."""
EPOCHS = 50


def compare(rounds: int, threads: int, share: float) -> dict:
    """Seconds a step, in fp32 and where the processor has it natively in bf16. PyTorch computes attention in both of its
    ways, of which the better counts. Its allocator maps and unmaps every large tensor unless it is told to keep memory, so
    it is told. `share` is how many of the usual steps a round measures."""
    steps = max(1, round(3 * share))
    options = ["--batch", str(BATCH), "--steps", str(steps), "--threads", str(threads)]
    torch = ["env", "MALLOC_MMAP_MAX_=0", "MALLOC_TRIM_THRESHOLD_=100000000000", sys.executable, "-m"]
    torch += ["peers.train_torch", *options]
    jobs = {}
    for precision in processor.floats():
        chosen = ["--precision", precision]
        jobs[f"vitvideo, {precision}"] = partial(run, [programs.BENCH, "train", *options, *chosen])
        for attention in ["fused", "products"]:
            jobs[f"PyTorch, {precision}, attention {attention}"] = partial(
                run, [*torch, "--attention", attention, *chosen]
            )
    return {
        "batch": BATCH,
        "programs": {
            title: {
                "seconds": spread([one.report["seconds"] / steps for one in runs]),
                "peak_bytes": max(one.peak_bytes for one in runs),
            }
            for title, runs in interleaved(jobs, rounds).items()
        },
    }
