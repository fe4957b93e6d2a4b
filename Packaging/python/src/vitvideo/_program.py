"""Where the program is."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from ._errors import ProgramNotFoundError

BUNDLED = Path(__file__).parent / "bin" / "vitvideo"


def find() -> str:
    """The path of the program: beside this file, else ``$VITVIDEO_PROGRAM``, else the first on ``PATH``.

    Raises ``ProgramNotFoundError``.
    """
    if BUNDLED.exists():
        return str(BUNDLED)
    named = os.environ.get("VITVIDEO_PROGRAM")
    if named:
        if not _is_program(named):
            raise ProgramNotFoundError(f"vitvideo: VITVIDEO_PROGRAM names {named}, which is not the program")
        return named
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = shutil.which("vitvideo", path=folder)
        if candidate and _is_program(candidate):
            return candidate
    raise ProgramNotFoundError(
        "vitvideo: the program is not here; install the wheel that holds it, put the program on PATH, or name its"
        " file in VITVIDEO_PROGRAM")


def _is_program(path: str) -> bool:
    """Whether a file can be run and is not this package's own entry, which would call itself for ever."""
    try:
        with open(path, "rb") as file:
            return os.access(path, os.X_OK) and b"from vitvideo._program import" not in file.read(1024)
    except OSError:
        return False


def main() -> None:
    """Becomes the program: the command ``vitvideo`` of this package."""
    try:
        program = find()
    except ProgramNotFoundError as reason:
        print(reason, file=sys.stderr)
        sys.exit(reason.exit_code)
    os.execv(program, [program, *sys.argv[1:]])
