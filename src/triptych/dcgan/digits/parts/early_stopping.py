"""Training that keeps the weights with the least validation error (early stopping).

With 1000 labels every network is overfitted long before its last step; the semi-supervised papers report the test error
of the epoch with the best validation error (Kingma et al. 2014; Zhao et al. 2015).

One process trains: several, whose errors may differ in a last digit, could stop at different steps and then wait for
each other for ever."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from triptych.base.config import ParamsError
from triptych.engine import Replica, Stream, Task, train

SAID = "each training keeps the weights with the least error on the validation images"  # in the rows' notes


class Selection(nn.Module):
    """The best weights of `net` so far, their error and step, and the least error after each of `looks` looks; part of
    the task's state, so a resumed run has them."""

    def __init__(self, net: nn.Module, looks: int):
        super().__init__()
        self.best = copy.deepcopy(net).requires_grad_(False)
        # in float64, as errors are: the rounding of a float32 would make an equal error a smaller one
        self.register_buffer("error", torch.tensor(math.inf, dtype=torch.float64))
        self.register_buffer("step", torch.tensor(0))
        self.register_buffer("curve", torch.full((looks,), math.nan, dtype=torch.float64))

    def see(self, net: nn.Module, error: float, step: int, look: int) -> None:
        """Keep the weights of `net` if `error`, the validation error after `step`, is the least so far."""
        self.curve[look] = min(error, float(self.error))
        if error < float(self.error):
            self.error.fill_(error)
            self.step.fill_(step)
            self.best.load_state_dict(net.state_dict())


class Pruning:
    """Trials of one search that are worse than the others end early: a trial goes on while the least of its errors so
    far is no larger than the `quantile` of what the earlier trials had reached at the same look. A quantile of 1/2 is
    the median stopping rule (Golovin et al. 2017, section 3.2), with the least error in place of the mean."""

    def __init__(self, quantile: float):
        self.quantile = quantile
        self.curves: list[list[float]] = []  # of each trial, its least error after each look

    def hopeless(self, look: int, error: float) -> bool:
        """Whether a trial ends whose least error after look number `look` (from 0) is `error`."""
        earlier = [curve[min(look, len(curve) - 1)] for curve in self.curves]  # one that has ended stays where it was
        return len(earlier) > 1 and error > quantile(earlier, self.quantile)


def quantile(values: list[float], q: float) -> float:
    """With linear interpolation, in float64."""
    return float(torch.tensor(values, dtype=torch.float64).quantile(q))


def one_process(replica: Replica) -> None:
    """Raises ParamsError if `replica` is one of several processes (torchrun)."""
    if replica.world > 1:
        raise ParamsError(
            f"{replica.name}: {replica.world} processes (torchrun) cannot train a system that stops early; "
            "run its stage with `python`, in one"
        )


class _Enough(Exception):
    """No improvement for long enough, or worse than the other trials."""


def train_selected(
    task: Task,
    net: nn.Module,
    validate: Callable[[], float],
    streams: Mapping[str, Stream],
    *,
    steps: int,
    every: int,
    patience: int,
    replica: Replica,
    pruning: Pruning | None = None,
) -> float:
    """Train `task`, ask `validate()` for the error of `net` every `every` steps, and stop when the best of them is
    `patience` such looks old, or when `pruning`, to which this trial is then added, says so. `net` is left with the
    best weights, in eval mode. Returns their validation error. Raises ParamsError under torchrun."""
    one_process(replica)
    selection = task.selection = Selection(net, looks=math.ceil(steps / every))

    def check(step: int) -> None:
        error, look = validate(), math.ceil(step / every) - 1
        replica.log(step, validation_error=error)
        selection.see(net, error, step, look)
        if step - int(selection.step) >= patience * every:
            raise _Enough
        if pruning is not None and pruning.hopeless(look, float(selection.error)):
            raise _Enough

    try:
        train(task, streams, steps=steps, replica=replica, callback=check, callback_every=every, log_every=every)
    except _Enough:
        for parameter in task.parameters():
            parameter.grad = None
    if pruning is not None:
        pruning.curves.append(selection.curve[~selection.curve.isnan()].tolist())
    net.load_state_dict(selection.best.state_dict())
    net.eval()
    return float(selection.error)
