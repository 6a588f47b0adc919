"""One training run of one system with one seed: where it runs, what it logs, where it is saved when it is killed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from triptych.base.errors import number_from_environment
from triptych.engine.device import default_device
from triptych.engine.stream import Stream

Row = tuple[int, str, float]  # step, metric, value


@dataclass
class Replica:
    """Stages make these; `Replica(seed=0)` alone is enough to train a system in a notebook or a test."""

    seed: int
    device: torch.device = field(default_factory=default_device)
    name: str = "train"
    checkpoint: Path | None = None  # where `train` saves its state; None: nowhere
    fingerprint: str = ""  # of everything the result depends on; a checkpoint of another one is not used
    sink: Callable[[list[Row]], None] | None = None  # receives history rows as they come
    history: list[Row] = field(default_factory=list)
    callback: Callable[..., None] | None = None  # onlooker of every training: called with the number of steps done
    callbacks: int = 1  # how often in a training, at equal distances; also after its last step

    def log(self, step: int, **metrics: float) -> None:
        """Add points to the history. Metric names use `_` in place of `/`."""
        rows = [(step, name, float(value)) for name, value in metrics.items()]
        self.history += rows
        if self.sink is not None and self.is_main:
            self.sink(rows)

    def stream(self, *arrays: Any, batch_size: int, seed: int | None = None, transform: Any = None) -> Stream:
        """The stream of mini-batches of this run: its device, its seed unless another is given, its part of each."""
        seed = self.seed if seed is None else seed
        return Stream(
            *arrays, batch_size=batch_size, seed=seed, device=self.device, transform=transform,
            rank=self.rank, world=self.world,
        )  # fmt: skip

    def part(self, name: str) -> Replica:
        """The same run, for one of several trainings within a system (own checkpoint, own metric prefix)."""
        sink = self.sink
        prefixed = None if sink is None else (lambda rows: sink([(s, f"{name}_{m}", v) for s, m, v in rows]))
        checkpoint = self.checkpoint and self.checkpoint.with_name(f"{self.checkpoint.stem}-{name}.pt")
        return Replica(self.seed, self.device, f"{self.name} {name}", checkpoint, self.fingerprint, prefixed)

    @property
    def rank(self) -> int:
        """Number of this process among those of the run."""
        return dist.get_rank() if dist.is_initialized() else 0

    @property
    def world(self) -> int:
        """How many processes share each batch of the run."""
        return dist.get_world_size() if dist.is_initialized() else 1

    @property
    def is_main(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def say(self, text: str) -> None:
        """Print `text` behind the run's name, once for all processes."""
        if self.is_main:
            print(f"[{self.name}] {text}", flush=True)

    def progress(self, steps: Iterable[int], total: int) -> Iterator[int]:
        """`steps`, with a bar on a terminal, and a line every half minute where there is none."""
        if not self.is_main:
            yield from steps
        elif sys.stderr.isatty():
            from tqdm import tqdm

            first = total - len(steps) if hasattr(steps, "__len__") else 0
            yield from tqdm(steps, desc=self.name, initial=first, total=total, mininterval=0.5)
        else:
            yield from self._lines(steps, total)

    def _lines(self, steps: Iterable[int], total: int) -> Iterator[int]:
        every = number_from_environment("TRIPTYCH_PROGRESS_SECONDS", 30)
        start = last = time.monotonic()
        first = None
        for step in steps:
            first = step if first is None else first
            yield step
            now = time.monotonic()
            if now - last > every:
                last = now
                rate = (step + 1 - first) / (now - start)
                self.say(f"{step + 1}/{total} steps, {rate:.1f}/s, {(total - step - 1) / rate:.0f} s left")
