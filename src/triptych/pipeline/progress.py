"""What a person sees of a run: a line for each finished stage and, on a terminal, one line that shows the progress."""

from __future__ import annotations

import re
import shutil
import sys
import time
from pathlib import Path
from typing import TextIO

METRIC = re.compile(r"^([\w-]+/[\w-]+): ([\w@.-]+ = .*\d.*)$", re.M)
SHOWN = 4  # numbers of a result on its line
LAST_LINES = 20  # of a failed stage's log


class Progress:
    """Events of a run of `total` stages, written to `stream`."""

    def __init__(self, total: int, stream: TextIO | None = None):
        self.total, self.stream = total, stream or sys.stdout
        self.live = self.stream.isatty()
        self.done = 0
        self._failures: dict[str, str] = {}  # what was shown -> of which stage

    def say(self, text: str) -> None:
        self.clear()
        print(text, file=self.stream, flush=True)

    def started(self, name: str) -> None:
        if not self.live:
            self.say(f"{clock()} {name} started")

    def unchanged(self) -> None:
        self.done += 1

    def restored(self, name: str) -> None:
        self.done += 1
        self._event("=", name, "from the cache")

    def finished(self, name: str, seconds: float, log: Path) -> None:
        self.done += 1
        self._event("+", name, f"{duration(seconds)}{result(log)}")

    def failed(self, name: str, why: str, log: Path | None = None) -> None:
        """`log` is named, and its last lines are shown, unless another stage has failed with the same ones."""
        self._event("x", name, why)
        if log is None or not log.is_file():
            return
        lines = log.read_text(errors="replace").splitlines()[-LAST_LINES:]
        text = "\n".join(f"    | {line}" for line in lines if line.strip())
        same = self._failures.setdefault(text, name)
        self.say(f"    the same as {same}" if same != name else text)
        self.say(f"    all of it: {log}")

    def _event(self, sign: str, name: str, text: str) -> None:
        self.say(f"{'' if self.live else clock() + ' '}{sign} {name}  {text}")

    def status(self, running: dict[str, float], left: float | None) -> None:
        """The line of a terminal: `running` gives each stage's seconds so far, `left` the seconds to the end."""
        if not self.live:
            return
        longest = sorted(running, key=running.get, reverse=True)
        names = ", ".join(f"{name} {duration(running[name])}" for name in longest)
        text = f"{self.done}/{self.total} done"
        text += f", about {duration(left)} left" if left is not None else ""
        text += f", running {names}" if names else ""
        width = shutil.get_terminal_size().columns - 1
        self.stream.write("\r" + text[:width].ljust(width))
        self.stream.flush()

    def clear(self) -> None:
        if self.live:
            self.stream.write("\r\x1b[K")


def result(log: Path) -> str:
    """The metric lines that a stage printed, on one line: `  table/row: a = 1; b = 2; table/other: a = 3; 5 more`."""
    try:
        found = METRIC.findall(log.read_text(errors="replace"))
    except OSError:
        return ""
    parts, last = [], None
    for row, number in found[:SHOWN]:
        parts.append(number if row == last else f"{row}: {number}")
        last = row
    if len(found) > SHOWN:
        parts.append(f"{len(found) - SHOWN} more")
    return f"  {'; '.join(parts)}" if parts else ""


def duration(seconds: float) -> str:
    """3 s, 2 min 5 s, 4 h 10 min."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"


def clock() -> str:
    return time.strftime("%H:%M:%S")
