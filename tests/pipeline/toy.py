"""A small pipeline of trivial stages, for tests of what runs it: prepare -> train@a..d -> score -> report."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from dvc.repo import Repo

from triptych.cli import main

SRC = Path(__file__).resolve().parents[2] / "src"
SYSTEMS = "abcd"

DVC_YAML = """
stages:
  report:
    cmd: python stages/report.py
    deps: [stages/report.py, results, runs]
    outs: [reports: {cache: false, persist: true}]
  train:
    foreach: ${systems}
    do:
      cmd: python stages/train.py ${key}
      deps: [stages/train.py, data]
      params: [lr, "systems.${key}"]
      outs: ["models/${key}", "runs/${key}"]
      metrics:
        - results/${key}.json: {cache: false}
  score:
    cmd:
      - python stages/score.py first
      - python stages/score.py second && echo scored
    deps: [stages/score.py, models/a]
    outs: [scores]
  prepare:
    cmd: python stages/prepare.py
    deps: [stages/prepare.py]
    params: [count]
    outs: [data]
"""
PARAMS = """
count: 3
lr: 0.1
systems:
  a: {}
  b: {width: 2}
  c: {}
  d: {}
"""
PREPARE = """
import os
os.makedirs("data")
open("data/numbers", "w").write("1 2 3")
"""
# `begun-<system>` tells a test that the stage runs; a file `hold` keeps it there, one `fail-<system>` makes it fail.
TRAIN = """
import json, os, sys, time
name = sys.argv[1]
for folder in ("models", "runs"):
    os.makedirs(f"{folder}/{name}")
os.makedirs("results", exist_ok=True)
open(f"begun-{name}", "w").write(str(os.getpid()))
time.sleep(float(os.environ.get("NAP", 0)))
while os.path.exists("hold"):
    time.sleep(0.05)
if os.path.exists(f"fail-{name}"):
    sys.exit("no convergence")
open(f"models/{name}/weights", "w").write(name * 3)
json.dump({"seconds": 1.5, "peak_memory_mb": 10}, open(f"runs/{name}/cost.json", "w"))
json.dump({"accuracy": 0.5}, open(f"results/{name}.json", "w"))
print(f"toy/{name}: accuracy = 0.5000 ± 0.0100 (n=2)")
"""
SCORE = """
import os, sys
os.makedirs("scores", exist_ok=True)
open("scores/" + sys.argv[1], "w").write(open("models/a/weights").read())
"""
REPORT = """
import os
os.makedirs("reports", exist_ok=True)
open("reports/index", "w").write(" ".join(sorted(os.listdir("results"))))
"""


class Toy:
    """The toy in a folder of its own; `triptych` and `dvc` are called as a user would."""

    def __init__(self, root: Path, git: bool = False):
        self.root = root
        self.env = {**os.environ, "PYTHONPATH": str(SRC), "DVC_NO_ANALYTICS": "1", "SHELL": "/bin/sh"}
        self.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        (root / "stages").mkdir(parents=True)
        self.write("dvc.yaml", DVC_YAML)
        self.write("params.yaml", PARAMS)
        for name, text in {"prepare": PREPARE, "train": TRAIN, "score": SCORE, "report": REPORT}.items():
            self.write(f"stages/{name}.py", text)
        if git:
            self.write(".gitignore", "/data\n/models\n/runs\n/scores\n/begun-*\n")
            self.git("init", "--quiet")
            self.dvc("init", "--quiet")
        else:
            (root / ".dvc").mkdir()
            self.write(".dvc/config", "[core]\n    no_scm = true\n")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text)

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def replace(self, name: str, old: str, new: str) -> None:
        assert old in self.read(name)
        self.write(name, self.read(name).replace(old, new))

    def run(self, *command: str, status: int = 0, **env: str) -> str:
        """stdout and stderr; fails if the exit status is another one."""
        done = subprocess.run(command, cwd=self.root, env={**self.env, **env}, capture_output=True, text=True)
        assert done.returncode == status, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def git(self, *arguments: str) -> str:
        return self.run("git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments)

    def dvc(self, *arguments: str, **options) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments, **options)

    @contextlib.contextmanager
    def _here(self):
        with mock.patch.dict(os.environ, self.env), contextlib.chdir(self.root):
            yield

    def repro(self, *arguments: str, status: int = 0) -> str:
        """What `triptych repro` says; in this process, which has DVC imported already."""
        said = io.StringIO()
        with self._here(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            assert main(["repro", "--no-preload", *arguments]) == status, said.getvalue()
        return said.getvalue()

    def begin(self, *arguments: str, preload: bool = False, **env: str) -> subprocess.Popen:
        """`triptych repro` in the background."""
        return subprocess.Popen(
            [sys.executable, "-m", "triptych.cli", "repro", *([] if preload else ["--no-preload"]), *arguments],
            cwd=self.root,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def serial(self, *targets: str) -> None:
        """`dvc repro`."""
        with self._here():
            Repo().reproduce(list(targets))

    def changed(self) -> list[str]:
        """The stages that `dvc status` names."""
        with self._here():
            return sorted(Repo().status())

    def wait_for(self, *names: str) -> list[int]:
        """Until the stages train@<name> run; their processes."""
        return [int(until(lambda name=name: (self.root / f"begun-{name}").read_text())) for name in names]


def until(condition, seconds: float = 240):
    """The first true value of `condition()`, which may also raise OSError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if value := condition():
                return value
        except OSError:
            pass
        time.sleep(0.02)
    pytest.fail("it did not come to that in time")


def gone(process: int) -> bool:
    """Whether there is no such process any more (a zombie does nothing any more)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True
