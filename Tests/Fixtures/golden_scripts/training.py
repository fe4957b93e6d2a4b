"""Models that are trained on small data sets: gradients of all parameters, and the loss over 100 steps of AdamW.

The models are stated here in plain PyTorch, with the names of the program's parameters; where timm has the model, its own
class must give the same logits. Pictures, labels and dropout masks are pure functions of seeds (SplitMix64, lowbias32), so
that they need not be stored, and any step's masks are the same in both programs.
"""

import math
from pathlib import Path

import numpy as np
import timm
import torch
import torch.nn.functional as F
from torch import nn

from . import store

MASK64 = (1 << 64) - 1

CASES = {
    # A ViT as timm has it.
    "plain": {},
    # Mean pooling as in timm, fixed positions, everything that is dropped.
    "mean": {
        "reading": "mean_patch",
        "positions": "sincos",
        "class_token": False,
        "dropout": {"tokens": 0.1, "attention": 0.2, "projection": 0.15, "mlp": 0.3, "head": 0.25},
    },
    # The Keras example "vit_small_ds": shifted patches, locality self-attention, all tokens side by side.
    "keras": {
        "reading": "flattened",
        "head_hidden": [24, 20],
        "class_token": False,
        "tokenization": "shifted",
        "attention": "lsa",
        "head_width": 12,
        "gelu_after_fc2": True,
        "dropout": {"tokens": 0, "attention": 0.1, "projection": 0, "mlp": 0.1, "head": 0.5},
    },
    # The parts that are left: a temperature a head, registers, LayerScale.
    "heads": {
        "tokenization": "shifted",
        "attention": "lsa_heads",
        "registers": 2,
        "layer_scale": True,
        "dropout": {"tokens": 0.1, "attention": 0.1, "projection": 0.2, "mlp": 0.2, "head": 0.1},
    },
}

SHAPE = {
    "side": 12,
    "patch_size": 4,
    "width": 16,
    "depth": 2,
    "heads": 2,
    "head_width": 8,
    "mlp_width": 24,
    "classes": 6,
    "tokenization": "plain",
    "positions": "learned",
    "attention": "plain",
    "reading": "class_token",
    "head_hidden": [],
    "class_token": True,
    "registers": 0,
    "class_token_has_position": True,
    "gelu_after_fc2": False,
    "layer_scale": False,
    "layer_norm_epsilon": 1e-6,
    "dropout": {"tokens": 0, "attention": 0, "projection": 0, "mlp": 0, "head": 0},
}


class SplitMix64:
    """Steele, Lea and Flood's generator; with a purpose and counters as the program seeds its own."""

    def __init__(self, seed: int, purpose: str = "", *counters: int) -> None:
        self.state = seed
        if purpose:
            name = 0xCBF29CE484222325
            for letter in purpose.encode():
                name = (name ^ letter) * 0x100000001B3 & MASK64
            self.state = seed ^ name
            for counter in counters:
                self.state = self.next() ^ counter
            self.state = self.next()

    def next(self) -> int:
        self.state = self.state + 0x9E3779B97F4A7C15 & MASK64
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK64
        return z ^ (z >> 31)

    def uniform(self) -> float:
        return (self.next() >> 40) / (1 << 24)


class Masks:
    """Dropout masks of one step."""

    def __init__(self, rates: dict, depth: int, seed: int, step: int) -> None:
        self.rates, self.depth, self.seed, self.step = rates, depth, seed, step

    def apply(self, x: torch.Tensor, rate_name: str, site: int) -> torch.Tensor:
        """x [pictures, …] times the masks of a site, picture by picture."""
        rate = self.rates[rate_name]
        if rate == 0:
            return x
        count = x[0].numel()
        masks = []
        for picture in range(len(x)):
            key = SplitMix64(self.seed, "dropout", self.step, picture, site).next()
            h = (np.arange(count, dtype=np.uint64) + (key & 0xFFFFFFFF)) & 0xFFFFFFFF
            h ^= h >> np.uint64(16)
            h = h * np.uint64(0x7FEB352D) & np.uint64(0xFFFFFFFF)
            h ^= np.uint64(key >> 32)
            h ^= h >> np.uint64(15)
            h = h * np.uint64(0x846CA68B) & np.uint64(0xFFFFFFFF)
            h ^= h >> np.uint64(16)
            keeps = (h >> np.uint64(1)) >= round(float(np.float32(rate)) * 2**31)
            masks.append(torch.from_numpy(keeps).to(x.dtype) / (1 - rate))
        return x * torch.stack(masks).reshape(x.shape)


