"""What a run in another folder gave -> reports/<profile>/ of this one, to stay in git: small files, for the report and
the docs to read.

    results/<table>/<row>.json            as the stages wrote them, with device, seconds, versions, commit, parameters
    curves/<table>/<row>/<stage>.csv      histories, at most POINTS a curve
    figures/                              charts, and pictures of drawn data: those of others are not ours to pass on
    made.json                             what belongs to which result; each stage's cost
    params.yaml                           the profile as the last piece of it was run; README.md

Rows that the other folder does not have stay as they are, so that a long run can be collected in pieces.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.base.errors import UserError
from triptych.base.files import read_json
from triptych.pipeline.history import read_history
from triptych.pipeline.machine import in_words
from triptych.pipeline.params import Params, load_params
from triptych.published import TABLES
from triptych.published import load as load_published
from triptych.report import keep
from triptych.report.build import build_report
from triptych.report.charts import dot_charts
from triptych.report.load import Inputs, duration, profile_of, read_inputs
from triptych.report.real_data import kept_inputs, to_readme
from triptych.report.table import build_tables

POINTS = 100  # of one metric of one seed
LIMIT_MB = 10


@dataclass(frozen=True)
class Run:
    """One finished stage: runs/<table>/<item>/<stage>/."""

    folder: Path
    told: Mapping[str, Any]  # run.json
    cost: Mapping[str, Any]

    @property
    def key(self) -> str:
        return "/".join(self.folder.parts[-3:])

    @property
    def rows(self) -> list[str]:
        """The rows of its table that it is a part of."""
        return self.told.get("results") or [self.folder.parts[-2]]


def collect(source: Path, root: Path) -> Path:
    """Bring what ran under `source` into reports/<profile>/ under `root`, by the profile of source/params.yaml; returns
    that folder. Raises UserError if nothing of the profile ran there, or if the folder is too large for git."""
    profile = profile_of(source / "params.yaml")
    inputs, out = read_inputs(source, profile), root / "reports" / profile
    runs, results = list(_runs(inputs)), source / "results"
    found = {file.relative_to(results): read_json(file) for file in sorted(results.glob("*/**/*.json"))}
    found = {file: result for file, result in found.items() if result["profile"] == profile}
    if not found:
        raise UserError(f"{results} has no row of the profile {profile!r} yet")
    for run in runs:
        _write_curves(run, out / "curves")
    for file, result in found.items():
        kept = out / "results" / file
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(_json(result | _about(file.with_suffix(""), runs)), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        built = build_report(source, profile, Path(folder)).parent
        _keep_figures(built, out, load_params(source / "params.yaml"))
        _write_made(built, out, runs, read_inputs(root, profile))
    _draw_tables(kept_inputs(root, profile), out / "figures")
    shutil.copyfile(source / "params.yaml", out / "params.yaml")
    (out / "README.md").write_text(to_readme(profile, read_inputs(root, profile).results), encoding="utf-8")
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    if size > LIMIT_MB:
        raise UserError(f"{out} has {size:.1f} MB, more than {LIMIT_MB}: take pictures away before it goes into git")
    return out


def estimate(root: Path, source: Path) -> str:
    """How long what `source` has not done yet will take with a stage a core, by what the stages of the run that is kept
    under `root` took."""
    profile = profile_of(source / "params.yaml")
    made = root / "reports" / profile / keep.FILE
    runs = read_json(made).get("runs", {}) if made.is_file() else {}
    if not runs:
        return f"how long it will take is not known: no run of the profile {profile} is kept"
    done = {"/".join(file.parts[-4:-1]) for file in source.glob("runs/*/*/*/cost.json")}
    left = [cost["seconds"] for key, cost in runs.items() if key not in done]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    machines = "; ".join(dict.fromkeys(cost["machine"].partition(";")[0] for cost in runs.values()))
    return (
        f"{len(left)} of {len(runs)} stages are left: about {duration(max([sum(left) / cores, *left]))} on {cores} "
        f"cores like those of the run that is kept ({machines})"
    )


def _runs(inputs: Inputs) -> Iterator[Run]:
    for file in sorted(inputs.root.glob("runs/*/*/*/cost.json")):
        if inputs.covers(file.parent):
            yield Run(file.parent, read_json(file.parent / "run.json"), read_json(file))


def _about(row: Path, runs: list[Run]) -> dict[str, Any]:
    """Of a result: the stages that it is from. A stage of several rows is shared out equally."""
    table, name = row.parts[0], "/".join(row.parts[1:])
    mine = [run for run in runs if run.folder.parts[-3] == table and name in run.rows]
    told: dict[str, Any] = {
        key: "; ".join(dict.fromkeys(str(run.cost[key]) for run in mine if run.cost.get(key)))
        for key in ("device", "precision", "torch", "commit")
    }
    return told | {
        "seconds": round(sum(run.cost["seconds"] / len(run.rows) for run in mine), 1),
        "machine": next(filter(None, (in_words(run.cost) for run in mine)), ""),
        "params": {key: value for run in mine for key, value in run.told.get("params", {}).items()},
    }


def _write_curves(run: Run, folder: Path) -> None:
    """Each seed's and metric's history, thinned to its first, its last and some rows between."""
    curves: dict[tuple[Any, str], list[tuple[int, float]]] = {}
    for row in read_history(run.folder):
        curves.setdefault((row["seed"], row["metric"]), []).append((row["step"], row["value"]))
    if not curves:
        return
    lines = ["seed,metric,step,value"]
    for (seed, metric), points in curves.items():
        count = min(POINTS, len(points))
        chosen = dict.fromkeys(round(i * (len(points) - 1) / max(1, count - 1)) for i in range(count))
        lines += [f"{seed},{metric},{points[at][0]},{points[at][1]:.5g}" for at in chosen]
    table, item, stage = run.folder.parts[-3:]
    file = folder / table / item / f"{stage}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _keep_figures(built: Path, out: Path, params: Params) -> None:
    (out / "figures").mkdir(parents=True, exist_ok=True)
    pictures = {f for f, told in read_json(built / "made.json")["figures"].items() if _drawn(told, params)}
    for file in (built / "figures").iterdir():
        if file.name in pictures or file.suffix == ".svg":
            shutil.copyfile(file, out / "figures" / file.name)


def _draw_tables(inputs: Inputs, folder: Path) -> None:
    """The tables' charts, of all rows that are kept: those of `source` lack what was collected before."""
    for table in (table for table in TABLES if inputs.results.get(table)):
        published = load_published(table)
        for chart in dot_charts(published, inputs, build_tables(published, inputs)).values():
            (folder / chart.file).write_text(chart.svg, encoding="utf-8")


