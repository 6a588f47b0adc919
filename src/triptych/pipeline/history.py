"""The history of a stage: its seeds' losses as they come, in history.jsonl, and then as one table of curves."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from triptych.engine.replica import Row


class History:
    """history.jsonl in `folder`, a row (seed, step, metric, value) a line; without a folder the rows are dropped."""

    def __init__(self, folder: Path | None):
        path = os.devnull if folder is None else folder / "history.jsonl"
        self.file = open(path, "w")  # noqa: SIM115  (it lives as long as the stage)

    def add(self, seed: int, rows: Sequence[Row]) -> None:
        for step, metric, value in rows:
            line = {"seed": seed, "step": step, "metric": metric, "value": float(f"{value:.7g}")}
            self.file.write(json.dumps(line) + "\n")
        self.file.flush()

    def close(self) -> None:
        self.file.close()


def write_curves(folder: Path) -> None:
    """history.jsonl -> curves.csv (step, then a column a metric: means over seeds), the form `dvc plots` reads."""
    points: dict[int, dict[str, list[float]]] = {}
    names: dict[str, None] = {}
    for line in (folder / "history.jsonl").read_text().splitlines():
        row = json.loads(line)
        names[row["metric"]] = None
        points.setdefault(row["step"], {}).setdefault(row["metric"], []).append(row["value"])
    lines = [",".join(["step", *names])]
    for step, values in sorted(points.items()):
        means = [f"{sum(values[n]) / len(values[n]):.6g}" if n in values else "" for n in names]
        lines.append(",".join([str(step), *means]))
    (folder / "curves.csv").write_text("\n".join(lines) + "\n")
