"""Tables as CSV (raw fractions, for programs) and Markdown (as printed)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from triptych.base.results import training_values
from triptych.published import TABLES, Published, load
from triptych.report.load import Inputs
from triptych.report.notes import Cell
from triptych.report.table import Head, Table

_SUPERSCRIPT = str.maketrans("0123456789R", "⁰¹²³⁴⁵⁶⁷⁸⁹ᴿ")


def to_csv(published: Published, inputs: Inputs, systems: Sequence[str]) -> str:
    """One row a system; for each metric the paper's number and ours as fractions, unrounded."""
    metrics = [column.metric for column in published.columns]
    ours, kept = (source.get(published.table, {}) for source in (inputs.results, inputs.kept))
    rows = []
    for system in systems:
        row = published.systems.get(system)
        cells: dict[str, object] = {"system": system, "name": row.name if row else system}
        for metric in metrics:
            number = row.values.get(metric) if row else None
            parts = {"paper": "value", "paper_spread": "spread", "paper_recalled": "recalled"}
            cells |= {f"{metric}/{part}": getattr(number, name, None) for part, name in parts.items()}
            for prefix, source in (("", ours), ("kept_", kept)):
                found = source.get(system, {}).get("metrics", {}).get(metric, {})
                cells |= {f"{metric}/{prefix}{key}": found.get(key) for key in ("mean", "std", "n")}
        cells |= {"status": "run" if system in ours else "not run"}
        cells |= {"data": _data(ours.get(system)), "kept_data": _data(kept.get(system))}
        cost = inputs.costs.get((published.table, system))
        cells |= {"seconds": round(cost.seconds, 1) if cost else None, "devices": cost and " + ".join(cost.devices)}
        rows.append(cells)
    return pd.DataFrame(rows, dtype=object).dropna(axis="columns", how="all").to_csv(index=False, lineterminator="\n")


def to_long_csv(inputs: Inputs) -> str:
    """Every number there is, one a row: published, ours and kept, each training and draw by itself. `seed` and `draw`
    are empty where a number is of no single one."""
    rows = []
    for table in TABLES:
        published = load(table)
        for system, row in published.systems.items():
            rows += [
                [table, system, m, "paper", published.paper_data, "", "", "", n.value] for m, n in row.values.items()
            ]
    for source, results in (("ours", inputs.results), ("kept", inputs.kept)):
        for table, systems in results.items():
            for system, result in systems.items():
                about = [result["data"].get("test") or "; ".join(result["data"].values()), result["profile"]]
                for metric in result["metrics"]:
                    for seed, draw, value in _values(result, metric):
                        rows.append([table, system, metric, source, *about, seed, draw, value])
    columns = ["table", "system", "metric", "source", "data", "profile", "seed", "draw", "value"]
    return pd.DataFrame(rows, columns=columns, dtype=object).to_csv(index=False, lineterminator="\n")


def _values(result: Mapping[str, Any], metric: str) -> list[tuple[Any, Any, float]]:
    """(seed, draw, value) of each value. Of values that were chosen among those of all trainings it is not told whose
    they are."""
    groups, seeds = training_values(result, metric), result.get("seeds", [])
    if not groups or len(groups) > len(seeds):
        number = result["metrics"][metric]
        return [("", "", value) for value in number.get("values", [number["mean"]])]
    return [
        (seed if len(groups) == len(seeds) else "", draw if len(values) > 1 else "", value)
        for seed, values in zip(seeds, groups)
        for draw, value in enumerate(values)
    ]


def to_markdown(tables: Sequence[Table]) -> str:
    """One below the other. Notes that are the same, mark by mark, as those of the table above are not said again."""
    above = [(), *(table.notes for table in tables)]
    return "\n".join(_markdown(table, table.notes == notes) for table, notes in zip(tables, above))


def _data(result: dict | None) -> str:
    return "; ".join(f"{role}: {text}" for role, text in result["data"].items()) if result else ""


def _markdown(table: Table, noted_above: bool) -> str:
    heads = [table.first, *(_head(table, head) for head in table.heads)]
    lines = [f"## {table.title}", ""]
    lines += [f"All columns: {table.common}.", ""] if table.common else []
    lines += [bar(heads), bar(["---"] + ["---:"] * len(table.heads))]
    lines += [bar([_md_cell(row.name), *map(_md_cell, row.cells)]) for row in table.rows]
    lines += [""] + [f"{text}\n" for text in (*table.order, *table.missing)]
    if noted_above and table.notes:
        return "\n".join([*lines, "Notes as above.\n"])
    lines += [f"{mark.translate(_SUPERSCRIPT)} {text}\n" for mark, text in table.notes]
    return "\n".join(lines)


def _head(table: Table, head: Head) -> str:
    return head.metric if table.common or not head.under else f"{head.metric}: {head.under}"


def bar(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _md_cell(cell: Cell) -> str:
    text = f"**{cell.text}**" if cell.bold else cell.text
    return text + " ".join(mark.translate(_SUPERSCRIPT) for mark in cell.marks)
