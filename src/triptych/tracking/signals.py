"""What a process does on SIGINT and SIGTERM while it has something to bring to an end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def deaf_to_signals() -> Iterator[None]:
    """SIGINT and SIGTERM do nothing meanwhile (in the main thread, which alone can say so)."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)  # None: set outside Python


def exit_on_terminate(number: int, frame: Any) -> None:
    """SIGTERM becomes SystemExit, so that `finally` blocks run on the way out."""
    signal.signal(number, signal.SIG_IGN)
    raise SystemExit(128 + number)
