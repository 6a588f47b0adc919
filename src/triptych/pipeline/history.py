"""The history of a stage: what its trainings log, as they log it.

history/seed0.jsonl            one file a seed: {"step": 50, "metric": "loss_g", "value": 1.25}
history/small-seed0.jsonl      of the training `small`, where a stage runs several with one seed at the same time
curves.csv                     means over seeds, at the end; the form that `dvc plots` reads
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.base.files import FileError, parse_jsonl

if TYPE_CHECKING:  # who reads histories need not wait for torch
    from triptych.engine.replica import Row

FOLDER = "history"


def history_file(folder: Path, seed: int, part: str = "") -> Path:
    """Where the stage of `folder` keeps the history of one seed."""
    return folder / FOLDER / (f"{part}-seed{seed}.jsonl" if part else f"seed{seed}.jsonl")


def part_and_seed(file: Path) -> tuple[str, int]:
    """The reverse of `history_file`: ("", 0) for seed0.jsonl."""
    part, _, seed = file.stem.rpartition("seed")
    return part.removesuffix("-"), int(seed)


def history_files(folder: Path) -> list[Path]:
    """The files of all seeds, in the order of parts and seeds."""
    return sorted((folder / FOLDER).glob("*.jsonl"), key=part_and_seed)


def add_rows(file: Path, rows: Sequence[Row]) -> None:
    """Append rows. They are on the disk when this returns, so that others can follow the training."""
    lines = ({"step": step, "metric": metric, "value": float(f"{value:.7g}")} for step, metric, value in rows)
    file.parent.mkdir(parents=True, exist_ok=True)
    with open(file, "a") as out:
        out.write("".join(json.dumps(line) + "\n" for line in lines))


def read_history(folder: Path) -> list[dict[str, Any]]:
    """All rows {"seed", "step", "metric", "value"} of the stage of `folder`."""
    files = history_files(folder)
    return [{"seed": part_and_seed(file)[1], **row} for file in files for row in parse_rows(file.read_bytes(), file)]


def parse_rows(text: bytes, file: Path) -> list[dict[str, Any]]:
    """The rows {"step", "metric", "value"} in `text`, which is (a part of) `file`. Raises FileError."""
    rows = parse_jsonl(text, file)
    for row in rows:
        kinds = {"step": int, "metric": str, "value": (int, float)}
        if wrong := [key for key, kind in kinds.items() if not isinstance(row.get(key), kind)]:
            raise FileError(f"{file}: {json.dumps(row)} is no row of a history ({wrong[0]}): run its stage again")
    return rows


def mean_curves(rows: Sequence[dict[str, Any]]) -> dict[str, dict[int, float]]:
    """Metric -> step -> mean over the seeds that have this step, in the order of first appearance."""
    points: dict[str, dict[int, list[float]]] = {}
    for row in rows:
        points.setdefault(row["metric"], {}).setdefault(row["step"], []).append(row["value"])
    return {name: {s: sum(values) / len(values) for s, values in steps.items()} for name, steps in points.items()}


def write_curves(folder: Path) -> None:
    """history/ -> curves.csv: `steps_done`, then a column a metric. (`dvc plots` fills a column `step` with numbers of
    its own.)"""
    curves = mean_curves(read_history(folder))
    lines = [",".join(["steps_done", *curves])]
    for step in sorted({step for points in curves.values() for step in points}):
        means = [f"{points[step]:.6g}" if step in points else "" for points in curves.values()]
        lines.append(",".join([str(step), *means]))
    (folder / "curves.csv").write_text("\n".join(lines) + "\n")
