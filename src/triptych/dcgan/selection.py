"""Training that keeps the weights with the least validation error (early stopping).

With 1000 labels every network is overfitted long before its last step; the semi-supervised papers report the
test error of the epoch with the best validation error (Kingma et al. 2014; Zhao et al. 2015).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from triptych.engine import Replica, Stream, Task, train


class Selection(nn.Module):
    """The best weights of `net` so far, their error and step; part of the task's state, so a resumed run has
    them.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.best = copy.deepcopy(net).requires_grad_(False)
        self.register_buffer("error", torch.tensor(math.inf))
        self.register_buffer("step", torch.tensor(0))

    def see(self, net: nn.Module, error: float, step: int) -> None:
        if error < float(self.error):
            self.error.fill_(error)
            self.step.fill_(step)
            self.best.load_state_dict(net.state_dict())


class _Enough(Exception):
    """No improvement for long enough."""


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
) -> float:
    """Train `task`, ask `validate()` for the error of `net` every `every` steps, and stop when the best of
    them is `patience` such checks old. `net` is left with the best weights, in eval mode. Returns their
    validation error.
    """
    selection = task.selection = Selection(net)

    def check(step: int) -> None:
        error = validate()
        replica.log(step, validation_error=error)
        selection.see(net, error, step)
        if step - int(selection.step) >= patience * every:
            raise _Enough

    try:
        train(task, streams, steps=steps, replica=replica, callback=check, callback_every=every, log_every=every)
    except _Enough:
        for parameter in task.parameters():
            parameter.grad = None
    net.load_state_dict(selection.best.state_dict())
    net.eval()
    return float(selection.error)
