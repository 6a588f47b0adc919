"""Everything that the parallel runner knows about DVC: the graph, what has changed, restoring, saving, dvc.lock.

These are DVC's internals, the steps of `dvc.repo.reproduce` and `dvc.stage.run` one by one; pyproject.toml pins the
version, and a test names the calls. Stages are known by their addresses (`probe@dcgan`). No other process may touch
DVC on the runner's behalf: DVC's own lock (`.dvc/tmp/lock`) is held for moments only, and while a stage runs its files
have an entry in DVC's rwlock, so that `dvc status` and the like work in another terminal.
"""

from __future__ import annotations

import inspect
import logging
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.output import Output
from dvc.repo import Repo, lock_repo
from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro
from dvc.rwlock import rwlock
from dvc.stage import Stage
from dvc.stage.cache import RunCacheNotFoundError
from dvc.stage.run import _make_cmd, get_executable, prepare_kwargs
from dvc.stage.serialize import to_lockfile
from dvc.utils.serialize._yaml import dumps_yaml

from triptych.base.errors import UserError
from triptych.pipeline.param_files import read_once

STAGE_SCRIPT = re.compile(r"python stages/\w+\.py( [\w./@=:-]+)*")


class NotRecorded(Exception):
    """A stage ran, and its result is not in dvc.lock; the message says why."""


