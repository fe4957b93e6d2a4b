"""DINO's `video_generation.py`, rewritten: `python -m peers.dino_video --help`.

Its three steps with its libraries: frames to JPEG files by OpenCV; every file through the model on
PyTorch, the last block's whole attention matrix taken, each head's map enlarged to pixels
(nearest), their mean saved by matplotlib; the pictures to a video by OpenCV. No threshold.
"""

import argparse
import os
import tempfile
from pathlib import Path

import cv2
import torch
from matplotlib import pyplot
from peers import timm_model  # before torchvision, see there
from PIL import Image
from suite.rows import DEFAULT
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torchvision import transforms

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def extract_frames(clip: Path, folder: Path, limit: int) -> float:
    """Writes the clip's frames as JPEG files and gives its frames per second."""
    video = cv2.VideoCapture(os.fspath(clip))
    for number in range(limit):
        found, picture = video.read()
        if not found:
            break
        cv2.imwrite(os.fspath(folder / f"frame-{number:04}.jpg"), picture)
    return video.get(cv2.CAP_PROP_FPS)


def last_self_attention(model: VisionTransformer, frame: torch.Tensor) -> torch.Tensor:
    """The last block's attention, (1, heads, tokens, tokens), no step of it fused."""
    tokens = torch.cat([model.cls_token, model.patch_embed(frame)], dim=1) + model.pos_embed
    for block in model.blocks[:-1]:
        tokens = block(tokens)
    last = model.blocks[-1]
    tokens = last.norm1(tokens)
    heads = last.attn.num_heads
    parts = last.attn.qkv(tokens).reshape(1, tokens.shape[1], 3, heads, -1).permute(2, 0, 3, 1, 4)
    return (parts[0] @ parts[1].transpose(-2, -1) * last.attn.scale).softmax(dim=-1)


def infer(model: VisionTransformer, frames: Path, maps: Path) -> None:
    """Every frame's attention as a picture."""
    transform = transforms.Compose(
        [
            transforms.ToTensor(),
            transforms.Resize(DEFAULT.height),
            transforms.Normalize(MEAN, DEVIATION),
        ]
    )
    for path in sorted(frames.glob("*.jpg")):
        with Image.open(path) as file:
            picture = transform(file.convert("RGB"))
        rows, columns = (side // DEFAULT.patch for side in picture.shape[1:])
        picture = picture[:, : rows * DEFAULT.patch, : columns * DEFAULT.patch].unsqueeze(0)
        with torch.no_grad():
            attention = last_self_attention(model, picture)
        heads = attention[0, :, 0, 1:].reshape(1, DEFAULT.heads, rows, columns)
        large = nn.functional.interpolate(heads, scale_factor=DEFAULT.patch, mode="nearest")
        pyplot.imsave(
            fname=os.fspath(maps / f"attn-{path.name}"), arr=large[0].mean(dim=0).numpy(),
            cmap="inferno", format="jpg",
        )  # fmt: skip


def write_video(maps: Path, output: Path, fps: float) -> None:
    """The pictures one after another."""
    paths = sorted(maps.glob("attn-*.jpg"))
    height, width = cv2.imread(os.fspath(paths[0])).shape[:2]
    writer = cv2.VideoWriter(
        os.fspath(output), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height)
    )
    for path in paths:
        writer.write(cv2.imread(os.fspath(path)))
    writer.release()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = timm_model.load(DEFAULT, os.fspath(options.prepared / "weights.safetensors"))
    for block in model.blocks:
        block.attn.fused_attn = False
    with tempfile.TemporaryDirectory() as scratch:
        frames, maps = Path(scratch) / "frames", Path(scratch) / "attention"
        frames.mkdir()
        maps.mkdir()
        fps = extract_frames(options.clip, frames, options.frames)
        infer(model, frames, maps)
        write_video(maps, options.output, fps)


if __name__ == "__main__":
    main()
