"""What the tests run on: the built program, the demo clip, and the tiny seeded models of the goldens."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from vitvideo._program import find

# A shell's background job ignores Ctrl-C and hands that on to what it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[3]
WEIGHTS = ROOT / "Tests/Fixtures/goldens/vit"
# A model of three blocks and three heads, which takes a millisecond a frame.
TINY: Dict[str, Any] = {"weights": WEIGHTS / "plain.weights.safetensors", "num_heads": 3, "resolution": 48}
# One with a classifier of eleven classes.
CLASSIFIER: Dict[str, Any] = {**TINY, "weights": WEIGHTS / "supervised.weights.safetensors"}
CommandLine = Callable[..., Dict[str, NDArray[Any]]]


@pytest.fixture(scope="session")
def clip() -> Path:
    """132 frames of 1280×720 at 25 frames a second."""
    return ROOT / "media/cache/bigbuckbunny.mp4"


@pytest.fixture(scope="session")
def pictures() -> NDArray[np.uint8]:
    """Four pictures of noise, of a size that divides by nothing."""
    return np.random.default_rng(0).integers(0, 256, (4, 97, 131, 3), np.uint8)


@pytest.fixture
def png_files(pictures: NDArray[np.uint8], tmp_path: Path) -> List[Path]:
    """The same as PNG files, 0.png to 3.png."""
    paths = [tmp_path / f"{index}.png" for index in range(len(pictures))]
    for path, picture in zip(paths, pictures):
        Image.fromarray(picture).save(path)
    return paths


@pytest.fixture
def command_line(tmp_path: Path) -> CommandLine:
    """Runs the program by itself, and reads its export by NumPy alone."""

    def export(*arguments: object) -> Dict[str, NDArray[Any]]:
        path = tmp_path / "command-line.npz"
        words = [find(), *map(str, arguments), "--export", str(path), "-y", "-q"]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
        with np.load(path) as archive:
            return dict(archive)

    return export


def words(options: Dict[str, Any]) -> List[str]:
    """Single options of the table above for the command line."""
    return [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
