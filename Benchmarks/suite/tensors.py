"""Reads the attention that programs dump, without NumPy: run.py itself stays small in memory."""

import json
from array import array
from pathlib import Path


def attention(path: Path) -> array:
    """The float32 values of tensor 'attention' in a safetensors file."""
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    first, end = json.loads(data[8:start])["attention"]["data_offsets"]
    return array("f", data[start + first : start + end])


def largest_difference(one: Path, other: Path) -> float:
    """The largest absolute difference between two dumps."""
    values, others = attention(one), attention(other)
    if len(values) != len(others):
        raise ValueError(f"{one.name} and {other.name} hold attention of different shapes")
    return max(abs(a - b) for a, b in zip(values, others, strict=True))
