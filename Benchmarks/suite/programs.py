"""How each program is called."""

import sys
from dataclasses import dataclass
from pathlib import Path

from suite.measure import FOLDER, run
from suite.rows import Row

BUILD = FOLDER.parent / ".build" / "release"
BENCH = BUILD / "vitvideo-bench"
VITVIDEO = BUILD / "vitvideo"
CACHE = FOLDER / ".cache"

MODES = ["throughput", "latency"]


@dataclass(frozen=True)
class Program:
    """A way to compute forward passes."""

    key: str
    title: str
    precision: str
    peer: str | None
    """The module in peers/; None for ours."""
    model: str = "model"
    """Which of the prepared models a peer runs."""

    def command(self, row: Row, *, mode: str, threads: int, frames: int, dump: Path | None) -> list:
        """Measures `frames` frames: `latency` is all threads on a frame, else a frame a thread."""
        folder = CACHE / row.name
        if self.peer:
            command = [
                sys.executable, "-m", f"peers.{self.peer}", "--prepared", folder, "--row", row.name,
                "--mode", mode, "--threads", str(threads), "--model", self.model,
            ]  # fmt: skip
        else:
            workers = threads if mode == "throughput" else 1
            command = [
                *ours(row, folder / "weights.safetensors", workers, threads // workers),
                "--input", folder / "frames.safetensors",
            ]  # fmt: skip
        command += ["--precision", self.precision, "--frames", str(frames)]
        return command + (["--dump", dump] if dump else [])


def ours(row: Row, weights: Path, workers: int, threads_per_frame: int = 1) -> list:
    """Our forward passes without their precision and number of frames."""
    return [
        BENCH, "forward", "--weights", weights, "--height", str(row.height),
        "--width", str(row.input_width), "--workers", str(workers),
        "--threads-per-frame", str(threads_per_frame),
    ]  # fmt: skip


PROGRAMS = {
    program.key: program
    for program in [
        Program("ours_fp32", "vitvideo", "fp32", None),
        Program("openvino_fp32", "OpenVINO", "fp32", "forward_openvino"),
        Program(
            "openvino_original_fp32", "OpenVINO, whole attention", "fp32", "forward_openvino",
            "original",
        ),
        Program("onnxruntime_fp32", "ONNX Runtime", "fp32", "forward_onnxruntime"),
        Program("torch_fp32", "PyTorch + timm", "fp32", "forward_torch"),
        Program("ours_bf16", "vitvideo", "bf16", None),
        Program("openvino_bf16", "OpenVINO", "bf16", "forward_openvino"),
        Program(
            "openvino_original_bf16", "OpenVINO, whole attention", "bf16", "forward_openvino",
            "original",
        ),
        Program("torch_bf16", "PyTorch + timm", "bf16", "forward_torch"),
        Program("ours_int8", "vitvideo", "int8", None),
    ]
}  # fmt: skip


def prepare(row: Row, *options: str) -> Path:
    """The row's folder under .cache/, made where it is missing."""
    folder = CACHE / row.name
    if not folder.exists():
        run([sys.executable, "-m", "suite.prepare", folder, row.name, *options])
    return folder
