"""Which numbers of a column are set bold: the best, and all that cannot be told from it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from triptych.published import Column, Target
from triptych.report.spread import spread_of

RULE = (
    "Bold: the best number of a column, and every one whose ± meets the best one's; none that is not better than the "
    "floors."
)


def goodness(value: float, column: Column) -> float:
    """The larger the better, whatever the column; of a column in which nothing is better, the value."""
    if isinstance(column.better, Target):
        return -abs(value - column.better.target)
    return -value if column.better == "lower" else value


def level_with_best(
    results: Mapping[str, Mapping[str, Any]], column: Column, contenders: Sequence[str], floors: Sequence[str] = ()
) -> set[str]:
    """The rows to be set bold (`RULE`): the distance of their means from the best, at the printed precision, is no more
    than the two standard deviations between trainings together. None that is not better than each of the `floors`; none
    at all where there is no contest. `results`: rows judged on the same data."""
    found = {s: spread_of(r, column.metric) for s, r in results.items() if column.metric in r["metrics"]}
    good = {s: goodness(found[s].mean, column) for s in contenders if s in found}
    if len(good) < 2 or column.better == "none":
        return set()
    best = max(good, key=good.__getitem__)
    reach = {s: found[s].between or found[s].plus_minus or 0 for s in good}
    least = max((goodness(found[s].mean, column) for s in floors if s in found), default=-math.inf)
    # of numbers that are shown, so that no two that look alike are told apart
    shown = {s: round(column.scale * value, column.decimals) for s, value in good.items()}
    allowed = {s: round(column.scale * (reach[best] + reach[s]), column.decimals) for s in good}
    near = {s for s in good if round(shown[best] - shown[s], column.decimals) <= allowed[s]}
    return {s for s in near if good[s] > least}
