"""Studies: experiments beside the papers' tables. Same results files, no published numbers: a row an item, a column a
metric. What the reader is told of each is in studies.yaml."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from triptych.base.config import Strict, validate
from triptych.published.files import read_published
from triptych.report.load import Inputs, duration, judged_on
from triptych.report.notes import Cell, caveats, metric_of, note_text, numbered
from triptych.report.spread import cell_text, count_text, share_text, spread_of
from triptych.report.table import Head, Row, Table, heading

MOST_COLUMNS = 6  # of a table with fewer rows


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
    return {key: validate(Study, value, f"studies.yaml: {key}") for key, value in read_published("studies").items()}


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
    named = ["; ".join(row_name(study, item) for item in members) for _, members in groups]
    return [replace(t, title=f"{t.title}: {names}") for t, names in zip(tables, named)]


def _table(group: str, key: str, study: Study, inputs: Inputs, items: list[str]) -> Table:
    results = {item: inputs.results[group][item] for item in items}
    metrics = [m for m in study.columns if any(m in r["metrics"] for r in results.values())]
    titles = {metric: column.title for metric, column in study.columns.items()}
    data = list(dict.fromkeys(judged_on(r) for r in results.values() if r["data"]))
    # toy mixtures and games have no images; of several sets a column of its own names each row's
    whose = "ours" if len(data) > 1 else f"ours, {data[0] if data else 'no images'}"
    spreads = {m: {i: spread_of(r, m) for i, r in results.items() if m in r["metrics"]} for m in metrics}
    counts = {m: [count_text(spread) for spread in of.values()] for m, of in spreads.items()}
    usual = {m: max(n, key=n.count) for m, n in counts.items()}
    heads = [Head(heading(study.columns[m]), whose, "ours", usual[m]) for m in metrics]
    heads += [Head("data", "", "info")] if len(data) > 1 else []
    costed = any((group, item) in inputs.costs for item in items)
    heads += [Head("cost", "", "info")] if costed else []
    rows = []
    for item, result in results.items():
        mine = {note: metric_of(note, titles) for note in caveats(results, item)}
        told = {
            m: tuple(str(note_text(n, titles, metrics)) for n, about in mine.items() if about == m) for m in metrics
        }
        cells = [_cell(result, m, study.columns[m], usual[m], told[m]) for m in metrics]
        if len(data) > 1:
            cells.append(Cell(judged_on(result) if result["data"] else "–"))
        if costed:
            cost = inputs.costs.get((group, item))
            cells.append(Cell(duration(cost.seconds) if cost else "–"))
        about_all = tuple(note for note, about in mine.items() if not about)
        name = Cell(row_name(study, item), notes=about_all)
        rows.append(Row(item, name, tuple(cells), True))
    marked, notes, beyond = numbered(rows)
    table = Table(key, study.title, tuple(heads), tuple(marked), notes, (), (), study.first, beyond)
    return transposed(table) if len(metrics) > (3 if len(rows) == 1 else MOST_COLUMNS) > len(rows) else table


def transposed(table: Table) -> Table:
    """A table with a row a metric and a column an item, of one with few items and many metrics."""
    measured = [k for k, head in enumerate(table.heads) if head.kind == "ours"]
    usual = max((table.heads[k].n for k in measured), key=[table.heads[k].n for k in measured].count)
    rows = []
    for k, head in enumerate(table.heads):
        other = f" (n\u00a0=\u00a0{head.n})" if head.n not in ("", usual) else ""
        cells = [row.cells[k] for row in table.rows]
        cells = [c if c.text == "–" or "(n" in c.text else replace(c, text=c.text + other) for c in cells]
        rows.append(Row(head.metric, Cell(head.metric), tuple(cells), True))
    whose = table.heads[measured[0]].whose
    heads = [Head(row.name.text, whose, "ours", usual, row.name.marks) for row in table.rows]
    return replace(table, heads=tuple(heads), rows=tuple(rows), first="number")


def row_name(study: Study, item: str) -> str:
    """latents_16_beta_norm_0.00977 -> 16 latents, β_norm 0.00977, where studies.yaml does not name it."""
    plain = re.sub(r"latents_(\d+)_", r"\1 latents, ", item).replace("beta_norm", "β#norm").replace("_", " ")
    return study.rows.get(item, plain.replace("#", "_"))


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


def _cell(result: Mapping[str, Any], metric: str, column: Column, usual: str, notes: tuple[str, ...] = ()) -> Cell:
    """`usual`: how many values a number of this column is the mean of, as its head says."""
    if metric not in result["metrics"]:
        return Cell("–")
    values, spread = result["metrics"][metric].get("values", []), spread_of(result, metric)
    if metric == "collapsed" and len(values) > 1 and set(values) <= {0, 1}:  # it happened, or did not
        return Cell(share_text(spread), notes=notes)
    other = "" if count_text(spread) == usual else f" (n = {count_text(spread)})"
    if column.unit == "percent":
        text = cell_text(spread, 100, min(column.digits, 2))
    elif 1e-3 <= abs(spread.mean) < 1e5:  # the ± to the same place
        text = cell_text(spread, 1, max(0, column.digits - 1 - math.floor(math.log10(abs(spread.mean)))))
    else:
        text = f"{spread.mean:.{column.digits}g}"
        text += f" ± {spread.plus_minus:.{column.digits}g}" if spread.plus_minus is not None else ""
    return Cell(text + other, notes=notes)


def _natural(text: str) -> list[tuple[int, float, str]]:
    """Sort key by which beta_2 comes before beta_16."""
    parts = re.findall(r"\d+(?:\.\d+)?|[^\d]+", text)
    return [(0, float(p), "") if p[0].isdigit() else (1, 0.0, p) for p in parts]
