"""The attention of timm's hierarchical models, mapped to the tokens of each stage.

Raw matrices come of forward hooks; which token a row or column of them stands for is stated here anew, with nothing of
timm's index buffers and masks. A matrix is heads × queries × keys: rows and columns are first the prefix tokens (class,
distillation), then the stage's grid in row-major order. It is what multiplies the values:

  Swin, Swin v2   softmax with bias and mask, brought from windows to the grid; 0 where a query does not see a key. Rows
                  of a window that needs padding sum to less than 1: a padded key takes its share and has no column.
  PiT, ViT        softmax over prefix and patches
  ConViT          the gated mixture of content and position; no class token before the ordinary blocks
  CoaT            the softmax of the keys over the tokens, heads × channels × keys; no queries
  Twins           as Swin, without shift and mask, in local blocks; in global ones columns are the sub-sampled grid
  CaiT            after the second mixture of heads, so rows do not sum to 1; in class blocks the class token's row alone
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from timm.models.cait import Cait
from timm.models.coat import CoaT
from timm.models.convit import ConVit
from timm.models.pit import PoolingVisionTransformer
from timm.models.swin_transformer import SwinTransformer
from timm.models.swin_transformer_v2 import SwinTransformerV2
from timm.models.twins import LocallyGroupedAttn, Twins
from timm.models.vision_transformer import VisionTransformer
from torch import nn

Grid = tuple[int, int]
UNSEEN = 1e-12
"""What the mask of −100 may leave of a pair."""


@dataclass
class Attention:
    """One matrix. `queries` and `keys` are each prefix, rows and columns; all 0 where a row is no token's. `seen`
    (queries × keys) tells the pairs that attend, None where all do; `sums` are the rows' with padded keys."""

    values: torch.Tensor
    queries: tuple[int, int, int]
    keys: tuple[int, int, int]
    sums: torch.Tensor
    seen: torch.Tensor | None = None


@dataclass
class Layer:
    """The output of `module` in order of computation, and how an `Attention` is made of it."""

    module: nn.Module
    read: Callable[[torch.Tensor], Attention]


def traced(model: nn.Module, pixels: torch.Tensor, window: int | None = None) -> tuple[torch.Tensor, list[Attention]]:
    """The model's output for one picture (1 × channels × H × W), and its attention. `window` is Swin's side of a window
    where the grid is larger."""
    found, hooks = [], []
    for layer in layers(model, tuple(pixels.shape[2:]), window):
        hooks.append(layer.module.register_forward_hook(lambda _m, _i, out, read=layer.read: found.append(read(out))))
    output = model(pixels)
    for hook in hooks:
        hook.remove()
    if len(found) != len(hooks):
        raise SystemExit(f"{len(found)} of {len(hooks)} attention matrices were computed")
    return output, found


def layers(model: nn.Module, size: Grid, window: int | None) -> Iterator[Layer]:
    match model:
        case SwinTransformer() | SwinTransformerV2():
            yield from swin(model, size, window)
        case PoolingVisionTransformer():
            yield from pit(model, size)
        case ConVit():
            yield from convit(model, size)
        case CoaT():
            yield from coat(model, size)
        case Twins():
            yield from twins(model, size)
        case Cait():
            yield from cait(model, size)
        case VisionTransformer():
            grid = divided(size, model.patch_embed.patch_size)
            for block in model.blocks:
                yield Layer(block.attn.attn_drop, whole(model.num_prefix_tokens, grid))
        case _:
            raise SystemExit(f"{type(model).__name__} is not described")


def divided(size: Grid, by: Grid) -> Grid:
    return size[0] // by[0], size[1] // by[1]


def halved(grid: Grid) -> Grid:
    """Rounded up: merging pads an odd side, PiT's convolution of 3 with stride 2 and padding 1 covers it."""
    return (grid[0] + 1) // 2, (grid[1] + 1) // 2


# --- raw matrices to tokens ---


def whole(prefix: int, grid: Grid, keys: Grid | None = None, rows: bool = True):
    """One matrix of all tokens, 1 × heads × queries × keys. Without `rows` the queries are the prefix alone."""

    def read(raw: torch.Tensor) -> Attention:
        values = raw[0]
        queries = (prefix, *(grid if rows else (0, 0)))
        attention = Attention(values, queries, (prefix, *(keys or grid)), values.sum(-1))
        expected = tuple(p + r * c for p, r, c in (attention.queries, attention.keys))
        if tuple(values.shape[1:]) != expected:
            raise SystemExit(f"attention of {tuple(values.shape)}, not of {expected}")
        return attention

    return read


