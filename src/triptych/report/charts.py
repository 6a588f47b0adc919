"""Which charts a table has: its numbers as dots, and the curves of its trainings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from triptych.base.results import training_means
from triptych.published import Column, Published
from triptych.report.curves import Chart, Point, dot_chart, loss_curves
from triptych.report.load import Inputs, Results, histories, judged_on, judged_set, kept_name
from triptych.report.table import Table


def dot_charts(published: Published, inputs: Inputs, tables: Sequence[Table]) -> dict[str, Chart]:
    """Of every printed table in which something was run, the metrics that the paper has too."""
    charts: dict[str, Chart] = {}
    drawn = set()
    for view, table in zip(published.views or [None], tables):
        systems = {row.system: row.name.text for row in table.rows if row.ran or row.system in published.systems}
        wanted = [published.column(m) for m in view.metrics] if view else published.columns
        paper = {c.metric: _published(published, systems, c.metric) for c in wanted}
        columns = [c for c in wanted if paper[c.metric] and c.better != "none" and (view is None or view.paper)]
        content = tuple(c.metric for c in columns), tuple(systems)
        if not columns or content in drawn:  # another table has the same rows, and nothing more of the paper's
            continue
        drawn.add(content)
        series = {f"paper, {published.paper_data}": paper}
        mine, kept = (source.get(published.table, {}) for source in (inputs.results, inputs.kept))
        series |= _ours("ours", mine, systems, columns) | _ours(kept_name(kept), kept, systems, columns)
        if len(series) > 1:
            name = f"table-{published.table}-{table.key}"
            charts[table.key] = Chart(name, table.title, dot_chart(columns, systems, series, name))
    return charts


def curves(inputs: Inputs, table: str, names: Mapping[str, str]) -> dict[str, Chart]:
    """System -> loss curves of those that left a history, in the order of `names`."""
    found = {}
    for system, name in names.items():
        key = f"curves-{table}-{system}"
        if svg := loss_curves(histories(inputs, table, system), key):
            found[system] = Chart(key, name, svg)
    return found


def _published(published: Published, systems: Collection[str], metric: str) -> dict[str, Point]:
    numbers = {s: published.systems[s].values.get(metric) for s in systems if s in published.systems}
    return {s: (number.value, number.spread or 0.0, ()) for s, number in numbers.items() if number}


def _ours(
    who: str, results: Mapping[str, Mapping[str, Any]], systems: Collection[str], columns: Sequence[Column]
) -> dict[str, dict[str, dict[str, Point]]]:
    """Label -> metric -> system -> point: a series of its own for every set of data that rows were judged on."""
    sets: dict[str, Results] = {}
    for system in systems:
        if system in results:
            sets.setdefault(judged_set(results[system]), {})[system] = results[system]
    titles = [judged_on(next(iter(rows.values()))) for rows in sets.values()]
    return {
        f"{who}, {title if titles.count(title) == 1 else described}": {
            c.metric: {s: _point(r, c.metric) for s, r in rows.items() if c.metric in r["metrics"]} for c in columns
        }
        for (described, rows), title in zip(sets.items(), titles)
    }


def _point(result: Mapping[str, Any], metric: str) -> Point:
    number = result["metrics"][metric]
    return number["mean"], number["std"], training_means(result, metric) or number.get("values", [])
