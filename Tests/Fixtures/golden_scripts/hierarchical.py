"""Tiny models of the families that a description of their graph runs, with what timm computes from them, in
goldens/graph/<family>/:

  model.safetensors    weights, and config.json as timm saves it: `architecture` is the nearest of timm's registry,
                       `model_args` are all arguments that differ from it
  model.onnx           the same from PyTorch's TorchScript exporter, opset 17
  model-dynamo.onnx    the same from its newer exporter
  expected.npz         float32, of a float64 pass:
    input              1 × channels × H × W, normalized
    output             classes
    target             int64, a class
    input_gradient     1 × channels × H × W, of the output of that class
    attention_k        heads × queries × keys of the k-th attention in order of computation (`layers`)
    attention_k_grid   int64, of queries and of keys: prefix tokens, rows, columns
    other_input, other_output, other_attention_k, other_attention_k_grid
                       for a picture of another size that is not square, where timm has a model for that size with the
                       same weights. It is built for the size, so that in Swin a stage that outgrows its window has
                       shifted blocks; Twins' takes any size.
    dynamic_output     Swin's output for `other_input` of the model that is built for the native size and takes any
                       (`dynamic_img_size`): there such a stage has none.

    python3 -m golden_scripts.hierarchical [FAMILY …]    # in Tests/Fixtures; without a name all
"""

import copy
import json
import math
import os
import sys
import warnings
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

os.environ["TIMM_FUSED_ATTN"] = "0"

import numpy as np  # noqa: E402
import onnxruntime  # noqa: E402
import safetensors.torch  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
from timm.models._hub import save_config_for_hf  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn.functional import interpolate  # noqa: E402

from .expected import Scales, seed_weights  # noqa: E402
from .layers import Attention, Grid, traced  # noqa: E402
from .store import strip_onnx  # noqa: E402

CLASSES = 5
TARGET = 1
SCALES = Scales(queries=1.5)
TOLERANCE = 2e-5
"""Of onnxruntime in single precision, of the largest value."""
EXPORTS = {
    "model.onnx": dict(dynamo=False, opset_version=17),
    "model-dynamo.onnx": dict(dynamo=True, external_data=False, verbose=False),
}


@dataclass
class Tiny:
    """`size` and `other` are the pictures' height and width, `window` is Swin's."""

    architecture: str
    size: Grid
    options: dict = field(default_factory=dict)
    other: Grid | None = None
    takes_any_size: bool = False

    @property
    def window(self) -> int | None:
        return self.options.get("window_size")

    def build(self, size: Grid, **options) -> nn.Module:
        options = dict(num_classes=CLASSES, img_size=size) | self.options | options
        return timm.create_model(self.architecture, **options)


# Stages of 7 × 7 and 4 × 4 in windows of 4: one needs padding, one is a single window, without shift. For the other size
# they are 13 × 18 and 7 × 9: some windows are whole, merging pads an odd side, and both stages are shifted.
SWIN = dict(embed_dim=8, depths=[2, 2], num_heads=[1, 2], window_size=4, mlp_ratio=2.0)
# Stages of 5 × 5 and 3 × 3 in windows of 3. For the other size the last is 3 × 6, shifted in one direction. Offsets are
# scaled by the window of the pretraining where it is told, and else by the window.
SWINV2 = SWIN | dict(window_size=3, pretrained_window_sizes=[5, 0])
# Twins' stages are 12 × 12, 6 × 6 and 3 × 3. For the other size they are 10 × 14, 5 × 7 and 2 × 3, of which the
# sub-sampled keys leave rows and columns out.
TWINS = dict(embed_dims=[8, 16, 24], num_heads=[1, 2, 3], mlp_ratios=[2, 2, 2], sr_ratios=[4, 2, 1])
PIT = dict(patch_size=8, stride=4, base_dims=[8, 8, 8], heads=[1, 2, 4], mlp_ratio=2)
COAT = dict(serial_depths=[1, 1, 1, 2], mlp_ratios=[2, 2, 2, 2])

