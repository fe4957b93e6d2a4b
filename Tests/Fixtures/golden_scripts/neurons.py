"""Goldens of neurons: what PyTorch's hooks see behind the activation, on real weights and a real frame."""

from pathlib import Path

import onnx

from . import frames as frame_commands
from . import real
from .store import save

FRAME = "wide"
BLOCKS = (0, 5, 11)
NEURONS = (0, 120, 777, 1535)


def make(directory: Path, onnx_path: Path, frames: dict[str, Path]) -> None:
    """Writes real/dinov2_vits14_neurons.safetensors: of each block the maps of NEURONS (neurons, rows, cols), and of
    all neurons the mean and the mean square over the patches (1536)."""
    model = real.timm_model(real.read_weights(onnx.load(str(onnx_path)).graph))
    image = real.preprocess(frames[FRAME])
    grid = (image.shape[2] // real.PATCH, image.shape[3] // real.PATCH)
    seen = {}
    for index in BLOCKS:
        model.blocks[index].mlp.act.register_forward_hook(
            lambda _module, _inputs, output, index=index: seen.__setitem__(index, output[0, 1:])
        )
    real.run(model, image, real.position_rules(model, grid)["hub"])
    tensors = {}
    for index in BLOCKS:
        hidden = seen[index]
        tensors[f"{index}/maps"] = hidden[:, list(NEURONS)].T.reshape(-1, *grid).contiguous()
        tensors[f"{index}/mean"] = hidden.mean(0)
        tensors[f"{index}/mean_square"] = (hidden**2).mean(0)
    number, _, sha = frame_commands.FRAMES[FRAME]
    save(
        directory / "dinov2_vits14_neurons.safetensors",
        tensors,
        {
            "model": "dinov2_vits14",
            "frame": number,
            "rgb_sha256": sha,
            "grid": list(grid),
            "neurons": list(NEURONS),
            "position_rule": "hub",
        },
    )
