"""Errors that the user can mend, and how a script ends on one: with its message, without a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """Something outside the code is wrong: a parameter, a file, a disk, a server. The message says what, and what to
    do about it."""


class NotTrained(UserError, FileNotFoundError):
    """A trained model that something needs is not on disk."""


def number_from_environment(name: str, default: float) -> float:
    """$`name`, or `default` where it is not set. Raises UserError if it is no number."""
    text = os.environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise UserError(f"{name} = {text!r}: must be a number") from None


def disk_full(error: BaseException) -> bool:
    """Whether it is an operating system's word that a disk has no room left."""
    return isinstance(error, OSError) and error.errno == errno.ENOSPC


def main(work: Callable[..., None]) -> None:
    """Run a stage script: `work(*command line arguments)`. A UserError, or too little memory or disk, ends as one
    message, status 1."""
    try:
        work(*sys.argv[1:])
    except UserError as error:
        _end(str(error))
    except (MemoryError, OSError, RuntimeError) as error:
        message = _too_little(error)
        if message is None:
            raise
        _end(message)
    except TypeError as error:
        if len(sys.argv) - 1 != work.__code__.co_argcount:
            names = " ".join(f"<{n}>" for n in work.__code__.co_varnames[: work.__code__.co_argcount])
            print(f"usage: python {sys.argv[0]} {names}", file=sys.stderr)
            sys.exit(2)
        raise error


def _end(message: str) -> None:
    print(f"\nerror: {message}\n", file=sys.stderr)
    sys.exit(1)


GO_ON = "what has been trained up to the last checkpoint is kept: the same command goes on from there"


def _too_little(error: Exception) -> str | None:
    """What to do if it was memory or disk that did not suffice; None if it was something else."""
    said = str(error).partition("\n")[0]
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which need not be imported to be known
        return (
            f"not enough GPU memory ({said}). Lower batch_size, width or the number of seeds in params.yaml, or set "
            f"TRIPTYCH_DEVICE to another device. With the same parameters {GO_ON}"
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in said:
        return (
            f"not enough memory ({said}). Lower batch_size or the number of images in params.yaml, or set "
            f"TRIPTYCH_WORKERS=1: one seed after the other. With the same parameters {GO_ON}"
        )
    if disk_full(error):
        where = f" while writing {error.filename}" if error.filename else ""
        return f"disk full{where}: free some space and run again; {GO_ON}"
    return None
