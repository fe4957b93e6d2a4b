"""Tiny CLIP and SigLIP models with their text towers and tokenizers as each library saves them, and what it computes.

  clip_openai/model.pt        a TorchScript program in half precision; QuickGELU; OpenAI's list of merges
  clip_open_clip/             OpenCLIP's `CLIP` with `open_clip_config.json`; GELU; `tokenizer.json`
  clip_transformers/          `CLIPModel` by `save_pretrained`; QuickGELU; `vocab.json` and `merges.txt`
  siglip_transformers/        `SiglipModel` by `save_pretrained`; GELU by tanh; `spiece.model`
  siglip_open_clip/           the same as OpenCLIP keeps it, the vision tower timm's

`<name>.expected.safetensors` holds a picture's normalized planes, the vision tower's feature, the texts in the shared
space (texts, outputs), the picture's logits, and the gradient of the second with respect to the planes, from the
library in float64; the texts and their tokens are in its metadata.

`<name>.maps.safetensors` holds the planes of a picture of more contrast, its logits, and under `<text>/` for some of the
texts, all from that library's graph:

  gradient.N         heads × tokens × tokens, of the text's logit with respect to softmax's attention in block N
  probe              heads × patches, of SigLIP's probe: its attention times the gradient with respect to it
  relevance, relevance.last, gradcam    rows × cols, as in `maps`, the last for CLIP alone
  gradient_rollout   rows × cols, as in `probing`; SigLIP's starts from the probe's A ⊙ gradient, mean over heads,
                     negatives set to 0
"""

import json
import math
import tempfile
from pathlib import Path

import numpy as np
import open_clip
import torch
from open_clip.transformer import LayerNorm as OpenCLIPLayerNorm
from open_clip.transformer import QuickGELU as OpenCLIPQuickGELU
from open_clip.transformer import TextTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from transformers import CLIPConfig, CLIPModel, SiglipConfig, SiglipModel, SiglipTokenizer

from . import clip, maps, probing, tokens
from .expected import check_agreement, check_difference, seen_softmax
from .families import write_safetensors
from .store import save, without_traces

TEXTS = ["a photo of a dog", "grass", "two dogs run over the green grass", "été, 2021"]
# As many heads as the vision tower has, and as wide: OpenAI's programs do not tell them.
HEADS, DEPTH, LENGTH, CLIP_WIDTH = clip.HEADS, 2, 20, clip.WIDTH
# As long as the longest text, so that SigLIP's padding is seen by all.
SIGLIP_LENGTH = 16
MERGES = 120
TOLERANCE = 1e-6
MAPPED = (0, 3)
"""The texts that have maps."""
CONTRAST = 20
"""What the picture is multiplied by, so that SigLIP's probe sees patches that differ."""
SCALE, BIAS = 2.296875, -1.5


# --- weights ---


def text_weights(seed: int, width: int, vocabulary: int, length: int, outputs: int, bias: bool) -> dict[str, torch.Tensor]:
    """Under OpenAI's names; values that half precision holds, in float64."""
    rng = np.random.default_rng(seed)
    shapes = {"token_embedding.weight": (vocabulary, width), "positional_embedding": (length, width)}
    for block in range(DEPTH):
        name = f"transformer.resblocks.{block}."
        shapes |= {name + "attn.in_proj_weight": (3 * width, width), name + "attn.in_proj_bias": (3 * width,)}
        for layer, outs, ins in [("attn.out_proj", width, width), ("mlp.c_fc", 4 * width, width), ("mlp.c_proj", width, 4 * width)]:
            shapes |= {f"{name}{layer}.weight": (outs, ins), f"{name}{layer}.bias": (outs,)}
        for norm in ["ln_1", "ln_2"]:
            shapes |= {f"{name}{norm}.weight": (width,), f"{name}{norm}.bias": (width,)}
    shapes |= {"ln_final.weight": (width,), "ln_final.bias": (width,), "text_projection": (width, outputs)}
    if bias:
        shapes["text_projection.bias"] = (outputs,)
    values = {}
    for name, shape in shapes.items():
        value = rng.standard_normal(shape)
        if "ln_" in name and name.endswith("weight"):
            value = 1 + 0.3 * value
        elif name.endswith("bias"):
            value = 0.4 * value
        elif name.endswith("embedding.weight") or name == "positional_embedding":
            # So small that another epsilon shows.
            value = 0.03 * value
        elif name.endswith("in_proj_weight"):
            value = value * math.sqrt(3 / width)
        else:
            value = value / math.sqrt(shape[0 if name == "text_projection" else 1])
        values[name] = torch.from_numpy(value.astype(np.float16).astype(np.float64))
    return values


