"""How much of a row's number is chance: it is trained twice, as it is and with initial weights that differ in their
last digits, and how far every metric moves is told.

Training a GAN magnifies the smallest difference. What 1e-6 moves, another processor, another number of threads or
another version of a library may move as well. All is done in temporary folders, by the stages' own scripts; no file of
the pipeline is touched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import nn

from triptych.base import project
from triptych.base.errors import UserError, number_from_environment
from triptych.base.files import read_json, read_yaml
from triptych.base.results import training_means
from triptych.pipeline.registry import TABLES

PERTURB = "TRIPTYCH_PERTURB"
"""The relative size of the perturbation. Set by `replicate` for the stages that it runs, and by nobody else."""


def perturb(system: nn.Module, seed: int) -> None:
    """Multiply every initial weight by 1 ± $TRIPTYCH_PERTURB, with signs drawn from `seed`; do nothing if it is not set
    or 0. No other random number moves. Raises UserError for a system without initial weights."""
    relative = number_from_environment(PERTURB, 0)
    if not relative:
        return
    weights = [p for p in system.parameters() if p.numel()]
    if not weights:
        raise UserError(f"{type(system).__module__} has no initial weights: there is nothing to perturb")
    print(f"warning: {PERTURB} = {relative:g}: the initial weights are perturbed: not the row", file=sys.stderr)
    signs = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in weights:
            drawn = torch.randint(0, 2, weight.shape, generator=signs).to(weight) * 2 - 1
            weight.mul_(1 + relative * drawn)


def replicate(name: str, seed: int | None = None, relative: float = 1e-6) -> str:
    """Train and judge the row `name` ("objects/dcgan") with one seed (default: its table's first) twice, and return the
    comparison. Raises UserError if there is no such row, or if a stage fails."""
    table, _, system = name.partition("/")
    params = read_yaml(project.params())
    if table not in TABLES or system not in params.get(table, {}).get("systems", {}):
        rows = [f"{t}/{s}" for t in TABLES for s in params.get(t, {}).get("systems", {})]
        raise UserError(f"{name}: no such row of params.yaml; there are {', '.join(rows)}")
    seed = params[table]["seeds"][0] if seed is None else seed
    params[table]["seeds"] = [seed]
    same, moved = (_run(table, system, params, size) for size in (0, relative))
    return comparison(name, seed, relative, same, moved, _file(project.results(table, system)))


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


def comparison(
    name: str,
    seed: int,
    relative: float,
    same: dict[str, Any],
    moved: dict[str, Any],
    kept: dict[str, Any] | None = None,
) -> str:
    """A line a metric: as it is, perturbed, the difference, and, for scale, the standard deviation between the
    trainings of the result that is `kept` in results/."""
    lines = [
        f"{name}, seed {seed}: initial weights perturbed by a relative {relative:g}",
        f"{'metric':32}{'as it is':>12}{'perturbed':>12}{'moved by':>12}{'between seeds':>15}",
    ]
    for metric, number in same["metrics"].items():
        before, after = number["mean"], moved["metrics"][metric]["mean"]
        spread = _between(kept, metric)
        lines.append(f"{metric:32}{before:12.5g}{after:12.5g}{after - before:12.2g}{spread:>15}")
    return "\n".join(lines)


def _between(result: dict[str, Any] | None, metric: str) -> str:
    means = training_means(result, metric) if result and metric in result["metrics"] else []
    return f"± {torch.tensor(means).std():.2g}" if len(means) > 1 else "–"


def _file(path: Path) -> dict[str, Any] | None:
    return read_json(path) if path.is_file() else None
