"""Drawing factors from a stored grid and finding their images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from triptych.data.format import DataError


class Grid:
    """A complete grid of factor values whose images are stored in row-major order, the last factor fastest.

    `merge_poses`: an orientation that equals an earlier one up to full turns (0 and 2π are both in the full
    grid) is never drawn, and counts as the earlier one. Symmetries of single shapes are not merged: factors
    are independent only as long as every shape has the same orientations.
    """

    def __init__(self, factors: Sequence[Mapping[str, Any]], *, merge_poses: bool = True):
        self.names = [f["name"] for f in factors]
        self.values = [torch.tensor(f["values"], dtype=torch.float64) for f in factors]
        self.sizes = [len(v) for v in self.values]
        self.count = math.prod(self.sizes)
        self.canonical = [torch.arange(n) for n in self.sizes]  # value index -> index of the first equal pose
        if merge_poses and "orientation" in self.names:
            k = self.names.index("orientation")
            turn = torch.remainder(self.values[k][:, None] - self.values[k], 2 * math.pi)
            same = torch.minimum(turn, 2 * math.pi - turn) < 1e-6
            self.canonical[k] = same.int().argmax(1)
        self.distinct = [c.unique() for c in self.canonical]
        self.available = math.prod(len(d) for d in self.distinct)  # images of distinct pose

    def check(self, images: int) -> None:
        """Raises DataError if the set with so many images is not this whole grid."""
        if images != self.count:
            raise DataError(f"the metric draws from a complete grid of {self.count} images; this set has {images}")

    def numbers(self, names: Sequence[str]) -> list[int]:
        """Positions of the factors called `names`. Raises DataError for one that is not there."""
        missing = [n for n in names if n not in self.names]
        if missing:
            raise DataError(f"no factor {', '.join(missing)} in this data; there are {', '.join(self.names)}")
        return [self.names.index(n) for n in names]

    def draw(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Factor indices (*shape, K), every factor uniform over its distinct values."""
        columns = [d[torch.randint(len(d), tuple(shape), generator=generator)] for d in self.distinct]
        return torch.stack(columns, dim=-1)

    def rows(self, factors: Tensor) -> Tensor:
        """Factor indices (..., K) -> row numbers of their images (...)."""
        bases = [math.prod(self.sizes[k + 1 :]) for k in range(len(self.sizes))]
        return (factors * torch.tensor(bases, device=factors.device)).sum(-1)

    def factors(self, rows: Tensor) -> Tensor:
        """Row numbers (...) -> factor indices (..., K)."""
        return torch.stack(torch.unravel_index(rows, tuple(self.sizes)), dim=-1)

    def sample_rows(self, n: int, generator: torch.Generator) -> Tensor:
        """`n` different rows in random order, (n,), all of distinct pose. Raises DataError if there are fewer."""
        if n > self.available:
            raise DataError(f"{n} different images are asked for; the grid has {self.available}")
        order = torch.randperm(self.count, generator=generator)
        return order[self._is_distinct[order]][:n]

    @cached_property
    def _is_distinct(self) -> Tensor:
        """Whether each row is of a pose that no earlier value of its factors has, (count,) bool."""
        factors = self.factors(torch.arange(self.count))
        keep = torch.ones(self.count, dtype=torch.bool)
        for k, canonical in enumerate(self.canonical):
            keep &= (canonical == torch.arange(len(canonical)))[factors[:, k]]
        return keep
