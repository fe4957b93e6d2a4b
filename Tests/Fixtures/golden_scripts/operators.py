"""The graph engine's operators, forward and backward, as PyTorch computes them, in goldens/graph/operators.safetensors:

  CASE/input0, CASE/input1, …   what goes in
  CASE/output                   what comes out
  CASE/start                    a random gradient by the output
  CASE/gradient0, …             the gradients by the inputs; of parameters of a convolution none

All of a float64 pass. Which operator a case is of, `OperatorTests` knows.

    python3 -m golden_scripts.operators    # in Tests/Fixtures
"""

from pathlib import Path

import torch
from torch.nn import functional

from .store import save


def cases() -> dict:
    """By name: the function, and the shapes of its inputs."""
    return {
        "negate": (lambda x: -x, [(3, 5)]),
        "absolute": (torch.abs, [(3, 5)]),
        "exponential": (torch.exp, [(3, 5)]),
        "logarithm": (torch.log, [(3, 5)]),
        "square_root": (torch.sqrt, [(3, 5)]),
        "reciprocal": (torch.reciprocal, [(3, 5)]),
        "sine": (torch.sin, [(3, 5)]),
        "cosine": (torch.cos, [(3, 5)]),
        "error_function": (torch.erf, [(3, 5)]),
        "tanh": (torch.tanh, [(3, 5)]),
        "sigmoid": (torch.sigmoid, [(3, 5)]),
        "softplus": (functional.softplus, [(3, 5)]),
        "relu": (torch.relu, [(3, 5)]),
        "leaky_relu": (lambda x: functional.leaky_relu(x, 0.1), [(3, 5)]),
        "elu": (functional.elu, [(3, 5)]),
        "gelu": (functional.gelu, [(7, 600)]),
        "gelu_tanh": (lambda x: functional.gelu(x, approximate="tanh"), [(7, 600)]),
        "silu": (functional.silu, [(7, 600)]),
        "hard_sigmoid": (functional.hardsigmoid, [(3, 5)]),
        "hard_swish": (functional.hardswish, [(3, 5)]),
        "clip": (lambda x: torch.clamp(x, -0.5, 0.7), [(3, 5)]),
        "cube": (lambda x: x**3, [(3, 5)]),
        "add": (torch.add, [(2, 3, 4), (2, 3, 4)]),
        "add_row": (torch.add, [(2, 3, 4), (4,)]),
        "subtract_column": (torch.sub, [(2, 3, 4), (2, 3, 1)]),
        "multiply_outer": (torch.mul, [(2, 1, 4), (3, 1)]),
        "multiply_number": (torch.mul, [(2, 3), ()]),
        "divide": (torch.div, [(2, 3, 4), (3, 1)]),
        "power": (torch.pow, [(2, 3, 4), (3, 1)]),
        "maximum": (torch.maximum, [(2, 3, 4), (3, 4)]),
        "minimum": (torch.minimum, [(2, 3, 4), (3, 4)]),
        "where": (lambda x, y: torch.where(torch.arange(12).reshape(3, 4) % 3 == 0, x, y), [(2, 3, 4), (4,)]),
        "reshape": (lambda x: x.reshape(4, 6), [(2, 3, 4)]),
        "transpose": (lambda x: x.permute(2, 0, 3, 1), [(2, 3, 4, 5)]),
        "slice": (lambda x: x[:, 1:8:3], [(2, 9, 4)]),
        "slice_backwards": (lambda x: x.flip(1), [(2, 5, 4)]),
        "expand": (lambda x: x.expand(2, 3, 4), [(3, 1)]),
        "concat": (lambda x, y, z: torch.cat([x, y, z], 1), [(2, 1, 3), (2, 4, 3), (2, 2, 3)]),
        "pad": (lambda x: functional.pad(x, (1, 2, 0, 3), value=0.5), [(2, 3, 4)]),
        "crop": (lambda x: functional.pad(x, (-1, 2)), [(2, 5)]),
        "take": (lambda x: x[:, [2, 0, 2, 1]], [(2, 3, 4)]),
        "scatter": (
            lambda x, u: x.index_put((torch.tensor([2, 0]), torch.tensor([1, 3])), u), [(3, 4, 5), (2, 5)],
        ),
        "matmul": (torch.matmul, [(5, 7), (7, 6)]),
        "matmul_batches": (torch.matmul, [(2, 3, 5, 7), (2, 3, 7, 6)]),
        "matmul_stretched": (torch.matmul, [(2, 1, 5, 7), (3, 7, 6)]),
        "matmul_transposed": (lambda x, y: 0.3 * (x @ y.transpose(-1, -2)), [(2, 3, 5, 7), (2, 3, 6, 7)]),
        "softmax": (lambda x: torch.softmax(x, -1), [(2, 3, 19)]),
        "softmax_columns": (lambda x: torch.softmax(x, 1), [(2, 5, 3)]),
        "layer_norm": (
            lambda x, g, b: functional.layer_norm(x, (24,), g, b, 1e-5), [(3, 5, 24), (24,), (24,)],
        ),
        "layer_norm_planes": (
            lambda x, g, b: functional.layer_norm(x, (4, 6), g, b, 1e-3), [(3, 4, 6), (4, 6), (4, 6)],
        ),
        "reduce_sum": (lambda x: x.sum((0, 2), keepdim=True), [(2, 3, 4)]),
        "reduce_mean": (lambda x: x.mean((1, 2), keepdim=True), [(2, 3, 4)]),
        "reduce_maximum": (lambda x: x.amax(1, keepdim=True), [(2, 3, 4)]),
        "reduce_minimum": (lambda x: x.amin((0, 1), keepdim=True), [(2, 3, 4)]),
        "reduce_norm": (lambda x: torch.linalg.vector_norm(x, dim=-1, keepdim=True), [(2, 3, 4)]),
        "reduce_squares": (lambda x: (x * x).sum(-1, keepdim=True), [(2, 3, 4)]),
        "convolution": (
            lambda x, w, b: functional.conv2d(x, w, b, stride=(2, 3), padding=(1, 2)),
            [(2, 3, 9, 11), (5, 3, 3, 4), (5,)],
        ),
        "convolution_groups": (
            lambda x, w: functional.conv2d(x, w, None, padding=1, dilation=2, groups=2),
            [(1, 4, 8, 7), (6, 2, 3, 2)],
        ),
        "convolution_depthwise": (
            lambda x, w, b: functional.conv2d(x, w, b, stride=2, padding=1, groups=4),
            [(1, 4, 8, 7), (4, 1, 3, 3), (4,)],
        ),
        "convolution_pointwise": (lambda x, w: functional.conv2d(x, w), [(1, 4, 5, 6), (3, 4, 1, 1)]),
        "maximum_pool": (lambda x: functional.max_pool2d(x, 3, 2, padding=1), [(1, 2, 7, 8)]),
        "mean_pool": (lambda x: functional.avg_pool2d(x, (2, 3), padding=(1, 1)), [(1, 2, 7, 8)]),
        "mean_pool_inside": (
            lambda x: functional.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False), [(1, 2, 7, 8)],
        ),
        "mean_pool_rounded_up": (
            lambda x: functional.avg_pool2d(x, 2, 2, ceil_mode=True, count_include_pad=False), [(1, 2, 7, 9)],
        ),
        "resize_linear": (
            lambda x: functional.interpolate(x, size=(7, 9), mode="bilinear", align_corners=False), [(1, 2, 4, 5)],
        ),
        "resize_cubic": (
            lambda x: functional.interpolate(x, size=(7, 9), mode="bicubic", align_corners=False), [(1, 2, 4, 5)],
        ),
        "resize_nearest": (lambda x: functional.interpolate(x, scale_factor=2, mode="nearest"), [(1, 2, 4, 5)]),
        "resize_corners": (
            lambda x: functional.interpolate(x, size=(7, 9), mode="bilinear", align_corners=True), [(1, 2, 4, 5)],
        ),
    }


def make(directory: Path) -> None:
    tensors = {}
    for index, (name, (function, shapes)) in enumerate(cases().items()):
        generator = torch.Generator().manual_seed(100 + index)
        # Float32 values, so that what is read is what was computed with.
        inputs = [torch.randn(shape, generator=generator).double() for shape in shapes]
        if name in ("logarithm", "square_root", "reciprocal", "divide", "power"):
            inputs = [(value.abs() + 0.5).float().double() for value in inputs]
        inputs = [value.requires_grad_() for value in inputs]
        output = function(*inputs)
        start = torch.randn(output.shape, generator=generator).double()
        output.backward(start)
        for number, value in enumerate(inputs):
            tensors[f"{name}/input{number}"] = value
            tensors[f"{name}/gradient{number}"] = value.grad
        tensors[f"{name}/output"] = output
        tensors[f"{name}/start"] = start
    save(directory / "operators.safetensors", tensors, {"torch": torch.__version__})


if __name__ == "__main__":
    make(Path(__file__).resolve().parent.parent / "goldens" / "graph")
