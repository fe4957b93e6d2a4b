"""What the package offers."""

from importlib.metadata import version

from ._commands import annotate, attention, neuron, neuron_examples, probe, propagate, run, train
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

__version__ = version("vitvideo")

__all__ = [
    "BadDataError", "CannotCreateError", "InputOutputError", "Interrupted", "NoInputError", "ProgramNotFoundError",
    "Progress", "Result", "Shown", "SoftwareError", "Source", "UnavailableError", "UsageError", "VitvideoError",
    "VitvideoWarning", "__version__", "annotate", "attention", "load", "neuron", "neuron_examples", "probe",
    "propagate", "run", "show", "to_fiftyone", "train",
]