def windowed(grid: Grid, window: Grid, shift: Grid):
    """Matrices of windows, windows × heads × places × places.

    The picture is rolled up and left by `shift`, then padded below and right to whole windows. So the token in row r is
    in row (r − shift) mod rows, in window ⌊that / side⌋. A rolled side has three regions: up to the last window, of
    that all but its last `shift` rows, and those. Tokens see each other within one window and one region."""

    def read(raw: torch.Tensor) -> Attention:
        windows, places, regions = [], [], []
        across = math.ceil(grid[1] / window[1])
        for row in range(grid[0]):
            for column in range(grid[1]):
                rolled = [(at - by) % side for at, by, side in zip((row, column), shift, grid)]
                windows.append(rolled[0] // window[0] * across + rolled[1] // window[1])
                places.append(rolled[0] % window[0] * window[1] + rolled[1] % window[1])
                regions.append(tuple(map(region, rolled, grid, window, shift)))
        window_of, place = torch.tensor(windows), torch.tensor(places)
        numbered = {name: number for number, name in enumerate(sorted(set(regions)))}
        region_of = torch.tensor([numbered[name] for name in regions])
        together = window_of[:, None] == window_of[None, :]
        seen = together & (region_of[:, None] == region_of[None, :])
        values = raw[window_of[:, None], :, place[:, None], place[None, :]].movedim(-1, 0)
        if (values[:, together & ~seen] > UNSEEN).any():
            raise SystemExit("a masked pair attends")
        sums = raw.sum(-1)[window_of, :, place].T
        return Attention(values * seen, (0, *grid), (0, *grid), sums, seen)

    return read


def region(rolled: int, side: int, window: int, shift: int) -> int:
    padded = math.ceil(side / window) * window
    return 0 if shift == 0 or rolled < padded - window else 1 if rolled < padded - shift else 2


def columns(heads: int, prefix: int, grid: Grid):
    """Of queries, keys and values in one (1 × tokens × 3·heads·channels): the keys' softmax over the tokens."""

    def read(raw: torch.Tensor) -> Attention:
        tokens = raw.shape[1]
        keys = raw[0].reshape(tokens, 3, heads, -1)[:, 1].permute(1, 2, 0)
        values = keys.softmax(dim=-1)
        return Attention(values, (0, 0, 0), (prefix, *grid), values.sum(-1))

    return read


# --- the families ---


def swin(model: SwinTransformer | SwinTransformerV2, size: Grid, window: int) -> Iterator[Layer]:
    """Every second block is shifted by half a window. A side that is no longer than a window is one window, unshifted."""
    grid = divided(size, model.patch_embed.patch_size)
    for stage, layer in enumerate(model.layers):
        grid = halved(grid) if stage > 0 else grid
        for index, block in enumerate(layer.blocks):
            sides = tuple(min(side, window) for side in grid)
            shift = tuple(window // 2 if index % 2 and side > window else 0 for side in grid)
            yield Layer(block.attn.attn_drop, windowed(grid, sides, shift))


def pit(model: PoolingVisionTransformer, size: Grid) -> Iterator[Layer]:
    embedding = model.patch_embed.conv
    grid = tuple((side - kernel) // by + 1 for side, kernel, by in zip(size, embedding.kernel_size, embedding.stride))
    for stage, transformer in enumerate(model.transformers):
        grid = halved(grid) if stage > 0 else grid
        for block in transformer.blocks:
            yield Layer(block.attn.attn_drop, whole(model.num_tokens, grid))


def convit(model: ConVit, size: Grid) -> Iterator[Layer]:
    grid = divided(size, model.patch_embed.patch_size)
    for block in model.blocks:
        yield Layer(block.attn.attn_drop, whole(0 if block.use_gpsa else 1, grid))


def coat(model: CoaT, size: Grid) -> Iterator[Layer]:
    """Serial blocks of each of the four scales; a parallel block has attention at the last three."""
    grids = []
    for scale in range(1, 5):
        embed = getattr(model, f"patch_embed{scale}")
        grids.append(divided(grids[-1] if grids else size, embed.patch_size))
        for block in getattr(model, f"serial_blocks{scale}"):
            attention = block.factoratt_crpe
            yield Layer(attention.qkv, columns(attention.num_heads, 1, grids[-1]))
    for block in model.parallel_blocks or []:
        for scale in range(2, 5):
            attention = getattr(block, f"factoratt_crpe{scale}")
            yield Layer(attention.qkv, columns(attention.num_heads, 1, grids[scale - 1]))


def twins(model: Twins, size: Grid) -> Iterator[Layer]:
    """A stage's grid and the sub-sampled one are rounded down: what is over is left out."""
    grid = size
    for embed, stage in zip(model.patch_embeds, model.blocks):
        grid = divided(grid, embed.patch_size)
        for block in stage:
            attention = block.attn
            if isinstance(attention, LocallyGroupedAttn):
                local = windowed(grid, (attention.ws, attention.ws), (0, 0))
                yield Layer(attention.attn_drop, lambda raw, local=local: local(raw[0]))
            else:
                coarse = divided(grid, (attention.sr_ratio, attention.sr_ratio))
                yield Layer(attention.attn_drop, whole(0, grid, coarse))


def cait(model: Cait, size: Grid) -> Iterator[Layer]:
    grid = divided(size, model.patch_embed.patch_size)
    for block in model.blocks:
        yield Layer(block.attn.attn_drop, whole(0, grid))
    for block in model.blocks_token_only:
        yield Layer(block.attn.attn_drop, whole(1, grid, rows=False))
