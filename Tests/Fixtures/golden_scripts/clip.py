"""Tiny towers of CLIP as each library saves them, with what it computes from them.

One set of weights:

  openai.pt         a TorchScript program in half precision with a text tower and three sizes beside it, as OpenAI
                    publishes its models; QuickGELU
  open_clip/        as OpenCLIP saves it, with `open_clip_config.json`; GELU
  transformers/     `CLIPModel` by `save_pretrained`; QuickGELU
  timm/             as timm saves it, with `config.json`; QuickGELU

Beside each lies `<name>.expected.safetensors`: for the native grid and a wide one the picture, the class token's
attention in each block (heads, rows, cols) and the class token after the last norm, from that library in float64.
"""

import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import torch
from open_clip.transformer import LayerNorm as OpenCLIPLayerNorm
from open_clip.transformer import QuickGELU as OpenCLIPQuickGELU
from open_clip.transformer import VisionTransformer as OpenCLIPTower
from timm.layers import QuickGELU, resample_abs_pos_embed
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from transformers import CLIPConfig, CLIPModel

from .families import dummy, write_safetensors
from .models import EMBEDDING_SCALE
from .store import save, without_traces

WIDTH, HEADS, PATCH, DEPTH, SIDE, SPACE = 24, 2, 4, 2, 16, 8
GRIDS = {"native": (4, 4), "wide": (3, 7)}
TOLERANCE = 1e-6
MEAN, DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]


def weights(seed: int) -> dict[str, torch.Tensor]:
    """Under timm's names; values that half precision holds, in float64."""
    rng = np.random.default_rng(seed)
    model = timm_model(QuickGELU)
    values = {}
    for name, parameter in sorted(model.named_parameters()):
        shape = tuple(parameter.shape)
        value = rng.standard_normal(shape)
        if "norm" in name and name.endswith("weight"):
            value = 1 + 0.3 * value
        elif name.endswith("fc1.bias"):
            value = -0.5 + 0.2 * value
        elif name.endswith("bias"):
            value = 0.5 * value
        elif name == "patch_embed.proj.weight":
            # So small that another epsilon than 1e-5 shows.
            value = EMBEDDING_SCALE * value / math.sqrt(math.prod(shape[1:]))
        elif name.endswith("qkv.weight"):
            value = value * math.sqrt(3 / WIDTH)
        elif name.endswith("weight"):
            value = 2 * value / math.sqrt(math.prod(shape[1:]))
        else:  # class token and positions
            value = EMBEDDING_SCALE * 0.6 * value
        values[name] = torch.from_numpy(value.astype(np.float16).astype(np.float64))
    return values


# --- the libraries ---


def timm_model(activation: type[nn.Module]) -> VisionTransformer:
    model = VisionTransformer(
        img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, pre_norm=True,
        num_classes=0, norm_layer=partial(nn.LayerNorm, eps=1e-5), act_layer=activation, dynamic_img_size=True,
    )  # fmt: skip
    for block in model.blocks:
        block.attn.fused_attn = False
    return model.double().eval()


def open_clip_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """OpenAI's and OpenCLIP's names of the tower."""
    renamed = {
        "patch_embed.proj": "conv1", "norm_pre": "ln_pre", "blocks": "transformer.resblocks", "norm1": "ln_1",
        "attn.qkv.": "attn.in_proj_", "attn.proj": "attn.out_proj", "norm2": "ln_2", "mlp.fc1": "mlp.c_fc",
        "mlp.fc2": "mlp.c_proj",
    }  # fmt: skip
    names = {}
    for name, value in tensors.items():
        for old, new in renamed.items():
            name = name.replace(old, new)
        if name == "cls_token":
            name, value = "class_embedding", value[0, 0]
        elif name == "pos_embed":
            name, value = "positional_embedding", value[0]
        elif name.startswith("norm."):
            name = name.replace("norm", "ln_post")
        names[name] = value
    return names | {"proj": dummy(70, WIDTH, SPACE).half().double()}


