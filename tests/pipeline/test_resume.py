"""A stage killed with SIGKILL in the middle and run again ends with the bytes of an undisturbed run."""

from __future__ import annotations

import json
import signal
import time

import pytest

pytestmark = pytest.mark.xdist_group("pipeline")

STAGES = [
    ("features", "objects", "dcgan"),
    ("represent", "shapes", "beta_vae"),
    ("translate", "streets", "pix2pix"),
]


@pytest.mark.parametrize("stage, table, system", STAGES)
def test_killed_and_run_again(project, scripts, stage, table, system):
    models = project.root / "models" / table / system
    undisturbed = {file.parent.name: file.read_bytes() for file in sorted(models.glob("*/weights.safetensors"))}
    runs = project.root / "runs" / table / system / stage
    history = {file.name: file.read_bytes() for file in sorted(runs.glob("history/*.jsonl"))}
    checkpoints = project.root / "checkpoints" / table / system / stage
    assert undisturbed and history and not checkpoints.exists()
    processes = json.loads((runs / "cost.json").read_text())["processes"]

    running = scripts.start(f"stages/{stage}.py", system, cwd=project.root, TRIPTYCH_CHECKPOINT_SECONDS="0")
    while not list(checkpoints.glob("*.pt")) and not running.code.done():
        time.sleep(0.01)
    scripts.kill()
    running.end(-signal.SIGKILL)  # else it was over before it could be killed
    assert list(checkpoints.glob("*.pt")), "killed before the first checkpoint"

    if stage == "features":  # DVC deletes what the first part left behind; two seeds, so one or two processes
        other = str(3 - processes)
        project.dvc("repro", "--single-item", "--force", f"{stage}@{system}", TRIPTYCH_WORKERS=other)
        assert str(json.loads((runs / "cost.json").read_text())["processes"]) == other
    else:
        scripts.run(f"stages/{stage}.py", system, cwd=project.root)
    again = {file.parent.name: file.read_bytes() for file in sorted(models.glob("*/weights.safetensors"))}
    assert again == undisturbed
    assert {file.name: file.read_bytes() for file in sorted(runs.glob("history/*.jsonl"))} == history
    assert not checkpoints.exists()
