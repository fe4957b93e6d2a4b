"""The same job by fast libraries: `python -m peers.openvino_video CLIP OUTPUT --prepared FOLDER`.

PyAV decodes, OpenVINO computes in bf16 with a request for each thread, OpenCV resizes, colours and
blends, PyAV encodes as vitvideo does by default and copies the sound. Decoding, inference, and
drawing with encoding overlap.
"""

import argparse
from fractions import Fraction
from pathlib import Path
from queue import Queue
from threading import Thread

import av
import cv2
import numpy as np
import openvino
from peers.forward_openvino import compile_model
from suite.rows import DEFAULT

COLUMNS, GAP, WIDTH, ALPHA = 4, 4, 1920, 0.6
IN_FLIGHT = 8


class Grid:
    """Captioned tiles, 4 × 2, in a picture 1,920 wide: frame, mean over heads, every head."""

    def __init__(self, height: int, width: int, captions: list[str]):
        self.tile_width = (WIDTH - GAP * (COLUMNS - 1)) // COLUMNS
        self.tile_height = round(self.tile_width * height / width)
        self.caption_height = min(38, max(20, (self.tile_height + 4) // 9))
        rows = -(-len(captions) // COLUMNS)
        total = rows * (self.caption_height + self.tile_height) + GAP * (rows - 1)
        self.background = np.zeros((total + total % 2, WIDTH, 3), np.uint8)
        for index, caption in enumerate(captions):
            top, left = self.origin(index)
            cv2.putText(self.background, caption, (left + 6, top - 8), cv2.FONT_HERSHEY_SIMPLEX,
                        0.55, (255, 255, 255), 1, cv2.LINE_AA)  # fmt: skip

    def origin(self, index: int) -> tuple[int, int]:
        """Top left corner of a tile's picture."""
        row, column = divmod(index, COLUMNS)
        top = row * (self.caption_height + self.tile_height + GAP) + self.caption_height
        return top, column * (self.tile_width + GAP)

    def draw(self, picture: np.ndarray, maps: np.ndarray) -> np.ndarray:
        """An RGB picture of the frame and of maps (heads, rows, columns)."""
        size = (self.tile_width, self.tile_height)
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        canvas = self.background.copy()
        self._place(canvas, 0, small)
        for index, attention in enumerate([maps.mean(axis=0), *maps], start=1):
            heat = cv2.normalize(attention, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U)
            heat = cv2.resize(heat, size, interpolation=cv2.INTER_LINEAR)
            colours = cv2.cvtColor(cv2.applyColorMap(heat, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
            self._place(canvas, index, cv2.addWeighted(small, 1 - ALPHA, colours, ALPHA, 0))
        return canvas

    def _place(self, canvas: np.ndarray, index: int, tile: np.ndarray) -> None:
        top, left = self.origin(index)
        canvas[top : top + self.tile_height, left : left + self.tile_width] = tile


class Annotator:
    """Decodes on the calling thread, computes in OpenVINO's, draws and encodes on one more."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        model = compile_model(
            options.prepared / "pictures.xml", "bf16", "throughput", options.threads
        )
        self.requests = openvino.AsyncInferQueue(model, options.threads)
        self.requests.set_callback(self._computed)
        # Frames in order, each with a box that its attention comes into.
        self.pending: Queue = Queue(IN_FLIGHT)

    @staticmethod
    def _computed(request: openvino.InferRequest, box: Queue) -> None:
        box.put(request.get_output_tensor(0).data.copy())

    def run(self) -> None:
        with av.open(self.options.clip) as source, av.open(self.options.output, "w") as target:
            video = source.streams.video[0]
            video.thread_type = "AUTO"
            sound = source.streams.audio[0] if source.streams.audio else None
            captions = ["frame", "mean", *(f"head {i}" for i in range(DEFAULT.heads))]
            grid = Grid(video.height, video.width, captions)
            stream = target.add_stream(
                "libx264", rate=video.average_rate, options={"crf": "18", "preset": "veryfast"}
            )
            stream.height, stream.width = grid.background.shape[:2]
            stream.pix_fmt = "yuv420p"
            stream.time_base = video.time_base
            copied = target.add_stream_from_template(sound) if sound else None
            writer = Thread(target=self._write, args=(grid, target, stream))
            writer.start()
            sounds = self._read(source, video, sound)
            self.pending.put(None)
            writer.join()
            for packet in sounds:
                packet.stream = copied
                target.mux(packet)

    def _read(self, source, video, sound) -> list[av.Packet]:
        """Hands on frames; gives the sound that belongs to them."""
        count, end, sounds = 0, 0.0, []
        streams = [stream for stream in [video, sound] if stream]
        for packet in source.demux(streams):
            if packet.stream is sound:
                if packet.dts is not None:
                    sounds.append(packet)
                continue
            for frame in packet.decode():
                if count < self.options.frames:
                    self._submit(frame)
                    end = frame.time + float(1 / video.average_rate)
                count += 1
            if count >= self.options.frames:
                break
        self.requests.wait_all()
        return [packet for packet in sounds if packet.pts * packet.time_base < Fraction(end)]

    def _submit(self, frame: av.VideoFrame) -> None:
        picture = frame.to_ndarray(format="rgb24")
        width = DEFAULT.height * frame.width // frame.height
        # INTER_AREA is OpenCV's antialiased reduction.
        small = cv2.resize(picture, (width, DEFAULT.height), interpolation=cv2.INTER_AREA)
        small = np.ascontiguousarray(small[None, :, : DEFAULT.input_width])
        box: Queue = Queue(1)
        self.pending.put((frame.pts, frame.time_base, picture, box))
        self.requests.start_async(small, userdata=box)

    def _write(self, grid: Grid, target, stream) -> None:
        while item := self.pending.get():
            pts, time_base, picture, box = item
            maps = box.get().reshape(DEFAULT.heads, *DEFAULT.grid)
            frame = av.VideoFrame.from_ndarray(grid.draw(picture, maps), format="rgb24")
            frame.pts, frame.time_base = pts, time_base
            for packet in stream.encode(frame):
                target.mux(packet)
        for packet in stream.encode():
            target.mux(packet)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip")
    parser.add_argument("output")
    parser.add_argument("--prepared", type=Path, required=True)
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--threads", type=int, default=2)
    Annotator(parser.parse_args()).run()


if __name__ == "__main__":
    main()