class Graph:
    """The stages that `targets` (all, if none) need, each after those that it needs."""

    def __init__(self, targets: Sequence[str] = ()):
        logging.getLogger("dvc").setLevel(logging.ERROR)  # the runner's own lines say it
        read_once()
        try:
            self.root = Path(Repo.find_root())
            os.chdir(self.root)  # DVC's run cache builds stages from a relative dvc.yaml
            self._repo = Repo(_wait_for_lock=True)
            with self.locked():
                graph = get_active_graph(self._repo.index.graph)
                order = plan_repro(graph, collect_stages(self._repo, targets or ["dvc.yaml"]))
        except NotDvcRepoError:
            raise UserError("this is not a DVC project: run the command in the project's folder") from None
        except DvcException as error:
            raise UserError(str(error)) from None
        self._stages: dict[str, Stage] = {stage.addressing: stage for stage in order}
        self.needs = {stage.addressing: {s.addressing for s in graph.successors(stage)} for stage in order}
        self.folder = Path(self._repo.tmp_dir, "triptych")
        self.folder.mkdir(exist_ok=True)
        self._hashes: dict[str, dict[str, Any]] = {}  # of what each running stage began with
        self._entries: dict[str, ExitStack] = {}  # in the rwlock
        self._first_names: dict[Path, set[str]] = {}  # in each dvc.lock at the beginning

    def __iter__(self) -> Iterator[str]:
        return iter(self._stages)

    def __len__(self) -> int:
        return len(self._stages)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """DVC's own lock. Within it, further calls of this do not make DVC read its state and ignore files again."""
        with self._repo.scm_context(quiet=True), lock_repo(self._repo):
            yield

    def outs(self, name: str) -> list[Path]:
        return [Path(out.fs_path) for out in self._stages[name].outs]

    def changed(self, name: str) -> bool:
        """Whether DVC would run the stage, given the present state of what it needs. Raises NotRecorded."""
        stage = self._stages[name]
        with self._told_apart(), self.locked(), self._in_rwlock(stage, [*stage.deps, *stage.outs], []):
            upstream = [self._stages[need] for need in self.needs[name] if need in self._stages]
            return _changed(stage, upstream)

    def begin(self, name: str, force: bool = False) -> bool:
        """Remove the stage's outs, and restore them if DVC knows the result (True); if not, its command must now run
        (False), between this and `finish` or `give_up`. Raises NotRecorded."""
        stage = self._stages[name]
        with self._told_apart(), self.locked():
            if stage.frozen or not stage.cmd:  # imports, data sources: DVC's own work
                if stage.reproduce(force=force):
                    self._write(stage)
                return True
            stage.remove_outs(ignore_remove=False, force=False)
            try:
                if force:
                    raise RunCacheNotFoundError(stage)
                self._repo.stage_cache.restore(stage)
                self._record(stage)
                return True
            except RunCacheNotFoundError:
                stage.save_deps()
                self._hashes[name] = _hashes(stage)
                self._claim(stage)
                return False

    def _claim(self, stage: Stage) -> None:
        entry = self._entries[stage.addressing] = ExitStack()
        entry.enter_context(self._in_rwlock(stage, stage.deps, stage.outs))

    def _in_rwlock(self, stage: Stage, reads: Sequence[Output], writes: Sequence[Output]) -> AbstractContextManager:
        text = f"triptych repro {stage.addressing}"  # a text each: equal ones would be one reader, freed by the first
        hardlink = self._repo.config["core"].get("hardlink_lock", False)
        paths = ([item.fs_path for item in items] for items in (reads, writes))
        return rwlock(self._repo.tmp_dir, self._repo.fs, text, *paths, hardlink)

    def give_up(self, name: str) -> None:
        """The command failed, or was stopped: record nothing."""
        del self._hashes[name]
        with self.locked():
            self._entries.pop(name).close()

    def finish(self, name: str) -> None:
        """The command is done: save the result. Raises NotRecorded if an out is missing, or if code, data or a
        parameter changed while the stage ran: DVC hashes them afterwards and would record the new ones."""
        stage, before = self._stages[name], self._hashes.pop(name)
        with self._told_apart(), self.locked():
            self._entries.pop(name).close()
            stage.save_deps()
            after = _hashes(stage)
            if edited := [dep for dep in before if before[dep] != after[dep]]:
                raise NotRecorded(f"{', '.join(edited)} changed while it ran: run again")
            self._record(stage)

    def _record(self, stage: Stage) -> None:
        stage.save(run_cache=True)  # `dvc repro` leaves out stages with outputs that git keeps, as results/
        stage.commit()
        self._write(stage)

    def _write(self, stage: Stage) -> None:
        """Put a result into dvc.lock, in one step. DVC itself sends the whole file through YAML and back, which takes
        seconds, and writes it in place, where a kill leaves half of it; here other stages keep their lines."""
        file = Path(stage.dvcfile._lockfile.path)
        before, entries, after = read_lock(file.read_text(encoding="utf-8") if file.exists() else "schema: '2.0'\n")
        first = self._first_names.setdefault(file, set(entries))
        entries[stage.name] = dumps_yaml({"stages": to_lockfile(stage)}).partition("\n")[2]
        for other in self._stages.values():  # new entries in the order of `dvc repro`, not of completion
            if other.dvcfile._lockfile.path == str(file) and other.name in entries and other.name not in first:
                entries[other.name] = entries.pop(other.name)
        new = self.folder / "dvc.lock.new"
        new.write_text(before + "".join(entries.values()) + after, encoding="utf-8")
        new.replace(file)
        self._repo.scm_context.track_file(os.path.relpath(file))

    def command(self, name: str) -> tuple[list[str], str, bool]:
        """(arguments, working directory, whether it is a plain stage script) of the stage's command."""
        stage = self._stages[name]
        lines = stage.cmd if isinstance(stage.cmd, list) else stage.cmd.splitlines()
        if len(lines) == 1 and STAGE_SCRIPT.fullmatch(lines[0]):
            return shlex.split(lines[0]), stage.wdir, True
        shells = [_make_cmd(get_executable(), line) for line in lines]
        together = shells[0] if len(shells) == 1 else ["/bin/sh", "-c", " && ".join(map(shlex.join, shells))]
        return together, stage.wdir, False

    def environment(self, name: str) -> dict[str, str]:
        """What DVC adds to the environment of the stage's command."""
        return {
            key: value for key, value in prepare_kwargs(self._stages[name])["env"].items() if key.startswith("DVC_")
        }

    @staticmethod
    @contextmanager
    def _told_apart() -> Iterator[None]:
        try:
            yield
        except DvcException as error:
            raise NotRecorded(str(error)) from None


def read_lock(text: str) -> tuple[str, dict[str, str], str]:
    """A dvc.lock as what stands before its stages, each stage's lines, and what stands after them."""
    text = text.rstrip() + "\n"
    found = re.search(r"^stages:.*\n((?: .*\n|\n)*)", text, re.M)
    if not found:
        return f"{text}stages:\n", {}, ""
    blocks = re.split(r"^(?=  [^ ])", found[1], flags=re.M)[1:]
    named = {block.partition(":\n")[0].strip(" '\""): block for block in blocks}
    return f"{text[: found.start()]}stages:\n", named, text[found.end() :]


def _changed(stage: Stage, upstream: list[Stage]) -> bool:
    """`stage.changed(False, upstream)` within one entry in the rwlock; DVC itself writes that file six times."""
    if stage.changed_stage() or (not stage.frozen and (stage.is_callback or stage.always_changed)):
        return True
    deps, outs = inspect.unwrap(Stage._changed_deps), inspect.unwrap(Stage.changed_outs)
    return (not stage.frozen and deps(stage, False, upstream)) or outs(stage, False)


def _hashes(stage: Stage) -> dict[str, Any]:
    return {str(dep): dep.hash_info for dep in stage.deps}
