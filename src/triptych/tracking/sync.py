"""From files to MLflow: one experiment a table, one run an execution of a stage, below it one run a seed.

`triptych sync-mlflow` does it once. With `--watch` it continues, and shows the curves of running stages. The store
remembers what was sent, so any process can continue where another one stopped.

    TRIPTYCH_TRACKING=off       no tracking; the files are written all the same
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from triptych import published
from triptych.base.files import read_json
from triptych.base.results import training_means
from triptych.pipeline.history import history_files, mean_curves, parse_rows, part_and_seed, read_history
from triptych.pipeline.record import is_alive, tracking_enabled
from triptych.pipeline.registry import STUDIES, TABLES
from triptych.tracking.files import Execution, executions, waiting
from triptych.tracking.store import ID, MAX_NOTE, PART, PROCESS, Point, Store, store_errors, store_lock, store_uri

FOLLOW_AFTER = 30.0  # seconds after which a running stage is worth following
PERIOD = 5.0  # seconds between two looks at the files


class Sync:
    """Brings the files under `root` into the store at `uri`, as often as `once` is called."""

    def __init__(self, root: Path, uri: str):
        self.root, self.uri = root.absolute(), uri
        self.store: Store | None = None
        self.done: set[tuple[str, str, str]] = set()  # what needs no second look

    def once(self) -> int:
        """Send what is new. Returns the number of executions that were. Raises StoreError."""
        copies = waiting(self.root)
        found, todo = self._look()
        if not todo and not copies:
            return 0
        added = 0
        with store_errors(self.uri), store_lock(self.root):
            self.store = self.store or Store(self.uri)
            for one in todo:
                with suppress(FileNotFoundError):  # its stage begins anew: the next look tells
                    added += self._bring(one)
                    if one.state != "running":
                        self.done.add((one.id, one.state, one.judged))
            for table in {one.table for one in found}:
                self._close_the_dead(self._experiment(table), {one.id for one in found})
        for copy in copies:
            shutil.rmtree(copy, ignore_errors=True)
        return added

    def _look(self) -> tuple[list[Execution], list[Execution]]:
        """All executions, and those that the store may lack."""
        for _ in range(5):  # a stage that begins anew deletes its files meanwhile
            with suppress(FileNotFoundError):
                found = executions(self.root)
                return found, [one for one in found if self._is_new(one)]
        return [], []

    def _is_new(self, one: Execution) -> bool:
        if one.state == "running":
            return time.time() - one.began > FOLLOW_AFTER
        return (one.id, one.state, one.judged) not in self.done

    def _experiment(self, table: str) -> str:
        return self.store.experiment(table, published.load(table).claim if table in published.TABLES else "")

    def _bring(self, one: Execution) -> bool:
        """Create or continue the runs of one execution. Returns True if it is new."""
        experiment = self._experiment(one.table)
        known = {run.data.tags[PART]: run for run in self.store.runs(experiment, f"tags.`{ID}` = '{one.id}'")}
        runs = _Runs(self.store, experiment, one, known)
        if runs.main.info.status == "RUNNING":
            runs.send_curves()
            if one.state == "running":
                runs.send_pictures(self.root)
            else:
                runs.finish()
        elif runs.main.data.tags.get("triptych.judged", "") != one.judged:
            runs.send_results()
        return not known

    def _close_the_dead(self, experiment: str, alive: set[str]) -> None:
        """End runs that have no files any more: their stage was killed and started again."""
        for run in self.store.runs(experiment, "attributes.status = 'RUNNING'"):
            process = json.loads(run.data.tags.get(PROCESS, "{}"))
            ours = process.get("host") == socket.gethostname() and run.data.tags[ID] not in alive
            if ours and not is_alive(process):
                self.store.tag(run, triptych__error=f"process {process['pid']} was killed")
                self.store.end(run, "FAILED")


class _Runs:
    """The MLflow runs of one execution: the main one, and one for each seed or other row below it."""

    def __init__(self, store: Store, experiment: str, one: Execution, known: Mapping[str, Any]):
        self.store, self.experiment, self.one, self.runs = store, experiment, one, dict(known)
        self.names = published.load(one.table).systems if one.table in published.TABLES else {}
        self.title = f"{self._name(one.system)} · {one.stage}"
        self.ended = float(one.when.get("ended", one.began)) if one.state == "finished" else time.time()
        self.main = self.run("", self.title)

    def _name(self, row: str) -> str:
        return self.names[row].name if row in self.names else row

    def run(self, part: str, name: str, **tags: str) -> Any:
        """The run of a part, made if it is not there."""
        if part not in self.runs:
            one = self.one
            about = {ID: one.id, PART: part, "system": one.system, "stage": one.stage, "paper": _paper(one.table)}
            about |= {"profile": one.run.get("profile", ""), **one.run.get("tags", {}), **tags}
            about |= {"mlflow.source.name": f"stages/{one.stage}.py {one.system}", "mlflow.source.type": "LOCAL"}
            if one.when.get("commit"):
                about["mlflow.source.git.commit"] = one.when["commit"]
            if one.state == "running":
                about[PROCESS] = json.dumps({key: one.when[key] for key in ("host", "pid", "started")})
            if part:
                about["mlflow.parentRunId"] = self.main.info.run_id
            made = self.store.create(self.experiment, name, one.began, about)
            params = short_names(one.run.get("params", {}), one.table, one.system)
            self.store.params(made, params | {key: value for key, value in tags.items() if key == "seed"})
            self.runs[part] = made
        return self.runs[part]

    def send_curves(self) -> None:
        """What the history files have beyond what was sent."""
        for file in history_files(self.one.folder) if self.one.folder else []:
            part, seed = part_and_seed(file)
            name = f"{self._name(part or self.one.system)} · seed {seed}"
            run = self.run(file.stem, name, seed=str(seed), **({"system": part} if part else {}))
            sent = int(run.data.tags.get("triptych.sent", 0))
            new = file.read_bytes()[sent:]
            new = new[: new.rfind(b"\n") + 1]
            if new:
                self.store.points(run, self._points(part, parse_rows(new, file), sent))
                self.store.tag(run, triptych__sent=str(sent + len(new)))

    def _points(self, part: str, rows: list[dict[str, Any]], sent: int) -> list[Point]:
        """Give points a time: now for a running stage; spread over its duration for a finished one."""
        first = self.ended if sent or self.one.state != "finished" else self.one.began
        each = (self.ended - first) / len(rows)
        return [
            (row["metric"].removeprefix(f"{part}_"), float(row["value"]), row["step"], first + each * (n + 1))
            for n, row in enumerate(rows)
        ]

    def send_pictures(self, root: Path) -> None:
        """Pictures that a training draws on its way."""
        one = self.one
        there = {Path(file.path).name for file in self.store.client.list_artifacts(self.main.info.run_id, "training")}
        found = sorted((root / "checkpoints" / one.table / one.system / one.stage).glob("*/*.png"))
        self.store.files(self.main, [file for file in found if file.name not in there], "training")

    def finish(self) -> None:
        """The end: means over seeds, results, data, pictures, and the status of all runs."""
        one = self.one
        if one.folder:
            curves = mean_curves(read_history(one.folder))
            self.store.points(self.main, [(m, v, s, self.ended) for m, c in curves.items() for s, v in c.items()])
        self.send_results()
        self.store.datasets(self.main, one.run.get("datasets", []))
        self.store.files(self.main, one.pictures)
        cost = {key: str(one.when[key]) for key in ("device", "precision", "seconds", "torch") if key in one.when}
        self.store.tag(self.main, **cost)
        if one.state != "finished":
            error = one.run.get("error", f"process {one.when['pid']} was killed")
            self.store.tag(self.main, triptych__error=error)
        for run in reversed(self.runs.values()):  # the main one last: what was not finished is done again
            self.store.end(run, "FINISHED" if one.state == "finished" else "FAILED", self.ended)

    def send_results(self) -> None:
        """Send the numbers of results/: those of the run's own row to the main run and its seeds' runs, those of
        another row to that row's run."""
        one = self.one
        for row, file in one.results.items():
            result = read_json(file)
            own = row == one.system
            run = self.main if own else self.run(f"row {row}", self._name(row), system=row)
            now = file.stat().st_mtime  # sent again after a kill it is the same point, which the store keeps once
            self.store.points(run, [(key, value, 0, now) for key, value in self._numbers(row, result).items()])
            self.store.tag(run, mlflow__note__content="\n".join(f"- {n}" for n in result.get("notes", []))[:MAX_NOTE])
            self.store.files(run, [file])
            if not own:
                self.store.end(run, "FINISHED", self.ended)
            seeds = result.get("seeds", [])
            for n, seed in enumerate(seeds if own else []):
                if child := self.runs.get(f"seed{seed}"):
                    means = {key: training_means(result, key) for key in result["metrics"]}
                    points = [(key, m[n], 0, now) for key, m in means.items() if len(m) == len(seeds)]
                    self.store.points(child, points)
        self.store.tag(self.main, triptych__judged=one.judged)

    def _numbers(self, row: str, result: Mapping[str, Any]) -> dict[str, float]:
        """Flat names: accuracy (the mean), accuracy_std where there are several values, accuracy_paper."""
        flat: dict[str, float] = {}
        paper = self.names[row].values if row in self.names else {}
        for name, summary in result["metrics"].items():
            flat[name] = summary["mean"]
            if summary["n"] > 1:
                flat[f"{name}_std"] = summary["std"]
            if name in paper:
                flat[f"{name}_paper"] = paper[name].value
        return flat


