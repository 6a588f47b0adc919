"""`kill -9` at random moments: of a stage, of one of its children, of the runner, of the server that starts its stages,
of the reader that feeds MLflow. The next call must end with the bytes of an undisturbed one."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import yaml
from toy import Toy

from campaign import child
from campaign.malformed import trained
from campaign.trials import ROOT, Trial, kept

STAGES = {  # kinds, in an order in which each finds what it needs; the last command of each is killed
    "prepare": ["prepare objects"],
    "features": ["prepare objects_unlabelled", "features dcgan"],
    "probe": ["probe dcgan"],
    "fcn": ["prepare streets", "fcn"],
    "translate": ["translate pix2pix"],
    "represent": ["prepare shapes", "represent beta_vae"],
}
EVERY_STAGE, EVERY_OTHER = 4, 6  # trials
OTHER = re.compile(r"cost\.json$|^\.output$|^begun-|^\.dvc/")  # what has a clock or process numbers in it
ENV = {"TRIPTYCH_CHECKPOINT_SECONDS": "0", "TRIPTYCH_WORKERS": "2"}


@functools.cache
def undisturbed() -> dict[str, tuple[Path, Path, float]]:
    """Stage -> a project before it and after it, and the seconds that it took."""
    home = kept("undisturbed", _undisturbed)
    seconds = json.loads((home / "seconds.json").read_text())
    return {kind: (home / f"before {kind}", home / f"after {kind}", seconds[kind]) for kind in STAGES}


def _undisturbed(home: Path) -> None:
    now, seconds = home / "now", {}
    now.mkdir()
    shutil.copy(ROOT / "params" / "smoke.yaml", now / "params.yaml")
    for kind, commands in STAGES.items():
        for command in commands:
            if command == commands[-1]:
                shutil.copytree(now, home / f"before {kind}")
            began = time.monotonic()
            code, said = child.attempt(command.split(), now, ENV)
            assert code == 0, said
        shutil.copytree(now, home / f"after {kind}")
        seconds[kind] = time.monotonic() - began
    (home / "seconds.json").write_text(json.dumps(seconds))


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of all files; of dvc.lock the entries, whose order tells which were written first."""
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not OTHER.search(str(path.relative_to(folder)))
    }
    if "dvc.lock" in found:
        found["dvc.lock"] = json.dumps(yaml.safe_load(found["dvc.lock"]), sort_keys=True).encode()
    return found


def differences(found: dict[str, bytes], expected: dict[str, bytes]) -> str:
    names = [name for name in sorted({*found, *expected}) if found.get(name) != expected.get(name)]
    return f"other bytes: {', '.join(names)}" if names else ""


def strike(start: Callable[[], int], moment: float, victim: Callable[[int], int | None]) -> tuple[int | None, float]:
    """Start a process, wait, SIGKILL the victim that it has then, wait for the end. (exit status, moment); the moment
    is an earlier one where the process was over before it."""
    for _ in range(6):
        pid = start()
        began = time.monotonic()
        struck = False
        while not struck and os.waitpid(pid, os.WNOHANG)[0] == 0:
            if time.monotonic() - began >= moment and (target := victim(pid)):
                os.kill(target, signal.SIGKILL)
                struck = True
            time.sleep(0.002)
        if struck:
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with contextlib.suppress(ProcessLookupError):
                for _ in range(500):
                    os.killpg(pid, 0)  # what it had started ends with it
                    time.sleep(0.01)
            return code, moment
        moment *= 0.6
    return None, moment


def kill_stage(kind: str, part: float, of_child: bool, folder: Path) -> str | dict:
    before, after, seconds = undisturbed()[kind]
    command = STAGES[kind][-1].split()

    def start() -> int:
        shutil.rmtree(folder)
        shutil.copytree(before, folder)
        return child.start(command, folder, ENV)

    def a_child(pid: int) -> int | None:
        there = psutil.Process(pid).children()
        return there[0].pid if there else None

    code, moment = strike(start, part * seconds, a_child if of_child else lambda pid: pid)
    if code is None:
        return "it was over before it could be killed"
    said = (folder / ".output").read_text()
    if of_child and (code < 0 or "Traceback" in said):
        return f"a child's death ends the stage with {code}: {said[-300:]}"
    if of_child and code == 0 and (wrong := differences(files(folder), files(after))):  # it had done its work
        return f"a child's death ends the stage with 0: {wrong}"
    code, said = child.attempt(command, folder, ENV)
    if code:
        return f"the next call ends with {code}: {said[-300:]}"
    return differences(files(folder), files(after))


