"""Tiny models that were trained by predicting what is masked, as each original saves them, with what it computes from
them (`expected`).

  ijepa.pth             I-JEPA's training checkpoint; the target encoder is meant
  ijepa_hf/             `IJepaModel` by `save_pretrained`, the same weights
  mae.pth               MAE's pretraining checkpoint, with its decoder
  mae_hf/               `ViTMAEForPreTraining` by `save_pretrained`, the same weights
  mae_finetuned.pth     MAE's classifier: the mean of the patches through `fc_norm`, and no norm before it
  ibot.pth              iBOT's training checkpoint; the teacher is meant
  ibot_layerscale.pth   the same with LayerScale, and with the mask's embedding in the teacher too
  msn.pth               MSN's training checkpoint; the target encoder is meant
  msn_hf/               `ViTMSNModel` by `save_pretrained`, the same weights

The code of I-JEPA, MAE, iBOT and MSN is on no package index. `TinyViT` stands for MAE's, iBOT's and MSN's encoder, with
the position rule of each; timm's class, of which MAE's classifier is a subclass, for that and for I-JEPA's, whose own
rule takes the first patch for a class token: on the wide grid timm's holds there, antialiased bicubic.
I-JEPA and MAE have a fixed table of sines and cosines, MAE's with zeros for the class token.
"""

import argparse
import shutil
from pathlib import Path

import timm
import torch
from torch import nn
from transformers import (
    IJepaConfig,
    IJepaModel,
    ViTMAEConfig,
    ViTMAEForPreTraining,
    ViTMSNConfig,
    ViTMSNModel,
)
from transformers.models.vit_mae.modeling_vit_mae import build_2d_sinusoidal_position_embedding

from .expected import (
    Ours, Resampled, Timm, Transformers, check_agreement, check_difference, compute, positions, seed_weights, write,
)  # fmt: skip
from .families import CLASSES, SHAPE, dummy, hugging_face_names, hugging_face_shape, tiny
from .models import EMBEDDING_SCALE, TinyViT

WIDTH, HEADS, PATCH, DEPTH, SIDE = SHAPE["width"], SHAPE["heads"], SHAPE["patch"], SHAPE["depth"], 16
SEED = 3300
TINY = dict(patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS)


def expected(library) -> dict[str, torch.Tensor]:
    return compute(library, SEED, HEADS, PATCH)


def with_fixed_table(model: TinyViT) -> TinyViT:
    """The model with the table that MAE and I-JEPA compute, and embeddings as large as it. transformers' function
    has the row's half first, the original the column's."""
    side = model.config.native_grid
    rows, columns = build_2d_sinusoidal_position_embedding(side, side, WIDTH, cls_token=True).chunk(2, dim=-1)
    model.pos_embed.data = torch.cat((columns, rows), dim=-1)[None].double()
    for embedding in (model.patch_embed["proj"].weight, model.cls_token):
        embedding.data = (embedding.data / EMBEDDING_SCALE).float().double()
    return model


