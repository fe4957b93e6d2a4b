"""See what a Vision Transformer attends to in a video.

    >>> import vitvideo
    >>> result = vitvideo.attention("dog.mp4", frames=slice(50, 100), model="dino_vits16", layer=-1)
    >>> result.attention.shape  # frames, heads, rows, cols
    (50, 6, 32, 56)

Thin over the program ``vitvideo``, which is run as a process of its own: what can be computed, and by which options, is
what ``vitvideo --help`` says.
"""

from importlib.metadata import version as _version

from ._commands import annotate, attention, neuron, neuron_examples, probe, propagate, run
from ._errors import (
    BadDataError,
    CannotCreateError,
    InputOutputError,
    Interrupted,
    NoInputError,
    ProgramNotFoundError,
    SoftwareError,
    UnavailableError,
    UsageError,
    VitvideoError,
    VitvideoWarning,
)
from ._fiftyone import to_fiftyone
from ._progress import Progress
from ._result import Result, load
from ._show import Shown, show
from ._sources import Source

__version__ = _version("vitvideo")

__all__ = [
    "BadDataError", "CannotCreateError", "InputOutputError", "Interrupted", "NoInputError", "ProgramNotFoundError",
    "Progress", "Result", "Shown", "SoftwareError", "Source", "UnavailableError", "UsageError", "VitvideoError",
    "VitvideoWarning", "annotate", "attention", "load", "neuron", "neuron_examples", "probe", "propagate", "run",
    "show", "to_fiftyone",
]
