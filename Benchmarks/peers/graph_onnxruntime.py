"""Forward passes of an ONNX model by ONNX Runtime: `python -m peers.graph_onnxruntime --help`."""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import onnxruntime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="an ONNX model")
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--frames", type=int, default=16, help="how many to measure; two more come before")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = onnxruntime.InferenceSession(
        os.fspath(options.weights), settings, providers=["CPUExecutionProvider"]
    )
    # The picture that vitvideo-bench takes.
    values = np.arange(3 * options.side**2, dtype=np.int64) % 251
    picture = (values.astype(np.float32) / 125 - 1).reshape(1, 3, options.side, options.side)
    feed = {session.get_inputs()[0].name: picture}
    for _ in range(2):
        output = session.run(None, feed)[0]
    start = time.perf_counter()
    for _ in range(options.frames):
        output = session.run(None, feed)[0]
    seconds = time.perf_counter() - start
    print(json.dumps({"frames": options.frames, "seconds": seconds, "output": output.ravel().tolist()}))


if __name__ == "__main__":
    main()
