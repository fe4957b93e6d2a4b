"""A safetensors writer whose bytes depend on nothing but the tensors.

The safetensors library keeps metadata in a hash map and so writes its keys in another order each
run; goldens should not change when nothing has changed. Everything is stored as float32, indices
and 8-bit values included (all below 2**24, so exact): a reader needs one dtype.
"""

import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import onnx


def to_float32(value) -> np.ndarray:
    """A tensor or array as contiguous little-endian float32; NaN and infinity are refused."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    array = np.ascontiguousarray(np.asarray(value), dtype="<f4")
    if not np.isfinite(array).all():
        raise ValueError("a golden holds NaN or infinity")
    return array


def save(path: Path, tensors: dict, metadata: dict) -> None:
    """Writes `tensors`, sorted by name, and `metadata`, whose values become JSON strings."""
    arrays = {name: to_float32(tensors[name]) for name in sorted(tensors)}
    header = {"__metadata__": {key: json.dumps(metadata[key], sort_keys=True) for key in sorted(metadata)}}
    offset = 0
    for name, array in arrays.items():
        header[name] = {
            "dtype": "F32",
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format wants tensor data aligned to 8 bytes
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for array in arrays.values():
            file.write(array.tobytes())
    print(f"{path.name}: {len(arrays)} tensors, {path.stat().st_size:,} bytes")


def without_traces(path: Path) -> None:
    """Leaves out of a TorchScript archive where in which source files it was traced: they say where the machine that made
    it keeps them."""
    with zipfile.ZipFile(path) as archive:
        entries = [(entry, archive.read(entry)) for entry in archive.infolist() if not entry.filename.endswith(".debug_pkl")]
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            kept = zipfile.ZipInfo(entry.filename)
            kept.compress_type = entry.compress_type
            archive.writestr(kept, content)


def strip_onnx(path) -> None:
    """Drops the stack traces and the like that the new exporter notes on every node, most of a small file; the names
    of the modules stay."""
    model = onnx.load(path, load_external_data=False)
    for node in model.graph.node:
        kept = [(p.key, p.value) for p in node.metadata_props if p.key == "pkg.torch.onnx.name_scopes"]
        del node.metadata_props[:]
        for key, value in kept:
            node.metadata_props.add(key=key, value=value)
        node.doc_string = ""
    for value in [*model.graph.initializer, *model.graph.input, *model.graph.output]:
        del value.metadata_props[:]
    del model.graph.value_info[:]
    onnx.save(model, path)