def short_names(params: Mapping[str, Any], table: str, system: str) -> dict[str, Any]:
    """The names that all systems of a table share: objects.systems.dcgan.lr -> lr, objects.probe.costs -> probe.costs.
    Where the two would be the same the second keeps its full name."""
    own = (f"{table}.systems.{system}.", f"{table}.items.{system}.")
    short = {key.removeprefix(head): value for key, value in params.items() for head in own if key.startswith(head)}
    for key, value in params.items():
        if not key.startswith(own):
            name = key.removeprefix(f"{table}.")
            short[key if name in short else name] = value
    return short


def _paper(table: str) -> str:
    info = {**TABLES, **STUDIES}.get(table)
    return info.paper if info else ""


def sync(root: Path, uri: str | None = None) -> int:
    """Fill the store from the files under `root`. Returns the number of runs added. Raises StoreError."""
    return Sync(root, uri or store_uri(root)).once()


def catch_up(root: Path) -> None:
    """`sync` at the end of a pipeline. A store that cannot be reached is a warning."""
    if not tracking_enabled():
        return
    try:
        sync(root)
    except Exception as error:
        print(f"warning: {error}; `triptych sync-mlflow` catches up", file=sys.stderr, flush=True)


def watch(root: Path, uri: str | None = None, parent: int | None = None) -> None:
    """`sync` again and again, until this process is told to end (SIGTERM, Ctrl-C) or `parent` is gone; then once more.
    If the store cannot be reached, it says so once and tries again."""
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    following, parent, told = Sync(root, uri or store_uri(root)), parent or os.getppid(), ""
    while True:
        last = end.is_set() or os.getppid() != parent
        try:
            following.once()
            told = ""
        except Exception as error:
            if str(error) != told:
                print(f"warning: {error}; tried again every {PERIOD:.0f} s", file=sys.stderr, flush=True)
            told = str(error)
        if last:
            return
        end.wait(PERIOD)


def start_watcher(root: Path) -> subprocess.Popen[bytes] | None:
    """Start `triptych sync-mlflow --watch`, which ends, after a last sync, when this process does. None if
    TRIPTYCH_TRACKING=off or MLflow is not installed."""
    if not tracking_enabled():
        return None
    command = [sys.executable, "-m", "triptych.cli", "sync-mlflow", "--watch", "--parent", str(os.getpid())]
    command += ["--root", str(root.absolute())]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
