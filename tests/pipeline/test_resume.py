"""A stage killed with SIGKILL in the middle and run again ends with the bytes of an undisturbed run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

STAGES = [
    ("features", "objects", "dcgan"),
    ("represent", "shapes", "beta_vae"),
    ("translate", "streets", "pix2pix"),
]


@pytest.mark.parametrize("stage, table, system", STAGES)
def test_killed_and_run_again(project, stage, table, system):
    models = project.root / "models" / table / system
    undisturbed = {file.parent.name: file.read_bytes() for file in sorted(models.glob("*/weights.safetensors"))}
    runs = project.root / "runs" / table / system / stage
    history = {file.name: file.read_bytes() for file in sorted(runs.glob("history/*.jsonl"))}
    checkpoints = project.root / "checkpoints" / table / system / stage
    assert undisturbed and history and not checkpoints.exists()

    environment = {**project.environment, "TRIPTYCH_CHECKPOINT_SECONDS": "0", "TRIPTYCH_TRACKING": "off"}
    process = subprocess.Popen([sys.executable, f"stages/{stage}.py", system], cwd=project.root, env=environment)
    while not list(checkpoints.glob("*.pt")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the stage was over before it could be killed"
    assert list(checkpoints.glob("*.pt")), "killed before the first checkpoint"

    project.dvc("repro", "--single-item", "--force", f"{stage}@{system}")
    again = {file.parent.name: file.read_bytes() for file in sorted(models.glob("*/weights.safetensors"))}
    assert again == undisturbed
    assert {file.name: file.read_bytes() for file in sorted(runs.glob("history/*.jsonl"))} == history
    assert not checkpoints.exists()
