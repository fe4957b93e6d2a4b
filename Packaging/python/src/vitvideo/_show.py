"""Videos and pictures in notebooks."""

from __future__ import annotations

import base64
import os
from html import escape
from pathlib import Path
from typing import Optional, Tuple, Union

_VIDEOS = {".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/mp4", ".webm": "video/webm"}
_PICTURES = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
    ".avif": "image/avif", ".svg": "image/svg+xml"}


class Shown:
    """A video or picture as HTML that holds the file itself."""

    def __init__(self, paths: Tuple[Path, ...], width: Optional[int]) -> None:
        kinds = [_VIDEOS.get(path.suffix.lower()) or _PICTURES.get(path.suffix.lower()) for path in paths]
        for path, kind in zip(paths, kinds):
            if kind is None:
                raise ValueError(f"{path}: browsers show {' '.join([*_VIDEOS, *_PICTURES])}")
        if len(paths) > 1 and any(path.suffix.lower() in _PICTURES for path in paths):
            raise ValueError("only of a video there are several files")
        self._data = [(path, kind, base64.b64encode(path.read_bytes()).decode()) for path, kind in zip(paths, kinds)]
        self._size = "" if width is None else f' width="{width}"'

    def _repr_html_(self) -> str:
        path, kind, data = self._data[0]
        name = escape(path.name, quote=True)
        if kind in _PICTURES.values():
            return f'<img{self._size} alt="{name}" src="data:{kind};base64,{data}">'
        sources = "".join(f'<source type="{kind}" src="data:{kind};base64,{data}">' for _, kind, data in self._data)
        return f'<video{self._size} title="{name}" controls loop muted playsinline>{sources}</video>'

    def __repr__(self) -> str:
        return f"Shown({', '.join(repr(str(path)) for path, _, _ in self._data)})"


def show(*paths: Union[str, "os.PathLike[str]"], width: Optional[int] = None) -> Shown:
    """Shows a video or picture in a notebook, which then holds the file.

    Args:
        paths: a picture, or a video: MP4, and as a second one WebM of the same for browsers without H.264.
        width: in CSS pixels; that of the picture unless given.

    Raises:
        ValueError: for a file that no browser shows.
    """
    if not paths:
        raise ValueError("there is nothing to show")
    return Shown(tuple(Path(path) for path in paths), width)
