"""One run of the program."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import warnings
from typing import IO, Any, Callable, Dict, List, Optional, Sequence

from ._errors import Interrupted, VitvideoWarning, error
from ._program import find
from ._progress import Bar, Progress, listener

log = logging.getLogger("vitvideo")

# Becomes the program, which the kernel interrupts (PR_SET_PDEATHSIG, 1) when this process ends: without that it works
# on after a notebook's kernel was killed. It may have the signal twice, for each thread that ends here hands it on to
# another, and then stops at once. Arguments: this process's number, then the command.
_ENDING_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, int(signal.SIGINT))
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def run(arguments: Sequence[str], progress: Progress = None, *, reads_standard_input: bool = False) -> None:
    """Runs the program to its end.

    What it prints goes to ``sys.stdout``, its warnings become ``VitvideoWarning``, and its notes go to the logger
    ``vitvideo``. Ctrl-C is handed on as one SIGINT, upon which the program finishes what is under way; a second one
    kills it.

    Raises:
        VitvideoError: the kind that goes with the exit code.
        Interrupted: after Ctrl-C.
    """
    show = listener(progress)
    command = [find(), *arguments, "--progress", "none" if show is None else "json"]
    if sys.executable:
        command = [sys.executable, "-I", "-S", "-c", _ENDING_WITH_PARENT, str(os.getpid()), *command]
    with tempfile.TemporaryFile() as printed:
        # In a session of its own, Ctrl-C on the terminal reaches the program once, through this process.
        process = subprocess.Popen(
            command, stdin=None if reads_standard_input else subprocess.DEVNULL, stdout=printed,
            stderr=subprocess.PIPE, start_new_session=True)
        heard = _Heard(show)
        try:
            interrupted = _listen(process, heard)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            assert process.stderr is not None
            process.stderr.close()
            if isinstance(show, Bar):
                show.close()
        printed.seek(0)
        _print(printed)
    for line in heard.warnings:
        warnings.warn(line, VitvideoWarning, stacklevel=_callers_level())
    if interrupted or process.returncode in (Interrupted.exit_code, -signal.SIGINT):
        raise Interrupted(heard.last or "vitvideo: interrupted")
    if process.returncode != 0:
        raise error(process.returncode, heard.last)


class _Heard:
    """What the program says on standard error."""

    def __init__(self, show: Optional[Callable[[Dict[str, Any]], None]]) -> None:
        self._show = show
        self.warnings: List[str] = []
        self.last = ""

    def add(self, line: str) -> None:
        if line.startswith("{") and self._show is not None:
            self._show(json.loads(line))
        elif line.startswith("vitvideo: warning: "):
            self.warnings.append(line)
        else:
            log.info("%s", line)
            self.last = line


def _listen(process: "subprocess.Popen[bytes]", heard: _Heard) -> bool:
    """Hears the program out and waits for its end.

    Returns:
        whether there was a Ctrl-C.
    """
    assert process.stderr is not None
    interrupted = False
    while True:
        try:
            for line in process.stderr:
                heard.add(line.decode(errors="backslashreplace").rstrip("\n"))
            process.wait()
            return interrupted
        except KeyboardInterrupt:
            process.send_signal(signal.SIGKILL if interrupted else signal.SIGINT)
            interrupted = True


def _callers_level() -> int:
    """How far up the stack, seen from the function that calls this one, the package's caller is."""
    package = os.path.dirname(__file__)
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and os.path.dirname(frame.f_code.co_filename) == package:
        level, frame = level + 1, frame.f_back
    return level


def _print(printed: IO[bytes]) -> None:
    for line in printed:
        sys.stdout.write(line.decode(errors="backslashreplace"))
