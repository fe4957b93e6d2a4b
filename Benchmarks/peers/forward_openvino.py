"""Forward passes by OpenVINO: `python -m peers.forward_openvino --help`."""

import os
import time

import openvino
from openvino import properties
from peers import forward


def compile_model(
    path: os.PathLike, precision: str, mode: str, threads: int
) -> openvino.CompiledModel:
    """The model at `path` for the CPU, by one of OpenVINO's two performance hints."""
    hint = properties.hint.PerformanceMode
    settings = {
        properties.hint.performance_mode: hint.THROUGHPUT if mode == "throughput" else hint.LATENCY,
        properties.hint.inference_precision: (
            openvino.Type.bf16 if precision == "bf16" else openvino.Type.f32
        ),
        properties.inference_num_threads: threads,
    }
    if mode == "throughput":
        # Left to itself it may give both threads to one stream.
        settings[properties.num_streams] = threads
    return openvino.Core().compile_model(os.fspath(path), "CPU", settings)


def main() -> None:
    options = forward.arguments(__doc__)
    model = compile_model(
        options.prepared / f"{options.model}.xml", options.precision, options.mode, options.threads
    )
    requests = options.threads if options.mode == "throughput" else 1
    frames = forward.load_frames(options)
    forward.dump(options.dump, options.shape, model(frames[0])[0])

    queue = openvino.AsyncInferQueue(model, requests)

    def run(count: int) -> None:
        for index in range(count):
            queue.start_async(frames[index % len(frames)], share_inputs=True)
        queue.wait_all()

    run(requests)
    start = time.perf_counter()
    run(options.frames)
    seconds = time.perf_counter() - start
    forward.report(options.frames, seconds, f"OpenVINO {openvino.__version__.split('-')[0]}")


if __name__ == "__main__":
    main()
