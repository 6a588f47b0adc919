"""What every training or scoring stage has around its few lines of work: parameters, data, history, cost, tracking.

    with Stage("objects", "dcgan", "features") as stage:
        images = stage.data("objects_unlabelled", "train").images

        def train(seed):
            system = stage.build(seed, "objects_unlabelled")
            system.fit(images, stage.replica(seed))
            stage.save(system, seed, "objects_unlabelled")

        stage.for_each(stage.protocol.seeds, train)

Files of one execution, under runs/<table>/<system>/<stage>/ (read by the report and by `triptych sync-mlflow`):
history.jsonl (seed, step, metric, value), cost.json (seconds, device, ...), run.json (parameters, tags, data).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import torch
from torch import nn

from triptych.base.config import ParamsError
from triptych.base.errors import main
from triptych.base.results import write_result
from triptych.data.format import Dataset, Split
from triptych.data.spec import Spec
from triptych.engine import Replica, parallel
from triptych.engine.processes import start_processes, wait_for_all
from triptych.engine.replica import Row
from triptych.pipeline import systems
from triptych.pipeline.cost import Clock, describe
from triptych.pipeline.deps import digest_of
from triptych.pipeline.history import History, write_curves
from triptych.pipeline.params import load_params
from triptych.tracking.run import Tracker, curve_name, safe_to_fork

__all__ = ["PREPARED", "Stage", "main"]

PREPARED = Path("data/prepared")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Stage:
    """One execution of stage `name` for `system` of `table` (or for an item of a study). `sections`: the dotted
    parameters it depends on."""

    def __init__(self, table: str, system: str, name: str, sections: Sequence[str] | None = None):
        self.table, self.system, self.name = table, system, name
        self.params = load_params()
        if table in self.params.tables:
            self.protocol = self.params.tables[table].protocol
            self.config = self.params.tables[table].systems.get(system)
            protocol_keys = [k for k in self.params.raw[table] if k != "systems"]
            own = [f"{table}.{k}" for k in protocol_keys] + [f"{table}.systems.{system}"]
        elif table in self.params.studies:
            self.protocol, self.config, own = self.params.studies[table], None, [table]
        else:
            raise ParamsError(f"params.yaml has no section {table!r}, which this stage is about")
        if sections is None:
            sections = own
        self.logged = self.params.flat(*sections)
        self.device = start_processes()
        self.is_main = int(os.environ.get("RANK", 0)) == 0
        self.folder = Path("runs", table, system, name)
        self.outputs = Path("outputs", table, system)
        self.checkpoints = Path("checkpoints", table, system, name)
        self._datasets: dict[str, Dataset] = {}
        self._used: dict[str, str] = {}
        self._result: dict[str, Any] | None = None
        self._tracker: Tracker | None = None
        self._workers = 1
        self._seeds = list(self.protocol.seeds)

    # -- data ------------------------------------------------------------------------------------------------

    def dataset(self, name: str) -> Dataset:
        if name not in self._datasets:
            self._datasets[name] = Dataset(PREPARED / name)
        return self._datasets[name]

    def data(self, name: str, split: str, role: str | None = None) -> Split:
        """A split of a prepared dataset. The tables say what was used as which `role` (the split's name if absent;
        "test" is what a number was measured on)."""
        found = self.dataset(name)[split]
        self._used[role or split] = self.dataset(name).describe(split)
        return found

    # -- systems ---------------------------------------------------------------------------------------------

    def spec(self, dataset: str) -> Spec:
        return Spec.of(self.dataset(dataset))

    def build(self, seed: int, dataset: str) -> nn.Module:
        if self.config is None:
            raise ParamsError(f"{self.table}.systems has no section {self.system!r}: add it to params.yaml")
        return systems.build(self.table, self.system, self.config, self.spec(dataset), seed).to(self.device)

    def model_folder(self, seed: int) -> Path:
        return Path("models", self.table, self.system, f"seed{seed}")

    def save(self, system: nn.Module, seed: int, dataset: str) -> None:
        """Save a trained system. Under torchrun one process writes it, and all go on when it is there."""
        if self.is_main:
            systems.save(
                system,
                self.model_folder(seed),
                table=self.table,
                name=self.system,
                config=self.config,
                spec=self.spec(dataset),
            )
        wait_for_all()

    def load(self, seed: int) -> nn.Module:
        return systems.load(f"{self.table}/{self.system}", seed, device=self.device)

    # -- training --------------------------------------------------------------------------------------------

    def replica(self, seed: int) -> Replica:
        """The run with `seed`: logs here, and resumes from where an identical run was killed."""
        return Replica(
            seed,
            self.device,
            name=f"{self.table}/{self.system} seed {seed}",
            checkpoint=self.checkpoints / f"seed{seed}.pt",
            fingerprint=self.fingerprint,
            sink=lambda rows: self._deliver(seed, rows),
        )

    @cached_property
    def fingerprint(self) -> str:
        """Of everything the result depends on: parameters, data, code, torch."""
        digest = hashlib.sha256(json.dumps(self.logged, sort_keys=True).encode())
        for card in sorted(PREPARED.glob("*/card.json")):
            if card.parent.name in self.protocol.datasets():
                digest.update(card.read_bytes())
        digest.update(digest_of(self.name, self.system).encode())
        digest.update(torch.__version__.encode())
        return digest.hexdigest()

    def for_each(self, items: Sequence[Item], work: Callable[[Item], Result]) -> list[Result]:
        """[work(item) for item in items]; on a CPU several at a time, each in a process of its own (engine.parallel).

        `work` saves what it trains, logs through `self.replica(seed)` and returns what can be pickled; all else that
        it changes is lost. Use `self.data` before, not in it. The files do not depend on the number of processes:
        each has one thread.
        """
        self._workers = workers = parallel.workers_for(len(items), self.device)
        if workers == 1:
            results = [work(item) for item in items]
            wait_for_all()
            return results
        kept: list[list[tuple[int, list[Row]]]] = [[] for _ in items]

        def job(item: Item, send: Callable[[Any], None]) -> Result:
            self._deliver = lambda seed, rows: send((seed, rows))
            self.show = send
            return work(item)

        def receive(index: int, message: tuple[int, list[Row]] | Path) -> None:
            if isinstance(message, Path):
                self.show(message)
            else:
                kept[index].append(message)
                self._to_tracker(*message)

        try:
            return parallel.fork_map(job, items, workers, receive, safe_to_fork)
        finally:
            for seed, rows in (message for messages in kept for message in messages):
                self._history.add(seed, rows)

    def show(self, picture: Path) -> None:
        """Attach a picture to the MLflow run, where it is seen while the training goes on."""
        if self._tracker is not None:
            self._tracker.artifact(picture)

    def shares(self, items: Sequence[Item]) -> list[list[Item]]:
        """`items` in as many parts as there are cores for them: for work that does several items at once (stacked
        weights), which a GPU gets in one piece."""
        n = parallel.workers_for(len(items), self.device)
        size = -(-len(items) // n)
        return [list(items[start : start + size]) for start in range(0, len(items), size)]

    def _deliver(self, seed: int, rows: list[Row]) -> None:
        self._history.add(seed, rows)
        self._to_tracker(seed, rows)

    def _to_tracker(self, seed: int, rows: list[Row]) -> None:
        if self._tracker is not None:
            for step, metric, value in rows:
                self._tracker.log(curve_name(metric, seed), value, step)

    # -- results ---------------------------------------------------------------------------------------------

    def figures(self, drawings: Sequence[tuple[str, Callable[[Path], dict[str, Any]]]]) -> None:
        """Draw each (file name, function of the path that returns {"caption", "numbers"}) to this stage's folder under
        outputs/, which is there even if there is nothing to draw."""
        if not self.is_main:
            return
        folder = self.outputs / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        described = []
        for file, draw in drawings:
            described.append({"file": file, **draw(folder / file)})
            self._tracker.artifact(folder / file)
        (folder / "figures.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")

    def result(
        self,
        metrics: dict[str, Sequence[float]],
        notes: Sequence[str] = (),
        system: str | None = None,
        seeds: Sequence[int] | None = None,
    ) -> None:
        """Write results/<table>/<system>.json; `system` names another row (a ceiling) than the stage's own, `seeds`
        what it was trained with if not the protocol's.

        The stage's MLflow run carries the numbers of its own row alone; `triptych sync-mlflow`, the end of the report
        stage too, makes a run of each other file."""
        if not self.is_main:
            return
        system = system or self.system
        self._seeds = list(self.protocol.seeds if seeds is None else seeds)
        result = write_result(
            Path("results", self.table, f"{system}.json"),
            table=self.table,
            system=system,
            profile=self.params.profile,
            data=self._used,
            seeds=self._seeds,
            metrics=metrics,
            notes=notes,
        )
        if system == self.system:
            self._result = result
        for name, value in result["metrics"].items():
            print(f"{self.table}/{system}: {name} = {value['mean']:.4f} ± {value['std']:.4f} (n={value['n']})")

    # -- begin and end ---------------------------------------------------------------------------------------

    def __enter__(self) -> Stage:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a terminated run ends as FAILED
        if self.is_main:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            self._tracker = Tracker()
        self._history = History(self.folder if self.is_main else None)
        self._clock = Clock(self.checkpoints, self.fingerprint)
        if self.is_main:
            self._clock.write()
        tags = {
            "profile": self.params.profile,
            "stage": self.name,
            "device": str(self.device),
            "data_source": ",".join(sorted({self.params.data[d].source for d in self.protocol.datasets()})),
        }
        self._run = {"table": self.table, "system": self.system, "stage": self.name}
        self._run |= {"profile": self.params.profile, "params": self.logged, "tags": tags}
        if self._tracker is not None:
            cards = {d: self.dataset(d).card for d in self.protocol.datasets() if (PREPARED / d).is_dir()}
            self._tracker.start(self.table, self.system, self.logged, tags, cards, defer=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._history.close()
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        if not self.is_main:
            return
        if error is not None:
            self._tracker.fail(error)
            return
        self._write("run.json", {**self._run, "data": self._used})
        cost = describe(self._clock, self.device, self._workers)
        self._write("cost.json", {**cost, "stage": self.name, "seeds": self._seeds})
        write_curves(self.folder)
        self._tracker.finish(self._result["metrics"] if self._result else {})
        shutil.rmtree(self.checkpoints, ignore_errors=True)

    def _write(self, file: str, content: dict[str, Any]) -> None:
        (self.folder / file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
