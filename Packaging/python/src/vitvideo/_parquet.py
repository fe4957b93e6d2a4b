"""Results as Parquet files, through pyarrow."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, Iterator, List, Tuple, Union

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ._result import Result

# Bytes of the arrays in a row group, at most, unless one frame has more.
_GROUP_BYTES = 64 << 20


def write(result: Result, path: Union[str, "os.PathLike[str]"]) -> None:
    """See ``Result.to_parquet``; memory does not depend on the number of frames."""
    parts = [(name, part) for name, part in result.items() if isinstance(part, Result)] or [("", result)]
    metas = {name: part.meta for name, part in parts}
    meta = json.dumps(metas if "" not in metas else metas[""])
    unfinished = f"{os.fspath(path)}.partial"
    writer = None
    try:
        for name, part in parts:
            for columns in _groups(part):
                if name:
                    columns = {"picture": pa.array([name] * len(next(iter(columns.values())))), **columns}
                table = pa.table(columns).replace_schema_metadata({"meta": meta})
                if writer is None:
                    writer = pq.ParquetWriter(unfinished, table.schema)
                writer.write_table(table)
    except BaseException:
        if writer is not None:
            writer.close()
            os.unlink(unfinished)
        raise
    assert writer is not None
    writer.close()
    os.replace(unfinished, path)


def _groups(result: Result) -> Iterator[Dict[str, Any]]:
    """Columns of some frames after the other."""
    arrays: List[Tuple[str, NDArray[Any]]] = list(result.items())
    counts = {len(array) for _, array in arrays}
    if len(counts) != 1:
        raise ValueError("arrays of different numbers of frames have no common rows")
    (count,) = counts
    bytes_a_frame = sum(array.nbytes for _, array in arrays) // max(count, 1)
    step = max(_GROUP_BYTES // max(bytes_a_frame, 1), 1)
    for first in range(0, count, step):
        yield {name: _nested(array[first:first + step]) for name, array in arrays}


def _nested(array: NDArray[Any]) -> Any:
    """[n, a, b, …] as n lists of a lists of b …; the numbers are not copied."""
    column = pa.array(np.ascontiguousarray(array).reshape(-1))
    for depth in range(array.ndim - 1, 0, -1):
        offsets = np.arange(0, len(column) + 1, array.shape[depth], dtype=np.int32)
        column = pa.ListArray.from_arrays(pa.array(offsets), column)
    return column
