"""What the files of a project say about runs: one `Execution` for each stage that ran or runs, and one for each result
without a run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from triptych.base.files import read_json
from triptych.pipeline.record import WAITING, is_alive


@dataclass
class Execution:
    """A run that MLflow should have. `state`: running, finished, failed or killed. `results`: row -> its file, of the
    rows that this execution judged; for a stage that trains a system also the system's row, once it is judged."""

    table: str
    system: str
    stage: str
    state: str
    run: dict[str, Any]
    when: dict[str, Any]  # cost.json, or "process" of run.json
    folder: Path | None = None
    results: dict[str, Path] = field(default_factory=dict)
    pictures: list[Path] = field(default_factory=list)

    @cached_property  # read once, as `judged`: a stage that begins anew deletes its files
    def id(self) -> str:
        """The same for one execution however often and wherever its files are read."""
        began = f"{self.when['began']:.3f}" if "began" in self.when else _hash([*self.results.values()])
        return f"{self.table}/{self.system}/{self.stage}/{began}"

    @property
    def began(self) -> float:
        return float(self.when.get("began", 0.0))

    @cached_property
    def judged(self) -> str:
        """Changes with the numbers that belong to this execution."""
        return _hash([*self.results.values()])


def executions(root: Path) -> list[Execution]:
    """Every execution that has files under `root`, including those in mlflow.db.waiting/."""
    found: dict[str, Execution] = {}
    for tree in (root, *waiting(root)):
        for file in sorted(tree.glob("runs/*/*/*/run.json")):
            execution = _of_stage(tree, file.parent)
            found.setdefault(execution.id, execution)
    _judge(found.values())
    busy = {one.table for one in found.values() if one.state == "running"}
    claimed = {(one.table, row) for one in found.values() for row in one.results}
    alone = _of_results(root / "results", "result")
    kept = [one for folder in sorted(root.glob("reports/*/results")) for one in _of_results(folder, "kept result")]
    alone = [one for one in alone if one.table not in busy and (one.table, one.system) not in claimed]
    return [*found.values(), *alone, *kept]


def waiting(root: Path) -> list[Path]:
    """Copies of what stages left behind, for the next sync."""
    return sorted(path for path in (root / WAITING).glob("*") if path.suffix != ".part")


def _of_stage(tree: Path, folder: Path) -> Execution:
    table, system, stage = folder.parts[-3:]
    run = read_json(folder / "run.json")
    cost = read_json(folder / "cost.json") if (folder / "cost.json").is_file() else {}
    state = run.get("status", "finished")
    if state == "running" and not is_alive(run["process"]):
        state = "killed"
    rows = {row: tree / "results" / table / f"{row}.json" for row in run.get("results", []) if state == "finished"}
    return Execution(
        table, system, stage, state, run,
        when=cost if state == "finished" else run["process"],
        folder=folder,
        results={row: file for row, file in rows.items() if file.is_file()},
        pictures=sorted((tree / "outputs" / table / system / stage).glob("*.png")) if state == "finished" else [],
    )  # fmt: skip


def _of_results(folder: Path, stage: str) -> list[Execution]:
    """results/<table>/<row>.json; a study's row may have a folder of its own."""
    found = []
    for file in sorted(folder.glob("*/**/*.json")):
        table, *row = file.relative_to(folder).with_suffix("").parts
        name = "/".join(row)
        found.append(Execution(table, name, stage, "finished", read_json(file), {}, None, {name: file}))
    return found


def _judge(found: Iterable[Execution]) -> None:
    """Add a later stage's numbers to the run that trained the system, so that learning rate and accuracy stand in one
    line."""
    finished = sorted((one for one in found if one.state == "finished"), key=lambda one: one.began)
    for judge in finished:
        if judge.system not in judge.results or judge.run.get("stage") != judge.stage:
            continue
        before = [o for o in finished if (o.table, o.system) == (judge.table, judge.system) and o.began < judge.began]
        for learned in {one.stage: one for one in before if one.stage != judge.stage}.values():
            learned.results[judge.system] = judge.results[judge.system]


def _hash(files: list[Path]) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
