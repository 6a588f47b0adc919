"""What stands around the computing: stages at once, a stage's start, a run with nothing to do; and the whole pipeline
beside that of an older commit."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import yaml
from measure import ROOT, Timing, Work, compared, in_turns

from triptych.pipeline.launcher import Job, Launcher

CPU = torch.device("cpu")
NAP = """
import os, sys, time
time.sleep(float(sys.argv[2]))
os.makedirs(f"out/{sys.argv[1]}")
open(f"out/{sys.argv[1]}/result", "w").write(sys.argv[1])
"""
# What a stage that trains imports.
START = "from triptych.pipeline.stage import Stage\nimport sklearn.svm\n"
CODE = 30  # files of code that a stage depends on


def environment(source: Path = ROOT / "src") -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {**os.environ, "PYTHONPATH": str(source), "PATH": path, "OMP_NUM_THREADS": "1"}
    return kept | {"TRIPTYCH_TRACKING": "off", "DVC_NO_ANALYTICS": "1"}


def command(folder: Path, *words: str) -> None:
    done = subprocess.run(words, cwd=folder, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")


REPRO = (sys.executable, "-m", "triptych.cli", "repro")
DVC = (sys.executable, "-m", "dvc", "repro")


def project(folder: Path, stages: int, seconds: float) -> Path:
    """A DVC project of `stages` stages that sleep, none of which needs another."""
    (folder / "stages").mkdir(parents=True)
    (folder / ".dvc").mkdir()
    (folder / ".dvc/config").write_text("[core]\n    no_scm = true\n")
    (folder / "stages/nap.py").write_text(NAP)
    (folder / "params.yaml").write_text(f"seconds: {seconds}\n")
    (folder / "code").mkdir()
    for number in range(CODE):
        (folder / f"code/{number}.py").write_text(f"x = {number}\n")
    nap = {
        "cmd": "python stages/nap.py ${item} ${seconds}",
        "deps": ["stages/nap.py", *(f"code/{number}.py" for number in range(CODE))],
        "outs": ["out/${item}"],
    }
    items = [f"s{number}" for number in range(stages)]
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"nap": {"foreach": items, "do": nap}}}))
    return folder


def parallel_sleep(stages: int, seconds: float, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:

        def fresh(name: str, jobs: int, count: Iterator[int]) -> Work:
            place = project(Path(folder, f"{name}{next(count)}"), stages, seconds)
            return lambda: command(place, *REPRO, "--jobs", str(jobs))

        count = iter(range(1000))
        ways = {"ours": lambda: fresh("four", 4, count), "other": lambda: fresh("one", 1, count)}
        timings = in_turns(ways, rounds, CPU, wall=True)
    what = f"{stages} stages that sleep for {seconds:g} s, four at a time"
    return by_the_clock(compared("parallel_sleep", what, "one at a time", **timings, device="cpu", unit="s"))


def nothing_to_do(stages: int, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        place = project(Path(folder, "project"), stages, 0.0)
        command(place, *REPRO, "--jobs", "2")
        ways = {"ours": lambda: lambda: command(place, *REPRO), "other": lambda: lambda: command(place, *DVC)}
        timings = in_turns(ways, rounds, CPU, wall=True)
    what = f"a second `triptych repro` of {stages} stages, which has nothing to do"
    return by_the_clock(compared("nothing_to_do", what, "`dvc repro`", **timings, device="cpu", unit="s"))


def stage_start(rounds: int) -> dict[str, Any]:
    """From the request to the end of a stage that imports what a training stage needs, and does nothing."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "start.py")
        script.write_text(START)
        argv = ["python", str(script)]
        job = Job("start", argv, folder, f"{folder}/log", f"{folder}/lock", True, environment())
        launcher = Launcher(True, environment())

        def fork() -> None:
            ended = threading.Event()
            codes: list[int] = []
            launcher.start(job, lambda code: (codes.append(code), ended.set()))
            ended.wait()
            if codes != [0]:
                raise RuntimeError(Path(job.log).read_text())

        try:
            fork()  # the server begins with the first request, and imports while it has nothing to do
            time.sleep(1 if rounds == 1 else 12)
            ways = {"ours": lambda: fork, "other": lambda: lambda: command(Path(folder), *argv)}
            timings = in_turns(ways, rounds, CPU, wall=True)
        finally:
            launcher.close()
    what = "a stage's start, up to its first line of work"
    row = compared("stage_start", what, "a new Python", **timings, device="cpu", unit="s")
    return by_the_clock(row)


def by_the_clock(row: dict[str, Any]) -> dict[str, Any]:
    """Time and memory are those of other processes; their memory was not measured."""
    return row | {"peak_mb": {"ours": None, "other": None}, "clock": True}


# -- beside an older commit ------------------------------------------------------------------------------------------


def against(commit: str, targets: Sequence[str] = ("repro", "test")) -> list[dict[str, Any]]:
    """`make repro` and `make test` of this commit and of `commit`, from nothing, each once, in worktrees in a temporary
    folder that share this .venv. Hours, at full scale."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, worktree(folder, "HEAD") as here, worktree(folder, commit) as there:
        for target in targets:
            seconds = [timed_make(place, target) for place in (here, there)]
            ours, other = (Timing([s], None) for s in seconds)
            name = {"repro": "pipeline", "test": "tests"}[target]
            what = f"`make {target}`"
            rows.append(by_the_clock(compared(name, what, f"that of {commit}", ours, other, "cpu", unit="s")))
    return rows


@contextmanager
def worktree(folder: str, commit: str) -> Iterator[Path]:
    place = Path(folder, commit)
    subprocess.run(["git", "-C", ROOT, "worktree", "add", "--detach", place, commit], check=True, capture_output=True)
    (place / ".venv").symlink_to((ROOT / ".venv").resolve())
    try:
        yield place
    finally:
        subprocess.run(["git", "-C", ROOT, "worktree", "remove", "--force", place], check=True)


def timed_make(place: Path, target: str) -> float:
    ready = ["-o", ".venv/ready", "-o", ".venv/oracle"]  # the environment is there; do not look whether it is old
    start = time.perf_counter()
    subprocess.run(["make", *ready, target], cwd=place, env=environment(place / "src"), check=True)
    return time.perf_counter() - start
