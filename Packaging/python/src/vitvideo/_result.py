"""What a method gives."""

from __future__ import annotations

import os
from typing import Any, Dict, Iterator, Mapping, Tuple, Union, cast

import numpy as np
from numpy.typing import NDArray

from ._arrays import Arrays, Metas, read


class Result(Mapping[str, Any]):
    """Arrays by the names of ``--export``, as attributes and as items: ``result.rollout`` is ``result["rollout"]``.

    Arrays are mapped into memory from a file that is gone as soon as they are. ``class`` is ``class_`` as an attribute.
    With several models an array carries the model's name, ``result["attention.dino_vitb16"]``, and ``model(name)`` is
    the result of one. Of several pictures that are no clip, items are the results of each by file name:
    ``result["dog.jpg"].attention``.

    Attributes:
        meta: what is known of the run: model, hash of the weights, method and its options, patch, input size and so on;
            with several models that of each by its name, of several pictures empty.
    """

    meta: Dict[str, Any]

    def __init__(self, arrays: Arrays, metas: Metas) -> None:
        pictures: Dict[str, Tuple[Arrays, Metas]] = {}
        own: Arrays = {}
        own_metas: Metas = {}
        for name, array in arrays.items():
            picture, _, rest = name.rpartition("/")
            (pictures.setdefault(picture, ({}, {}))[0] if picture else own)[rest] = array
        for name, meta in metas.items():
            picture, _, rest = name.rpartition("/")
            (pictures.setdefault(picture, ({}, {}))[1] if picture else own_metas)[rest] = meta
        self._items: Dict[str, Any] = {**own, **{name: Result(*each) for name, each in pictures.items()}}
        self.meta = own_metas.get("meta", {}) or {
            name[len("meta."):]: meta for name, meta in own_metas.items() if name.startswith("meta.")}

    @property
    def attention(self) -> NDArray[np.float32]:
        """[frames, heads, rows, cols], unscaled softmax of what attends, over the patches."""
        return cast(NDArray[np.float32], self._array("attention"))

    @property
    def frame(self) -> NDArray[np.int64]:
        """[frames], each one's index in the source."""
        return cast(NDArray[np.int64], self._array("frame"))

    @property
    def time(self) -> NDArray[np.float64]:
        """[frames], in seconds."""
        return cast(NDArray[np.float64], self._array("time"))

    @property
    def logits(self) -> NDArray[np.float32]:
        """[frames, classes], of a model with a classifier or with texts."""
        return cast(NDArray[np.float32], self._array("logits"))

    @property
    def models(self) -> Tuple[str, ...]:
        """Names of the models."""
        return (self.meta["model"],) if "model" in self.meta else tuple(self.meta)

    def model(self, name: str) -> Result:
        """The arrays of one of several models, without its name, and ``frame`` and ``time``.

        Raises ``KeyError`` for a name that is not in ``models``.
        """
        if self.meta.get("model") == name:
            return self
        meta = self.meta[name]
        ending = f".{name}"
        arrays = {key[:-len(ending)]: array for key, array in self._items.items() if key.endswith(ending)}
        arrays.update((key, self._items[key]) for key in ("frame", "time") if key in self._items)
        return Result(arrays, {"meta": meta})

    def to_parquet(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Writes a row for each frame: ``frame``, ``time`` and every array as nested lists.

        Of several pictures the column ``picture`` names them. ``meta`` is JSON in the schema's metadata; of several
        pictures by their names. Needs pyarrow (``pip install vitvideo[parquet]``).
        """
        from ._parquet import write

        write(self, path)

    def _array(self, name: str) -> NDArray[Any]:
        try:
            return cast(NDArray[Any], self._items[name])
        except KeyError:
            raise AttributeError(f"this result has no {name}; it has {', '.join(self._items)}") from None

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._array(name.rstrip("_"))

    def __getitem__(self, name: str) -> Any:
        return self._items[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __dir__(self) -> Any:
        return [*super().__dir__(), *(name for name in self._items if name.isidentifier())]

    def __repr__(self) -> str:
        parts = []
        for name, item in self._items.items():
            parts.append(f"{name}: {item!r}" if isinstance(item, Result) else f"{name} {item.dtype} {list(item.shape)}")
        return f"Result({', '.join(parts)})"


def load(path: Union[str, "os.PathLike[str]"]) -> Result:
    """A ``.npz`` or ``.safetensors`` file that ``--export`` wrote, mapped into memory.

    Raises ``ValueError`` for another file.
    """
    return Result(*read(path))
