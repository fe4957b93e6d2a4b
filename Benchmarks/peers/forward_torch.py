"""Forward passes by PyTorch with timm's model: `python -m peers.forward_torch --help`."""

import os
from contextlib import nullcontext

import numpy as np
import torch
from peers import forward, timm_model


def main() -> None:
    options = forward.arguments(__doc__)
    workers = options.threads if options.mode == "throughput" else 1
    torch.set_num_threads(options.threads // workers)
    torch.set_num_interop_threads(1)
    model = timm_model.ClassTokenAttention(
        timm_model.load(options.shape, os.fspath(options.prepared / "weights.safetensors"))
    )
    is_short = options.precision == "bf16"

    def infer(frame: np.ndarray) -> np.ndarray:
        # Both contexts belong to a thread.
        short = torch.autocast("cpu", torch.bfloat16) if is_short else nullcontext()
        with torch.inference_mode(), short:
            return model(torch.from_numpy(frame)).float().numpy()

    frames = forward.load_frames(options)
    forward.dump(options.dump, options.shape, infer(frames[0]))
    forward.timed(infer, frames, workers, workers)
    seconds = forward.timed(infer, frames, options.frames, workers)
    forward.report(options.frames, seconds, f"PyTorch {torch.__version__}")


if __name__ == "__main__":
    main()
