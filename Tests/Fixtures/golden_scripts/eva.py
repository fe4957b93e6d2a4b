"""Tiny EVA checkpoints as each library saves them, with what timm computes from them (`expected`).

As timm saves them; all have an absolute table, epsilon 1e-6 and biases of queries and values, none of keys:

  timm_eva01/         q_bias and v_bias beside `qkv`, GELU, the norm after the mean of the patches
  timm_eva02_fused/   as EVA-02 tiny and small: the same attention rotated, SwiGLU with gate and value in `mlp.fc1`
  timm_eva02/         as EVA-02 base and large: q_proj, k_proj, v_proj, SwiGLU with a norm before `mlp.fc2`
  timm_mim/           pretrained only, as small: `fc_norm` and no classifier
  timm_eva02_clip/    EVA-02-CLIP: as base, with a norm before `attn.proj`; a norm of all tokens, the class token
                      pooled, `head` into the space shared with texts

and as EVA's own code does, with the rotation's sines and cosines for the whole model and again in each block:

  official_eva02.pth       the tensors of timm_eva02/
  official_mim.pth         those of timm_mim/ with `mlp.w12`, `mask_token` and `lm_head`: a norm of all tokens here,
                           which timm makes `fc_norm`
  official_eva02_clip.pt   those of timm_eva02_clip/ under `visual`, with a text tower

Rotation of the patches' queries and keys, of a head d wide and a patch at (row, column) of a grid of (rows, columns):
frequency f_k = 10000^(−k/(d/4)) with k = 0 … d/4 − 1; the angles are row·16/rows · f_k for all k, then
column·16/columns · f_k for all k. 16 is the reference grid of every published EVA-02, also of those with another
native grid. Angle n turns the pair (x₂ₙ, x₂ₙ₊₁) to (x₂ₙ cos − x₂ₙ₊₁ sin, x₂ₙ₊₁ cos + x₂ₙ sin). The class token is not
turned. timm's sines and cosines are float32.

Another grid has the same formula and the absolute table by timm's bicubic with antialias.
"""

import copy
import shutil
from pathlib import Path

import timm
import torch
from timm.models.eva import Eva, checkpoint_filter_fn

from .beit import SCALES, expected
from .expected import GRIDS, Library, Resized, Timm, check_agreement, check_difference, seed_weights, write
from .families import CLASSES, SHAPE, dummy

WIDTH, HEADS, PATCH, DEPTH, SIDE = SHAPE["width"], SHAPE["heads"], SHAPE["patch"], SHAPE["depth"], 16
SPACE = 8
REFERENCE = 16
MODELS = {
    "timm_eva01": ("eva_giant_patch14_224", CLASSES),
    "timm_eva02_fused": ("eva02_small_patch14_336", CLASSES),
    "timm_eva02": ("eva02_base_patch14_448", CLASSES),
    "timm_mim": ("eva02_small_patch14_224", 0),
    "timm_eva02_clip": ("eva02_base_patch16_clip_224", SPACE),
}


def build(name: str, **options) -> Eva:
    architecture, classes = MODELS[name]
    return timm.create_model(
        architecture, img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS,
        num_classes=classes, **options,
    )  # fmt: skip


def classifies(name: str) -> bool:
    """What timm calls a classifier of CLIP is none."""
    return not name.endswith("clip")


def variant(name: str, tensors: dict[str, torch.Tensor], **options) -> Library:
    """One model for all grids, with the same tensors and other options."""
    model = build(name, dynamic_img_size=True, **options)
    model.load_state_dict(tensors)
    return Timm(model, classifies(name))


# --- rotation ---