def open_clip_tower(tensors: dict[str, torch.Tensor], activation: type[nn.Module], grid=None) -> OpenCLIPTower:
    """With positions resampled to another grid as OpenCLIP's `resize_pos_embed` does, for which both use PyTorch's
    antialiased bicubic."""
    rows, columns = grid or (SIDE // PATCH, SIDE // PATCH)
    tower = OpenCLIPTower(
        image_size=(rows * PATCH, columns * PATCH), patch_size=PATCH, width=WIDTH, layers=DEPTH, heads=HEADS,
        mlp_ratio=4, output_dim=SPACE, act_layer=activation, norm_layer=OpenCLIPLayerNorm,
    )  # fmt: skip
    names = open_clip_names(tensors)
    if grid:
        table = names["positional_embedding"][None]
        names["positional_embedding"] = resample_abs_pos_embed(table, list(grid), num_prefix_tokens=1)[0]
    tower.double().load_state_dict(names)
    return tower.eval()


def transformers_model(tensors: dict[str, torch.Tensor]) -> CLIPModel:
    config = CLIPConfig(
        vision_config=dict(
            hidden_size=WIDTH, intermediate_size=4 * WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
            image_size=SIDE, patch_size=PATCH, projection_dim=SPACE,
        ),
        text_config=dict(
            hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, vocab_size=12,
            max_position_embeddings=5, projection_dim=SPACE,
        ),
        projection_dim=SPACE,
    )  # fmt: skip
    model = CLIPModel(config)
    model.set_attn_implementation("eager")
    names = {}
    for name, value in open_clip_names(tensors).items():
        if name == "proj":
            continue
        name = name.replace("transformer.resblocks", "encoder.layers").replace("ln_pre", "pre_layrnorm")
        name = name.replace("ln_post", "post_layernorm").replace("ln_1", "layer_norm1").replace("ln_2", "layer_norm2")
        name = name.replace("mlp.c_fc", "mlp.fc1").replace("mlp.c_proj", "mlp.fc2")
        name = name.replace("conv1", "embeddings.patch_embedding")
        name = name.replace("class_embedding", "embeddings.class_embedding")
        name = name.replace("positional_embedding", "embeddings.position_embedding.weight")
        if ".attn.in_proj_" in name:
            layer, kind = name.split(".attn.in_proj_")
            for part, third in zip("qkv", value.chunk(3), strict=True):
                names[f"{layer}.self_attn.{part}_proj.{kind}"] = third
        else:
            names[name.replace(".attn.", ".self_attn.")] = value
    model.vision_model.double().load_state_dict(names, strict=False)
    missing = set(model.vision_model.state_dict()) - set(names)
    if missing - {"embeddings.position_ids"}:
        raise SystemExit(f"transformers has tensors that are not filled: {missing}")
    return model.eval()


# --- what they compute ---


def timm_trace(model: VisionTransformer, image: torch.Tensor) -> dict[str, torch.Tensor]:
    seen, hooks = {}, []
    for index, block in enumerate(model.blocks):
        hooks.append(
            block.attn.attn_drop.register_forward_hook(
                lambda _m, _i, out, n=f"attention.{index}": seen.update({n: out[0]})
            )
        )
    seen["class"] = model.forward_features(image[None])[0, 0]
    for hook in hooks:
        hook.remove()
    return seen


def open_clip_trace(tower: OpenCLIPTower, image: torch.Tensor) -> dict[str, torch.Tensor]:
    seen, hooks = {}, []
    for index, block in enumerate(tower.transformer.resblocks):

        def attend(_module, _input, out, name=f"attention.{index}", attention=block.attn):
            seen[name] = attention(out, out, out, need_weights=True, average_attn_weights=False)[1][0]

        hooks.append(block.ln_1.register_forward_hook(attend))
    hooks.append(
        tower.ln_post.register_forward_hook(lambda _m, _i, out: seen.update({"class": out[0].flatten()[:WIDTH]}))
    )
    tower(image[None])
    for hook in hooks:
        hook.remove()
    return seen


def transformers_trace(model: CLIPModel, image: torch.Tensor) -> dict[str, torch.Tensor]:
    result = model.vision_model(image[None], output_attentions=True, interpolate_pos_encoding=True)
    seen = {f"attention.{index}": attention[0] for index, attention in enumerate(result.attentions)}
    return seen | {"class": result.pooler_output[0]}


# --- files ---


class Program(nn.Module):
    """What OpenAI's program holds, as far as names go."""

    def __init__(self, tower: nn.Module):
        super().__init__()
        self.visual = tower
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.Sequential(nn.Linear(8, 8))
        self.token_embedding = nn.Embedding(12, 8)
        self.positional_embedding = nn.Parameter(dummy(71, 5, 8))
        self.text_projection = nn.Parameter(dummy(72, 8, SPACE))
        self.logit_scale = nn.Parameter(torch.tensor(4.6))
        for name, value in [("input_resolution", SIDE), ("context_length", 5), ("vocab_size", 12)]:
            self.register_buffer(name, torch.tensor(value))

    def forward(self, image, text):
        words = self.transformer.resblocks(self.token_embedding(text) + self.positional_embedding)
        return self.visual(image) @ (words[:, 0] @ self.text_projection * self.logit_scale).t()


def write_program(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    program = Program(open_clip_tower(tensors, OpenCLIPQuickGELU).float()).eval()
    examples = (torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1, 5, dtype=torch.long))
    traced = torch.jit.trace(program, examples, check_trace=False)
    traced.half().save(path)
    without_traces(path)


def write_open_clip(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder.mkdir(exist_ok=True)
    names = {f"visual.{name}": value for name, value in open_clip_names(tensors).items()}
    names |= {"positional_embedding": dummy(71, 5, 8), "token_embedding.weight": dummy(73, 12, 8)}
    names |= {"transformer.resblocks.0.ln_1.weight": dummy(74, 8), "logit_scale": torch.tensor(4.6)}
    write_safetensors(folder / "open_clip_model.safetensors", names)
    config = {
        "model_cfg": {
            "embed_dim": SPACE,
            "vision_cfg": {
                "image_size": SIDE, "layers": DEPTH, "width": WIDTH, "patch_size": PATCH, "head_width": WIDTH // HEADS,
            },
            "text_cfg": {"context_length": 5, "vocab_size": 12, "width": 8, "heads": 2, "layers": 1},
        },
        "preprocess_cfg": {"mean": MEAN, "std": DEVIATION},
    }  # fmt: skip
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_timm(folder: Path, tensors: dict[str, torch.Tensor]) -> None:
    folder.mkdir(exist_ok=True)
    # What timm takes the projection for.
    head = {"head.weight": dummy(75, 512, WIDTH), "head.bias": dummy(76, 512)}
    write_safetensors(folder / "model.safetensors", tensors | head)
    config = {
        "architecture": "vit_base_patch32_clip_quickgelu_224", "num_classes": 512, "num_features": WIDTH,
        "model_args": {"num_heads": HEADS},
        "pretrained_cfg": {"tag": "openai", "input_size": [3, SIDE, SIDE], "mean": MEAN, "std": DEVIATION},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def make(out: Path) -> None:
    out.mkdir(exist_ok=True)
    torch.manual_seed(81)  # of the text towers
    tensors = weights(81)
    timm, gelu = timm_model(QuickGELU), timm_model(nn.GELU)
    timm.load_state_dict(tensors)
    gelu.load_state_dict(tensors)
    transformers = transformers_model(tensors)
    write_program(out / "openai.pt", tensors)
    write_open_clip(out / "open_clip", tensors)
    transformers.float().save_pretrained(out / "transformers")
    transformers.double()
    write_timm(out / "timm", tensors)

    rng = np.random.default_rng(3100)
    expected = {name: {} for name in ["openai", "open_clip", "transformers", "timm"]}
    for grid, (rows, columns) in GRIDS.items():
        pixels = rng.standard_normal((3, rows * PATCH, columns * PATCH)).astype(np.float32)
        image = torch.from_numpy(pixels).double()
        towers = [open_clip_tower(tensors, kind, (rows, columns)) for kind in (OpenCLIPQuickGELU, nn.GELU)]
        with torch.no_grad():
            traces = {
                "openai": open_clip_trace(towers[0], image),
                "open_clip": open_clip_trace(towers[1], image),
                "transformers": transformers_trace(transformers, image),
                "timm": timm_trace(timm, image),
            }
            twins = {"openai": timm, "open_clip": gelu} | ({"transformers": timm} if grid == "native" else {})
            for name, twin in twins.items():
                for key, value in timm_trace(twin, image).items():
                    difference = (traces[name][key] - value).abs().max().item()
                    if not difference <= TOLERANCE:
                        raise SystemExit(f"{name} and timm differ in {key} by {difference}")
        for name, trace in traces.items():
            expected[name][f"{grid}/input"] = pixels
            expected[name][f"{grid}/class"] = trace["class"]
            for block in range(DEPTH):
                row = trace[f"attention.{block}"][:, 0, 1:]
                expected[name][f"{grid}/attention.{block}"] = row.reshape(HEADS, rows, columns)
        spread = traces["timm"][f"attention.{DEPTH - 1}"][:, 0, 1:]
        if not (spread.max() > 3 * spread.mean()):
            raise SystemExit("attention is flat")
    for name, values in expected.items():
        save(out / f"{name}.expected.safetensors", values, {"heads": HEADS})
