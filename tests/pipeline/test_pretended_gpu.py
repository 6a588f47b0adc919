"""Every stage on a GPU that is only pretended (tests/pretended_cuda.py): nothing a real one would refuse."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("pipeline"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="there is a real one"),
]
PRETENDED = Path(__file__).parents[1] / "pretended_cuda.py"
ON_THE_HOST = ("prepare", "inspect", "report")


def test_every_stage_runs(project, tmp_path):
    root = tmp_path / "copy"
    left_out = shutil.ignore_patterns(".dvc", "models", "results", "outputs", "mlruns*")
    shutil.copytree(project.root, root, symlinks=True, ignore=left_out)
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    commands = {name: stage["cmd"].removeprefix("python ") for name, stage in lock["stages"].items()}
    environment = {"PYTHONPATH": str(root / "src"), "TRIPTYCH_TRACKING": "off", "TRIPTYCH_DEVICE": "cuda"}
    done = subprocess.run(
        [sys.executable, PRETENDED],
        input="\n".join(command for name, command in commands.items() if not name.startswith(ON_THE_HOST)),
        cwd=root,
        env={**project.environment, **environment},
        capture_output=True,
        text=True,
    )
    if "cannot be made to pretend" in done.stderr:
        pytest.skip(f"torch {torch.__version__} cannot be made to pretend")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    results = {file.relative_to(project.root / "results") for file in project.root.glob("results/*/**/*.json")}
    assert {file.relative_to(root / "results") for file in root.glob("results/*/**/*.json")} == results
    for cost in root.glob("runs/*/*/*/cost.json"):
        assert "pretended" in cost.read_text(), cost