def check_angles(model: Eva) -> None:
    """The formula above, in float64, against timm's table."""
    width = WIDTH // HEADS
    frequencies = 10000.0 ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    for rows, columns in GRIDS.values():
        resized = copy.deepcopy(model)
        resized.set_input_size(img_size=(rows * PATCH, columns * PATCH))
        row = torch.arange(rows).double()[:, None, None] * REFERENCE / rows * frequencies
        column = torch.arange(columns).double()[None, :, None] * REFERENCE / columns * frequencies
        angles = torch.cat((row.expand(-1, columns, -1), column.expand(rows, -1, -1)), dim=-1)
        pairs = angles.reshape(rows * columns, width // 2).repeat_interleave(2, dim=-1)
        table = torch.cat((pairs.sin(), pairs.cos()), dim=-1)
        worst = (resized.rope.get_embed() - table).abs().max().item()
        if not worst <= 2e-6:
            raise SystemExit(f"angles differ by {worst}")


# --- EVA's own names ---


def official(model: Eva, prefix: str = "") -> dict[str, torch.Tensor]:
    renamed = {
        "attn.q_proj.bias": "attn.q_bias", "attn.v_proj.bias": "attn.v_bias", "attn.norm": "attn.inner_attn_ln",
        "mlp.norm": "mlp.ffn_ln", "mlp.fc1_g": "mlp.w1", "mlp.fc1_x": "mlp.w2", "mlp.fc1.": "mlp.w12.",
        "mlp.fc2": "mlp.w3",
    }  # fmt: skip
    names = {}
    for name, value in model.state_dict().items():
        for mine, theirs in renamed.items():
            name = name.replace(mine, theirs)
        names[f"{prefix}{name}"] = value.float()
    sines, cosines = model.rope.get_embed().float().chunk(2, -1)
    for rope in ["rope", *(f"blocks.{block}.attn.rope" for block in range(DEPTH))]:
        names |= {f"{prefix}{rope}.freqs_cos": cosines.clone(), f"{prefix}{rope}.freqs_sin": sines.clone()}
    return names


def pretraining(model: Eva) -> dict[str, torch.Tensor]:
    names = {name.replace("fc_norm", "norm"): value for name, value in official(model).items()}
    head = {"lm_head.weight": dummy(87, 6, WIDTH), "lm_head.bias": dummy(88, 6)}
    return names | {"mask_token": dummy(86, 1, 1, WIDTH)} | head


def with_text(model: Eva) -> dict[str, torch.Tensor]:
    text = {
        "text.positional_embedding": dummy(71, 5, 8), "text.token_embedding.weight": dummy(73, 12, 8),
        "text.transformer.resblocks.0.ln_1.weight": dummy(74, 8), "text.text_projection": dummy(72, 8, SPACE),
    }  # fmt: skip
    return official(model, "visual.") | text | {"logit_scale": torch.tensor(4.6)}


def is_read_by_timm(file: dict, name: str, tensors: dict[str, torch.Tensor]) -> None:
    read = checkpoint_filter_fn(file, build(name))
    if read.keys() != tensors.keys():
        raise SystemExit(f"timm reads other tensors: {read.keys() ^ tensors.keys()}")
    if any(not torch.equal(read[key].double(), tensors[key]) for key in tensors):
        raise SystemExit("timm reads other values")


# --- files ---


def make_model(directory: Path, name: str, seed: int) -> None:
    model = build(name)
    seed_weights(model, seed, SCALES)
    tensors = dict(model.state_dict())
    values = expected(Resized(model, classifies(name)), seed)
    print(name)
    check_agreement("one model and one for each grid", values, expected(variant(name, tensors), seed))
    if model.rope is not None:
        check_angles(model)
        check_difference("rotation", values, expected(variant(name, tensors, use_rot_pos_emb=False), seed))
        other = expected(variant(name, tensors, ref_feat_shape=GRIDS["native"]), seed)
        check_difference("the reference grid", values, other)

    files = {
        "timm_eva02": ("official_eva02.pth", lambda: {"model": official(model)}),
        "timm_mim": ("official_mim.pth", lambda: {"module": pretraining(model)}),
        "timm_eva02_clip": ("official_eva02_clip.pt", lambda: with_text(model)),
    }
    if name in files:
        path, contents = directory / files[name][0], files[name][1]()
        is_read_by_timm(contents, name, tensors)
        torch.save(contents, path)
        theirs = values
        if name == "timm_mim":
            normed = {key.replace("fc_norm", "norm"): value for key, value in tensors.items()}
            theirs = expected(variant(name, normed, global_pool="token"), seed)
        write(path.with_suffix(".expected.safetensors"), theirs, HEADS)
    shutil.rmtree(directory / name, ignore_errors=True)
    timm.models.save_for_hf(model.float(), directory / name, safe_serialization=True)
    write(directory / f"{name}.expected.safetensors", values, HEADS)


def make(directory: Path) -> None:
    """Writes eva/."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(101)  # of what the models are built with
    for seed, name in enumerate(MODELS, start=101):
        make_model(directory, name, seed)
