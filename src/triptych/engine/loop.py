"""The training loop.

A system states its networks and its losses as a `Task`; one `Phase` is one loss with the optimiser that descends
it. Everything else is here once: device, precision, memory format, several processes, whole-step CUDA graphs,
checkpoints, resuming, the guard against NaN, history and progress.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from triptych.base.errors import UserError
from triptych.engine import checkpoint as ckpt
from triptych.engine.device import prepare
from triptych.engine.replica import Replica
from triptych.engine.step import PhaseRunner, Stepper
from triptych.engine.stream import Source

Owner = Callable[[str], tuple[Replica, str]]  # a loss's name -> the run that it is of, and its name there


class Divergence(UserError, RuntimeError):
    """A loss became NaN or infinite. The message names the loss, the step and the last good checkpoint."""


@dataclass(frozen=True)
class Phase:
    """One loss and who descends it.

    `loss()` reads the current batch from `task.batch` and returns the scalar to minimise and named scalars to
    log. Only the parameters of `modules` receive gradients from it. A phase may leave tensors for later phases of
    the same step in `task.batch` (a CycleGAN's fakes, for its discriminators).
    """

    name: str
    modules: list[nn.Module]
    loss: Callable[[], tuple[Tensor, dict[str, Tensor]]]
    optimiser: Callable[..., torch.optim.Optimizer]  # (parameters, fused=..., capturable=...) -> optimiser
    schedule: Callable[[int], float] | None = None  # step -> factor on the learning rate


class Task(nn.Module):
    """Networks and losses of one system. Register the networks as submodules; state that must survive a kill
    (an image pool) as buffers."""

    batch: dict[str, Tensor | tuple[Tensor, ...]]
    remedy: str = "Lower the learning rate"  # what helps when a loss becomes NaN

    def phases(self) -> list[Phase]:
        """The phases of a step, in the order in which they are run."""
        raise NotImplementedError


def linear_decay(steps: int, start: float = 0.5) -> Callable[[int], float]:
    """1 for the first `start` of the steps, then linearly down to 0 (CycleGAN, section 7.1: 100 + 100 epochs)."""
    first = int(steps * start)
    return lambda step: 1.0 if step < first else max(0.0, (steps - step) / max(1, steps - first))


def train(
    task: Task,
    streams: Mapping[str, Source],
    *,
    steps: int,
    replica: Replica,
    log_every: int = 50,
    callback: Callable[[int], None] | None = None,
    callback_every: int = 0,
    owner: Owner | None = None,
) -> Task:
    """Train `task` for `steps` steps; each step runs all phases on `{name: stream's batch}`.

    `callback(step)` is called every `callback_every` steps with the networks in eval mode, and its use of random
    numbers does not touch the training's; `replica.callback` likewise, `replica.callbacks` times. Losses are kept on
    the device and read every `log_every` steps.
    `owner(loss)`: whose run a loss is of, and its name there, where one loop trains several runs.
    Raises Divergence; the learned weights are left in `task`, in eval mode.
    """
    torch.manual_seed(replica.seed + 7919 * replica.rank)  # processes draw different noise
    prepare(task, replica.device).train()
    runners = [PhaseRunner(task, phase, replica) for phase in task.phases()]
    stepper = Stepper(task, runners, streams, replica)
    start, pending = ckpt.load(replica, task, runners)
    if start:
        replica.say(f"resuming at step {start} of {steps}")
    saver = ckpt.Saver(replica, task, runners, start or None)
    losses = LossBuffer(replica, saver, pending, owner or (lambda loss: (replica, loss)), task.remedy)
    onlookers = [(callback, callback_every), (replica.callback, max(1, steps // replica.callbacks))]
    for step in replica.progress(range(start, steps), steps):
        losses.add(step, stepper(step))
        last = step + 1 == steps
        if (step + 1) % log_every == 0 or last:
            losses.flush()
        for look, every in onlookers:
            if look is not None and every and ((step + 1) % every == 0 or last):
                with torch.random.fork_rng(devices=_cuda_devices(replica.device)):
                    task.eval()
                    look(step + 1)
                    task.train()
        if saver.is_due() and not last:
            saver.save(step + 1, losses.pending())
    if start < steps:
        saver.save(steps)
    for parameter in task.parameters():
        parameter.grad = None
    return task.eval()


def _cuda_devices(device: torch.device) -> list[torch.device]:
    return [device] if device.type == "cuda" else []


class LossBuffer:
    """Losses of the last steps, left on the device until `flush` reads them all at once.

    Means go to the history; the first number that is not finite stops the training. `pending` is what a checkpoint
    must keep so that the history of a resumed run is that of an undisturbed one.
    """

    def __init__(self, replica: Replica, saver: ckpt.Saver, pending: dict[str, list[float]], owner: Owner, remedy: str):
        self.replica, self.saver, self.owner, self.remedy = replica, saver, owner, remedy
        self.names = list(pending)
        self.values = [torch.tensor(row) for row in zip(*pending.values())]
        # On a CPU reading a loss costs nothing, so a bad one is caught in the step that made it.
        self.eager = replica.device.type == "cpu"

    def add(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Keep the scalar `losses` of `step`. Raises Divergence, on a CPU at once."""
        self.names, self.step = list(losses), step
        self.values.append(torch.stack([v.detach().float().reshape(()) for v in losses.values()]))
        if self.eager and not math.isfinite(float(self.values[-1].sum())):
            self._read()

    def pending(self) -> dict[str, list[float]]:
        """Loss -> its values since the last `flush`. Raises Divergence."""
        return dict(zip(self.names, self._read().T.tolist())) if self.values else {}

    def flush(self) -> None:
        """Log each loss's mean since the last `flush`. Raises Divergence."""
        table = self._read()
        self.values = []
        self.replica.log(self.step + 1, **dict(zip(self.names, table.double().mean(0).tolist())))

    def _read(self) -> Tensor:
        """(steps, losses) on the CPU. Raises Divergence."""
        table = torch.stack([v.to(self.replica.device) for v in self.values]).cpu()
        finite = torch.isfinite(table)
        if not finite.all():
            row, column = (~finite).nonzero()[0].tolist()
            run, loss = self.owner(self.names[column])
            raise Divergence(
                f"{run.name}: the loss {loss!r} became {table[row, column].item()} at step "
                f"{self.step + 1 - len(table) + row}. {self.remedy} or check the data; last good "
                f"checkpoint: {self.saver.describe()}"
            )
        return table
