"""Errors that the user can mend, and how a script ends on one: with its message, without a traceback."""

from __future__ import annotations

import errno
import math
import os
import sys
from collections.abc import Callable
from pathlib import Path


class UserError(Exception):
    """Something outside the code is wrong: a parameter, a file, a disk, a server. The message says what, and what to
    do about it."""


class NotTrained(UserError, FileNotFoundError):
    """A trained model that something needs is not on disk."""


COUNTS = {"TRIPTYCH_THREADS": 1, "TRIPTYCH_WORKERS": 1, "WORLD_SIZE": 1, "RANK": 0, "LOCAL_RANK": 0}
"""Variables that hold a whole number, and the least that it may be. The last three are torchrun's."""


def number_from_environment(name: str, default: float) -> float:
    """$`name`, or `default` where it is not set. Raises UserError if it is no number, less than 0, or not what `COUNTS`
    asks for."""
    text = os.environ.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = math.nan
    if name in COUNTS and not (number % 1 == 0 and COUNTS[name] <= number < 2**15):
        raise UserError(f"{name} = {text!r}: must be a whole number from {COUNTS[name]} on")
    if not number >= 0:
        raise UserError(f"{name} = {text!r}: must be a number from 0 on")
    return number


def thread_count() -> int:
    """How many threads each process of a stage computes with on a CPU: $TRIPTYCH_THREADS, or 1. The number changes
    rounding, and must depend neither on the machine nor on how many stages run at once."""
    return int(number_from_environment("TRIPTYCH_THREADS", 1))


def limit_threads() -> None:
    """Let all libraries compute with `thread_count()` threads: those that are imported by now are told, the others will
    read it from the environment."""
    from threadpoolctl import threadpool_limits

    count = thread_count()
    os.environ |= thread_variables(count)
    threadpool_limits(count)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(count)


def thread_variables(count: int) -> dict[str, str]:
    """The environment of a process whose libraries are to compute with `count` threads."""
    return dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"], str(count))


def check_code() -> None:
    """Raises UserError if the package does not lie beside the script that runs: an installed one would be recorded as
    the project's (or the experiment's) own."""
    beside, this = Path(sys.argv[0]).absolute().parent.parent / "src" / "triptych", Path(__file__).parents[1]
    if beside.is_dir() and not beside.samefile(this):
        raise UserError(
            f"{sys.argv[0]} would run the code of {this}, not that of {beside}: "
            f"set PYTHONPATH={beside.parent}, or make stages/triptych a link to ../src/triptych"
        )


def disk_full(error: BaseException) -> bool:
    """Whether it is an operating system's word that a disk has no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def main(work: Callable[..., None]) -> None:
    """Run a stage script: `work(*command line arguments)` with `thread_count()` threads. A UserError, too little
    memory or disk, or a folder that may not be written ends as one message, status 1."""
    try:
        check_code()
        for name in COUNTS:
            number_from_environment(name, COUNTS[name])
        limit_threads()
        work(*sys.argv[1:])
    except UserError as error:
        _end(str(error))
    except (MemoryError, OSError, RuntimeError, SystemError) as error:
        message = what_to_do(error)
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


NO_MEMORY = ("can't allocate memory", "could not create a primitive", "error return without exception set")
"""As torch, oneDNN and Python say it where memory ran out."""
GO_ON = "what has been trained up to the last checkpoint is kept: the same command goes on from there"


def what_to_do(error: Exception) -> str | None:
    """What to do if memory or disk did not suffice, or if a folder may not be written; None if it was something
    else."""
    said = str(error).partition("\n")[0]
    if type(error).__name__ == "OutOfMemoryError":  # torch's, which need not be imported to be known
        return (
            f"not enough GPU memory ({said}). Lower batch_size, width or the number of seeds in params.yaml, or set "
            f"TRIPTYCH_DEVICE to another device. With the same parameters {GO_ON}"
        )
    if isinstance(error, MemoryError) or any(words in said for words in NO_MEMORY):
        return (
            f"not enough memory ({said}). Lower batch_size or the number of images in params.yaml, or set "
            f"TRIPTYCH_WORKERS=1: one seed after the other. With the same parameters {GO_ON}"
        )
    if disk_full(error):
        where = f" while writing {error.filename}" if error.filename else ""
        return f"disk full{where}: free some space and run again; {GO_ON}"
    if isinstance(error, OSError) and error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{error.filename} cannot be written ({error.strerror}): make its folder writable, then run again"
    return None
