"""Small tables for `dvc plots show`: our rows beside the paper's, and scores against what was turned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from triptych.published import load
from triptych.published.claims import load_claims
from triptych.report.load import Inputs, on_one_set

STUDIES = {  # study -> its metric, what is turned, and how a row's name says where it stands (and of which series)
    "images_seen": ("accuracy_few", "images", r"images_(?P<at>\d+)"),
    "training_length": ("higgins", "steps", r"(?P<of>\w+?)_(?P<at>\d+)"),
    "beta_sweep": ("higgins", "beta_norm", r"(?:latents_(?P<of>\d+)_)?beta_norm_(?P<at>[\d.e-]+)"),
}


def plot_tables(inputs: Inputs) -> dict[str, str]:
    """File name -> CSV with the columns where (a row, or what is turned), whose, value, in the units of results/: of a
    table a file for each metric by which claims.yaml ranks its own row; of a study one."""
    files = {}
    for table, place in load_claims().places.items():
        published, results = load(table), on_one_set(inputs.results.get(table, {}))
        for metric in place.metrics:
            rows = []
            for system, row in published.systems.items():
                paper = row.values[metric].value if metric in row.values else None
                rows += [(row.name, "paper", paper), (row.name, "ours", _mean(results.get(system), metric))]
            files[f"{table}-{metric.replace('/', '-')}.csv"] = _csv("row", rows)
    for study, (metric, turned, pattern) in STUDIES.items():
        found = {row: re.fullmatch(pattern, row) for row in inputs.results.get(study, {})}
        rows = [
            (float(at["at"]), _series(at.groupdict().get("of")), _mean(inputs.results[study][row], metric))
            for row, at in found.items()
            if at
        ]
        if rows:
            files[f"{study}.csv"] = _csv(turned, sorted(rows, key=lambda row: row[0]))
    return files


def _csv(where: str, rows: list[tuple[Any, str, float | None]]) -> str:
    return pd.DataFrame(rows, columns=[where, "whose", "value"]).dropna().to_csv(index=False, lineterminator="\n")


def _series(of: str | None) -> str:
    return f"{of} latents" if of and of.isdigit() else of or "ours"


def _mean(result: Mapping[str, Any] | None, metric: str) -> float | None:
    return result["metrics"].get(metric, {}).get("mean") if result else None
