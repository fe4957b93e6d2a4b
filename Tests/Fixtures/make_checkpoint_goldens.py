"""Makes the weights files in goldens/checkpoints with the libraries that own the formats.

Run from this directory, with the versions in goldens/checkpoints/versions.json or newer ones:

    python3 make_checkpoint_goldens.py

Every file is a few KB. What they should hold is written out in Tests/CheckpointsTests, except for the ONNX
model, whose parameters are saved beside it as safetensors.
"""

import argparse
import collections
import io
import json
import os
import pickle
import zipfile

import numpy as np
import onnx
import safetensors
import safetensors.torch
import torch
from torch import nn

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "goldens", "checkpoints")


def path(name):
    return os.path.join(OUT, name)


def tensors():
    """One of each type and each way of lying in a storage."""
    base = torch.arange(24, dtype=torch.float32) / 4 - 2
    special = torch.tensor([0.0, -0.0, 1.5, -2.25, float("inf"), 2**-14, 2**-24, 65504.0])
    return collections.OrderedDict(
        f32=base.reshape(2, 3, 4).clone(),
        transposed=base[:12].clone().reshape(3, 4).t(),
        permuted=base.clone().reshape(2, 3, 4).permute(2, 0, 1),
        slice=base[4:10].reshape(2, 3),
        strided=base.reshape(4, 6)[1:, ::2],
        expanded=torch.tensor([[1.0], [2.0]]).expand(2, 3),
        scalar=torch.tensor(7.5),
        empty=torch.zeros(0, 5),
        parameter=nn.Parameter(base[:3].clone()),
        f64=base[:4].double() + 0.1,
        f16=special.half(),
        bf16=torch.tensor([0.0, -0.0, 1.5, -2.25, float("inf"), 3.0e38, 1.0e-40, 1.0]).bfloat16(),
        f16_transposed=base[:6].reshape(2, 3).half().t(),
        i64=torch.tensor([1, -(2**40)]),
        i32=torch.tensor([1, -2], dtype=torch.int32),
        i16=torch.tensor([1, -2], dtype=torch.int16),
        i8=torch.tensor([1, -2], dtype=torch.int8),
        u8=torch.tensor([1, 255], dtype=torch.uint8),
        flag=torch.tensor([True, False]),
    )