FAMILIES = {
    "vit": Tiny("vit_tiny_patch16_224", (24, 24), dict(patch_size=4, embed_dim=24, depth=2, num_heads=3, mlp_ratio=2)),
    "swin": Tiny("swin_tiny_patch4_window7_224", (28, 28), SWIN, (52, 72)),
    "swinv2": Tiny("swinv2_tiny_window8_256", (20, 20), SWINV2, (20, 44)),
    "pit": Tiny("pit_xs_224", (40, 40), PIT | dict(depth=[1, 2, 1])),
    "pit_distilled": Tiny("pit_xs_distilled_224", (40, 40), PIT | dict(depth=[1, 1, 1])),
    "convit": Tiny(
        "convit_tiny", (20, 20),
        dict(patch_size=4, embed_dim=6, num_heads=4, depth=3, local_up_to_layer=2, mlp_ratio=2.0),
    ),
    "coat_lite": Tiny("coat_lite_tiny", (64, 64), COAT | dict(embed_dims=[8, 8, 16, 16]), (64, 96)),
    "coat_parallel": Tiny(
        "coat_mini", (64, 64),
        COAT | dict(embed_dims=[8, 8, 8, 8], serial_depths=[1, 1, 1, 1], parallel_depth=2), (64, 96),
    ),
    "twins_svt": Tiny(
        "twins_svt_small", (48, 48), TWINS | dict(depths=[2, 2, 2], wss=[5, 4, 3]), (40, 56), takes_any_size=True
    ),
    "twins_pcpvt": Tiny(
        "twins_pcpvt_small", (48, 48), TWINS | dict(depths=[1, 2, 1]), (40, 56), takes_any_size=True
    ),
    "cait": Tiny(
        "cait_xxs24_224", (24, 24),
        dict(patch_size=4, embed_dim=24, depth=2, num_heads=4, mlp_ratio=2, mlp_ratio_token_only=2),
    ),
}  # fmt: skip


# --- weights and pictures ---


def seed(model: nn.Module, seed: int) -> nn.Module:
    """`expected.seed_weights`, and what only these families have: tables, gates and mixtures that show."""
    seed_weights(model, seed, SCALES)
    rng = np.random.default_rng(seed + 1)
    # In these the embedding has the size of 1, because a norm follows or `seed_weights` does not know its name.
    is_large = not hasattr(model, "patch_embed") or hasattr(model.patch_embed, "conv")
    for name, parameter in sorted(model.named_parameters()):
        value = torch.from_numpy(rng.standard_normal(tuple(parameter.shape)).astype(np.float32)).double()
        if name.endswith("logit_scale"):
            value = math.log(5) + 0.4 * value
            if name == "layers.1.blocks.1.attn.logit_scale":
                value[0] = math.log(120)  # more than the largest allowed, 100
        elif name.endswith(".gating_param"):
            pass
        elif name.endswith(".pos_proj.weight"):
            value = 0.7 * value
            value[:, 2] = -0.05 - 0.1 * value[:, 2].abs()
        elif name.endswith("proj_l.weight"):
            value = torch.eye(len(value)) + 0.3 * value
        elif name.endswith("proj_w.weight"):
            value = torch.eye(len(value)) + 0.2 * value
        elif name.endswith("proj_w.bias"):
            value = 0.005 * value
        elif "gamma" in name:
            value = 0.5 + 0.2 * value
        elif is_large and ("cls_token" in name or name == "pos_embed"):
            value = 0.5 * value
        elif name.endswith((".attn.qk.weight", ".attn.q.weight", ".attn.k.weight", ".attn.kv.weight")):
            value = 2 * parameter.data
        elif ".factoratt_crpe" in name and name.endswith("qkv.weight"):
            value = 1.5 * parameter.data  # the softmax is of the keys, not of a product of two
        else:
            continue
        parameter.data = value.float().double()
    return model.double().eval()


def picture(size: Grid, seed: int, mean, std) -> torch.Tensor:
    """Colored noise of several sizes, in pixels of 8 bits, normalized: 1 × 3 × H × W."""
    rng = np.random.default_rng(seed)
    total = torch.zeros(1, 3, *size, dtype=torch.float64)
    for cells, amplitude in ((3, 1.0), (7, 0.9), (14, 0.8), (28, 0.7)):
        coarse = torch.from_numpy(rng.standard_normal((1, 3, cells, cells)))
        total += amplitude * interpolate(coarse, size=size, mode="bicubic", align_corners=False)
    pixels = (total.sigmoid() * 255).round() / 255
    mean, std = (torch.tensor(value, dtype=torch.float64).view(1, 3, 1, 1) for value in (mean, std))
    return ((pixels - mean) / std).float().double()


# --- what is computed ---


def check(name: str, index: int, attention: Attention) -> str:
    """The rows' sums where they are to be 1, and that attention is not flat: the largest of a matrix is three times the
    mean, of each head 1.5 times; returns the flattest head's."""
    is_mixed = name.startswith("cait") and attention.queries[1] > 0
    if not is_mixed and (attention.sums - 1).abs().max() > 1e-9:
        raise SystemExit(f"{name}: rows of attention {index} do not sum to 1")
    peaks = []
    for head in attention.values:
        values = head if attention.seen is None else head[attention.seen]
        peaks.append((values.max() / values.abs().mean()).item())
    if not (min(peaks) >= 1.5 and max(peaks) >= 3):
        raise SystemExit(f"{name}: attention {index} is flat, {peaks}")
    return f"{min(peaks):.1f}"


