"""Exit codes of the program as exceptions, named as in sysexits.h."""

from __future__ import annotations

import signal
from typing import Dict, Optional, Type


class VitvideoError(RuntimeError):
    """The program failed; the message is the line that it said on standard error.

    Attributes:
        exit_code: its exit code; below 0 the number of the signal that ended it.
    """

    exit_code: int = 70

    def __init__(self, line: str, exit_code: Optional[int] = None) -> None:
        super().__init__(line)
        if exit_code is not None:
            self.exit_code = exit_code


class UsageError(VitvideoError):
    """A request that cannot be met, whatever the files hold."""

    exit_code = 64


class BadDataError(VitvideoError):
    """A file that is damaged, contradicts itself, is refused, or holds something else than was asked for."""

    exit_code = 65


class NoInputError(VitvideoError):
    """An input that does not exist or cannot be opened."""

    exit_code = 66


class UnavailableError(VitvideoError):
    """A model, library, codec, server or memory that is not to be had."""

    exit_code = 69


class ProgramNotFoundError(UnavailableError):
    """The program itself is not on this machine."""


class SoftwareError(VitvideoError):
    """A library failed where it should not."""

    exit_code = 70


class CannotCreateError(VitvideoError):
    """An output that exists already or cannot be created."""

    exit_code = 73


class InputOutputError(VitvideoError):
    """Reading or writing failed in the middle."""

    exit_code = 74


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, raised once the program has ended; no ``VitvideoError``, so that ``except Exception`` lets it pass.

    Attributes:
        exit_code: 130.
    """

    exit_code = 130


class VitvideoWarning(UserWarning):
    """A warning of the program, as of damage that it passed over."""


_BY_CODE: Dict[int, Type[VitvideoError]] = {
    kind.exit_code: kind
    for kind in (
        UsageError, BadDataError, NoInputError, UnavailableError, SoftwareError, CannotCreateError, InputOutputError)
}


def error(exit_code: int, line: str) -> VitvideoError:
    """The exception for an exit code that is not 0.

    Args:
        line: the last line on standard error, which may be empty.
    """
    if exit_code < 0:
        ending = f"ended by signal {-exit_code} ({signal.strsignal(-exit_code)})"
    else:
        ending = f"ended with exit code {exit_code}"
    return _BY_CODE.get(exit_code, VitvideoError)(line or f"vitvideo: {ending}", exit_code)
