"""One training step: every phase's forward, backward and update; on CUDA recorded once and replayed as a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from triptych.engine.stream import Stream


class PhaseRunner(nn.Module):
    """A phase as a module whose parameters are exactly those it trains and whose forward is its loss.

    That is the form DistributedDataParallel wants: one forward, one backward, all parameters used. It then averages
    the gradients over the processes, for any system, whatever its loss calls and how often.
    """

    def __init__(self, task: nn.Module, phase, replica):
        super().__init__()
        self.trained = nn.ModuleList(phase.modules)
        self.phase = phase
        self._others = _parameters_outside(task, self.trained)
        options = {"fused": True, "capturable": True} if replica.device.type == "cuda" else {"fused": True}
        self.optimiser = phase.optimiser(list(self.trained.parameters()), **options)
        self._rates = [group["lr"] for group in self.optimiser.param_groups]
        self._device = replica.device
        self.reset_rates()
        # A list keeps the wrapper out of the module tree (and so out of this module's own parameters).
        self._call = [self]
        if replica.world > 1:
            self._call = [DistributedDataParallel(self, broadcast_buffers=False)]

    def forward(self) -> tuple[Tensor, dict[str, Tensor]]:
        return self.phase.loss()

    def run(self, cast: Callable[[], AbstractContextManager]) -> dict[str, Tensor]:
        with frozen(self._others):
            with cast():
                loss, logs = self._call[0]()
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
        self.optimiser.step()
        return {name: value.detach() for name, value in logs.items()}

    def reset_rates(self) -> None:
        """On CUDA the rate lives in memory, where a captured graph reads it, so that a schedule can change it."""
        for group, rate in zip(self.optimiser.param_groups, self._rates):
            in_memory = self._device.type == "cuda" and group.get("capturable")
            group["lr"] = torch.tensor(float(rate), device=self._device) if in_memory else rate

    @property
    def can_be_captured(self) -> bool:
        """False if a schedule would have to change a rate that a graph has baked in."""
        fixed = self.phase.schedule is None
        return fixed or all(isinstance(group["lr"], Tensor) for group in self.optimiser.param_groups)

    def set_rate(self, step: int) -> None:
        if self.phase.schedule is None:
            return
        factor = self.phase.schedule(step)
        for group, rate in zip(self.optimiser.param_groups, self._rates):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(float(rate) * factor)
            else:
                group["lr"] = rate * factor


class Stepper:
    """`stepper(step)` trains one step and returns its named losses, still on the device."""

    warmup = 3  # steps run eagerly before a graph is captured

    def __init__(
        self,
        task: nn.Module,
        runners: list[PhaseRunner],
        streams: Mapping[str, Stream],
        device: torch.device,
        cast: Callable[[torch.device], AbstractContextManager],
        graph: bool,
    ):
        self.task, self.runners, self.streams, self.device = task, runners, streams, device
        self.cast = lambda: cast(device)
        resident = all(stream.resident for stream in streams.values())
        capturable = all(runner.can_be_captured for runner in runners)
        self.use_graph = graph and device.type == "cuda" and resident and capturable
        self.graph: torch.cuda.CUDAGraph | None = None
        self.rows: dict[str, Tensor] = {}
        self.losses: dict[str, Tensor] = {}
        self.eager_steps = 0

    def __call__(self, step: int) -> dict[str, Tensor]:
        for runner in self.runners:
            runner.set_rate(step)
        rows = {name: stream.rows(step) for name, stream in self.streams.items()}
        if not self.use_graph:
            return self._run(rows)
        if self.graph is None and self.eager_steps < self.warmup:
            self.eager_steps += 1
            return self._on_side_stream(rows)
        if self.graph is None:
            self._capture(rows)
        for name, value in rows.items():
            self.rows[name].copy_(value)
        self.graph.replay()
        return {name: value.clone() for name, value in self.losses.items()}

    def _run(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        self.task.batch = {name: stream.gather(rows[name]) for name, stream in self.streams.items()}
        losses: dict[str, Tensor] = {}
        for runner in self.runners:
            losses.update(runner.run(self.cast))
        return losses

    def _on_side_stream(self, rows: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Warm-up steps are real steps, run where capture wants them: on a stream of their own."""
        side = torch.cuda.Stream(self.device)
        side.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(side):
            losses = self._run(rows)
        torch.cuda.current_stream(self.device).wait_stream(side)
        return losses

    def _capture(self, rows: Mapping[str, Tensor]) -> None:
        self.rows = {name: value.clone() for name, value in rows.items()}
        for runner in self.runners:
            runner.optimiser.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = self._run(self.rows)


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
