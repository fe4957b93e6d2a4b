"""The probing methods stated in NumPy, on attention stacks (a list of (heads, tokens, tokens)).

Sources: the Keras example *Investigating Vision Transformer representations* (rollout, mean
attention distance), jacobgil/vit-explain (fusion, discard ratio, gradient rollout) and DINO's
visualize_attention.py (mass threshold). S is the number of tokens before the patches; the
originals know S = 1 (Keras: 2 for distilled models) and square grids, which is the same formula.
"""

import numpy as np

from .models import TinyConfig

DISCARD_RATIOS = (0.0, 0.5, 0.9)
THRESHOLDS = (0.3, 0.6, 0.9)
FUSIONS = {"mean": np.mean, "max": np.max, "min": np.min}

# A choice that float32 could make the other way round has no place in a golden.
TIE_MARGIN = 1e-5


def map_of(joint: np.ndarray, grid: tuple[int, int], special: int, start: np.ndarray | None = None) -> np.ndarray:
    """The CLS row of the product over the patches (rows, cols), or `start` times it, divided by its maximum."""
    row = (joint[0] if start is None else start @ joint)[special:].reshape(grid)
    return row / row.max()


def keras_rollout(attention, grid, special) -> np.ndarray:
    """Ã = mean over heads + I, rows normalised; J = Ã_L ⋯ Ã_1."""
    joint = np.eye(attention[0].shape[-1])
    for block in attention:
        mixed = block.mean(axis=0) + np.eye(block.shape[-1])
        joint = (mixed / mixed.sum(axis=-1, keepdims=True)) @ joint
    return map_of(joint, grid, special)


def discard(fused: np.ndarray, ratio: float, spare_first: bool) -> np.ndarray:
    """Zeroes the ⌊N²·ratio⌋ smallest entries of the whole matrix; `spare_first` keeps CLS→CLS."""
    flat = fused.flatten()
    count = int(flat.size * ratio)
    order = np.argsort(flat, kind="stable")
    if 0 < count < flat.size:
        low, high = flat[order[count - 1]], flat[order[count]]
        assert high == low == 0 or high - low > TIE_MARGIN * high, "a tie at the discard boundary"
    dropped = order[:count]
    flat[dropped[dropped != 0] if spare_first else dropped] = 0
    return flat.reshape(fused.shape)


def fold(fused_blocks, ratio, grid, special, spare_first=True, columns=False, start=None) -> np.ndarray:
    """a = (F + I)/2 after the discard, normalised and multiplied up.

    `columns` is vit-explain's missing keepdim: its row sums broadcast along the wrong axis, so
    that column j is divided by the sum of row j.
    """
    joint = np.eye(fused_blocks[0].shape[-1])
    for fused in fused_blocks:
        mixed = (discard(fused, ratio, spare_first) + np.eye(fused.shape[-1])) / 2
        sums = mixed.sum(axis=-1)
        joint = (mixed / (sums[None, :] if columns else sums[:, None])) @ joint
    return map_of(joint, grid, special, start)


def gradient_fused(attention, gradient) -> list[np.ndarray]:
    """mean over heads of A ⊙ gradient, negatives to 0, block by block."""
    return [np.maximum((a * g).mean(axis=0), 0) for a, g in zip(attention, gradient)]


def softmax_backward(attention, gradient) -> list[np.ndarray]:
    """The gradient by softmax's input, from that by its output: A ⊙ (g − Σ_j A_j g_j)."""
    return [a * (g - (a * g).sum(axis=-1, keepdims=True)) for a, g in zip(attention, gradient)]


def mean_distance(attention: np.ndarray, grid, special: int, patch: int) -> np.ndarray:
    """Per head, in pixels: mean over patches i of Σ_j A_ij · patch · |i − j|, not renormalised."""
    rows, cols = np.divmod(np.arange(grid[0] * grid[1]), grid[1])
    distance = patch * np.hypot(rows[:, None] - rows[None, :], cols[:, None] - cols[None, :])
    return (attention[:, special:, special:] * distance).sum(axis=-1).mean(axis=-1)


def mass_mask(attention: np.ndarray, grid, special: int, threshold: float) -> np.ndarray:
    """DINO's --threshold: 1 where a patch's cumulative share, ascending, exceeds 1 − threshold."""
    heads = attention[:, 0, special:]
    masks = []
    for row in heads:
        order = np.argsort(row, kind="stable")
        share = np.cumsum(row[order] / row.sum())
        assert np.abs(share - (1 - threshold)).min() > TIE_MARGIN, "a patch on the threshold"
        mask = np.empty(row.shape)
        mask[order] = share > 1 - threshold
        masks.append(mask.reshape(grid))
    return np.stack(masks)


def all_probes(config: TinyConfig, grid, attention, gradient) -> dict[str, np.ndarray]:
    """Every method on one stack. The attention is first rounded to float32, as it is stored, so
    that a test which reads it back starts from the same numbers."""
    attention = [np.asarray(a, dtype=np.float32).astype(np.float64) for a in attention]
    gradient = [np.asarray(g, dtype=np.float32).astype(np.float64) for g in gradient]
    special = config.special_tokens
    probes = {"rollout.keras": keras_rollout(attention, grid, special)}
    for ratio in DISCARD_RATIOS:
        for name, reduce in FUSIONS.items():
            fused = [reduce(a, axis=0) for a in attention]
            probes[f"rollout.{name}.{ratio}"] = fold(fused, ratio, grid, special)
            probes[f"rollout.{name}.{ratio}.vit-explain"] = fold(fused, ratio, grid, special, columns=True)
        probes[f"gradient_rollout.{ratio}"] = fold(gradient_fused(attention, gradient), ratio, grid, special)
        # vit-explain collects gradients in backward order and pairs them with attention in forward
        # order, and does not spare CLS→CLS here.
        reversed_pairs = gradient_fused(attention, gradient[::-1])
        probes[f"gradient_rollout.{ratio}.vit-explain"] = fold(
            reversed_pairs, ratio, grid, special, spare_first=False, columns=True
        )
        # What its backward hook really delivers: dropout in evaluation returns its own input, the
        # hook therefore hangs on softmax, and what it sees is the gradient by the scores.
        scores = softmax_backward(attention, gradient)[::-1]
        probes[f"gradient_rollout.{ratio}.vit-explain-scores"] = fold(
            gradient_fused(attention, scores), ratio, grid, special, spare_first=False, columns=True
        )
    for index, block in enumerate(attention):
        probes[f"distance.{index}"] = mean_distance(block, grid, special, config.patch)
    for threshold in THRESHOLDS:
        probes[f"mass_mask.{threshold}"] = mass_mask(attention[-1], grid, special, threshold)
    return probes
