"""What `make clean` leaves, what `make paper` and `make workstation` change, where `make repro` says the report is."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from triptych.pipeline.params import load_params

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


@pytest.fixture
def make(tmp_path):
    """make in a copy outside git, whose triptych and python only write down how they were called (and python fails)."""
    for name in ("Makefile", "params.yaml", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "params", tmp_path / "params")
    (tmp_path / ".venv/bin").mkdir(parents=True)
    for name, status in (("triptych", 0), ("python", 1)):
        script = tmp_path / ".venv/bin" / name
        script.write_text(f"#!/bin/sh\necho {name} $* >> calls\nexit {status}\n")
        script.chmod(0o755)
    (tmp_path / ".venv/ready").touch()

    def run(*arguments):
        done = subprocess.run(["make", *arguments], cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ))
        return done.returncode, done.stdout

    run.root = tmp_path
    return run


def test_clean_keeps_downloads(make):
    for folder in ("data/raw", "data/prepared/objects", "models/a", "mlruns/0", "checkpoints/a"):
        (make.root / folder).mkdir(parents=True)
    for file in ("data/raw/imagenet.tar", "mlflow.db", "mlflow.db.lock"):
        (make.root / file).touch()
    assert make("clean")[0] == 0
    left = {path.name for path in make.root.iterdir()}
    assert (make.root / "data/raw/imagenet.tar").is_file() and not (make.root / "data/prepared").exists()
    assert not left & {"models", "mlruns", "checkpoints", "mlflow.db", "mlflow.db.lock"}


def test_paper_keeps_what_params_was_and_own_changes_at_that_scale(make):
    params, before = make.root / "params.yaml", make.root / "params.before.yaml"
    params.write_text(params.read_text() + "# mine\n")
    mine = params.read_text()
    status, said = make("paper")
    assert status == 0 and "params.before.yaml" in said
    assert before.read_text() == mine and params.read_bytes() == (make.root / "params/paper.yaml").read_bytes()
    assert (make.root / "calls").read_text() == "triptych repro\n"
    params.write_text(params.read_text() + "# where my images are\n")
    assert make("paper")[0] == 0
    assert "where my images are" in params.read_text() and before.read_text() == mine


@pytest.mark.parametrize(("offline", "source"), [([], "torchvision"), (["OFFLINE=yes"], "folder")])
def test_workstation_runs_in_a_clone_and_collects_what_has_ended(make, offline, source):
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(make.root)]
    (make.root / ".gitignore").write_text(".venv\nworkstation\ncalls\n")
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "all"]):
        subprocess.run([*git, *command], check=True)
    assert make("workstation", "TARGETS=disentangle beta_sweep", *offline)[0] == 0
    calls = (make.root / "calls").read_text().splitlines()
    assert calls == ["triptych collect workstation --estimate", "triptych collect workstation"]
    clone = make.root / "workstation"
    assert (clone / "calls").read_text() == "triptych repro disentangle beta_sweep\n"
    params = load_params(clone / "params.yaml")
    assert params.profile == "workstation" and params.data["objects"].source == source
    assert (clone / "data/raw").resolve() == make.root / "data/raw"
    assert "profile: laptop" in (make.root / "params.yaml").read_text()
    (clone / "params.yaml").write_text("profile: workstation\n")
    assert make("workstation")[0] == 0 and (clone / "params.yaml").read_text() == "profile: workstation\n", "goes on"


@pytest.mark.parametrize("profile", ["laptop", "paper"])
def test_repro_names_the_report_of_the_profile(make, profile):
    if profile == "paper":
        shutil.copy(make.root / "params/paper.yaml", make.root / "params.yaml")
    status, said = make("repro")
    assert status == 0 and f"report: reports/{profile}/index.html" in said.splitlines()


def test_an_oracle_that_could_not_be_had_is_tried_again(make):
    status, _ = make(".venv/oracle")
    assert status == 0 and "pip install" in (make.root / "calls").read_text()
    assert not (make.root / ".venv/oracle").exists()
