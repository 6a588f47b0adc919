"""Checkpoints: written by time, atomically, with everything that the rest of the run depends on.

A killed run that is started again ends with the same bytes as one that was not killed (on a CPU). A disk that is full
and a file that is damaged cost time, never the run.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from triptych.base.errors import number_from_environment
from triptych.engine.optimisers import restore

if TYPE_CHECKING:
    from triptych.engine.replica import Replica
    from triptych.engine.step import PhaseRunner


class Saver:
    """Saves every $TRIPTYCH_CHECKPOINT_SECONDS (60 by default) and when told to."""

    def __init__(self, replica: Replica, task: nn.Module, runners: list[PhaseRunner], last_step: int | None = None):
        self.replica, self.task, self.runners = replica, task, runners
        self.every = number_from_environment("TRIPTYCH_CHECKPOINT_SECONDS", 60)
        self.last_time = time.monotonic()
        self.last_step = last_step  # that a file of this very run holds

    def is_due(self) -> bool:
        """Whether it is time to save again."""
        return self.replica.checkpoint is not None and time.monotonic() - self.last_time >= self.every

    def save(self, step: int, pending: dict[str, list[float]] | None = None) -> None:
        """Save what the rest of the run from `step` on depends on; a disk that is full is a warning."""
        path = self.replica.checkpoint
        self.last_time = time.monotonic()
        if path is None or not self.replica.is_main:
            return
        state = {
            "fingerprint": self.replica.fingerprint,
            "step": step,
            "task": self.task.state_dict(),
            "optimisers": {r.phase.name: r.optimiser.state_dict() for r in self.runners},
            "cpu_rng": torch.get_rng_state(),
            "pending": pending or {},
            "history": [list(row) for row in self.replica.history],
        }
        if self.replica.device.type == "cuda":
            state["cuda_rng"] = torch.cuda.get_rng_state(self.replica.device)
        try:
            write(state, path)
            self.last_step = step
        except OSError as error:
            self.replica.say(f"warning: could not save {path} ({error}): training goes on, from where it was if killed")

    def describe(self) -> str:
        """The last good checkpoint, in words."""
        if self.last_step is None:  # a file that is there all the same is of another run
            return "none was written"
        return f"{self.replica.checkpoint} (step {self.last_step})"


def load(replica: Replica, task: nn.Module, runners: list[PhaseRunner]) -> tuple[int, dict]:
    """Restore the state saved for this very run, if there is one.

    Returns the step to go on with (0: from new) and the losses that were not in the history yet."""
    path = replica.checkpoint
    if path is None or not path.is_file():
        return 0, {}
    try:
        state = read(path)
    except Exception as error:  # of a damaged file: whatever the bytes lead to
        replica.say(f"{path} is unreadable ({type(error).__name__}): starting anew")
        return 0, {}
    if state["fingerprint"] != replica.fingerprint:
        replica.say(f"{path} belongs to other parameters, data or code, or to other seeds in one loop: starting anew")
        return 0, {}
    task.load_state_dict(state["task"])
    for runner in runners:
        restore(runner.optimiser, state["optimisers"][runner.phase.name])
        runner.reset_rates()
    if replica.world > 1:  # one process saved its random state; each must go on with numbers of its own
        torch.manual_seed(replica.seed + 7919 * replica.rank + 104_729 * state["step"])
    else:
        torch.set_rng_state(state["cpu_rng"].cpu())
        if "cuda_rng" in state and replica.device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda_rng"].cpu(), replica.device)
    replica.history.clear()
    for step, name, value in state["history"]:
        replica.log(step, **{name: value})
    return state["step"], state["pending"]


def read(path: Path) -> dict:
    """The saved state. Only tensors and plain containers are read, nothing is run. Raises all sorts of errors for a
    damaged file."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    missing = {"fingerprint", "step", "task", "optimisers", "cpu_rng", "pending", "history"} - set(state)
    if missing:
        raise ValueError(f"{path} lacks {', '.join(sorted(missing))}")
    return state


def write(state: dict, path: Path) -> None:
    """In one step: `path` is the old file or the whole new one, also after a power cut. Raises OSError."""
    unfinished = path.with_suffix(".unfinished")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(unfinished, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except (OSError, RuntimeError) as error:  # torch makes a RuntimeError of a disk that is full in mid-file
        with contextlib.suppress(OSError):
            unfinished.unlink()
        raise error if isinstance(error, OSError) else OSError(str(error)) from error
