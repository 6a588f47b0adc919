"""One training step: every phase's forward, backward and update."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from triptych.engine.device import autocast
from triptych.engine.graph import RecordedStep
from triptych.engine.optimisers import device_options
from triptych.engine.stream import Source

if TYPE_CHECKING:
    from triptych.engine.loop import Phase
    from triptych.engine.replica import Replica


class PhaseRunner(nn.Module):
    """A phase as a module whose parameters are exactly those it trains and whose forward is its loss.

    That is the form DistributedDataParallel wants: one forward, one backward, all parameters used. It then averages
    the gradients over the processes, for any system, whatever its loss calls and how often.
    """

    def __init__(self, task: nn.Module, phase: Phase, replica: Replica):
        super().__init__()
        self.trained = nn.ModuleList(phase.modules)
        self.phase = phase
        self._others = _parameters_outside(task, self.trained)
        self.optimiser = phase.optimiser(list(self.trained.parameters()), **device_options(replica.device))
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._device = replica.device
        self.reset_rates()
        # A list keeps the wrapper out of the module tree (and so out of this module's own parameters).
        self._call = [self]
        if replica.world > 1:
            self._call = [DistributedDataParallel(self, broadcast_buffers=False)]

    def forward(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The phase's loss and what it logs."""
        return self.phase.loss()

    def run(self, cast: Callable[[], AbstractContextManager]) -> dict[str, Tensor]:
        """Descend the loss once, its forward pass under `cast()`; returns what it logs, detached."""
        with frozen(self._others):
            with cast():
                loss, logs = self._call[0]()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        self.optimiser.step()
        return {name: value.detach() for name, value in logs.items()}

    def reset_rates(self) -> None:
        """Back to the phase's own rates. On CUDA a rate lives in memory, where a recorded step reads it, so that a
        schedule can change it."""
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            in_memory = self._device.type == "cuda" and group.get("capturable")
            group["lr"] = torch.tensor(float(rate), device=self._device) if in_memory else rate

    @property
    def can_be_recorded(self) -> bool:
        """False if a schedule would have to change a rate that a recording holds as a number."""
        fixed = self.phase.schedule is None
        return fixed or all(isinstance(group["lr"], Tensor) for group in self.optimiser.param_groups)

    def set_rate(self, step: int) -> None:
        """The rate of `step`, as the phase's schedule has it."""
        if self.phase.schedule is None:
            return
        factor = self.phase.schedule(step)
        for group, rate in zip(self.optimiser.param_groups, self._rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(float(rate) * factor)
            else:
                group["lr"] = rate * factor


class Stepper:
    """`stepper(step)` trains one step and returns its named losses, still on the device.

    On one GPU the step is recorded (engine/graph.py) if all of its data lie there.
    """

    def __init__(self, task: nn.Module, runners: list[PhaseRunner], sources: Mapping[str, Source], replica: Replica):
        self.task, self.runners, self.sources = task, runners, sources
        self.cast = lambda: autocast(replica.device, task)
        self.run: Callable[[dict[str, Tensor]], dict[str, Tensor]] = self._run
        resident = all(source.resident for source in sources.values())
        can_be_recorded = resident and all(runner.can_be_recorded for runner in runners)
        if replica.device.type == "cuda" and replica.world == 1 and can_be_recorded:
            self.run = RecordedStep(self._run, replica.device, self._clear_gradients)

    def __call__(self, step: int) -> dict[str, Tensor]:
        for runner in self.runners:
            runner.set_rate(step)
        return self.run({name: source.rows(step) for name, source in self.sources.items()})

    def _run(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.task.batch = {name: source.gather(rows[name]) for name, source in self.sources.items()}
        losses: dict[str, Tensor] = {}
        for runner in self.runners:
            losses.update(runner.run(self.cast))
        return losses

    def _clear_gradients(self) -> None:
        for runner in self.runners:
            runner.optimiser.zero_grad(set_to_none=True)


@contextmanager
def frozen(parameters: list[nn.Parameter]) -> Iterator[None]:
    """No gradients for `parameters` inside: saves their backward pass, and keeps phases apart."""
    changed = [p for p in parameters if p.requires_grad]
    for p in changed:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in changed:
            p.requires_grad_(True)


def _parameters_outside(task: nn.Module, trained: nn.Module) -> list[nn.Parameter]:
    inside = {id(p) for p in trained.parameters()}
    return [p for p in task.parameters() if id(p) not in inside]
