"""What a run elsewhere leaves in reports/<profile>/, and what README, docs and the page tell of it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from triptych.base.errors import UserError
from triptych.base.results import write_result
from triptych.pipeline.history import add_rows, history_file
from triptych.report import real_data
from triptych.report.build import build_report
from triptych.report.collect import POINTS, collect, estimate
from triptych.report.load import read_inputs

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789abcdef"


def ran(source, table, item, stage, rows, seconds, seeds=(0, 1)):
    """One finished stage, with a picture and a history of 1000 points a seed."""
    run = source / "runs" / table / item / stage
    for seed in seeds:
        add_rows(history_file(run, seed), [(step, "loss", 1 / (step + 1)) for step in range(1000)])
    machine = {"cpu": "a CPU", "instructions": "AVX2", "amx": False, "python": "3.11.0"}
    cost = {"seconds": seconds, "device": "cpu", "precision": "float32", "torch": "2.8.0", "machine": machine}
    (run / "cost.json").write_text(json.dumps(cost | {"commit": COMMIT, "seeds": list(seeds)}))
    told = {"status": "finished", "profile": "workstation", "results": rows, "data": {}}
    (run / "run.json").write_text(json.dumps(told | {"params": {f"{table}.seeds": list(seeds)}}))
    pictures = source / "outputs" / table / item / stage
    pictures.mkdir(parents=True)
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(pictures / "picture.png")
    (pictures / "figures.json").write_text(json.dumps([{"file": "picture.png", "caption": f"of {table}"}]))


def result(source, table, row, metrics, values, data, profile="workstation"):
    about = {"table": table, "system": row, "profile": profile, "seeds": [0, 1]}
    about |= {"data": {"test": f"{data} (test, n=200)"}, "metrics": dict.fromkeys(metrics.split(), values)}
    write_result(source / "results" / table / f"{row}.json", **about)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Two folders: there/, of the profile, has three rows of objects on photographs, two rows of one stage on drawn
    shapes and, as every clone has, a row of another profile; here/ has run nothing."""
    folder = tmp_path_factory.mktemp("collected")
    source, root = folder / "there", folder / "here"
    source.mkdir(), root.mkdir()
    (root / "params.yaml").write_text("profile: laptop\n")
    params = yaml.safe_load((ROOT / "params/smoke.yaml").read_text()) | {"profile": "workstation"}
    params["objects"]["seeds"] = params["beta_sweep"]["seeds"] = [0, 1]
    params["data"]["objects"] |= {"source": "folder"}
    params["data"]["objects"]["folder"]["path"] = "photographs"
    (source / "params.yaml").write_text(yaml.safe_dump(params))
    for row, value in {"dcgan": 0.71, "dcgan_untrained": 0.6, "raw_pixels": 0.4}.items():
        result(source, "objects", row, "accuracy accuracy_few", [value - 0.01, value + 0.01], "photographs")
    result(source, "digits", "knn", "test_error", [0.5, 0.5], "rendered digits", profile="laptop")
    for row in ("beta_norm_0.00977", "beta_norm_0.00244"):
        result(source, "beta_sweep", row, "higgins", [0.8, 0.9], "drawn shapes")
    ran(source, "objects", "dcgan", "features", [], 90.0)
    ran(source, "objects", "dcgan", "probe", ["dcgan"], 10.0)
    ran(source, "objects", "raw_pixels", "probe", ["raw_pixels"], 5.0)
    ran(source, "beta_sweep", "shapes", "beta_sweep", ["beta_norm_0.00977", "beta_norm_0.00244"], 30.0)
    return source, root


@pytest.fixture(scope="module")
def collected(first, tmp_path_factory):
    """Copies of the two after the one was collected into the other."""
    folder = tmp_path_factory.mktemp("after")
    source, root = (shutil.copytree(path, folder / path.name) for path in first)
    collect(source, root)
    return source, root


@pytest.fixture
def source(first, tmp_path):
    return shutil.copytree(first[0], tmp_path / "there")


