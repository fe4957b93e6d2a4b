"""NumPy pictures as a file that the program reads: Matroska with uncompressed RGB, which keeps every pixel."""

from __future__ import annotations

from typing import BinaryIO, List, Union

import numpy as np
from numpy.typing import NDArray

# Identifiers of https://www.rfc-editor.org/rfc/rfc9559 and, of EBML itself, https://www.rfc-editor.org/rfc/rfc8794.
_EBML = 0x1A45DFA3
_DOC_TYPE = 0x4282
_SEGMENT = 0x18538067
_INFO = 0x1549A966
_TIMESTAMP_SCALE = 0x2AD7B1
_DURATION = 0x4489
_TRACKS = 0x1654AE6B
_TRACK_ENTRY = 0xAE
_TRACK_NUMBER = 0xD7
_TRACK_UID = 0x73C5
_TRACK_TYPE = 0x83
_CODEC_ID = 0x86
_DEFAULT_DURATION = 0x23E383
_VIDEO = 0xE0
_PIXEL_WIDTH = 0xB0
_PIXEL_HEIGHT = 0xBA
_COLOUR_SPACE = 0x2EB524
_CLUSTER = 0x1F43B675
_TIMESTAMP = 0xE7
_SIMPLE_BLOCK = 0xA3
_CUES = 0x1C53BB6B
_CUE_POINT = 0xBB
_CUE_TIME = 0xB3
_CUE_TRACK_POSITIONS = 0xB7
_CUE_TRACK = 0xF7
_CUE_CLUSTER_POSITION = 0xF1


def checked(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pictures as [n, H, W, 3]; a single [H, W, 3] becomes one of one.

    Raises ``ValueError`` for another shape or type.
    """
    if frames.ndim == 3:
        frames = frames[np.newaxis]
    if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape:
        raise ValueError(
            f"pictures are uint8 [n, height, width, 3] of RGB, not {frames.dtype} {list(frames.shape)}")
    return frames


def write(frames: NDArray[np.uint8], fps: float, file: BinaryIO) -> None:
    """Writes pictures as a video, frame *i* at *i* / ``fps`` seconds.

    Args:
        frames: [n, H, W, 3], uint8, RGB. One after the other is read, so that a memory-mapped array need not fit into
            memory.
        fps: frames a second.
        file: where to write, from the beginning.
    """
    count, height, width, _ = frames.shape
    # A unit of time is one frame: times are exact to half a nanosecond a frame, at 25 or 50 frames a second exact.
    nanoseconds = round(1e9 / fps)
    track = (
        _unsigned(_TRACK_NUMBER, 1) + _unsigned(_TRACK_UID, 1) + _unsigned(_TRACK_TYPE, 1)
        + _unsigned(_DEFAULT_DURATION, nanoseconds) + _element(_CODEC_ID, b"V_UNCOMPRESSED")
        + _element(_VIDEO, _unsigned(_PIXEL_WIDTH, width) + _unsigned(_PIXEL_HEIGHT, height)
                   + _element(_COLOUR_SPACE, b"RGB\x18")))
    info = _unsigned(_TIMESTAMP_SCALE, nanoseconds) + _element(_DURATION, np.array(count, ">f8").tobytes())
    head = _element(_INFO, info) + _element(_TRACKS, _element(_TRACK_ENTRY, track))
    # Track 1, time 0 of the cluster's, a key frame.
    block_head = b"\x81\x00\x00\x80"
    block_size = len(block_head) + height * width * 3
    cluster_heads = [
        _unsigned(_TIMESTAMP, index) + _identifier(_SIMPLE_BLOCK) + _size(block_size) for index in range(count)]
    cluster_starts = [_identifier(_CLUSTER) + _size(len(each) + block_size) + each for each in cluster_heads]
    # The index stands before the frames, its numbers all of one length, so that its own length is known.
    cues = _cues([0] * count)
    position = len(head) + len(cues)
    positions = []
    for start in cluster_starts:
        positions.append(position)
        position += len(start) + block_size
    file.write(_element(_EBML, _element(_DOC_TYPE, b"matroska")))
    file.write(_identifier(_SEGMENT) + _size(position) + head + _cues(positions))
    for start, frame in zip(cluster_starts, frames):
        file.write(start + block_head)
        file.write(np.ascontiguousarray(frame).data)


def _cues(positions: List[int]) -> bytes:
    points = []
    for time, position in enumerate(positions):
        place = _unsigned(_CUE_TRACK, 1) + _unsigned(_CUE_CLUSTER_POSITION, position)
        points.append(_element(_CUE_POINT, _unsigned(_CUE_TIME, time) + _element(_CUE_TRACK_POSITIONS, place)))
    return _element(_CUES, b"".join(points))


def _element(identifier: int, content: Union[bytes, bytearray]) -> bytes:
    return _identifier(identifier) + _size(len(content)) + content


def _unsigned(identifier: int, value: int) -> bytes:
    return _element(identifier, value.to_bytes(8, "big"))


def _identifier(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _size(value: int) -> bytes:
    """A length in eight bytes, whose first says that there are eight."""
    return b"\x01" + value.to_bytes(7, "big")