class Transformer(nn.Module):
    """The statement of all models."""

    def __init__(self, s: dict) -> None:
        super().__init__()
        self.s = s
        d, inner = s["width"], s["heads"] * s["head_width"]
        grid = s["side"] // s["patch_size"]
        patches, special = grid * grid, int(s["class_token"]) + s["registers"]
        channels = 15 if s["tokenization"] == "shifted" else 3
        epsilon = s["layer_norm_epsilon"]

        def module(**children: nn.Module | nn.Parameter) -> nn.Module:
            made = nn.Module()
            for name, child in children.items():
                setattr(made, name, child)
            return made

        if s["class_token"]:
            self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        if s["registers"]:
            self.register_tokens = nn.Parameter(torch.zeros(1, s["registers"], d))
        if s["positions"] == "learned":
            self.pos_embed = nn.Parameter(torch.zeros(1, patches + int(s["class_token"]), d))
        self.patch_embed = module(proj=nn.Conv2d(channels, d, s["patch_size"], s["patch_size"]))
        if s["tokenization"] == "shifted":
            self.patch_embed.norm = nn.LayerNorm(channels * s["patch_size"] ** 2, epsilon)
        self.blocks = nn.ModuleList()
        for _ in range(s["depth"]):
            attn = module(qkv=nn.Linear(d, 3 * inner), proj=nn.Linear(inner, d))
            if s["attention"] == "lsa":
                attn.tau = nn.Parameter(torch.ones(1))
            if s["attention"] == "lsa_heads":
                attn.scale = nn.Parameter(torch.ones(s["heads"]))
            block = module(
                norm1=nn.LayerNorm(d, epsilon),
                attn=attn,
                norm2=nn.LayerNorm(d, epsilon),
                mlp=module(fc1=nn.Linear(d, s["mlp_width"]), fc2=nn.Linear(s["mlp_width"], d)),
            )
            if s["layer_scale"]:
                block.ls1 = module(gamma=nn.Parameter(torch.ones(d)))
                block.ls2 = module(gamma=nn.Parameter(torch.ones(d)))
            self.blocks.append(block)
        setattr(self, "fc_norm" if s["reading"] == "mean_patch" else "norm", nn.LayerNorm(d, epsilon))
        inputs = (patches + special) * d if s["reading"] == "flattened" else d
        if s["head_hidden"]:
            self.head_mlp = nn.ModuleList()
        for outputs in s["head_hidden"]:
            self.head_mlp.append(nn.Linear(inputs, outputs))
            inputs = outputs
        self.head = nn.Linear(inputs, s["classes"])

    def tokens(self, x: torch.Tensor) -> torch.Tensor:
        s, (proj, side) = self.s, (self.patch_embed.proj, self.s["side"])
        if s["tokenization"] == "shifted":
            half = s["patch_size"] // 2
            padded = F.pad(x, (half, half, half, half))
            # Keras's left-up, left-down, right-up, right-down: where the content moves.
            corners = [(2 * half, 2 * half), (0, 2 * half), (2 * half, 0), (0, 0)]
            x = torch.cat([x] + [padded[:, :, a : a + side, b : b + side] for a, b in corners], 1)
        rows = F.unfold(x, s["patch_size"], stride=s["patch_size"]).transpose(1, 2)
        if s["tokenization"] == "shifted":
            rows = self.patch_embed.norm(rows)
        x = F.linear(rows, proj.weight.flatten(1), proj.bias)
        batch = len(x)
        special = []
        if s["class_token"]:
            special.append(self.cls_token.expand(batch, -1, -1))
        if s["positions"] == "sincos":
            x = x + sine_cosine(side // s["patch_size"], s["width"]).to(x.dtype)
        else:
            if s["class_token"]:
                special[0] = special[0] + self.pos_embed[:, :1]
            x = x + self.pos_embed[:, int(s["class_token"]) :]
        if s["registers"]:
            special.append(self.register_tokens.expand(batch, -1, -1))
        return torch.cat([*special, x], 1)

    def attend(self, attn: nn.Module, x: torch.Tensor, masks: Masks, index: int) -> torch.Tensor:
        s = self.s
        batch, tokens, _ = x.shape
        q, k, v = attn.qkv(x).reshape(batch, tokens, 3, s["heads"], s["head_width"]).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-1, -2)
        if s["attention"] == "plain":
            scores = scores / math.sqrt(s["head_width"])
        elif s["attention"] == "lsa":
            scores = scores / attn.tau
        else:
            scores = scores * attn.scale.reshape(1, -1, 1, 1)
        if s["attention"] != "plain":
            scores = scores.masked_fill(torch.eye(tokens, dtype=torch.bool), -torch.inf)
        attention = masks.apply(scores.softmax(-1), "attention", 1 + 4 * index)
        y = attn.proj((attention @ v).transpose(1, 2).reshape(batch, tokens, -1))
        return masks.apply(y, "projection", 2 + 4 * index)

    def forward(self, x: torch.Tensor, masks: Masks) -> torch.Tensor:
        s = self.s
        x = masks.apply(self.tokens(x), "tokens", 0)
        for index, block in enumerate(self.blocks):
            y = self.attend(block.attn, block.norm1(x), masks, index)
            x = x + (block.ls1.gamma * y if s["layer_scale"] else y)
            y = masks.apply(F.gelu(block.mlp.fc1(block.norm2(x))), "mlp", 3 + 4 * index)
            y = block.mlp.fc2(y)
            if s["gelu_after_fc2"]:
                y = F.gelu(y)
            y = masks.apply(y, "mlp", 4 + 4 * index)
            x = x + (block.ls2.gamma * y if s["layer_scale"] else y)
        if s["reading"] == "mean_patch":
            x = self.fc_norm(x[:, int(s["class_token"]) + s["registers"] :].mean(1))
        elif s["reading"] == "class_token":
            x = self.norm(x[:, 0])
        else:
            x = self.norm(x).flatten(1)
        site = 1 + 4 * s["depth"]
        x = masks.apply(x, "head", site)
        for index, layer in enumerate(self.head_mlp if s["head_hidden"] else []):
            x = masks.apply(F.gelu(layer(x)), "head", site + 1 + index)
        return self.head(x)


