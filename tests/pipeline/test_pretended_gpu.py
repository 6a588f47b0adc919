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


def run(project, tmp_path: Path, stages: list[str], *options: str) -> Path:
    """A copy of the smoke project after `stages` on the pretended device."""
    root = tmp_path / "copy"
    shutil.copytree(
        project.root, root, ignore=shutil.ignore_patterns(".dvc", "models", "results", "outputs", "mlruns*")
    )
    environment = {**project.environment, "PYTHONPATH": str(root / "src"), "TRIPTYCH_TRACKING": "off"}
    done = subprocess.run(
        [sys.executable, PRETENDED, *options],
        input="\n".join(stages),
        cwd=root,
        env={**environment, "TRIPTYCH_DEVICE": "cuda"},
        capture_output=True,
        text=True,
    )
    if "cannot be made to pretend" in done.stderr:
        pytest.skip(f"torch {torch.__version__} cannot be made to pretend")
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return root


def commands(project) -> list[str]:
    """`stages/features.py dcgan` and so on, as `dvc repro` ran them."""
    lock = yaml.safe_load((project.root / "dvc.lock").read_text())
    stages = {name: stage["cmd"].removeprefix("python ") for name, stage in lock["stages"].items()}
    return [command for name, command in stages.items() if not name.startswith(ON_THE_HOST)]


def test_every_stage_runs(project, tmp_path):
    root = run(project, tmp_path, commands(project))
    results = {file.relative_to(project.root / "results") for file in project.root.glob("results/*/*.json")}
    assert {file.relative_to(root / "results") for file in root.glob("results/*/*.json")} == results
    for cost in root.glob("runs/*/*/*/cost.json"):
        assert "pretended" in cost.read_text(), cost


def test_in_float32_it_learns_what_the_cpu_learns(project, tmp_path):
    from safetensors.torch import load_file

    rows = ["objects/exemplar_cnn", "streets/pix2pix", "shapes/beta_vae", "shapes/dc_ign", "shapes/infogan"]
    rows += [f"digits/{system}" for system in ("dcgan", "m1_m2", "swwae", "tsvm")]
    stages = {"objects": "features", "digits": "semisupervised", "streets": "translate", "shapes": "represent"}
    names = [f"stages/{stages[table]}.py {system}" for table, system in (row.split("/") for row in rows)]
    root = run(project, tmp_path, names, "--float32")
    for row in rows:
        there, here = (load_file(base / "models" / row / "seed0/weights.safetensors") for base in (root, project.root))
        for name, weights in here.items():
            if weights.dim() < 2:  # a bias before a norm learns from rounding alone
                continue
            torch.testing.assert_close(there[name], weights, rtol=0.01, atol=2e-3, msg=lambda m: f"{row} {name}: {m}")  # noqa: B023