def hugging_face_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' names of a text tower, without the projection."""
    renamed = {
        "transformer.resblocks": "encoder.layers", "ln_1": "layer_norm1", "ln_2": "layer_norm2", "mlp.c_fc": "mlp.fc1",
        "mlp.c_proj": "mlp.fc2", "ln_final": "final_layer_norm", "token_embedding": "embeddings.token_embedding",
        "positional_embedding": "embeddings.position_embedding.weight",
    }  # fmt: skip
    names = {}
    for name, value in tensors.items():
        if name.startswith("text_projection"):
            continue
        for old, new in renamed.items():
            name = name.replace(old, new)
        if ".attn.in_proj_" in name:
            layer, kind = name.split(".attn.in_proj_")
            for part, third in zip("qkv", value.chunk(3), strict=True):
                names[f"{layer}.self_attn.{part}_proj.{kind}"] = third
        else:
            names[name.replace(".attn.", ".self_attn.")] = value
    return names


# --- what they compute ---


def check(name: str, a: torch.Tensor, b: torch.Tensor) -> None:
    difference = (a - b).abs().max().item()
    if not difference <= TOLERANCE:
        raise SystemExit(f"{name}: the libraries differ by {difference}")


def expected(logits_of, planes: torch.Tensor, feature: torch.Tensor, texts: torch.Tensor) -> dict[str, torch.Tensor]:
    """The logits of a picture and the gradient of the second with respect to it."""
    pixels = planes[None].clone().requires_grad_()
    logits = logits_of(pixels)[0]
    (gradient,) = torch.autograd.grad(logits[1], pixels)
    if not (logits.detach().std() > 0.1 and gradient.abs().max() > 1e-3):
        raise SystemExit(f"logits or gradient are flat: {logits} {gradient.abs().max()}")
    return {
        "input": planes, "feature": feature, "texts": texts / texts.norm(dim=-1, keepdim=True), "logits": logits.detach(),
        "gradient": gradient[0],
    }  # fmt: skip