def floats(names: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {f"{prefix}{name}": value.detach().float() for name, value in names.items()}


def training_state(seed: int) -> dict:
    """What stands in a training checkpoint beside the networks."""
    moments = {"step": torch.tensor(3.0), "exp_avg": dummy(seed, WIDTH), "exp_avg_sq": dummy(seed + 1, WIDTH).square()}
    return {
        "opt": {"state": {0: moments}, "param_groups": [{"lr": 0.001, "params": [0]}]},
        "epoch": 300, "loss": 0.25, "batch_size": 128, "world_size": 16, "lr": 0.001,
    }  # fmt: skip


def save_pretrained(model: nn.Module, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    model.float().save_pretrained(folder)
    model.double()


# --- one function an original; each writes its files and gives what is computed from each, with the position rule ---


def patches_alone(model: TinyViT) -> dict[str, torch.Tensor]:
    """The weights under timm's names, without the class token and its row of the table."""
    names = model.state_dict()
    del names["cls_token"]
    return names | {"pos_embed": names["pos_embed"][:, 1:]}


def ijepa(out: Path) -> dict:
    model = with_fixed_table(tiny("ijepa", 51, "antialias"))
    encoder = with_fixed_table(tiny("ijepa", 52, "antialias", depth=1))
    tensors = patches_alone(model)
    predictor = {
        "mask_token": dummy(20, 1, 1, 8), "predictor_pos_embed": dummy(21, 1, 16, 8),
        "predictor_embed.weight": dummy(22, 8, WIDTH), "predictor_embed.bias": dummy(23, 8),
        "predictor_blocks.0.norm1.weight": dummy(24, 8), "predictor_blocks.0.norm1.bias": dummy(25, 8),
        "predictor_blocks.0.attn.qkv.weight": dummy(26, 24, 8), "predictor_blocks.0.attn.qkv.bias": dummy(27, 24),
        "predictor_norm.weight": dummy(28, 8), "predictor_norm.bias": dummy(29, 8),
        "predictor_proj.weight": dummy(30, WIDTH, 8), "predictor_proj.bias": dummy(31, WIDTH),
    }  # fmt: skip
    checkpoint = {
        "encoder": floats(patches_alone(encoder), "module."),
        "predictor": floats(predictor, "module."),
        "target_encoder": floats(tensors, "module."),
        "scaler": {"scale": 65536.0, "growth_factor": 2.0},
    }
    torch.save(checkpoint | training_state(32), out / "ijepa.pth")

    config = IJepaConfig(intermediate_size=4 * WIDTH, layer_norm_eps=1e-6, **hugging_face_shape(model.config))
    twin = IJepaModel(config, add_pooling_layer=False)
    names = hugging_face_names(model)
    del names["embeddings.cls_token"]
    twin.load_state_dict(names | {"embeddings.position_embeddings": tensors["pos_embed"]})
    save_pretrained(twin, out / "ijepa_hf")

    def make(size, **options):
        options |= dict(img_size=size, mlp_ratio=4, num_classes=0)
        return timm.create_model("vit_giant_patch16_gap_224", **TINY, **options)

    library = make(SIDE, dynamic_img_size=True).double()
    library.load_state_dict(tensors)
    values = {
        "ijepa": (expected(Timm(library)), "antialias"),
        "ijepa_hf": (expected(Transformers(twin, twin, special=0)), "plain"),
    }
    check_agreement("I-JEPA", values["ijepa_hf"][0], expected(Resampled(make, tensors, positions("plain", 0))))
    check_difference("the rule of positions", values["ijepa"][0], values["ijepa_hf"][0], "wide/attention")
    return values


def mae(out: Path) -> dict:
    model = with_fixed_table(tiny("mae", 53, "plain"))
    decoder = {
        "mask_token": dummy(40, 1, 1, 8), "decoder_pos_embed": dummy(41, 1, 17, 8),
        "decoder_embed.weight": dummy(42, 8, WIDTH), "decoder_embed.bias": dummy(43, 8),
        "decoder_blocks.0.norm1.weight": dummy(44, 8), "decoder_blocks.0.norm1.bias": dummy(45, 8),
        "decoder_blocks.0.attn.qkv.weight": dummy(46, 24, 8), "decoder_blocks.0.attn.qkv.bias": dummy(47, 24),
        "decoder_norm.weight": dummy(48, 8), "decoder_norm.bias": dummy(49, 8),
        "decoder_pred.weight": dummy(50, 48, 8), "decoder_pred.bias": dummy(51, 48),
    }  # fmt: skip
    torch.save({"model": floats(model.state_dict() | decoder, "")}, out / "mae.pth")

    config = ViTMAEConfig(
        intermediate_size=4 * WIDTH, decoder_hidden_size=8, decoder_intermediate_size=8, decoder_num_hidden_layers=1,
        decoder_num_attention_heads=2, **hugging_face_shape(model.config),
    )  # fmt: skip
    twin = ViTMAEForPreTraining(config)
    twin.vit.load_state_dict(hugging_face_names(model))
    save_pretrained(twin, out / "mae_hf")
    twin.config.mask_ratio = 0.0

    def unshuffled(image: torch.Tensor) -> dict:
        return {"noise": torch.arange(image[0].numel() // PATCH**2)[None]}

    values = {
        "mae": (expected(Ours(model)), "plain"),
        "mae_hf": (expected(Transformers(twin, twin.vit, 1, unshuffled)), "plain"),
    }
    check_agreement("MAE", values["mae_hf"][0], values["mae"][0])
    return values


def mae_finetuned(out: Path) -> dict:
    model = timm.create_model(
        "vit_base_patch16_224", img_size=SIDE, global_pool="avg", num_classes=CLASSES, dynamic_img_size=True, **TINY
    )
    seed_weights(model, 54)
    torch.save({"model": floats(model.state_dict(), "")}, out / "mae_finetuned.pth")
    return {"mae_finetuned": (expected(Timm(model)), "antialias")}


def ibot_names(model: TinyViT, prefix: str, seed: int, masked: bool) -> dict[str, torch.Tensor]:
    names = {
        f"backbone.{name.replace('ls1.gamma', 'gamma_1').replace('ls2.gamma', 'gamma_2')}": value
        for name, value in model.state_dict().items()
    }
    names |= {"backbone.masked_embed": dummy(seed, 1, WIDTH)} if masked else {}
    head = {
        "mlp.0.weight": (8, WIDTH), "mlp.0.bias": (8,), "last_layer.weight_g": (6, 1), "last_layer.weight_v": (6, 8),
    }  # fmt: skip
    heads = {f"head.{name}": dummy(seed + 1, *shape) for name, shape in head.items()}
    return floats(names | heads, prefix)


def ibot(out: Path) -> dict:
    values = {}
    for name, seed, layer_scale in [("ibot", 55, False), ("ibot_layerscale", 57, True)]:
        model = tiny("ibot", seed, "scale-offset", layer_scale=layer_scale)
        student = tiny("ibot", seed + 1, "scale-offset", layer_scale=layer_scale, depth=1)
        checkpoint = {
            "student": ibot_names(student, "module.", 60, masked=True),
            "teacher": ibot_names(model, "", 62, masked=layer_scale),
            "optimizer": training_state(64)["opt"],
            "epoch": 100,
            "args": argparse.Namespace(arch="vit_tiny", patch_size=PATCH, lr=0.0005),
            "ibot_loss": {"center": dummy(66, 1, 6), "center2": dummy(67, 1, 1, 6)},
        }
        torch.save(checkpoint, out / f"{name}.pth")
        values[name] = (expected(Ours(model)), "scale-offset")
    return values


def msn(out: Path) -> dict:
    model, encoder = tiny("msn", 59, "plain"), tiny("msn", 60, "plain", depth=1)
    head = {
        "fc.fc1.weight": (8, WIDTH), "fc.fc1.bias": (8,), "fc.bn1.weight": (8,), "fc.bn1.bias": (8,),
        "fc.bn1.running_mean": (8,), "fc.bn1.running_var": (8,), "fc.fc2.weight": (8, 8), "fc.fc2.bias": (8,),
        "fc.fc3.weight": (6, 8), "fc.fc3.bias": (6,),
    }  # fmt: skip
    heads = {name: dummy(70 + index, *shape) for index, (name, shape) in enumerate(head.items())}
    checkpoint = {
        "encoder": floats(encoder.state_dict() | heads, "module."),
        "prototypes": dummy(80, 10, 6),
        "target_encoder": floats(model.state_dict() | heads, "module."),
        "temperature": 0.1,
    }
    torch.save(checkpoint | training_state(81), out / "msn.pth")

    twin = ViTMSNModel(ViTMSNConfig(intermediate_size=4 * WIDTH, **hugging_face_shape(model.config)))
    twin.load_state_dict(hugging_face_names(model))
    save_pretrained(twin, out / "msn_hf")
    values = {
        "msn": (expected(Ours(model)), "plain"),
        "msn_hf": (expected(Transformers(twin, twin, special=1)), "plain"),
    }
    check_agreement("MSN", values["msn_hf"][0], values["msn"][0])
    return values


def make(out: Path) -> None:
    out.mkdir(exist_ok=True)
    torch.manual_seed(92)  # of MAE's decoder in transformers
    for original in (ijepa, mae, mae_finetuned, ibot, msn):
        for name, (values, positions) in original(out).items():
            write(out / f"{name}.expected.safetensors", values, HEADS, positions)
