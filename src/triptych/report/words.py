"""How the rows and metrics of a table or study are called, and how its numbers are written outside a table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from triptych.published import TABLES, load
from triptych.report.studies import load_studies, row_name


@dataclass(frozen=True)
class Words:
    """Of one table or study: the names of rows and metrics, and `number(metric, value)` -> "67.0 %"."""

    row: Callable[[str], str]
    metric: Callable[[str], str]
    number: Callable[[str, float], str]


def words_of(key: str) -> Words:
    """Of a table or study. A row or metric that it does not know keeps its own name."""
    if key in TABLES:
        published = load(key)
        rows = {system: _short(row.name) for system, row in published.systems.items()}
        row = lambda name: rows.get(name, name.replace("_", " "))  # noqa: E731
        columns = {
            c.metric: (f"{c.group}, {c.title}".removeprefix(", "), c.unit, c.decimals) for c in published.columns
        }
    else:
        study = load_studies()[key]
        row = partial(row_name, study)
        columns = {m: (c.title, c.unit, c.digits) for m, c in study.columns.items()}

    def number(metric: str, value: float) -> str:
        _, unit, digits = columns.get(metric, ("", "number", 3))
        if unit == "percent":
            return f"{100 * value:.{min(digits, 2)}f} %"
        return f"{value:.{digits}f}" if unit == "fraction" else f"{value:.{max(digits, 3)}g}"

    return Words(
        row=row, metric=lambda name: columns[name][0] if name in columns else name.replace("_", " "), number=number
    )


def _short(name: str) -> str:
    """Without what a table says of a row in brackets: the paper's row is no reconstruction of ours."""
    return re.sub(r" \((our reconstruction|floor|ceiling)\)$", "", name)