@pytest.fixture
def root(collected, tmp_path):
    """With what was collected before."""
    return shutil.copytree(collected[1], tmp_path / "here")


def test_what_is_kept(collected):
    out = collected[1] / "reports/workstation"
    kept = {str(file.relative_to(out)) for file in out.rglob("*") if file.is_file()}
    assert {"params.yaml", "README.md", "made.json", "results/objects/dcgan.json"} <= kept
    assert not [file for file in kept if "digits" in file and file.startswith("results")], "another profile's"
    row = json.loads((out / "results/objects/dcgan.json").read_text())
    assert row["seconds"] == 100 and row["commit"] == COMMIT and row["device"] == "cpu" and "a CPU" in row["machine"]
    assert row["metrics"]["accuracy"]["values"] == [0.7, 0.72] and row["params"] == {"objects.seeds": [0, 1]}
    assert json.loads((out / "results/beta_sweep/beta_norm_0.00977.json").read_text())["seconds"] == 15, "of two rows"
    curve = (out / "curves/objects/dcgan/features.csv").read_text().splitlines()
    assert curve[:2] == ["seed,metric,step,value", "0,loss,0,1"] and len(curve) == 1 + 2 * POINTS
    assert curve[-1].startswith("1,loss,999,"), "the last point is kept"
    figures = {file.removeprefix("figures/") for file in kept if file.startswith("figures")}
    assert {"beta_sweep-shapes-beta_sweep-picture.webp", "curves-objects-dcgan.svg"} <= figures
    shown = [name for name in figures if name.startswith("objects") and name.endswith(".webp")]
    assert not shown, "pictures of photographs are not ours to pass on"


def test_what_is_told_of_it(collected, tmp_path):
    root = collected[1]
    readme = (root / "reports/workstation/README.md").read_text()
    assert "| `objects` | 3 | photographs |" in readme and COMMIT[:10] in readme
    text = real_data.tables(root)
    assert "71.0 (70.0, 72.0)" in text and "Machine: a CPU, AVX2" in text
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert "raw pixels³" in rows and not any("K-means" in row for row in rows), "of what ran, with its own notes"
    assert "Not run (no result yet): 1-layer K-means" in text
    page = build_report(root, "laptop", tmp_path / "report").read_text()
    assert "ours, profile workstation, kept in git" in page and "photographs" in page
    assert "| profile workstation |" in (tmp_path / "report/README.md").read_text()


def test_pieces_are_added_to_what_is_kept_unless_it_becomes_too_much_for_git(source, root, monkeypatch):
    chart = root / "reports/workstation/figures/table-objects-objects.svg"
    of_three = chart.read_bytes()
    (source / "results/objects/raw_pixels.json").unlink()
    collect(source, root)
    assert chart.read_bytes() == of_three, "the chart has the kept rows, not the source's alone"
    result(source, "objects", "dcgan", "accuracy", [0.8, 0.82], "photographs")
    collect(source, root)
    kept = read_inputs(root, "laptop").kept["objects"]
    means = {row: r["metrics"]["accuracy"]["mean"] for row, r in kept.items()}
    assert means == {"dcgan": 0.81, "dcgan_untrained": 0.6, "raw_pixels": 0.4}
    monkeypatch.setattr("triptych.report.collect.LIMIT_MB", 0.001)
    with pytest.raises(UserError, match="MB, more than"):
        collect(source, root)


def test_without_a_run_nothing_is_kept(source, tmp_path):
    root = tmp_path / "new"
    assert "No run" in real_data.tables(root)
    (source / "params.yaml").write_text((source / "params.yaml").read_text().replace("workstation", "paper"))
    with pytest.raises(UserError, match="no row of the profile 'paper' yet"):
        collect(source, root)
    assert not root.exists()


def test_the_estimate_counts_what_is_left(source, root, tmp_path):
    assert "is not known" in estimate(tmp_path, source)
    assert estimate(root, source).startswith("0 of 4 stages are left")
    (source / "runs/objects/dcgan/features/cost.json").unlink()
    assert estimate(root, source).startswith("1 of 4 stages are left: about 90 s on ")
