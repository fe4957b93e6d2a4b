"""What the package loads, and when."""

from __future__ import annotations

import subprocess
import sys

import pytest

import vitvideo
from vitvideo import _api


def output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def test_command_does_not_load_numpy() -> None:
    loaded = "print('numpy' in sys.modules)"
    assert output(f"import sys, vitvideo._program; {loaded}") == "False"
    assert output(f"import sys, vitvideo; vitvideo.attention; {loaded}") == "True"


def test_names_of_the_package() -> None:
    assert output("from vitvideo import *; print(attention.__name__, VitvideoError.__name__, __version__)") == (
        f"attention VitvideoError {vitvideo.__version__}")
    assert set(_api.__all__) <= set(dir(vitvideo))
    for name in _api.__all__:
        assert getattr(vitvideo, name) is getattr(_api, name)
    for name in ("no_such", "np", "version", "_no_such"):
        with pytest.raises(AttributeError, match=f"module 'vitvideo' has no attribute '{name}'"):
            getattr(vitvideo, name)
