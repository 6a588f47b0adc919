"""How much of a row's number is chance: it is trained twice, as it is and with initial weights that differ in their
last digits, and how far every metric moves is told.

Training a GAN magnifies the smallest difference. What 1e-6 moves, another processor, another number of threads or
another version of a library may move as well. All is done in temporary folders, by the stages' own scripts; no file of
the pipeline is touched.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml

from triptych.base import project
from triptych.base.errors import UserError
from triptych.base.files import read_json, read_yaml
from triptych.base.results import training_means
from triptych.pipeline import systems
from triptych.pipeline.machine import machine
from triptych.pipeline.perturb import PERTURB
from triptych.pipeline.registry import TABLES


def trained_rows() -> list[str]:
    """The rows of params.yaml with a model in models/ that began as random weights and was trained: "objects/dcgan"."""
    rows = [f"{t}/{s}" for t in TABLES for s in read_yaml(project.params())[t]["systems"]]
    return [row for row in rows if _is_trained(row)]


def _is_trained(row: str) -> bool:
    folders = sorted((project.root() / "models" / row).glob("seed*"))
    if not folders:
        return False
    system = systems.load(row, int(folders[0].name.removeprefix("seed")))
    return system.learns and any(p.numel() for p in system.parameters())


def replicate(name: str, seed: int | None = None, relative: float = 1e-6, kept: bool = False) -> dict[str, Any]:
    """Train and judge the row `name` ("objects/dcgan") with one seed (default: its table's first), as it is and with
    perturbed initial weights. `kept`: what it is is taken from results/, made on this machine, and not made again.

    Returns {"row", "seed", "relative", "metrics": {name: {"as it is", "perturbed", "between seeds"}}}, the last one a
    standard deviation or None. Raises UserError if there is no such row, or if a stage fails."""
    table, _, system = name.partition("/")
    params = read_yaml(project.params())
    if table not in TABLES or system not in params.get(table, {}).get("systems", {}):
        rows = [f"{t}/{s}" for t in TABLES for s in params.get(t, {}).get("systems", {})]
        raise UserError(f"{name}: no such row of params.yaml; there are {', '.join(rows)}")
    seeds = params[table]["seeds"]
    seed = seeds[0] if seed is None else seed
    file = project.results(table, system)
    result = read_json(file) if file.is_file() else None
    same = of_seed(result, seed) if kept and result else {}
    if kept and not same:
        raise UserError(f"{file} has no values of seed {seed} alone; without --kept the row is trained as it is, too")
    params[table]["seeds"] = [seed]
    same = same or {name: number["mean"] for name, number in _run(table, system, params, 0)["metrics"].items()}
    moved = _run(table, system, params, relative)["metrics"]
    metrics = {
        name: {"as it is": value, "perturbed": moved[name]["mean"], "between seeds": _between(result, name)}
        for name, value in same.items()
        if name in moved
    }
    return {"row": name, "seed": seed, "relative": relative, "metrics": metrics}


def of_seed(result: dict[str, Any], seed: int) -> dict[str, float]:
    """Each metric's mean over the values of one seed's training; without those of which that is not known."""
    if seed not in result.get("seeds", []):
        return {}
    at = result["seeds"].index(seed)
    means = {name: training_means(result, name) for name in result["metrics"]}
    return {name: values[at] for name, values in means.items() if len(values) == len(result["seeds"])}


def record(told: dict[str, Any]) -> None:
    """Put a comparison in the place of the row's last one in reports/replicate.json, with the machine's name."""
    path = project.root() / "reports" / "replicate.json"
    rows = {entry["row"]: entry for entry in (read_json(path, list) if path.is_file() else [])}
    rows[told["row"]] = told | {"machine": machine() | {"torch": torch.__version__}}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([rows[name] for name in sorted(rows)], indent=1, ensure_ascii=False) + "\n")


def _run(table: str, system: str, params: dict[str, Any], relative: float) -> dict[str, Any]:
    """The row's result, made in a project of its own."""
    home = project.root()
    with tempfile.TemporaryDirectory(prefix="triptych-replicate-") as folder:
        (Path(folder) / "params.yaml").write_text(yaml.safe_dump(params, allow_unicode=True))
        (Path(folder) / "data").symlink_to(home / "data")
        (Path(folder) / "models").mkdir()
        (Path(folder) / "models" / "evaluators").symlink_to(home / "models" / "evaluators")
        environment = os.environ | {"TRIPTYCH_ROOT": folder, "TRIPTYCH_TRACKING": "off", PERTURB: str(relative)}
        info = TABLES[table]
        for stage in dict.fromkeys((info.learns, info.judges)):
            command = [sys.executable, home / "stages" / f"{stage}.py", system]
            if subprocess.run(command, cwd=home, env=environment, stdout=sys.stderr).returncode:
                raise UserError(f"stage {stage} of {table}/{system} failed; what it said stands above")
        return read_json(Path(folder) / "results" / table / f"{system}.json")


def comparison(told: dict[str, Any]) -> str:
    """A line a metric: as it is, perturbed, the difference, and, for scale, the standard deviation between the
    trainings of the result in results/."""
    lines = [
        f"{told['row']}, seed {told['seed']}: initial weights perturbed by a relative {told['relative']:g}",
        f"{'metric':32}{'as it is':>12}{'perturbed':>12}{'moved by':>12}{'between seeds':>15}",
    ]
    for metric, number in told["metrics"].items():
        before, after, between = number.values()
        spread = "–" if between is None else f"± {between:.2g}"
        lines.append(f"{metric:32}{before:12.5g}{after:12.5g}{after - before:12.2g}{spread:>15}")
    return "\n".join(lines)


def _between(result: dict[str, Any] | None, metric: str) -> float | None:
    means = training_means(result, metric) if result and metric in result["metrics"] else []
    return statistics.stdev(means) if len(means) > 1 else None
