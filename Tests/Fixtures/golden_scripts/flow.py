"""Goldens of attention flow on the tiny models, by SciPy's exact maximum flow and, where that is quick, networkx's.

Source: Abnar & Zuidema 2020 (arXiv 2005.00928), section 3.2: the attention graph with the residual path in, one flow from
the class token to each token of the input. Needs scipy and networkx.
"""

from pathlib import Path

import networkx
import numpy as np
import torch
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_flow

from .models import CONFIGS, TinyConfig, build
from .store import save
from .tiny import GRIDS, describe_cases, images

CASES = ("native", "wide")
# Of three blocks: each alone at the ends, two, all.
BLOCKS = ("0:1", "2:3", "1:3", "0:2", "0:3")
# The capacity 1. SciPy counts in 32 bits.
UNIT = 2**30


def capacities(attention: np.ndarray) -> np.ndarray:
    """Heads (H, N, N) to the mean with the residual path in, rows in sum 1 (N, N)."""
    mixed = attention.mean(0) + np.eye(attention.shape[1])
    return mixed / mixed.sum(1, keepdims=True)


def graph(blocks: list[np.ndarray]) -> csr_matrix:
    """Edges from (i, f) to (i - 1, t), node (i, t) at i·N + t; the blocks from the first to the last."""
    count, levels = blocks[0].shape[0], len(blocks)
    size = (levels + 1) * count
    dense = np.zeros((size, size), dtype=np.int32)
    for level, block in enumerate(blocks):
        above, below = (level + 1) * count, level * count
        dense[above : above + count, below : below + count] = np.rint(block * UNIT)
    return csr_matrix(dense)


def flows(blocks: list[np.ndarray], special: int) -> np.ndarray:
    """The maximum flow from token 0 behind the last block to each patch before the first (patches,)."""
    count = blocks[0].shape[0]
    edges = graph(blocks)
    source = len(blocks) * count
    return np.array(
        [maximum_flow(edges, source, sink, method="dinic").flow_value / UNIT for sink in range(special, count)]
    )


def check(blocks: list[np.ndarray], found: np.ndarray, special: int) -> None:
    """networkx on the capacities as they are, for the first, a middle and the last patch."""
    count = blocks[0].shape[0]
    net = networkx.DiGraph()
    for level, block in enumerate(blocks):
        for (above, below), capacity in np.ndenumerate(block):
            net.add_edge((level + 1, above), (level, below), capacity=float(capacity))
    for patch in (0, len(found) // 2, len(found) - 1):
        exact = networkx.maximum_flow_value(net, (len(blocks), 0), (0, special + patch))
        assert abs(exact - found[patch]) < 1e-6, (exact, found[patch])


def probe(config: TinyConfig, attention: list[np.ndarray]) -> dict:
    """By blocks the flows themselves and how many are at the bound."""
    found = {}
    for name in BLOCKS:
        first, end = (int(part) for part in name.split(":"))
        blocks = [capacities(heads) for heads in attention[first:end]]
        values = flows(blocks, config.special_tokens)
        check(blocks, values, config.special_tokens)
        bound = np.minimum(1, blocks[0][:, config.special_tokens :].sum(0))
        print(f"{config.name} {name}: {values.min():.3f} to {values.max():.3f}, at the bound", end=" ")
        print(f"{(values > bound - 1e-6).mean():.0%}")
        found[name] = values
    return found


def make(directory: Path) -> None:
    """Writes vit/<model>.flow.safetensors: <case>/<blocks>, the flow to each patch (rows, cols), not divided."""
    for config in CONFIGS:
        model = build(config)
        derived = {}
        for case in CASES:
            with torch.no_grad():
                trace = model.trace(images(config)[case])
            attention = [trace[f"attention.{index}"][0].numpy() for index in range(config.depth)]
            for name, values in probe(config, attention).items():
                derived[f"{case}/{name}"] = values.reshape(GRIDS[case])
        save(
            directory / f"{config.name}.flow.safetensors",
            derived,
            {"config": config.describe(), "cases": describe_cases(config, CASES), "blocks": list(BLOCKS)},
        )
