"""A timm Vision Transformer that gives the class token's attention in its last block."""

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

from timm.layers import resample_abs_pos_embed  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

from suite.rows import Row  # noqa: E402


def backbone(row: Row) -> VisionTransformer:
    """A model of the row's shape, its position table the native one, without its weights."""
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


def load(row: Row, weights: str) -> VisionTransformer:
    """The row's model with positions resampled once to the row's grid."""
    tensors = load_file(weights)
    tensors.pop("mask_token", None)
    model = backbone(row)
    model.load_state_dict(tensors)
    if row.grid != (row.native_grid, row.native_grid):
        table = resample_abs_pos_embed(model.pos_embed.data, list(row.grid), num_prefix_tokens=1)
        model.pos_embed = nn.Parameter(table)
    model.dynamic_img_size = model.patch_embed.strict_img_size = False
    model.patch_embed.flatten = True
    model.patch_embed.output_fmt = type(model.patch_embed.output_fmt).NCHW
    return model


def before_last_attention(model: VisionTransformer, frame: torch.Tensor) -> torch.Tensor:
    """All blocks but the last, and that one's first LayerNorm: (1, tokens, width)."""
    patches = model.patch_embed(frame)
    tokens = torch.cat([model.cls_token, patches], dim=1) + model.pos_embed
    for block in model.blocks[:-1]:
        tokens = block(tokens)
    return model.blocks[-1].norm1(tokens)


class LastSelfAttention(nn.Module):
    """What the class token attends to in the last block, out of all that tokens attend to there.

    The work of DINO's `get_last_selfattention`, which keeps (1, heads, tokens, tokens); here only
    the class token's row is handed out, (1, heads, patches).
    """

    def __init__(self, model: VisionTransformer):
        super().__init__()
        self.model = model

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        last = self.model.blocks[-1].attn
        tokens = before_last_attention(self.model, frame)
        shape = (1, -1, 3, last.num_heads, tokens.shape[2] // last.num_heads)
        queries, keys, _ = last.qkv(tokens).reshape(shape).permute(2, 0, 3, 1, 4)
        attention = ((queries @ keys.transpose(-2, -1)) * last.scale).softmax(dim=-1)
        return attention[:, :, 0, 1:]


class ClassTokenAttention(nn.Module):
    """The same with only the class token's query and the keys computed in the last block."""

    def __init__(self, model: VisionTransformer):
        super().__init__()
        self.model = model

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        last = self.model.blocks[-1]
        tokens = before_last_attention(self.model, frame)
        width, heads = tokens.shape[2], last.attn.num_heads
        weight, bias = last.attn.qkv.weight, last.attn.qkv.bias
        query = nn.functional.linear(tokens[:, :1], weight[:width], bias[:width])
        keys = nn.functional.linear(tokens, weight[width : 2 * width], bias[width : 2 * width])
        query = query.reshape(1, 1, heads, -1).transpose(1, 2)
        keys = keys.reshape(1, -1, heads, width // heads).permute(0, 2, 3, 1)
        scores = (query @ keys) * last.attn.scale
        return scores.softmax(dim=-1)[:, :, 0, 1:]