def _drawn(told: Mapping[str, Any], params: Params) -> bool:
    """Whether a picture shows nothing but data that this project draws."""
    group = told["group"]
    if group == "data":
        names = [told["item"]]
    else:
        protocol = params.tables[group].protocol if group in params.tables else params.studies[group]
        names = protocol.datasets()
    return all(params.dataset(name).source == "rendered" for name in names)


def _write_made(built: Path, out: Path, runs: list[Run], inputs: Inputs) -> None:
    """made.json in the form of `keep`, by the results as they are kept, with the stages' costs under `runs`."""
    made = read_json(out / keep.FILE) if (out / keep.FILE).is_file() else {"figures": {}, "curves": {}, "runs": {}}
    new = read_json(built / keep.FILE)
    for file, told in new["figures"].items():
        if (out / "figures" / file).is_file():
            made["figures"][file] = told | {"of": keep.digest(inputs, told["group"], told["item"])}
    for file, told in new["curves"].items():
        made["curves"][file] = told | {"of": keep.digest(inputs, *told["row"])}
    for run in runs:
        cost = {key: run.cost.get(key) for key in ("seconds", "device", "precision", "threads", "processes")}
        made.setdefault("runs", {})[run.key] = cost | {"commit": run.cost.get("commit"), "machine": in_words(run.cost)}
    (out / keep.FILE).write_text(_json(made), encoding="utf-8")


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"
