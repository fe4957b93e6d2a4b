"""Forward passes by ONNX Runtime: `python -m peers.forward_onnxruntime --help`."""

import os

import numpy as np
import onnxruntime
from peers import forward


def main() -> None:
    options = forward.arguments(__doc__)
    if options.precision != "fp32":
        raise SystemExit("ONNX Runtime's CPU provider computes in fp32")
    workers = options.threads if options.mode == "throughput" else 1
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads // workers
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        os.fspath(options.prepared / "model.onnx"), settings, providers=["CPUExecutionProvider"]
    )

    def infer(frame: np.ndarray) -> np.ndarray:
        return session.run(None, {"frame": frame})[0]

    frames = forward.load_frames(options)
    forward.dump(options.dump, options.shape, infer(frames[0]))
    forward.timed(infer, frames, workers, workers)
    seconds = forward.timed(infer, frames, options.frames, workers)
    forward.report(options.frames, seconds, f"ONNX Runtime {onnxruntime.__version__}")


if __name__ == "__main__":
    main()
