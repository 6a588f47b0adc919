"""The bootstrap of trainings: what a table might have been, had other seeds been drawn.

Every row's trainings are drawn anew with replacement, as many as there are, each row for itself. Where the different
outcomes are few they are all enumerated with their probabilities; else 10,000 are drawn, from a fixed seed.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

ENUMERATED = 20_000  # outcomes up to which all are looked at
DRAWN = 10_000
SEED = 20_151_119


@dataclass(frozen=True)
class Resamples:
    """R outcomes. `counts[row]`: (R, trainings), how often each training of the row was drawn; `weights`: (R,), the
    outcomes' probabilities."""

    counts: Mapping[str, np.ndarray]
    weights: np.ndarray

    def share(self, holds: np.ndarray) -> float:
        """The probability of the outcomes (R,) in which something holds."""
        return float(self.weights @ holds)

    def mean(self, row: str, means: np.ndarray) -> np.ndarray:
        """(R,) means of the row, from the `means` of its trainings."""
        return self.counts[row] @ means / len(means)

    def best_half(self, row: str, values: np.ndarray) -> np.ndarray:
        """(R,) means of the best half of all values, from those of each training (trainings, draws)."""
        trainings, draws = values.shape
        order = np.argsort(-values, axis=None, kind="stable")
        half = (values.size + 1) // 2
        taken = np.minimum(self.counts[row][:, order // draws].cumsum(1), half)
        return np.diff(taken, axis=1, prepend=0) @ values.flatten()[order] / half


def resample(trainings: Mapping[str, int]) -> Resamples:
    """Of rows by their numbers of trainings."""
    if math.prod(math.comb(2 * k - 1, k) for k in trainings.values()) <= ENUMERATED:
        every = {row: _outcomes(k) for row, k in trainings.items()}
        sizes = [len(chances) for _, chances in every.values()]
        index = np.indices(sizes).reshape(len(sizes), math.prod(sizes))
        counts = {row: found[at] for (row, (found, _)), at in zip(every.items(), index)}
        weights = np.prod([chances[at] for (_, chances), at in zip(every.values(), index)], axis=0)
        return Resamples(counts, np.atleast_1d(weights))
    counts = {
        row: np.random.default_rng([SEED, zlib.crc32(row.encode())]).multinomial(k, [1 / k] * k, DRAWN)
        for row, k in trainings.items()
    }
    return Resamples(counts, np.full(DRAWN, 1 / DRAWN))


def _outcomes(k: int) -> tuple[np.ndarray, np.ndarray]:
    """All different draws of `k` out of `k` with replacement: how often each was drawn (m, k), and how likely (m,)."""
    drawn = list(combinations_with_replacement(range(k), k))
    counts = np.array([np.bincount(each, minlength=k) for each in drawn])
    ways = [math.factorial(k) / math.prod(map(math.factorial, row)) for row in counts.tolist()]
    return counts, np.array(ways) / k**k
