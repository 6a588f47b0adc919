"""Results made by hand."""

from pathlib import Path

from triptych.base.results import summary
from triptych.published import load
from triptych.report.load import Inputs
from triptych.report.table import build_tables


def row(seeds=None, data="rendered", **metrics):
    """A result with a list of values for each metric: of as many trainings as it has values, unless `seeds` says how
    many. A name of a metric that is no Python name is given with __ for /."""
    found = {name.replace("__", "/"): summary(values) for name, values in metrics.items()}
    seeds = range(max(number["n"] for number in found.values())) if seeds is None else range(seeds)
    return {"data": {"test": f"{data} (test, n=9)"} if data else {}, "seeds": list(seeds), "metrics": found}


def inputs(table, metric, values, data="rendered", root=Path("nowhere"), kept=None):
    """What the report has read of a table: three trainings of each row, all of one value. `kept`: row -> value, of
    another profile."""
    ours, others = (
        {system: row(data=data, **{metric.replace("/", "__"): [value] * 3}) for system, value in rows.items()}
        for rows in (values, kept or {})
    )
    return Inputs(root, "laptop", {}, {table: ours}, {table: others} if others else {})


def printed(table, metric, values, place=0, **options):
    return build_tables(load(table), inputs(table, metric, values, **options))[place]


def column(table, kind="ours", whose=""):
    """System -> cell of the first column of this kind (paper, ours, kept) with these words in its head."""
    place = next(k for k, head in enumerate(table.heads) if head.kind == kind and whose in head.whose)
    return {row.system: row.cells[place] for row in table.rows}


def bold(table, kind="ours"):
    return {row.system for row in table.rows if any(c.bold for c, h in zip(row.cells, table.heads) if h.kind == kind)}
