"""Errors that the user can mend, and how a script ends on one: with its message, without a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


class UserError(Exception):
    """Something outside the code is wrong: a parameter, a file, a disk, a server. The message says what, and what to
    do about it."""


def number_from_environment(name: str, default: float) -> float:
    """$`name`, or `default` where it is not set. Raises UserError if it is no number."""
    text = os.environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError:
        raise UserError(f"{name} = {text!r}: must be a number") from None


def main(work: Callable[..., None]) -> None:
    """Run a stage script: `work(*command line arguments)`. A UserError ends as one message, status 1."""
    try:
        work(*sys.argv[1:])
    except UserError as error:
        print(f"\nerror: {error}\n", file=sys.stderr)
        sys.exit(1)
    except TypeError as error:
        if len(sys.argv) - 1 != work.__code__.co_argcount:
            names = " ".join(f"<{n}>" for n in work.__code__.co_varnames[: work.__code__.co_argcount])
            print(f"usage: python {sys.argv[0]} {names}", file=sys.stderr)
            sys.exit(2)
        raise error
