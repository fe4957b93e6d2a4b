"""A Vision Transformer of timm's, plain or with a family's parts, that gives the class token's attention in its last
block.
"""

import torch
from safetensors.torch import load_file
from torch import nn

if torch.version.cuda is None:
    # Beside a torch for CPUs alone, a torchvision built for CUDA does not load its operators, and
    # importing it fails at these two. timm needs only its Python part.
    for name in ["nms", "qnms"]:
        torch.library.define(
            f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )

import timm  # noqa: E402
from timm.layers import apply_rot_embed_cat, resample_abs_pos_embed  # noqa: E402
from timm.models.eva import Eva  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

from suite.rows import Row  # noqa: E402


Backbone = VisionTransformer | Eva
"""DINOv3's is timm's `Eva`."""


def backbone(row: Row) -> Backbone:
    """A model of the row's shape, its position table the native one, without its weights."""
    if row.architecture:
        return timm.create_model(row.architecture, num_classes=0, dynamic_img_size=True).eval()
    return VisionTransformer(
        img_size=row.native_grid * row.patch,
        patch_size=row.patch,
        embed_dim=row.width,
        depth=row.depth,
        num_heads=row.heads,
        init_values=1.0 if row.layer_scale else None,
        num_classes=0,
        dynamic_img_size=True,
    ).eval()


def load(row: Row, weights: str) -> Backbone:
    """The row's model with positions brought once to the row's grid: a table, or as `rotation` the sines and cosines."""
    tensors = load_file(weights)
    tensors.pop("mask_token", None)
    model = backbone(row)
    model.load_state_dict(tensors)
    rope = getattr(model, "rope", None)
    rotation = rope.get_embed(shape=list(row.grid)) if rope is not None else None
    model.register_buffer("rotation", rotation, persistent=False)
    if model.pos_embed is not None and row.grid != (row.native_grid, row.native_grid):
        table = resample_abs_pos_embed(model.pos_embed.data, list(row.grid), num_prefix_tokens=1)
        model.pos_embed = nn.Parameter(table)
    model.dynamic_img_size = model.patch_embed.strict_img_size = False
    model.patch_embed.flatten = True
    model.patch_embed.output_fmt = type(model.patch_embed.output_fmt).NCHW
    return model


def before_last_attention(model: Backbone, frame: torch.Tensor) -> torch.Tensor:
    """All blocks but the last, and that one's first LayerNorm: (1, tokens, width)."""
    registers = [] if model.reg_token is None else [model.reg_token]
    tokens = torch.cat([model.cls_token, *registers, model.patch_embed(frame)], dim=1)
    if model.pos_embed is not None:
        tokens = tokens + model.pos_embed
    tokens = model.norm_pre(tokens)
    rotation = {} if model.rotation is None else {"rope": model.rotation}
    for block in model.blocks[:-1]:
        tokens = block(tokens, **rotation)
    return model.blocks[-1].norm1(tokens)


def rotated(model: Backbone, vectors: torch.Tensor) -> torch.Tensor:
    """Queries or keys (1, heads, tokens, head width) with those of the patches turned, where the model does so."""
    if model.rotation is None:
        return vectors
    special = model.num_prefix_tokens
    patches = apply_rot_embed_cat(vectors[:, :, special:], model.rotation, half=True)
    return torch.cat([vectors[:, :, :special], patches], dim=2)


class LastSelfAttention(nn.Module):
    """What the class token attends to in the last block, out of all that tokens attend to there.

    The work of DINO's `get_last_selfattention`, which keeps (1, heads, tokens, tokens); here only
    the class token's row is handed out, (1, heads, patches).
    """

    def __init__(self, model: Backbone):
        super().__init__()
        self.model = model

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        last = self.model.blocks[-1].attn
        tokens = before_last_attention(self.model, frame)
        shape = (1, -1, 3, last.num_heads, tokens.shape[2] // last.num_heads)
        queries, keys, _ = last.qkv(tokens).reshape(shape).permute(2, 0, 3, 1, 4)
        queries, keys = rotated(self.model, queries), rotated(self.model, keys)
        attention = ((queries @ keys.transpose(-2, -1)) * last.scale).softmax(dim=-1)
        return attention[:, :, 0, self.model.num_prefix_tokens :]


class ClassTokenAttention(nn.Module):
    """The same with only the class token's query and the keys computed in the last block."""

    def __init__(self, model: Backbone):
        super().__init__()
        self.model = model

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        last = self.model.blocks[-1]
        tokens = before_last_attention(self.model, frame)
        width, heads = tokens.shape[2], last.attn.num_heads
        weights = last.attn.qkv.weight.chunk(3)
        biases = [None] * 3 if last.attn.qkv.bias is None else last.attn.qkv.bias.chunk(3)
        query = nn.functional.linear(tokens[:, :1], weights[0], biases[0])
        keys = nn.functional.linear(tokens, weights[1], biases[1])
        query = query.reshape(1, 1, heads, -1).transpose(1, 2)
        keys = rotated(self.model, keys.reshape(1, -1, heads, width // heads).transpose(1, 2))
        scores = (query @ keys.transpose(-2, -1)) * last.attn.scale
        return scores.softmax(dim=-1)[:, :, 0, self.model.num_prefix_tokens :]
