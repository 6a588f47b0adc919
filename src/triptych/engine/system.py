"""The contract of a row: what every table asks of a system, whatever its paper."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class System(nn.Module):
    """One row of a table, built as `System(config, spec)` with `config` its section of params.yaml.

    Its state dict is all that is saved of it. Each table has a subclass of this one that says how `fit` is called and
    what the table's protocol asks for; what only some systems can do is an ability such as `Sampler`.
    """

    learns: bool = True  # False: `fit` does nothing, and every seed gives the same system

    def notes(self) -> list[str]:
        """What a reader of the table has to know about this row: a line each. Empty by default."""
        return []


class Sampler(ABC):
    """The ability to draw images from noise."""

    @abstractmethod
    def sample(self, n: int, seed: int = 0) -> Tensor:
        """uint8 images (n, C, H, W)."""