def text_maps(
    what: str, planes: torch.Tensor, logits: torch.Tensor, attention: list[torch.Tensor], probe: torch.Tensor | None = None
) -> dict[str, torch.Tensor]:
    """`attention` and `probe` are nodes of the graph of `logits`, which are those of `planes`. Without a probe the class
    token is read."""
    special, grid = int(probe is None), (clip.SIDE // clip.PATCH,) * 2
    by_text = {}
    for text in MAPPED:
        backward = maps.Backward(logits[text], attention, special, probe)
        found = maps.of_class(backward, grid, probe is None)
        fused = probing.gradient_fused(*([x.numpy() for x in part] for part in (backward.weights, backward.gradients)))
        start = backward.start(probe is None, lambda products: products.mean(dim=0).clamp(min=0))
        found["gradient_rollout"] = torch.from_numpy(probing.fold(fused, 0.0, grid, special, start=start.numpy()))
        for name, value in found.items():
            if maps.is_flat(value):
                raise SystemExit(f"{what}: {name} of '{TEXTS[text]}' is flat: {value}")
        found |= {f"gradient.{block}": value for block, value in enumerate(backward.gradients)}
        if backward.probe is not None:
            found["probe"] = (backward.probe[0] * backward.probe[1])[:, 0]
        by_text[text] = found
    first, second = by_text.values()
    for name in first:
        check_difference(f"{what}: the text in {name}", {"": first[name]}, {"": second[name]}, part="")
    values = {f"{text}/{name}": value for text, found in by_text.items() for name, value in found.items()}
    return values | {"input": planes, "logits": logits.detach()}


def open_clip_maps(what: str, model: open_clip.CLIP, planes: torch.Tensor, ids: torch.Tensor) -> dict[str, torch.Tensor]:
    """OpenCLIP's blocks show softmax only where they are asked for their weights."""
    hooks = [
        block.attn.register_forward_pre_hook(lambda _m, args, options: (args, options | {"need_weights": True}), with_kwargs=True)
        for block in model.visual.transformer.resblocks
    ]
    with seen_softmax() as attention:
        image, texts, scale = model(planes[None], ids)[:3]
    for hook in hooks:
        hook.remove()
    return text_maps(what, planes, (scale * image @ texts.t())[0], attention)


def attends_unevenly(attention: torch.Tensor) -> None:
    """Of the last token to all, heads × tokens."""
    if not (attention.max() > 2 / attention.shape[-1]):
        raise SystemExit("a text's attention is flat")


# --- CLIP ---


def padded(rows: list[list[int]], length: int, fill: int) -> torch.Tensor:
    return torch.tensor([row + [fill] * (length - len(row)) for row in rows])


def open_clip_model(vision: dict, text: dict, quick: bool) -> open_clip.CLIP:
    model = open_clip.CLIP(
        embed_dim=clip.SPACE,
        vision_cfg=dict(
            image_size=clip.SIDE, layers=clip.DEPTH, width=clip.WIDTH, patch_size=clip.PATCH,
            head_width=clip.WIDTH // clip.HEADS,
        ),
        text_cfg=dict(
            context_length=LENGTH, vocab_size=text["token_embedding.weight"].shape[0], width=CLIP_WIDTH, heads=HEADS,
            layers=DEPTH,
        ),
        quick_gelu=quick,
    )  # fmt: skip
    names = {f"visual.{name}": value for name, value in clip.open_clip_names(vision).items()} | text
    model.double().load_state_dict(names | {"logit_scale": torch.tensor(SCALE).double()}, strict=True)
    return model.eval()


class Program(nn.Module):
    """What OpenAI's program computes, with what it holds as far as names go."""

    def __init__(self, model: open_clip.CLIP):
        super().__init__()
        self.visual = model.visual
        self.transformer = model.transformer
        self.token_embedding, self.positional_embedding = model.token_embedding, model.positional_embedding
        self.ln_final, self.text_projection, self.logit_scale = model.ln_final, model.text_projection, model.logit_scale
        vocabulary = model.token_embedding.weight.shape[0]
        for name, value in [("input_resolution", clip.SIDE), ("context_length", LENGTH), ("vocab_size", vocabulary)]:
            self.register_buffer(name, torch.tensor(value))
        self.register_buffer("mask", model.attn_mask, persistent=False)

    def forward(self, image, text):
        x = self.token_embedding(text) + self.positional_embedding
        x = self.ln_final(self.transformer(x, attn_mask=self.mask))
        x = x[torch.arange(x.shape[0]), text.argmax(dim=-1)] @ self.text_projection
        return self.visual(image) @ x.t() * self.logit_scale.exp()


def make_clip(out: Path) -> None:
    merges = tokens.clip_merges(MERGES)
    vocabulary = 512 + MERGES + 2
    vision = clip.weights(81)
    text = text_weights(94, CLIP_WIDTH, vocabulary, LENGTH, clip.SPACE, bias=False)
    folders = {name: out / f"clip_{name}" for name in ["openai", "open_clip", "transformers"]}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)

    tokens.write_openai_merges(folders["openai"], merges)
    with tempfile.TemporaryDirectory() as scratch:
        tokens.write_hugging_face_clip(Path(scratch), merges)
        rows = [row[:LENGTH] for row in tokens.clip_ids(Path(scratch), TEXTS)]
        for name, files in [("open_clip", ["tokenizer.json"]), ("transformers", ["vocab.json", "merges.txt"])]:
            for file in files:
                (folders[name] / file).write_bytes((Path(scratch) / file).read_bytes())
    if rows != tokens.openai_rows(folders["openai"] / "bpe_simple_vocab_16e6.txt.gz", TEXTS):
        raise SystemExit("the tokenizers differ on the texts")
    end = vocabulary - 1
    if any(row[-1] != end for row in rows):
        raise SystemExit("a text is longer than the tower")
    ids = padded(rows, LENGTH, 0)

    quick, exact = open_clip_model(vision, text, True), open_clip_model(vision, text, False)
    config = CLIPConfig(
        vision_config=dict(
            hidden_size=clip.WIDTH, intermediate_size=4 * clip.WIDTH, num_hidden_layers=clip.DEPTH,
            num_attention_heads=clip.HEADS, image_size=clip.SIDE, patch_size=clip.PATCH, projection_dim=clip.SPACE,
        ),
        text_config=dict(
            hidden_size=CLIP_WIDTH, intermediate_size=4 * CLIP_WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS,
            vocab_size=vocabulary, max_position_embeddings=LENGTH, projection_dim=clip.SPACE, bos_token_id=end - 1,
            eos_token_id=end, pad_token_id=end,
        ),
        projection_dim=clip.SPACE,
    )  # fmt: skip
    transformers = CLIPModel(config)
    transformers.set_attn_implementation("eager")
    names = {f"vision_model.{name}": value for name, value in clip.transformers_model(vision).vision_model.state_dict().items()}
    names |= {f"text_model.{name}": value for name, value in hugging_face_names(text).items()}
    names["visual_projection.weight"] = clip.open_clip_names(vision)["proj"].t().contiguous()
    names["text_projection.weight"] = text["text_projection"].t().contiguous()
    names["logit_scale"] = torch.tensor(SCALE).double()
    missing, unexpected = transformers.double().load_state_dict(names, strict=False)
    if set(missing + unexpected) - {"text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"}:
        raise SystemExit(f"transformers has other tensors: {missing} {unexpected}")
    transformers.eval()

    rng = np.random.default_rng(3300)
    planes = torch.from_numpy(rng.standard_normal((3, clip.SIDE, clip.SIDE)).astype(np.float32)).double()
    values, made = {}, {}
    for name, model in [("openai", quick), ("open_clip", exact)]:
        with torch.no_grad():
            feature = clip.open_clip_trace(model.visual, planes)["class"]
            texts = model.encode_text(ids)

        def logits_of(pixels, model=model):
            image, text, scale = model(pixels, ids)[:3]
            return scale * image @ text.t()

        values[name] = expected(logits_of, planes, feature, texts)
        made[name] = open_clip_maps(name, model, CONTRAST * planes, ids)
    with torch.no_grad():
        result = transformers.text_model(padded(rows, LENGTH, end), output_attentions=True)
        texts = transformers.text_projection(result.pooler_output)
        feature = transformers.vision_model(planes[None]).pooler_output[0]
    attends_unevenly(result.attentions[-1][2, :, len(rows[2]) - 1, : len(rows[2])])
    values["transformers"] = expected(
        lambda pixels: transformers(padded(rows, LENGTH, end), pixels).logits_per_image, planes, feature, texts
    )
    planes = CONTRAST * planes
    result = transformers(padded(rows, LENGTH, end), planes[None], output_attentions=True)
    attention = list(result.vision_model_output.attentions)
    made["transformers"] = text_maps("transformers", planes, result.logits_per_image[0], attention)
    for key, value in values["openai"].items():
        check(f"CLIP's {key}", value, values["transformers"][key])
    check_agreement("OpenCLIP's maps and those of transformers", made["openai"], made["transformers"])

    traced = torch.jit.trace(
        Program(open_clip_model(vision, text, True)).float(), (torch.zeros(1, 3, clip.SIDE, clip.SIDE), ids), check_trace=False
    )  # fmt: skip
    traced.half().save(folders["openai"] / "model.pt")
    without_traces(folders["openai"] / "model.pt")
    write_safetensors(folders["open_clip"] / "open_clip_model.safetensors", dict(exact.state_dict()))
    model_config = {
        "embed_dim": clip.SPACE,
        "vision_cfg": {
            "image_size": clip.SIDE, "layers": clip.DEPTH, "width": clip.WIDTH, "patch_size": clip.PATCH,
            "head_width": clip.WIDTH // clip.HEADS,
        },
        "text_cfg": {"context_length": LENGTH, "vocab_size": vocabulary, "width": CLIP_WIDTH, "heads": HEADS, "layers": DEPTH},
    }  # fmt: skip
    config = {"model_cfg": model_config, "preprocess_cfg": {"mean": clip.MEAN, "std": clip.DEVIATION}}
    (folders["open_clip"] / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    transformers.float().save_pretrained(folders["transformers"])
    for name, value in values.items():
        save(out / f"clip_{name}.expected.safetensors", value, {"texts": TEXTS, "tokens": rows})
        save(out / f"clip_{name}.maps.safetensors", made[name], {"texts": MAPPED})


# --- SigLIP ---


def timm_tower() -> VisionTransformer:
    model = VisionTransformer(
        img_size=clip.SIDE, patch_size=clip.PATCH, embed_dim=clip.WIDTH, depth=clip.DEPTH, num_heads=clip.HEADS,
        class_token=False, global_pool="map", num_classes=0, act_layer="gelu_tanh",
    )  # fmt: skip
    for block in model.blocks:
        block.attn.fused_attn = False
    model.attn_pool.fused_attn = False
    return model.double().eval()


def siglip_vision_weights(seed: int) -> dict[str, torch.Tensor]:
    """Under timm's names; values that half precision holds, in float64."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, parameter in sorted(timm_tower().named_parameters()):
        shape = tuple(parameter.shape)
        value = rng.standard_normal(shape)
        if "norm" in name and name.endswith("weight"):
            value = 1 + 0.3 * value
        elif name.endswith("bias"):
            value = 0.4 * value
        elif name == "patch_embed.proj.weight":
            value = 0.03 * value / math.sqrt(math.prod(shape[1:]))
        elif name == "pos_embed":
            value = 0.03 * value
        elif name.endswith(("qkv.weight", "attn_pool.q.weight", "attn_pool.kv.weight")):
            value = value * math.sqrt(3 / clip.WIDTH)
        elif name.endswith("weight"):
            value = 2 * value / math.sqrt(math.prod(shape[1:]))
        values[name] = torch.from_numpy(value.astype(np.float16).astype(np.float64))
    return values


def siglip_vision_names(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """transformers' names of timm's tower."""
    renamed = {
        "patch_embed.proj": "embeddings.patch_embedding", "blocks": "encoder.layers", "norm1": "layer_norm1",
        "norm2": "layer_norm2", "attn.proj": "self_attn.out_proj",
    }  # fmt: skip
    names = {}
    for name, value in tensors.items():
        if name.startswith("attn_pool."):
            name = name.removeprefix("attn_pool.")
            if name == "latent":
                names["head.probe"] = value
            elif name.startswith(("mlp", "norm")):
                names["head." + name.replace("norm", "layernorm")] = value
            elif name.startswith("proj"):
                names["head.attention.out_" + name] = value
            elif name.startswith("q."):
                kind = name.removeprefix("q.")
                names[f"head.attention.in_proj_{kind}"] = torch.cat([value, tensors[f"attn_pool.kv.{kind}"]])
            continue
        if name == "pos_embed":
            names["embeddings.position_embedding.weight"] = value[0]
        elif name.startswith("norm."):
            names["post_layernorm." + name.removeprefix("norm.")] = value
        elif "attn.qkv" in name:
            layer, kind = name.replace("blocks", "encoder.layers").split(".attn.qkv.")
            for part, third in zip("qkv", value.chunk(3), strict=True):
                names[f"{layer}.self_attn.{part}_proj.{kind}"] = third
        else:
            for old, new in renamed.items():
                name = name.replace(old, new)
            names[name] = value
    return names


def make_siglip(out: Path) -> None:
    folders = {name: out / f"siglip_{name}" for name in ["transformers", "open_clip"]}
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
        tokens.train_siglip(folder / "spiece.model")
    tokenizer = SiglipTokenizer(str(folders["transformers"] / "spiece.model"))
    encoded = tokenizer(TEXTS, padding="max_length", truncation=True, max_length=SIGLIP_LENGTH)
    rows, vocabulary = encoded.input_ids, tokenizer.vocab_size
    ids = torch.tensor(rows)
    vision = siglip_vision_weights(83)
    text = text_weights(93, clip.WIDTH, vocabulary, SIGLIP_LENGTH, clip.WIDTH, bias=True)
    scale, bias = torch.tensor([SCALE]).double(), torch.tensor([BIAS]).double()

    sizes = dict(hidden_size=clip.WIDTH, intermediate_size=4 * clip.WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS)
    config = SiglipConfig(
        vision_config=sizes | dict(image_size=clip.SIDE, patch_size=clip.PATCH),
        text_config=sizes | dict(vocab_size=vocabulary, max_position_embeddings=SIGLIP_LENGTH, projection_size=clip.WIDTH),
    )
    model = SiglipModel(config)
    model.set_attn_implementation("eager")
    names = {f"vision_model.{name}": value for name, value in siglip_vision_names(vision).items()}
    names |= {f"text_model.{name}": value for name, value in hugging_face_names(text).items()}
    names["text_model.head.weight"] = text["text_projection"].t().contiguous()
    names["text_model.head.bias"] = text["text_projection.bias"]
    names |= {"logit_scale": scale, "logit_bias": bias}
    missing, unexpected = model.double().load_state_dict(names, strict=False)
    if set(missing + unexpected) - {"text_model.embeddings.position_ids", "vision_model.embeddings.position_ids"}:
        raise SystemExit(f"transformers has other tensors: {missing} {unexpected}")
    model.eval()

    rng = np.random.default_rng(3301)
    planes = torch.from_numpy(rng.standard_normal((3, clip.SIDE, clip.SIDE)).astype(np.float32)).double()
    with torch.no_grad():
        result = model.text_model(ids, output_attentions=True)
        feature = model.vision_model(planes[None]).pooler_output[0]
    attends_unevenly(result.attentions[-1][0, :, -1])
    values = expected(lambda pixels: model(ids, pixels).logits_per_image, planes, feature, result.pooler_output)
    contrast = CONTRAST * planes
    with seen_softmax() as found:
        whole = model(ids, contrast[None], output_attentions=True)
    (probe,) = [attention for attention in found if attention.shape[-2] == 1]
    made = text_maps("SigLIP", contrast, whole.logits_per_image[0], list(whole.vision_model_output.attentions), probe)

    # The towers that OpenCLIP makes of the same weights.
    tower = TextTransformer(
        context_length=SIGLIP_LENGTH, vocab_size=vocabulary, width=clip.WIDTH, heads=HEADS, layers=DEPTH,
        output_dim=clip.WIDTH, no_causal_mask=True, pool_type="last", proj_bias=True,
        act_layer=lambda: nn.GELU(approximate="tanh"), norm_layer=lambda width: OpenCLIPLayerNorm(width, eps=1e-6),
    )  # fmt: skip
    open_names = dict(text)
    open_names["text_projection.weight"] = open_names.pop("text_projection").t().contiguous()
    tower.double().load_state_dict(open_names)
    trunk = timm_tower()
    trunk.load_state_dict(vision)
    with torch.no_grad():
        check("SigLIP's texts", tower.eval()(ids), result.pooler_output)
        check("SigLIP's feature", trunk(planes[None])[0], feature)
    with seen_softmax() as found:
        image = nn.functional.normalize(trunk(contrast[None]), dim=-1)[0]
    logits = scale.exp() * values["texts"] @ image + bias
    by_timm = text_maps("SigLIP by timm", contrast, logits, found[:-1], found[-1])
    check_agreement("timm's maps and those of transformers", by_timm, made)

    model.float().save_pretrained(folders["transformers"])
    names = {f"visual.trunk.{name}": value for name, value in vision.items()}
    names |= {f"text.{name}": value for name, value in open_names.items()} | {"logit_scale": scale[0], "logit_bias": bias[0]}
    write_safetensors(folders["open_clip"] / "open_clip_model.safetensors", names)
    model_config = {
        "embed_dim": clip.WIDTH, "init_logit_bias": -10, "custom_text": True,
        "vision_cfg": {
            "image_size": clip.SIDE, "timm_model_name": "vit_base_patch16_siglip_224", "timm_model_pretrained": False,
            "timm_pool": "map", "timm_proj": "none",
        },
        "text_cfg": {
            "context_length": SIGLIP_LENGTH, "vocab_size": vocabulary, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
            "tokenizer_kwargs": {"clean": "canonicalize"}, "width": clip.WIDTH, "heads": HEADS, "layers": DEPTH,
            "no_causal_mask": True, "proj_bias": True, "pool_type": "last", "norm_kwargs": {"eps": 1e-6},
            "act_kwargs": {"approximate": "tanh"},
        },
    }  # fmt: skip
    config = {"model_cfg": model_config, "preprocess_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3}}
    (folders["open_clip"] / "open_clip_config.json").write_text(json.dumps(config, indent=2) + "\n")
    for name in folders:
        save(out / f"siglip_{name}.expected.safetensors", values, {"texts": TEXTS, "tokens": rows})
        save(out / f"siglip_{name}.maps.safetensors", made, {"texts": MAPPED})


def make(out: Path) -> None:
    out.mkdir(exist_ok=True)
    torch.manual_seed(91)  # of what is replaced
    make_clip(out)
    make_siglip(out)
