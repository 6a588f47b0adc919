"""What every training or scoring stage has around its few lines of work: parameters, data, history, cost.

    with Stage("objects", "dcgan", "features") as stage:
        images = stage.uses("objects_unlabelled", "train").images

        def train(seed):
            system = stage.build(seed, "objects_unlabelled")
            system.fit(images, stage.replica(seed))
            stage.save(system, seed, "objects_unlabelled")

        stage.for_each(stage.protocol.seeds, train)

A stage writes files and nothing else. `record` says which lie under runs/; `triptych sync-mlflow` and the report read
them.
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

from triptych.base import project
from triptych.base.config import ParamsError
from triptych.base.errors import main
from triptych.base.files import emptied
from triptych.base.results import Result, write_result
from triptych.data.format import Dataset, Split
from triptych.data.spec import Spec
from triptych.engine import Replica, parallel
from triptych.engine.processes import start_processes, wait_for_all
from triptych.pipeline import systems
from triptych.pipeline.cost import Clock, describe
from triptych.pipeline.deps import digest_of
from triptych.pipeline.history import add_rows, history_file
from triptych.pipeline.intact import check_intact
from triptych.pipeline.params import load_params
from triptych.pipeline.preflight import before_work
from triptych.pipeline.record import Record
from triptych.pipeline.registry import main_metrics

__all__ = ["Stage", "main"]

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


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
        before_work(self.params, table)
        self.device = start_processes()
        self.is_main = int(os.environ.get("RANK", 0)) == 0
        self.folder = project.runs(table, system, name)
        self.outputs = project.outputs(table, system, name)
        self.checkpoints = project.checkpoints(table, system, name)
        self.record: Record | None = None  # in the process that writes, from `with` on
        self._datasets: dict[str, Dataset] = {}
        self._workers = 1
        self._seeds = list(self.protocol.seeds)

    # -- data ------------------------------------------------------------------------------------------------

    def dataset(self, name: str) -> Dataset:
        """A prepared dataset. Raises DataError if it is not prepared, or was damaged since."""
        if name not in self._datasets:
            self._datasets[name] = check_intact(Dataset(project.prepared(name)))
        return self._datasets[name]

    def uses(self, name: str, split: str, role: str | None = None) -> Split:
        """Declare that the numbers depend on a split of a prepared dataset, and return it. Tables and runs say what was
        used as which `role`: "test" is what a number was measured on. Without a role it is the split's name.

        Call it before `for_each`: what a process of its own declares is lost.
        """
        found = self.dataset(name)[split]
        if self.record is not None:
            self.record.uses(self.dataset(name), split, role or split)
        return found

    # -- systems ---------------------------------------------------------------------------------------------

    def spec(self, dataset: str) -> Spec:
        """What a system has to know of a dataset."""
        return Spec.of(self.dataset(dataset))

    def build(self, seed: int, dataset: str) -> nn.Module:
        """The stage's system, untrained, on the stage's device. Raises ParamsError if params.yaml lacks it."""
        if self.config is None:
            raise ParamsError(f"{self.table}.systems has no section {self.system!r}: add it to params.yaml")
        return systems.build(self.table, self.system, self.config, self.spec(dataset), seed).to(self.device)

    def save(self, system: nn.Module, seed: int, dataset: str) -> None:
        """Save a trained system. Under torchrun one process writes it, and all go on when it is there."""
        if self.is_main:
            systems.save(
                system,
                project.models(self.table, self.system, seed),
                table=self.table,
                name=self.system,
                config=self.config,
                spec=self.spec(dataset),
            )
        wait_for_all()

    def load(self, seed: int) -> nn.Module:
        """The stage's system as `save` wrote it. Raises NotTrained."""
        return systems.load(f"{self.table}/{self.system}", seed, device=self.device)

    # -- training --------------------------------------------------------------------------------------------

    def replica(self, seed: int, part: str = "") -> Replica:
        """The run with `seed`: logs here, and resumes from where an identical run was killed. `part`: the name of one
        of several trainings that a stage does with the same seed at the same time."""
        file = history_file(self.folder, seed, part)
        replica = Replica(
            seed,
            self.device,
            name=f"{self.table}/{self.system} seed {seed}",
            checkpoint=self.checkpoints / f"seed{seed}.pt",
            fingerprint=self.fingerprint,
            sink=lambda rows: add_rows(file, rows),
        )
        return replica.part(part) if part else replica

    @cached_property
    def fingerprint(self) -> str:
        """Of everything the result depends on: parameters, data, code, torch."""
        digest = hashlib.sha256(json.dumps(self.logged, sort_keys=True).encode())
        for card in sorted(project.prepared().glob("*/card.json")):
            if card.parent.name in self.protocol.datasets():
                digest.update(card.read_bytes())
        digest.update(digest_of(self.name, self.system).encode())
        digest.update(torch.__version__.encode())
        return digest.hexdigest()

    def for_each(self, items: Sequence[Item], work: Callable[[Item], Outcome]) -> list[Outcome]:
        """[work(item) for item in items]; on a CPU several at a time, each in a process of its own (engine.parallel).

        `work` saves what it trains, logs through `self.replica(seed)` and returns what can be pickled; all else that
        it changes is lost. The files do not depend on the number of processes: each has one thread.
        """
        self._workers = parallel.workers_for(len(items), self.device)
        if self._workers > 1:
            return parallel.fork_map(work, items, self._workers)
        results = [work(item) for item in items]
        wait_for_all()
        return results

    # -- results ---------------------------------------------------------------------------------------------

    def figures(self, drawings: Sequence[tuple[str, Callable[[Path], dict[str, Any]]]]) -> None:
        """Draw each (file name, function of the path that returns {"caption", "numbers"}) to this stage's folder under
        outputs/, which is there even if there is nothing to draw."""
        if not self.is_main:
            return
        emptied(self.outputs)
        described = [{"file": file, **draw(self.outputs / file)} for file, draw in drawings]
        (self.outputs / "figures.json").write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n")

    def result(self, result: Result, system: str | None = None, seeds: Sequence[int] | None = None) -> None:
        """Write results/<table>/<system>.json, and of it what DVC shows, metrics/<table>/<system>.json. `system` names
        another row (a ceiling) than the stage's own, `seeds` what it was trained with if not the protocol's."""
        if self.record is None:
            return
        system = system or self.system
        self._seeds = list(self.protocol.seeds if seeds is None else seeds)
        written = write_result(
            project.results(self.table, system),
            table=self.table,
            system=system,
            profile=self.params.profile,
            data=self.record.run["data"],
            seeds=self._seeds,
            metrics=result.metrics,
            notes=result.notes,
            trainings=result.trainings,
            pooled=result.pooled,
        )
        self.record.result(system)
        shown = main_metrics(self.table, written["metrics"])
        file = project.metrics(self.table, system)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(shown, indent=1) + "\n")
        for name, value in written["metrics"].items():
            print(f"{self.table}/{system}: {name} = {value['mean']:.4f} ± {value['std']:.4f} (n={value['n']})")

    # -- begin and end ---------------------------------------------------------------------------------------

    def __enter__(self) -> Stage:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that a terminated run ends as failed
        self._clock = Clock(self.checkpoints, self.fingerprint)
        if self.is_main:
            sources = sorted({self.params.data[d].source for d in self.protocol.datasets()})
            run = {"profile": self.params.profile, "params": self.logged, "tags": {"data_source": ",".join(sources)}}
            self.record = Record(self.table, self.system, self.name, run)
            self._clock.write()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        if self.record is None:
            return
        if error is not None:
            self.record.fail(error)
            return
        cost = describe(self._clock, self.device, self._workers)
        self.record.finish({**cost, "stage": self.name, "seeds": self._seeds})
        shutil.rmtree(self.checkpoints, ignore_errors=True)
