"""A learning rate that falls when the validation error stops falling (Dosovitskiy et al. 2014, and many others)."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from triptych.engine.processes import of_first


class Plateau(nn.Module):
    """The rate is divided by `divisor` whenever `patience` looks in a row were no better than the best one, at most
    `divisions` times. Part of a task, so that its state is in the checkpoint."""

    def __init__(self, divisor: float, divisions: int, patience: int):
        super().__init__()
        self.divisor, self.divisions, self.patience = divisor, divisions, patience
        self.best, self.bad, self.done = math.inf, 0, 0

    def see(self, error: float) -> None:
        """Take note of a look's `error`; in several processes, of the first one's."""
        error = of_first(error)  # rates that part would let the processes' weights part
        self.bad = 0 if error < self.best else self.bad + 1
        self.best = min(self.best, error)
        if self.bad >= self.patience and self.done < self.divisions:
            self.done, self.bad = self.done + 1, 0

    def factor(self, step: int) -> float:
        """What the rate is multiplied by: a `Phase.schedule`."""
        return self.divisor**-self.done

    def get_extra_state(self) -> dict[str, Any]:
        return {"best": self.best, "bad": self.bad, "done": self.done}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.best, self.bad, self.done = state["best"], state["bad"], state["done"]