def sine_cosine(side: int, width: int) -> torch.Tensor:
    """[patches, width]: sines, then cosines of the column, then those of the row."""
    frequencies = 10000 ** -(np.arange(width // 4) / (width // 4))

    def encoded(coordinate: int) -> np.ndarray:
        return np.concatenate([np.sin(coordinate * frequencies), np.cos(coordinate * frequencies)])

    rows = [np.concatenate([encoded(column), encoded(row)]) for row in range(side) for column in range(side)]
    return torch.from_numpy(np.stack(rows))


def batch(s: dict, seed: int, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures from −1 to 1 with a mark of their class, two classes each, and the first one's share."""
    draw = SplitMix64(seed)
    pixels = np.empty((count, 3, s["side"], s["side"]), np.float32)
    labels, others, shares = [], [], []
    for picture in range(count):
        label = int(draw.uniform() * s["classes"])
        for i in range(pixels[picture].size):
            pixels[picture].flat[i] = 2 * draw.uniform() - 1
        pixels[picture, 0, label, :] += 1
        labels.append(label)
        others.append(int(draw.uniform() * s["classes"]))
        shares.append(draw.uniform())
    return torch.from_numpy(pixels), torch.tensor(labels), torch.tensor(others), torch.tensor(shares)


def loss(logits: torch.Tensor, targets: tuple, smoothing: float, mixes: bool) -> torch.Tensor:
    labels, others, shares = targets
    first = F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    if not mixes:
        return first.mean()
    second = F.cross_entropy(logits, others, label_smoothing=smoothing, reduction="none")
    shares = shares.to(logits.dtype)
    return (shares * first + (1 - shares) * second).mean()


def like_timm(model: Transformer, pictures: torch.Tensor) -> None:
    """Compares with timm's own class, for the models that it has."""
    s = model.s
    other = timm.models.VisionTransformer(
        img_size=s["side"],
        patch_size=s["patch_size"],
        embed_dim=s["width"],
        depth=s["depth"],
        num_heads=s["heads"],
        mlp_ratio=s["mlp_width"] / s["width"],
        num_classes=s["classes"],
        class_token=s["class_token"],
        global_pool="avg" if s["reading"] == "mean_patch" else "token",
    ).eval()
    state = dict(model.state_dict())
    state.setdefault("pos_embed", sine_cosine(s["side"] // s["patch_size"], s["width"])[None].float())
    other.load_state_dict(state)
    none = Masks(SHAPE["dropout"], s["depth"], 0, 0)
    torch.testing.assert_close(model(pictures, none), other(pictures), rtol=1e-4, atol=1e-5)


def make(directory: Path) -> None:
    for name, changes in CASES.items():
        s = SHAPE | changes
        torch.manual_seed(1)
        model = Transformer(s)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        tensors = {f"initial/{key}": value for key, value in model.state_dict().items()}
        tensors = {key: value.clone() for key, value in tensors.items()}
        count, smoothing = 40, 0.1
        if name in ("plain", "mean"):
            like_timm(model, batch(s, 5, count)[0])

        # Gradients, in double precision, mixed where something is dropped.
        mixes = name != "plain"
        double = Transformer(s).double()
        double.load_state_dict(model.state_dict())
        pictures, *targets = batch(s, 5, count)
        logits = double(pictures.double(), Masks(s["dropout"], s["depth"], 77, 3))
        value = loss(logits, targets, smoothing, mixes)
        value.backward()
        tensors["logits"], tensors["loss"] = logits, value.reshape(1)
        tensors |= {f"gradient/{key}": parameter.grad for key, parameter in double.named_parameters()}

        # 100 steps: clipped, warmed up, decaying weights of linear layers alone.
        weights = [p for key, p in model.named_parameters() if is_weight(key)]
        others = [p for key, p in model.named_parameters() if not is_weight(key)]
        optimizer = torch.optim.AdamW([{"params": weights, "weight_decay": 0.05}, {"params": others, "weight_decay": 0}])
        losses, norms = [], []
        for step in range(100):
            pictures, *targets = batch(s, 1000 + step, 16)
            value = loss(model(pictures, Masks(s["dropout"], s["depth"], 9, step)), targets, smoothing, mixes)
            optimizer.zero_grad()
            value.backward()
            norms.append(nn.utils.clip_grad_norm_(model.parameters(), 1.0))
            for group in optimizer.param_groups:
                group["lr"] = rate(step)
            optimizer.step()
            losses.append(value.detach())
        tensors["losses"], tensors["norms"] = torch.stack(losses), torch.stack(norms)
        tensors["rates"] = torch.tensor([rate(step) for step in range(100)])
        store.save(directory / f"{name}.safetensors", tensors, {"shape": s})


def is_weight(name: str) -> bool:
    layers = ("proj.weight", "qkv.weight", "fc1.weight", "fc2.weight")
    return name.endswith(layers) or name.startswith("head") and name.endswith("weight")


def rate(step: int) -> float:
    """Warm-up from 1e-5 to 3e-3 in 10 steps, then half a cosine down."""
    if step < 10:
        return 1e-5 + (3e-3 - 1e-5) / 10 * step
    return 0.5 * 3e-3 * (1 + math.cos(math.pi * (step - 10) / 90))
