"""`make bench` at tiny sizes: all rows are there, with all that a reader compares."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STEPS = {"dcgan_step", "dcgan_wide_step", "cyclegan_step", "vae_stack", "vae_stack_alone"}
ROWS = STEPS | {"higgins", "svm", "parallel_sleep", "stage_start", "nothing_to_do"}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the runner's rows need Linux")
def test_every_row_has_its_numbers_and_its_place_on_the_page(tmp_path):
    command = [sys.executable, "benchmarks/speed", "--quick", "--out", tmp_path]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TRIPTYCH_DEVICE": "cpu"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "cpu.json").read_text())
    rows = {row["name"]: row for row in found["rows"]}
    assert set(rows) | set(found["missing"]) == ROWS | {"pipeline", "tests"}
    assert set(found["missing"]) <= {"higgins", "pipeline", "tests"}
    for row in rows.values():
        assert {"what", "other_is", "unit", "device", "peak_mb"} <= set(row) and row["n"] == 1
        assert row["ours"] > 0 and row["ratio"] == pytest.approx(row["other"] / row["ours"])
    for name in STEPS:
        assert all(0 < share < 1.5 for share in rows[name]["share"].values())
        assert all(mb is None or mb >= 0 for mb in rows[name]["peak_mb"].values())
    machine = found["machine"]
    assert machine["threads"] == 1 and machine["torch"] and machine["cpu"] and math.isfinite(machine["load"])
    assert {curve["name"] for curve in found["growth"]} == {"images", "width", "replicas", "resolution"}
    text = (tmp_path / "cpu.md").read_text(encoding="utf-8")
    assert all(text.count(f"`{name}`") == 2 for name in rows)  # in the table, and in words


@pytest.mark.parametrize(
    "ratio, spread, said",
    [
        (2.5, [2.0, 3.0], "2.5 times as fast as"),
        (0.5, [0.4, 0.6], "slower, 2 times the time of"),
        (1.02, [1.01, 1.03], "as fast as"),
        (1.4, [0.9, 2.0], "as fast as"),
    ],
)
def test_a_sentence_says_what_the_numbers_say(monkeypatch, ratio, spread, said):
    monkeypatch.syspath_prepend(ROOT / "benchmarks/speed")
    from words import sentence

    row = {"name": "svm", "what": "an SVM", "other_is": "another", "ratio": ratio, "quartiles": {"ratio": spread}}
    assert sentence(row, 2) == f"`svm`: an SVM, is {said} another."
    busy = row | {"clock": True, "load": 8.0}
    assert "under a load of 8 on 2 cores" in sentence(busy, 2) and "load" not in sentence(busy, 8)