@functools.cache
def toy_undisturbed() -> tuple[dict[str, bytes], float]:
    folder = Path(tempfile.mkdtemp(prefix="campaign-toy-")) / "toy"
    toy = Toy(folder)
    began = time.monotonic()
    code, said = child.attempt(REPRO, folder, toy_env(toy))
    assert code == 0, said
    return files(folder), time.monotonic() - began


REPRO = ("triptych", "repro", "--no-preload", "--jobs", "2")


def toy_env(toy: Toy) -> dict[str, str]:
    return {**toy.env, "NAP": "0.3"}


def kill_runner(part: float, of_server: bool, folder: Path) -> str:
    expected, seconds = toy_undisturbed()
    at = folder / "toy"
    env = {}

    def start() -> int:
        shutil.rmtree(at, ignore_errors=True)
        toy = Toy(at)
        env.update(toy_env(toy))
        return child.start(REPRO, at, env)

    def the_server(pid: int) -> int | None:
        there = [p for p in psutil.Process(pid).children() if "fork_server" in " ".join(p.cmdline())]
        return there[0].pid if there else None

    code, _ = strike(start, part * seconds, the_server if of_server else lambda pid: pid)
    if code is None:
        return "it was over before it could be killed"
    said = (at / ".output").read_text()
    if of_server and (code not in (0, 1) or "Traceback" in said):  # 0: no stage ran, and another server began
        return f"the server's death ends the runner with {code}: {said[-300:]}"
    code, said = child.attempt(REPRO, at, env)
    return f"the next call ends with {code}: {said[-300:]}" if code else differences(files(at), expected)


SYNC = ("triptych", "sync-mlflow")


@functools.cache
def synced() -> tuple[Path, dict, float]:
    """A project with runs and an empty store; what an undisturbed sync puts into it; the seconds."""
    home = Path(tempfile.mkdtemp(prefix="campaign-synced-"))
    trained.make(home / "empty")
    shutil.copytree(home / "empty", home / "full")
    began = time.monotonic()
    code, said = child.attempt(SYNC, home / "full", {"TRIPTYCH_TRACKING": "on"})
    assert code == 0, said
    return home / "empty", stored(home / "full" / "mlflow.db"), time.monotonic() - began


def stored(database: Path) -> dict[str, list]:
    """What tells one run from another, without ids and times of the clock."""
    with sqlite3.connect(database) as store:
        name = "select r.name, r.status, {} from runs r join {} t on t.run_uuid = r.run_uuid"
        return {
            "runs": sorted(store.execute("select name, status from runs")),
            "points": sorted(store.execute(name.format("t.key, t.step, t.value", "metrics"))),
            "params": sorted(store.execute(name.format("t.key, t.value", "params"))),
            "inputs": sorted(store.execute("select count(*) from inputs")),
        }


def kill_reader(part: float, folder: Path) -> str:
    empty, expected, seconds = synced()

    def start() -> int:
        shutil.rmtree(folder)
        shutil.copytree(empty, folder)
        return child.start(SYNC, folder, {"TRIPTYCH_TRACKING": "on"})

    code, _ = strike(start, part * seconds, lambda pid: pid)
    if code is None:
        return "it was over before it could be killed"
    code, said = child.attempt(SYNC, folder, {"TRIPTYCH_TRACKING": "on"})
    if code:
        return f"the next call ends with {code}: {said[-300:]}"
    found = stored(folder / "mlflow.db")
    return "; ".join(f"{what}: {len(found[what])}, not {len(expected[what])}" for what in found
                     if found[what] != expected[what])  # fmt: skip


def trials() -> Iterator[Trial]:
    moments = random.Random(28)
    for kind, run in {
        "the runner": lambda part, folder: kill_runner(part, False, folder),
        "the server that starts stages": lambda part, folder: kill_runner(part, True, folder),
        "the reader that feeds MLflow": kill_reader,
    }.items():
        for _ in range(EVERY_OTHER):
            part = moments.random()
            yield Trial(kind, f"at {part:.2%}", functools.partial(run, part))
    for kind in STAGES:
        for n in range(EVERY_STAGE):
            part, of_child = moments.random(), n == 3 and kind not in ("prepare", "fcn")
            what = "a child of it" if of_child else "the stage"
            run = functools.partial(kill_stage, kind, part, of_child)
            yield Trial(f"{what}, in `{kind}`", f"at {part:.2%}", run)
