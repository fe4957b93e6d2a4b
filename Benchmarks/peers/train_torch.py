"""Training of the Keras example's small ViT by PyTorch: `python -m peers.train_torch --help`.

The model as one writes it: eager, dropout, AdamW; attention by scaled_dot_product_attention or by its two products.
"""

import argparse
import json
import math
import time

import torch
from torch import nn
from torch.nn import functional

SIDE, PATCH, WIDTH, HEADS, HEAD_WIDTH, DEPTH, CLASSES = 72, 6, 64, 4, 64, 8, 100


class Block(nn.Module):
    def __init__(self, is_fused: bool) -> None:
        super().__init__()
        self.is_fused = is_fused
        inner = HEADS * HEAD_WIDTH
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, 1e-6), nn.LayerNorm(WIDTH, 1e-6)
        self.qkv, self.proj = nn.Linear(WIDTH, 3 * inner), nn.Linear(inner, WIDTH)
        self.fc1, self.fc2 = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, _ = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, HEADS, HEAD_WIDTH)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.is_fused:
            y = functional.scaled_dot_product_attention(q, k, v, dropout_p=0.1)
        else:
            scores = q * HEAD_WIDTH**-0.5 @ k.transpose(-1, -2)
            y = functional.dropout(scores.softmax(-1), 0.1) @ v
        x = x + self.proj(y.transpose(1, 2).reshape(batch, tokens, -1))
        y = functional.dropout(functional.gelu(self.fc1(self.norm2(x))), 0.1)
        return x + functional.dropout(functional.gelu(self.fc2(y)), 0.1)


class SmallViT(nn.Module):
    def __init__(self, is_fused: bool) -> None:
        super().__init__()
        tokens = (SIDE // PATCH) ** 2
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.positions = nn.Parameter(torch.empty(1, tokens, WIDTH).uniform_(-0.05, 0.05))
        self.blocks = nn.Sequential(*(Block(is_fused) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(WIDTH, 1e-6)
        self.head = nn.Sequential(
            nn.Flatten(), nn.Dropout(0.5),
            nn.Linear(tokens * WIDTH, 2048), nn.GELU(), nn.Dropout(0.5),
            nn.Linear(2048, 1024), nn.GELU(), nn.Dropout(0.5),
            nn.Linear(1024, CLASSES),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(x)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=3, help="how many to measure; one more comes before")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="bf16 by autocast")
    parser.add_argument("--attention", choices=["fused", "products"], default="products")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = SmallViT(options.attention == "fused")
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-4)
    pictures = 2 * torch.rand(options.batch, 3, SIDE, SIDE) - 1
    labels = torch.arange(options.batch) % CLASSES
    for step in range(1 + options.steps):
        if step == 1:
            start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            loss = functional.cross_entropy(model(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    if not math.isfinite(loss.item()):
        raise SystemExit("the loss is not finite")
    print(json.dumps({"steps": options.steps, "seconds": seconds, "loss": loss.item()}))


if __name__ == "__main__":
    main()