def as_arrays(prefix: str, output: torch.Tensor, attention: list[Attention]) -> dict[str, np.ndarray]:
    arrays = {f"{prefix}output": output[0].detach().numpy().astype(np.float32)}
    for index, matrix in enumerate(attention):
        arrays[f"{prefix}attention_{index}"] = matrix.values.detach().numpy().astype(np.float32)
        arrays[f"{prefix}attention_{index}_grid"] = np.array([*matrix.queries, *matrix.keys], dtype=np.int64)
    return arrays


def check_parameters(name: str, model: nn.Module, output: torch.Tensor) -> None:
    """A mistake in any parameter has to show. A constant added to all of a row's scores does not."""
    weights = torch.linspace(-1, 1, output.shape[1], dtype=output.dtype)
    parameters = dict(model.named_parameters())
    found = torch.autograd.grad((output[0] * weights).sum(), list(parameters.values()), retain_graph=True)
    unseen = [key for key, gradient in zip(parameters, found) if gradient.abs().max() < 1e-6]
    excused = (".k.bias", "pos_proj.bias", "proj_l.bias")
    if other := [key for key in unseen if not key.endswith(excused)]:
        raise SystemExit(f"{name}: these do not show: {', '.join(other)}")


def compute(name: str, tiny: Tiny, model: nn.Module, seed: int) -> dict[str, np.ndarray]:
    mean, std = (model.pretrained_cfg[key] for key in ("mean", "std"))
    pixels = picture(tiny.size, seed, mean, std).requires_grad_()
    output, attention = traced(model, pixels, tiny.window)
    check_parameters(name, model, output)
    arrays = {"input": pixels.detach().numpy().astype(np.float32), "target": np.array(TARGET, dtype=np.int64)}
    (gradient,) = torch.autograd.grad(output[0, TARGET], pixels)
    arrays["input_gradient"] = gradient.numpy().astype(np.float32)
    arrays |= as_arrays("", output, attention)
    print(f"{name}: peaks", *(check(name, index, matrix) for index, matrix in enumerate(attention)))
    if tiny.other is None:
        return arrays
    pixels = picture(tiny.other, seed + 1, mean, std)
    arrays["other_input"] = pixels.numpy().astype(np.float32)
    with torch.no_grad():
        output, attention = traced(at_size(tiny, model, tiny.other), pixels, tiny.window)
        if tiny.window:
            dynamic = like(tiny.build(tiny.size, dynamic_img_size=True), model)
            arrays["dynamic_output"] = dynamic(pixels)[0].numpy().astype(np.float32)
    print(f"{name}: peaks", *(check(name, index, matrix) for index, matrix in enumerate(attention)), "other")
    return arrays | as_arrays("other_", output, attention)


def like(built: nn.Module, model: nn.Module) -> nn.Module:
    """With the model's weights, which must be of the same shapes."""
    built = built.double().eval()
    built.load_state_dict(model.state_dict())
    return built


def at_size(tiny: Tiny, model: nn.Module, size: Grid) -> nn.Module:
    return model if tiny.takes_any_size else like(tiny.build(size), model)


# --- what is written ---


def save(folder: Path, model: nn.Module) -> int:
    """Weights and configuration as timm saves them; returns the number of tensors."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous().clone() for key, value in model.state_dict().items()}
    safetensors.torch.save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)
    save_config_for_hf(model, str(folder / "config.json"))
    return len(state)


def export(path: Path, model: nn.Module, pixels: torch.Tensor, expected: np.ndarray, options: dict) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(model, (pixels,), str(path), input_names=["pixels"], **options)
    strip_onnx(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (output,) = session.run(None, {"pixels": pixels.numpy()})
    error = np.abs(output[0] - expected).max() / np.abs(expected).max()
    print(f"  {path.parent.name}/{path.name}: {path.stat().st_size:,} bytes, onnxruntime differs by {error:.1e}")
    if not error < TOLERANCE:
        raise SystemExit("the exported graph computes something else")


def make_family(folder: Path, name: str) -> None:
    tiny, index = FAMILIES[name], list(FAMILIES).index(name)
    model = seed(tiny.build(tiny.size), 5000 + 10 * index)
    expected = compute(name, tiny, model, 5005 + 10 * index)
    single = copy.deepcopy(model).float()
    count = save(folder, single)
    np.savez_compressed(folder / "expected.npz", **expected)
    pixels = torch.from_numpy(expected["input"])
    for file, options in EXPORTS.items():
        export(folder / file, single, pixels, expected["output"], options)
    total = sum(path.stat().st_size for path in folder.iterdir())
    print(f"  {count} tensors, {total:,} bytes in all")


def make(out: Path, chosen: list[str] | None = None) -> None:
    for name in chosen or FAMILIES:
        make_family(out / name, name)
    libraries = ["torch", "timm", "onnx", "onnxscript", "onnxruntime", "numpy"]
    versions = {name: version(name) for name in libraries}
    (out / "versions.json").write_text(json.dumps(versions, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    make(Path(__file__).resolve().parents[1] / "goldens" / "graph", sys.argv[1:])