def pytorch():
    state = tensors()
    torch.save(state, path("zip.pth"))
    torch.save(state, path("legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save(state, path("protocol4.pth"), pickle_protocol=4)
    # A type that has no storage class of its own is rebuilt from bytes.
    torch.save({"u16": torch.tensor([1, 65535], dtype=torch.uint16), "w": torch.ones(2)}, path("untyped.pth"))

    # As DINO's main_dino.py saves: student, teacher, optimizer with NumPy scalars, epoch, options, loss.
    module = nn.Linear(3, 2)
    student, teacher = ({name: torch.full_like(value, fill) for name, value in module.state_dict().items()}
                        for fill in (1.0, 2.0))
    optimizer = torch.optim.AdamW(module.parameters(), lr=1e-3)
    module(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    optimizer.param_groups[0]["lr"] = np.float64(0.5)
    checkpoint = {
        "student": {f"module.backbone.{name}": value for name, value in student.items()},
        "teacher": collections.OrderedDict((f"backbone.{name}", value) for name, value in teacher.items()),
        "optimizer": optimizer.state_dict(),
        "epoch": 3,
        "args": argparse.Namespace(arch="vit_small", lr=5e-4, local_crops_scale=(0.05, 0.4), use_fp16=True, none=None),
        "dino_loss": {"center": torch.zeros(1, 4)},
        "fp16_scaler": {"scale": 65536.0, "growth_tracker": 0},
    }
    torch.save(checkpoint, path("training.pth"))
    torch.save(checkpoint, path("training_legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "args": checkpoint["args"]}, path("no_tensors.pth"))

    torch.jit.save(torch.jit.script(nn.Identity()), path("torchscript.pt"))

    class Malicious:
        def __reduce__(self):
            return os.system, ("touch executed",)

    torch.save({"model": {"w": torch.ones(1), "x": Malicious()}}, path("malicious.pth"))
    torch.save({"w": Malicious()}, path("malicious_legacy.pth"), _use_new_zipfile_serialization=False)
    with open(path("plain.pkl"), "wb") as file:
        pickle.dump({"a": 1}, file, protocol=4)


def numpy_archives():
    base = np.arange(24, dtype=np.float32) / 4 - 2
    arrays = {
        "Transformer/encoderblock_0/kernel": base.reshape(2, 3, 4),
        "fortran": np.asfortranarray(base.reshape(2, 3, 4)),
        "scalar": np.float32(7.5),
        "empty": np.zeros((0, 5), np.float32),
        "f64": base[:4].astype(np.float64) + 0.1,
        "f16": np.array([0.0, -0.0, 1.5, -2.25, np.inf, 2**-14, 2**-24, 65504.0], np.float16),
        "bf16": torch.tensor([0.0, -0.0, 1.5, -2.25, float("inf"), 3.0e38, 1.0e-40, 1.0]).bfloat16()
        .view(torch.int16).numpy().view("V2"),
        "i64": np.array([1, -(2**40)]),
        "i32": np.array([1, -2], np.int32),
        "u1": np.array([1, 255], np.uint8),
        "b1": np.array([True, False]),
        "text": np.array('{"é": "🦊"}'),
        "texts": np.array(["a", "bcd", ""]),
        "bytes": np.array([b"ab", b"c"]),
        "zeros": np.zeros(4096, np.float32),
    }
    np.savez(path("stored.npz"), **arrays)
    np.savez_compressed(path("deflated.npz"), **arrays)
    with zipfile.ZipFile(path("odd.npz"), "w") as archive:
        for name, array, version in [
            ("version2", base[:4], (2, 0)), ("version3", base[:4], (3, 0)), ("big", base[:4].astype(">f4"), None),
            ("complex", base[:4].astype(np.complex64), None), ("date", np.array(["2020-01-01"], "M8[D]"), None),
            ("record", np.zeros(2, [("x", "f4"), ("y", "i4")]), None), ("object", np.array([{}, None]), None),
        ]:
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.asanyarray(array), version=version)
            archive.writestr(f"{name}.npy", buffer.getvalue())


class Embeddings(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.randn(1, 1, 6))
        self.position_embeddings = nn.Parameter(torch.randn(1, 5, 6))
        self.projection = nn.Conv2d(3, 6, 2, 2)

    def forward(self, pixels):
        tokens = self.projection(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat((self.cls_token.expand(pixels.shape[0], -1, -1), tokens), 1)
        # As Dinov2Embeddings.interpolate_pos_encoding: the exporter folds the slices into constants, while the side
        # of the grid stays a computed value.
        count = self.position_embeddings.shape[1] - 1
        side = (count**0.5).to(torch.int64) if torch.jit.is_tracing() else int(count**0.5)
        patches = self.position_embeddings[:, 1:].reshape(1, side, side, 6).permute(0, 3, 1, 2)
        size = (pixels.shape[2] // 2, pixels.shape[3] // 2)
        patches = nn.functional.interpolate(patches, size=size, mode="bicubic", align_corners=False)
        patches = patches.permute(0, 2, 3, 1).view(1, -1, 6)
        return tokens + torch.cat((self.position_embeddings[:, :1], patches), 1)


class Block(nn.Module):
    def __init__(self, seed):
        super().__init__()
        # Equal in all blocks, so that the exporter stores it once.
        self.norm = nn.LayerNorm(6)
        self.query, self.key = nn.Linear(6, 6), nn.Linear(6, 6)
        self.fc1, self.fc2 = nn.Linear(6, 12), nn.Linear(12, 6)

    def forward(self, x):
        y = self.norm(x)
        y = (self.query(y) @ self.key(y).transpose(-2, -1)).softmax(-1) @ y
        return x + self.fc2(nn.functional.gelu(self.fc1(y)))


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.embeddings = Embeddings()
        self.layer = nn.ModuleList([Block(0), Block(1)])

    def forward(self, pixels):
        x = self.embeddings(pixels)
        for block in self.layer:
            x = block(x)
        return x


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()

    def forward(self, pixels):
        return self.backbone(pixels)


def onnx_model():
    torch.manual_seed(0)
    model = Model().eval()
    torch.onnx.export(
        model, torch.randn(1, 3, 6, 8), path("tiny.onnx"), dynamo=False, opset_version=14,
        input_names=["pixels"], dynamic_axes={"pixels": {2: "height", 3: "width"}})
    safetensors.torch.save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()}, path("tiny_onnx.safetensors"))

    # The other ways in which ONNX stores values: typed lists instead of raw bytes.
    helper, kinds = onnx.helper, onnx.TensorProto
    values = [0.0, 1.5, -2.25]
    typed = [
        helper.make_tensor("f32", kinds.FLOAT, [3], values), helper.make_tensor("f64", kinds.DOUBLE, [3], values),
        helper.make_tensor("f16", kinds.FLOAT16, [3], values), helper.make_tensor("bf16", kinds.BFLOAT16, [3], values),
        helper.make_tensor("i64", kinds.INT64, [3], [1, 2, 3]),
    ]
    graph = helper.make_graph([], "typed", [], [], initializer=typed)
    onnx.save(helper.make_model(graph), path("typed.onnx"))
    onnx.save(helper.make_model(helper.make_graph([], "external", [], [], initializer=[
        onnx.numpy_helper.from_array(np.ones(512, np.float32), "w")])), path("external.onnx"),
        save_as_external_data=True, location="external.bin")
    os.remove(path("external.bin"))


def main():
    os.makedirs(OUT, exist_ok=True)
    torch.manual_seed(0)
    safetensors.torch.save_file(
        {name: value.detach().contiguous().clone() for name, value in tensors().items()},
        path("types.safetensors"), metadata={"format": "pt", "note": "é\n"})
    pytorch()
    numpy_archives()
    onnx_model()
    versions = {"numpy": np.__version__, "onnx": onnx.__version__, "safetensors": safetensors.__version__,
                "torch": torch.__version__}
    with open(path("versions.json"), "w") as file:
        json.dump(versions, file, indent=2)
        file.write("\n")


if __name__ == "__main__":
    main()
