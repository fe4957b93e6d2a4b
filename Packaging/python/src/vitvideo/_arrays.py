"""Arrays of the program's exports, mapped into memory instead of read."""

from __future__ import annotations

import json
import os
import struct
import zipfile
from typing import Any, Dict, IO, Tuple, Union

import numpy as np
from numpy.typing import NDArray

Arrays = Dict[str, NDArray[Any]]
Metas = Dict[str, Dict[str, Any]]

_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}


def read(path: Union[str, "os.PathLike[str]"]) -> Tuple[Arrays, Metas]:
    """Arrays and metadata of a ``.safetensors`` or ``.npz`` file.

    Arrays are mapped copy-on-write: what is written to them does not reach the file, and the file may be removed while
    they are there. An ``.npz`` that was compressed by others is read.

    Returns:
        the arrays by name, and what ``meta``, or each ``meta.MODEL`` and ``PICTURE/meta``, says.
    """
    name = os.fspath(path)
    if name.endswith(".safetensors"):
        return _read_safetensors(name)
    if name.endswith(".npz"):
        return _read_npz(name)
    raise ValueError(f"{name}: arrays are read from .safetensors and .npz; xarray.open_zarr reads .zarr")


def _read_safetensors(path: str) -> Tuple[Arrays, Metas]:
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    metas = {name: json.loads(text) for name, text in header.pop("__metadata__", {}).items()}
    whole = np.memmap(path, np.uint8, "c")[8 + length:]
    arrays: Arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        arrays[name] = whole[begin:end].view(_TYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metas


def _read_npz(path: str) -> Tuple[Arrays, Metas]:
    arrays: Arrays = {}
    metas: Metas = {}
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        for entry in archive.infolist():
            name = entry.filename[:-len(".npy")]
            with archive.open(entry) as member:
                shape, dtype = _array_head(member, f"{path}: {entry.filename}")
                if dtype.kind == "U":
                    metas[name] = json.loads(member.read().decode("utf-32-le").rstrip("\0"))
                    continue
                length = member.tell()
                if entry.compress_type != zipfile.ZIP_STORED:
                    arrays[name] = np.frombuffer(bytearray(member.read()), dtype).reshape(shape)
                    continue
            # The local header's extra field may be longer than that of the directory.
            file.seek(entry.header_offset + 26)
            name_length, extra_length = struct.unpack("<HH", file.read(4))
            begin = entry.header_offset + 30 + name_length + extra_length + length
            size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
            arrays[name] = np.memmap(path, np.uint8, "c")[begin:begin + size].view(dtype).reshape(shape)
    return arrays, metas


def _array_head(file: IO[bytes], name: str) -> Tuple[Tuple[int, ...], "np.dtype[Any]"]:
    """Shape and type of a ``.npy`` as the program and ``np.savez`` write it; the file is then at its numbers."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError(f"{name} has another version of the format")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
    if by_columns or dtype.hasobject:
        raise ValueError(f"{name} is not an array of an export")
    return shape, dtype
