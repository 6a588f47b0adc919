"""The files that one execution of a stage writes under runs/<table>/<system>/<stage>/.

run.json     from the start on: status ("running", "finished", "failed"), parameters, tags, data, rows of results;
             while it is not finished also which process works on it
history/     the curves, as they come (see `history`)
curves.csv   at the end: their means
cost.json    at the end: when, how long, on which machine, of which commit
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from triptych.base import project
from triptych.base.files import emptied
from triptych.pipeline.history import write_curves

if TYPE_CHECKING:  # who reads records need not wait for torch
    from triptych.data.format import Dataset

WAITING = "mlflow.db.waiting"


def tracking_enabled() -> bool:
    """False if TRIPTYCH_TRACKING=off or MLflow is not installed. Does not import MLflow."""
    off = os.environ.get("TRIPTYCH_TRACKING", "").lower() in {"off", "0", "false", "no"}
    return not off and importlib.util.find_spec("mlflow") is not None


class Record:
    """Writes the files of one execution. `run`: what run.json holds of its names, parameters and tags."""

    def __init__(self, table: str, system: str, stage: str, run: Mapping[str, Any]):
        self.names = table, system, stage
        self.folder = project.runs(table, system, stage)
        self.began = round(time.time(), 3)
        self.commit = git_commit(project.root())
        self.run: dict[str, Any] = {"table": table, "system": system, "stage": stage, "status": "running", **run}
        self.run |= {"data": {}, "datasets": [], "results": []}
        emptied(self.folder)
        self._write()

    def uses(self, dataset: Dataset, split: str, role: str) -> None:
        """Remember what was used as what."""
        card = dataset.card
        about = {"role": role, "name": dataset.path.name, "split": split, "rows": card["splits"][split]}
        about |= {"title": card["title"], "source": card["source"], "digest": card_digest(card)}
        self.run["data"][role] = dataset.describe(split)
        self.run["datasets"] = [d for d in self.run["datasets"] if d["role"] != role] + [about]
        self._write()

    def result(self, system: str) -> None:
        """Remember that results/<table>/<system>.json is this execution's."""
        self.run["results"] = [*dict.fromkeys([*self.run["results"], system])]
        self._write()

    def finish(self, cost: Mapping[str, Any]) -> None:
        """The end. From now on run.json is the same for two equal executions."""
        write_json(self.folder / "cost.json", {**cost, **self._when(), "ended": round(time.time(), 3)})
        write_curves(self.folder)
        self.run["status"] = "finished"
        self._write()
        self._keep()

    def fail(self, error: BaseException) -> None:
        """The end, with what went wrong."""
        self.run |= {"status": "failed", "error": f"{type(error).__name__}: {error}"[:2000]}
        self._write()
        self._keep()

    def _when(self) -> dict[str, Any]:
        return {"began": self.began, "commit": self.commit}

    def _write(self) -> None:
        now = dict(self.run)
        if now["status"] != "finished":
            now["process"] = this_process() | self._when()
        write_json(self.folder / "run.json", now)

    def _keep(self) -> None:
        """Copy the files to mlflow.db.waiting/ for the next sync: DVC deletes them before the stage runs again."""
        if not tracking_enabled():
            return
        root, (table, system, stage) = project.root(), self.names
        copy = root / WAITING / f"{table}.{system}.{stage}.{self.began:.3f}"
        part = copy.with_suffix(".part")
        results = [project.results(table, row) for row in self.run["results"]]
        for path in (self.folder, project.outputs(table, system, stage), *results):
            if path.is_dir():
                shutil.copytree(path, part / path.relative_to(root))
            elif path.is_file():
                (part / path.relative_to(root)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, part / path.relative_to(root))
        part.rename(copy)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """In one step: a reader sees the old content or the new one."""
    part = file.with_name(f".{file.name}.part")
    part.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    part.rename(file)


def card_digest(card: Mapping[str, Any]) -> str:
    """16 hex digits that stand for a prepared dataset: its card holds the checksum of each of its files."""
    return hashlib.sha256(json.dumps(card, sort_keys=True, default=str).encode()).hexdigest()[:16]


def git_commit(folder: Path) -> str:
    """The commit of the code, "" outside git."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def this_process() -> dict[str, Any]:
    """What `is_alive` needs to find this process again."""
    return {"host": socket.gethostname(), "pid": os.getpid(), "started": _start_of(os.getpid())}


def is_alive(process: Mapping[str, Any]) -> bool:
    """Whether the process that a run.json names still runs. True for a process of another host, which cannot be
    checked."""
    if process["host"] != socket.gethostname():
        return True
    try:
        os.kill(process["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    now, state = _start_of(process["pid"]), process["started"]
    return not (state and now and state != now)


def _start_of(pid: int) -> str:
    """When a process began, in clock ticks since boot ("" if unknown). It distinguishes a reused process number from
    the old process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
