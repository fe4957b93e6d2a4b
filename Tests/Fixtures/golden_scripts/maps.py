"""What methods make of a model's tokens and attention, stated in PyTorch for `expected` and `real`.

A picture's, under these names, all in float64:

  similarity               rows × cols, cosine of each patch's token with that of the patch at `QUERY`
  foreground.component     rows × cols, coordinates along the first principal component of the patch tokens, turned
                           towards the foreground
  relevance                rows × cols, Chefer et al. 2021, of the logit `CLASS` through all blocks
  relevance.last           the same through the last block alone
  gradcam                  rows × cols, of the last block

Tokens are after the final norm. The last three are there for models with logits, the very last for those of them whose
logits come of the class token.

Relevance is that of Chefer et al.'s ViT notebook, through all blocks. Their notebook of CLIP takes the last block
alone, which is `relevance.last`.
"""

import torch

QUERY = (1, 2)
CLASS = 1
MARGIN = 1e-4


def similarity(tokens: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """Of patch tokens, patches × D."""
    query = tokens[QUERY[0] * grid[1] + QUERY[1]]
    return torch.nn.functional.cosine_similarity(tokens, query[None]).reshape(grid)


def foreground(tokens: torch.Tensor, attention: torch.Tensor, grid: tuple[int, int]) -> torch.Tensor:
    """`attention` is what the patches are attended to with, mean over heads."""
    rows, columns = grid
    centred = tokens - tokens.mean(dim=0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    component = centred @ directions[0]
    inside = (component > 0).double()
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    border = ((row == 0) | (row == rows - 1) | (column == 0) | (column == columns - 1)).flatten()
    centre = (row >= rows // 4) & (row < rows - rows // 4) & (column >= columns // 4) & (column < columns - columns // 4)
    place = inside[centre.flatten()].mean() - inside[border].mean()
    votes = place + (attention / attention.sum() * inside).sum() - inside.mean()
    if votes.abs() < 1e-3 or component.abs().min() < MARGIN * component.abs().max():
        raise SystemExit(f"the foreground hangs on rounding: votes {votes:.1e}, {component.abs().min():.1e}")
    return (component if votes > 0 else -component).reshape(grid)


def relevance(
    attention: list[torch.Tensor], gradients: list[torch.Tensor], start: torch.Tensor, special: int, blocks: slice
) -> torch.Tensor:
    """`start` is what stands left of R: the class token's unit row, tokens."""
    result = torch.eye(attention[0].shape[-1], dtype=torch.float64)
    for weights, gradient in list(zip(attention, gradients, strict=True))[blocks]:
        mean = (gradient * weights).clamp(min=0).mean(dim=0)
        result = result + mean @ result
    return (start @ result)[special:]


def gradcam(attention: torch.Tensor, gradient: torch.Tensor, special: int) -> torch.Tensor:
    weights = gradient[:, 0, special:].mean(dim=1)
    return (weights[:, None] * attention[:, 0, special:]).mean(dim=0).clamp(min=0)


class Backward:
    """Attention and the gradient of a score with respect to it, heads × queries × keys: of each block, and `probe` of a
    pooling head's probe over the patches. Those given are nodes of the score's graph, with a batch axis or without."""

    def __init__(
        self, score: torch.Tensor, attention: list[torch.Tensor], special: int, probe: torch.Tensor | None = None
    ):
        nodes = [*attention, *([] if probe is None else [probe])]
        gradients = torch.autograd.grad(score, nodes, retain_graph=True)
        pairs = [(node.detach().flatten(0, -3), found.flatten(0, -3)) for node, found in zip(nodes, gradients, strict=True)]
        self.probe = None if probe is None else pairs.pop()
        self.weights, self.gradients, self.special = [pair[0] for pair in pairs], [pair[1] for pair in pairs], special

    def start(self, reads_class: bool, of_probe) -> torch.Tensor:
        """What stands left of the product over the blocks: `of_probe` makes heads × patches of the probe's A ⊙ G one
        row."""
        row = torch.zeros(self.weights[0].shape[-1], dtype=torch.float64)
        if reads_class:
            row[0] = 1
        elif self.probe is not None:
            row[self.special :] = of_probe((self.probe[0] * self.probe[1])[:, 0])
        else:
            row[self.special :] = 1 / (len(row) - self.special)
        return row


def of_class(backward: Backward, grid: tuple[int, int], reads_class: bool) -> dict[str, torch.Tensor]:
    weights, gradients, special = backward.weights, backward.gradients, backward.special
    start = backward.start(reads_class, lambda products: products.clamp(min=0).mean(dim=0))
    found = {
        name: relevance(weights, gradients, start, special, blocks).reshape(grid)
        for name, blocks in (("relevance", slice(None)), ("relevance.last", slice(-1, None)))
    }
    if reads_class:
        found["gradcam"] = gradcam(weights[-1], gradients[-1], special).reshape(grid)
    return found


def of(
    tokens: torch.Tensor, attention: list[torch.Tensor], special: int, has_class: bool, grid: tuple[int, int],
    logits: torch.Tensor | None = None, probe: torch.Tensor | None = None, reads_class: bool = True,
) -> dict[str, torch.Tensor]:
    """`tokens` are tokens × D; `attention` and `probe` are nodes of the graph of `logits`, 1 × heads × queries × keys,
    the probe's over the patches, for a model whose logits come of it. `reads_class` tells whether logits come of the
    class token; otherwise of the probe, or else of the mean over the patches."""
    patches = tokens[special:].detach()
    queries = attention[-1][0, :, :1] if has_class else attention[-1][0, :, special:]
    looked = queries.mean(dim=(0, 1))[special:].detach()
    found = {
        "similarity": similarity(patches, grid),
        "foreground.component": foreground(patches, looked, grid),
    }
    if logits is not None:
        found |= of_class(Backward(logits[CLASS], attention, special, probe), grid, reads_class)
    for name, value in found.items():
        if is_flat(value):
            print(f"    {name} is nearly flat: largest {value.max():.2e}, mean {value.mean():.2e}")
    return {name: value.detach() for name, value in found.items()}


def is_flat(value: torch.Tensor) -> bool:
    return not value.max() > value.mean() + 0.2 * value.abs().mean()
