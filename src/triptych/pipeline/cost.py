"""What one execution of a stage cost: seconds, device, precision, machine."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

import torch

from triptych.engine.device import precision
from triptych.pipeline.machine import machine


class Clock:
    """Seconds of an execution, including earlier parts that were killed.

    `clock.json` lies beside the checkpoints from which the run goes on, and is removed with them. An earlier part
    counts from its start to its last checkpoint: what it did after that is done again.
    """

    def __init__(self, checkpoints: Path, fingerprint: str):
        self.began, self.start = time.time(), time.monotonic()
        self.earlier = _seconds_before(checkpoints, fingerprint)
        self._file = checkpoints / "clock.json"
        self._content = {"fingerprint": fingerprint, "began": self.began, "earlier": self.earlier}

    def write(self) -> None:
        """Leave the start of this part beside the checkpoints."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._content) + "\n")

    def seconds(self) -> float:
        """So far, with the earlier parts."""
        return self.earlier + time.monotonic() - self.start


def _seconds_before(checkpoints: Path, fingerprint: str) -> float:
    """0 if there is nothing to go on from, or if it belongs to another run."""
    try:
        before = json.loads((checkpoints / "clock.json").read_text())
        if before["fingerprint"] != fingerprint:
            return 0.0
        saved = [file.stat().st_mtime for file in checkpoints.glob("*.pt")]
        return before["earlier"] + max([0.0, *(when - before["began"] for when in saved)])
    except (OSError, ValueError, KeyError, TypeError):  # none, or half a file
        return 0.0


def peak_memory_mb(processes: int) -> int:
    """An upper bound (forks share memory): this process, plus its largest child times the number of children that ran
    at once."""
    own, child = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round((own + (child * processes if processes > 1 else 0)) / unit)


def describe(clock: Clock, device: torch.device, processes: int) -> dict[str, Any]:
    """The content of cost.json, bar the names of the run."""
    return {
        "seconds": round(clock.seconds(), 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "precision": precision(device),
        "threads": torch.get_num_threads(),
        "processes": max(processes, int(os.environ.get("WORLD_SIZE", 1))),
        "peak_memory_mb": peak_memory_mb(processes),
        "torch": torch.__version__,
        "machine": machine(),
    }
