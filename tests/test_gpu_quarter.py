"""scripts/gpu_quarter.sh in small, on a CPU."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def quarter(out, *flags, **environment):
    command = ["bash", str(ROOT / "scripts/gpu_quarter.sh"), *flags, str(out)]
    done = subprocess.run(
        command, env=os.environ | {"PYTHON": sys.executable} | environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.slow
def test_every_part_runs_and_eight_files_come_back(tmp_path):
    said = quarter(tmp_path, "--tiny")
    parts = [line.partition(": ") for line in said if " done in " in line]
    assert [name for name, _, _ in parts if name.startswith(("train", "judge"))] == [
        "train vae", "judge vae", "train beta_vae", "judge beta_vae",
        "train the street reader", "train CycleGAN", "judge CycleGAN",
    ], said  # fmt: skip
    assert {"prepare shapes", "prepare streets", "benchmark", "tests that need a GPU"} <= {name for name, _, _ in parts}
    files = {file.name for file in tmp_path.iterdir()}
    assert files == {"summary.txt", "log.txt", "cpu.json", "cpu.md", "shapes.json", "streets.json", "histories.csv",
                     "translations.png"}  # fmt: skip
    results = json.loads((tmp_path / "shapes.json").read_text())["results"]
    assert results["beta_vae"]["seeds"] == results["vae"]["seeds"] == [0, 1]
    assert "cyclegan" in json.loads((tmp_path / "streets.json").read_text())["results"]
    header, *lines = (tmp_path / "histories.csv").read_text().splitlines()
    assert header == "table,row,stage,seed,metric,step,value" and any("beta_vae,represent,1," in line for line in lines)


@pytest.mark.slow
def test_a_time_that_is_over_begins_nothing_more(tmp_path):
    said = quarter(tmp_path, SECONDS_IN_ALL="1")
    assert sum("not begun, the time is over" in line for line in said) >= 4
    assert not any(" done in " in line for line in said)
