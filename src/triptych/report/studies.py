"""Studies: experiments beside the papers' tables. Same results files, no published numbers: a row an item, a column a
metric. What the reader is told of each is in studies.yaml."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from triptych.base.config import Strict, validate
from triptych.base.files import parse_yaml
from triptych.report.load import Inputs, duration, judged_on
from triptych.report.table import Cell, Head, Row, Table, heading, note_text


class Column(Strict):
    """How a metric is headed and shown."""

    title: str
    unit: Literal["percent", "number"] = "number"
    digits: int = Field(default=3, ge=0, le=6, description="significant figures; of percent, decimals")


class Study(Strict):
    """`rows`: item -> name, in the order to print; others follow. A metric without a column is not printed (it is in
    the csv)."""

    title: str
    text: str
    first: str = "item"
    rows: dict[str, str] = {}
    columns: dict[str, Column]


@cache
def load_studies() -> dict[str, Study]:
    """studies.yaml, checked."""
    raw = parse_yaml(resources.files("triptych.published").joinpath("studies.yaml").read_text(encoding="utf-8"))
    return {key: validate(Study, value, f"studies.yaml: {key}") for key, value in raw.items()}


def study_tables(key: str, study: Study, inputs: Inputs) -> list[Table]:
    """The printed tables of a study: one for items that have the same metrics, named by its items where there are
    several; none if nothing of it was run."""
    results = inputs.results.get(key, {})
    items = [*(i for i in study.rows if i in results), *sorted(set(results) - set(study.rows), key=_natural)]
    groups: list[tuple[set[str], list[str]]] = []
    for item in items:
        metrics = set(study.columns) & set(results[item]["metrics"])
        group = next((g for g in groups if metrics <= g[0] or metrics >= g[0]), None)
        if group is None:
            groups.append((metrics, [item]))
        else:
            group[0].update(metrics)
            group[1].append(item)
    keys = [key, *(f"{key}-{n}" for n in range(2, len(groups) + 1))]
    tables = [_table(key, k, study, inputs, members) for k, (_, members) in zip(keys, groups)]
    if len(tables) == 1:
        return tables
    return [replace(t, title=f"{t.title}: {'; '.join(row.name.text for row in t.rows)}") for t in tables]


def _table(group: str, key: str, study: Study, inputs: Inputs, items: list[str]) -> Table:
    results = {item: inputs.results[group][item] for item in items}
    metrics = [m for m in study.columns if any(m in r["metrics"] for r in results.values())]
    titles = {metric: column.title for metric, column in study.columns.items()}
    data = list(dict.fromkeys(judged_on(r) for r in results.values() if r["data"]))
    # toy mixtures and games have no images; of several sets a column of its own names each row's
    whose = "ours" if len(data) > 1 else f"ours, {data[0] if data else 'no images'}"
    heads = [Head(heading(study.columns[m]), whose, "ours") for m in metrics]
    heads += [Head("data", "", "info")] if len(data) > 1 else []
    costed = any((group, item) in inputs.costs for item in items)
    heads += [Head("cost", "", "info")] if costed else []
    notes: dict[str, str] = {}
    rows = []
    for item, result in results.items():
        cells = [_cell(result["metrics"].get(m), study.columns[m]) for m in metrics]
        if len(data) > 1:
            cells.append(Cell(judged_on(result) if result["data"] else "–"))
        if costed:
            cost = inputs.costs.get((group, item))
            cells.append(Cell(duration(cost.seconds) if cost else "–"))
        texts = [note_text(note, titles, metrics) for note in result.get("notes", [])]
        marks = tuple(notes.setdefault(text, str(len(notes) + 1)) for text in texts if text is not None)
        rows.append(Row(item, Cell(study.rows.get(item, item.replace("_", " ")), marks=marks), tuple(cells), True))
    return Table(
        key=key,
        title=study.title,
        heads=tuple(heads),
        rows=tuple(rows),
        notes=tuple((mark, text) for text, mark in notes.items()),
        order=(),
        missing=(),
    )


def study_csv(key: str, inputs: Inputs) -> str:
    """item,metric,mean,std,n: every number, unrounded."""
    results = inputs.results.get(key, {})
    rows = [
        {"item": item, "metric": metric, **number}
        for item in sorted(results, key=_natural)
        for metric, number in results[item]["metrics"].items()
    ]
    columns = ["item", "metric", "mean", "std", "n"]
    return pd.DataFrame(rows, columns=columns, dtype=object).to_csv(index=False, lineterminator="\n")


def _cell(number: Mapping[str, Any] | None, column: Column) -> Cell:
    if number is None:
        return Cell("–")

    mean, std = number["mean"], number["std"]
    if column.unit == "percent":
        scale, form = 100, f".{min(column.digits, 2)}f"
    elif 1e-3 <= abs(mean) < 1e5:
        scale, form = 1, f".{max(0, column.digits - 1 - math.floor(math.log10(abs(mean))))}f"  # the ± to the same place
    else:
        scale, form = 1, f".{column.digits}g"
    spread = f" ± {scale * std:{form}}" if number["n"] > 1 else ""
    return Cell(f"{scale * mean:{form}}{spread} (n={number['n']})")


def _natural(text: str) -> list[tuple[int, float, str]]:
    """Sort key by which beta_2 comes before beta_16."""
    parts = re.findall(r"\d+(?:\.\d+)?|[^\d]+", text)
    return [(0, float(p), "") if p[0].isdigit() else (1, 0.0, p) for p in parts]
