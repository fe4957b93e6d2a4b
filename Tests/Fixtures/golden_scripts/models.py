"""Tiny random ViTs: timm's own blocks under the tensor names that torch.hub and timm share.

Everything runs in float64, so that the goldens are the truth to float32's last digit and a
tolerance measures the engine under test alone.
"""

import math
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch
from timm.layers import Mlp, SwiGLUPacked
from timm.models.vision_transformer import Block
from torch import nn
from torch.nn.functional import interpolate

LAYER_NORM_EPS = 1e-6
EMBEDDING_SCALE = 0.05


@dataclass(frozen=True)
class TinyConfig:
    """The shape of a tiny model. `position` names the off-grid rule: see `resample_positions`.

    `seed` was chosen: `probing` refuses stacks where a discard or a threshold is nearly a tie.
    """

    name: str
    family: str  # dino | dinov2 | deit | vit
    seed: int
    width: int
    heads: int
    patch: int
    position: str  # scale-offset | antialias | plain
    depth: int = 3
    native_grid: int = 4  # patches along each side of the learned table
    registers: int = 0
    distilled: bool = False
    layer_scale: bool = False
    swiglu: bool = False
    classes: int = 0

    @property
    def special_tokens(self) -> int:
        """S: tokens before the patches, in the order CLS, distillation, registers."""
        return 1 + int(self.distilled) + self.registers

    @property
    def table_prefix(self) -> int:
        """Rows of the position table before the patches: registers have none."""
        return 1 + int(self.distilled)

    @property
    def mlp_hidden(self) -> int:
        """4·width; for SwiGLU two thirds of it, up to a multiple of 8 (DINOv2's SwiGLUFFNFused)."""
        hidden = 4 * self.width
        return (hidden * 2 // 3 + 7) // 8 * 8 if self.swiglu else hidden

    def describe(self) -> dict:
        """What goes into the golden's `config` metadata."""
        return asdict(self) | {
            "special_tokens": self.special_tokens,
            "mlp_hidden": self.mlp_hidden,
            "layer_norm_eps": LAYER_NORM_EPS,
        }


CONFIGS = [
    TinyConfig("plain", "dino", 21, width=24, heads=3, patch=4, position="scale-offset"),
    TinyConfig("layerscale", "dinov2", 22, width=28, heads=2, patch=7, position="scale-offset", layer_scale=True),
    TinyConfig(
        "registers", "dinov2", 13, width=24, heads=2, patch=4, position="antialias", layer_scale=True, registers=4
    ),
    TinyConfig("distilled", "deit", 24, width=30, heads=3, patch=5, position="antialias", distilled=True, classes=7),
    TinyConfig("supervised", "vit", 15, width=36, heads=3, patch=4, position="antialias", classes=11),
    TinyConfig(
        "swiglu", "dinov2", 16, width=24, heads=2, patch=4, position="scale-offset", layer_scale=True, swiglu=True
    ),
]


def resample_positions(table: torch.Tensor, prefix: int, grid: tuple[int, int], rule: str) -> torch.Tensor:
    """The position table (1, prefix + n², D) brought to (1, prefix + rows·cols, D).

    `scale-offset` is DINO's rule and that of DINOv2 without registers: bicubic without antialias,
    and (rows + 0.1)/n given as the scale, which the sampling positions then really use. The offset
    was added against rounding errors (facebookresearch/dino issue 8) and every released map has it.
    `antialias` is that of DINOv2 with registers and of timm: bicubic with antialias to the size.
    `plain` is that of MAE, MSN and of transformers' ViT, MAE, MSN, I-JEPA and SigLIP: bicubic to the size.
    All leave the table alone on its own grid, and only there: 2×8 on a 4×4 table is resampled.
    """
    side = math.isqrt(table.shape[1] - prefix)
    if tuple(grid) == (side, side):
        return table
    picture = table[:, prefix:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if rule == "scale-offset":
        scale = ((grid[0] + 0.1) / side, (grid[1] + 0.1) / side)
        picture = interpolate(picture, scale_factor=scale, mode="bicubic", recompute_scale_factor=False)
    elif rule in ("antialias", "plain"):
        picture = interpolate(picture, size=tuple(grid), mode="bicubic", antialias=rule == "antialias")
    else:
        raise ValueError(f"no such position rule: {rule}")
    assert picture.shape[-2:] == tuple(grid)
    patches = picture.permute(0, 2, 3, 1).reshape(1, grid[0] * grid[1], -1)
    return torch.cat((table[:, :prefix], patches), dim=1)


class TinyViT(nn.Module):
    """timm's blocks, with the tokens put together here: each family does that its own way."""

    def __init__(self, config: TinyConfig):
        super().__init__()
        self.config = config
        width = config.width
        norm = partial(nn.LayerNorm, eps=LAYER_NORM_EPS)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        if config.distilled:
            self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        if config.registers:
            self.register_tokens = nn.Parameter(torch.zeros(1, config.registers, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, config.table_prefix + config.native_grid**2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, config.patch, config.patch)})
        fc1_rows = config.mlp_hidden * (2 if config.swiglu else 1)
        self.blocks = nn.ModuleList(
            Block(
                width,
                config.heads,
                mlp_ratio=fc1_rows / width,
                qkv_bias=True,
                init_values=1.0 if config.layer_scale else None,
                norm_layer=norm,
                mlp_layer=SwiGLUPacked if config.swiglu else Mlp,
                act_layer=nn.SiLU if config.swiglu else nn.GELU,
            )
            for _ in range(config.depth)
        )
        for block in self.blocks:
            assert block.mlp.fc1.out_features == fc1_rows
            block.attn.fused_attn = False  # the fused kernel never forms the attention matrix
        self.norm = norm(width)
        if config.classes:
            self.head = nn.Linear(width, config.classes)
        if config.distilled:
            self.head_dist = nn.Linear(width, config.classes)

    def embed(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (1, S + N, D) before the first block, and the position table used for them."""
        config = self.config
        picture = self.patch_embed["proj"](image)
        position = resample_positions(
            self.pos_embed, config.table_prefix, tuple(picture.shape[-2:]), config.position
        )
        prefix = [self.cls_token] + ([self.dist_token] if config.distilled else [])
        tokens = torch.cat(prefix + [picture.flatten(2).transpose(1, 2)], dim=1) + position
        if config.registers:
            # Registers come in after the addition: they have no position.
            tokens = torch.cat((tokens[:, :1], self.register_tokens, tokens[:, 1:]), dim=1)
        return tokens, position

    def logits(self, normed: torch.Tensor) -> torch.Tensor:
        """Class scores (1, classes); a distilled model averages its two heads at inference."""
        scores = self.head(normed[:, 0])
        return (scores + self.head_dist(normed[:, 1])) / 2 if self.config.distilled else scores

    def trace(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Every intermediate of one picture (3, H, W), batch axis removed, graph kept.

        `q.i`, `k.i` and `v.i` are (heads, tokens, head width), queries before the 1/√d.
        """
        seen: dict[str, torch.Tensor] = {}
        hooks = []
        for index, block in enumerate(self.blocks):
            hooks.append(block.attn.attn_drop.register_forward_hook(self._keep(seen, f"attention.{index}")))
            hooks.append(block.attn.qkv.register_forward_hook(self._keep(seen, f"qkv.{index}")))
        tokens, seen["pos"] = self.embed(image[None])
        seen["embed"] = tokens
        for index, block in enumerate(self.blocks):
            # Each hidden state is a node of its own, so that its gradient can be asked for.
            tokens = block(tokens)
            seen[f"block.{index}"] = tokens
        seen["norm"] = self.norm(tokens)
        if self.config.classes:
            seen["logits"] = self.logits(seen["norm"])
        for hook in hooks:
            hook.remove()
        for index in range(self.config.depth):
            qkv = seen.pop(f"qkv.{index}")
            parts = qkv.reshape(1, qkv.shape[1], 3, self.config.heads, -1).permute(2, 0, 3, 1, 4)
            seen[f"q.{index}"], seen[f"k.{index}"], seen[f"v.{index}"] = parts
        return seen

    @staticmethod
    def _keep(seen: dict, name: str):
        def hook(_module, _inputs, output):
            seen[name] = output

        return hook

    def canonical_name(self, name: str) -> str:
        """timm's parameter name under DINOv2's: only the SwiGLU layers differ."""
        if self.config.swiglu:
            name = name.replace("mlp.fc1", "mlp.w12").replace("mlp.fc2", "mlp.w3")
        return name

    def canonical_weights(self) -> dict[str, torch.Tensor]:
        return {self.canonical_name(name): value for name, value in self.state_dict().items()}


def build(config: TinyConfig) -> TinyViT:
    """The model with seeded weights, every one of them a float32 value, in float64.

    Chosen so that a mistake shows well above a tolerance of 1e-4. Query and key weights are large
    enough for softmax to have peaks; LayerNorm is far from the identity; LayerScale has both signs.
    Embeddings are small, so that an eps of 1e-5 for 1e-6 changes the first LayerNorm by 1e-3. GELU's
    inputs lie around −1.5, where its tanh approximation is worst compared with its value.
    """
    model = TinyViT(config)
    rng = np.random.default_rng(config.seed)
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        values = rng.standard_normal(shape)
        if name.endswith("norm.weight") or "norm1.weight" in name or "norm2.weight" in name:
            values = 1 + 0.3 * values
        elif name.endswith("gamma"):
            values = 0.5 + 0.5 * values
        elif name.endswith("fc1.bias") and not config.swiglu:
            values = -1.5 + 0.2 * values
        elif name == "patch_embed.proj.bias":
            values = EMBEDDING_SCALE * 0.2 * values
        elif name.endswith("bias"):
            values = 0.2 * values
        elif name == "patch_embed.proj.weight":
            values = EMBEDDING_SCALE * values / math.sqrt(math.prod(shape[1:]))
        elif name.endswith("fc2.weight"):
            values = 3 * values / math.sqrt(shape[1])
        elif name.endswith("qkv.weight"):
            values = values * math.sqrt(3 / config.width)
        elif name.endswith("weight"):
            values = values / math.sqrt(math.prod(shape[1:]))
        else:  # tokens and the position table
            values = EMBEDDING_SCALE * 0.6 * values
        parameter.data = torch.from_numpy(values.astype(np.float32).astype(np.float64))
    return model.double().eval()
