"""The histories of several seeds as one table of curves."""

from __future__ import annotations

import json
from pathlib import Path


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
