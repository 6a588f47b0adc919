"""How far a number of ours is to be trusted: its trainings, what lies between them, and how a cell says so.

Draws of labels, or classifiers, judged on one network share its luck. So the ± of a cell is the standard deviation
*between trainings of their means*; what lies within one training goes to the settings. Two trainings have no ±: both
means are shown. Of a choice among all trainings (a best half) the ± is over its values, as in the paper.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from triptych.base.results import training_values, trainings_of


@dataclass(frozen=True)
class Spread:
    """One metric of one row. `means`: of each training, in the order of the seeds; () where that is not known.
    `trainings` None: the values were chosen among those of all trainings. `within`: standard deviation of the draws of
    one training. `std`: of all `n` values."""

    mean: float
    n: int
    trainings: int | None
    means: tuple[float, ...]
    within: float | None
    std: float

    @property
    def draws(self) -> int:
        """Values of each training."""
        return self.n // len(self.means) if self.means else 1

    @property
    def between(self) -> float | None:
        """Standard deviation of the trainings' means; None for fewer than two."""
        return statistics.stdev(self.means) if len(self.means) > 1 else None

    @property
    def plus_minus(self) -> float | None:
        """What stands behind ±; None where nothing should: one training, or two."""
        if self.means:
            return self.between if len(self.means) > 2 else None
        return self.std if self.n > 1 else None


def spread_of(result: Mapping[str, Any], metric: str) -> Spread:
    """Of a result as results/<table>/<system>.json has it. Raises KeyError if it lacks the metric."""
    number, groups = result["metrics"][metric], training_values(result, metric)
    means = tuple(statistics.fmean(values) for values in groups)
    within = None
    if groups and len(groups[0]) > 1:
        within = math.sqrt(statistics.fmean(map(statistics.variance, groups)))
    return Spread(number["mean"], number["n"], trainings_of(result, metric), means, within, number["std"])


def cell_text(spread: Spread, scale: float = 1, decimals: int = 2, spread_decimals: int | None = None) -> str:
    """67.0 ± 2.3 of three or more trainings; 46.2 (49.4, 43.0) of two; 67.0 of one."""
    text = f"{scale * spread.mean:.{decimals}f}"
    if len(spread.means) == 2:
        return f"{text} ({', '.join(f'{scale * mean:.{decimals}f}' for mean in spread.means)})"
    if spread.plus_minus is None:
        return text
    return f"{text} ± {scale * spread.plus_minus:.{decimals if spread_decimals is None else spread_decimals}f}"


def share_text(spread: Spread) -> str:
    """Of a metric that is 1 or 0 for each run: 3 of 5."""
    return f"{round(spread.mean * spread.n)} of {spread.n}"


def count_text(spread: Spread) -> str:
    """n, for the head of a column: 3 × 5 (trainings × draws), 3, or 8 (values, of a choice among all trainings)."""
    return f"{len(spread.means)} × {spread.draws}" if spread.draws > 1 else str(len(spread.means) or spread.n)


def within_text(spread: Spread, scale: float = 1, unit: str = "") -> str:
    """What a cell does not show, for the settings of a row; "" where each training has one value."""
    if spread.within is None:
        return ""
    return f"± {scale * spread.within:.2g}{unit} between the {spread.draws} values of one training"
