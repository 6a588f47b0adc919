"""The tables of docs/chance.md, from reports/replicate.json and reports/portable.json: how far the last digits of the
weights move a row, and which bytes are the same on another processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from triptych.published import Column, load


def replicate_table(entries: Sequence[Mapping[str, Any]]) -> str:
    """A line for each row and metric that its paper prints; below it, how often the move exceeds the spread."""
    lines = [
        "| row | metric | as it is | perturbed | moved by | ± between seeds |",
        "| --- | --- | --: | --: | --: | --: |",
    ]
    beyond = compared = 0
    for entry in entries:
        row = entry["row"]
        for column in printed(row, entry["metrics"]):
            told = entry["metrics"][column.metric]
            before, after, between = told["as it is"], told["perturbed"], told["between seeds"]
            if between is not None:
                compared, beyond = compared + 1, beyond + (abs(after - before) > between)
            cells = [shown(v, column) for v in (before, after, after - before, between)]
            title = f"{column.group}, {column.title}" if column.group else column.title
            lines.append(f"| `{row}` | {title} | {' | '.join(cells)} |")
    count = (
        f"In {beyond} of {compared} lines the move is larger than the standard deviation between the row's own "
        "seeds; two seeds of one row differ by more than that in about half of all cases."
    )
    return "\n".join([*lines, "", count])


def printed(row: str, metrics: Mapping[str, Any]) -> list[Column]:
    """The columns of the row's table that a paper prints, if `metrics` has them; all runs in place of a best half,
    which is of no single training."""
    columns = {column.metric: column for column in load(row.partition("/")[0]).columns}
    wanted = (c.metric if c.metric in metrics else f"{c.metric}_all" for c in columns.values() if c.paper)
    return [columns[metric] for metric in wanted if metric in metrics]


def shown(value: float | None, column: Column) -> str:
    """A number in the column's unit; "–" for None."""
    if value is None:
        return "–"
    return f"{100 * value:.{column.decimals}f} %" if column.unit == "percent" else f"{value:.{column.decimals}f}"


def portable_table(entries: Sequence[Mapping[str, Any]]) -> str:
    """A line a row: whether its weights and its result are the first machine's bytes, with the portable mode and
    without it; below it, what the mode costs. Raises ValueError if there is no entry."""
    if not entries:
        raise ValueError("reports/portable.json has no machine: run `triptych portable --record`")
    first, *others = entries
    told = first["machine"]
    modes_of = [
        (e, mode) for e in others for mode in ("portable", "ordinary") if any(mode in m for m in e["rows"].values())
    ]
    head = [f"{e['machine']['cpu']}: {mode}" for e, mode in modes_of]
    lines = [f"| beside {told['cpu']}, {told['instructions']} | " + " | ".join(head) + " |"]
    lines.append("| --- |" + " --- |" * len(head))
    for row, modes in first["rows"].items():
        cells = [_same(modes[mode], e["rows"].get(row, {}).get(mode)) for e, mode in modes_of]
        lines.append(f"| `{row}` | {' | '.join(cells)} |")
    seconds = first["seconds"]
    cost = f"On {told['cpu']}: {seconds['portable']} s in the portable mode, {seconds['ordinary']} s without."
    return "\n".join([*lines, "", cost])


def _same(mine: Mapping[str, str], theirs: Mapping[str, str] | None) -> str:
    if theirs is None:
        return "not tried"
    equal = {what: mine[what] == theirs[what] for what in ("weights", "result")}
    if len(set(equal.values())) == 1:
        return "the same bytes" if equal["result"] else "other bytes"
    return "the same result, other weights" if equal["result"] else "the same weights, another result"
