"""The whole pipeline, really run: what it writes, what it runs again after a change, how it fails."""

from __future__ import annotations

import json
import re
import sqlite3
import textwrap
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.xdist_group("pipeline")


def test_every_system_has_a_result_and_the_report_stands(project):
    params = yaml.safe_load(project.params())
    for table in ("objects", "digits", "streets", "shapes"):
        for system in params[table]["systems"]:
            result = json.loads((project.root / "results" / table / f"{system}.json").read_text())
            assert result["profile"] == "smoke" and result["metrics"], (table, system)
            assert all("rendered" in d.lower() for d in result["data"].values()), result["data"]
    page = (project.root / "reports/smoke/index.html").read_text()
    assert "DCGAN" in page and "CycleGAN" in page
    for table in ("objects", "digits", "streets", "shapes"):
        for ending in ("csv", "md", "tex"):
            assert (project.root / f"reports/smoke/tables/{table}.{ending}").stat().st_size > 0


def test_nothing_is_left_to_do(project):
    assert "up to date" in project.dvc("repro")


def test_the_readmes_python_runs(project, scripts, tmp_path):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = readme.partition("**From Python:**")[2].split("\n\n")[1].splitlines()
    code = textwrap.dedent("\n".join(lines)) + "\nprint(features.shape[0], codes.shape[1])\n"
    (tmp_path / "readme.py").write_text(code)
    assert re.fullmatch(r"\d+ 10\n", scripts.run(tmp_path / "readme.py", cwd=project.root))


def test_metrics_plots_and_params_commands_give_output(project):
    metrics = json.loads(project.dvc("metrics", "show", "--json"))
    files = metrics[""]["data"]
    result = json.loads((project.root / "results/objects/dcgan.json").read_text())["metrics"]
    told = {name: result[name]["mean"] for name in ("accuracy", "accuracy_few")}
    assert files["metrics/objects/dcgan.json"]["data"] == told
    assert len({name for file in files.values() for name in file["data"]}) <= 20  # columns
    plots = json.loads(project.dvc("plots", "show", "--json"))
    asked = yaml.safe_load((project.root / "dvc.yaml").read_text(encoding="utf-8"))["plots"]
    assert len(plots["data"]) == len(asked), sorted(plots["data"])


def test_a_parameter_of_one_system_and_one_of_a_protocol_concern_what_depends_on_them(project):
    before, params = project.params(), yaml.safe_load(project.params())
    of_a_system = re.search(r"^shapes:$.*?^    beta_vae:$.*?beta_norm: ([0-9.]+)", before, re.M | re.S).group(0)
    of_a_protocol = "    per_class: 4\n    draws"
    assert before.count(of_a_protocol) == 1
    changed = before.replace(of_a_system, of_a_system + "1").replace(of_a_protocol, "    per_class: 5\n    draws")
    (project.root / "params.yaml").write_text(changed)
    try:
        stages = set(json.loads(project.dvc("status", "--json")))
    finally:
        (project.root / "params.yaml").write_text(before)
    scores = {f"probe@{system}" for system in params["objects"]["systems"]} | {"images_seen"}
    assert stages == {"represent@beta_vae", "training_length"} | scores


def test_a_wrong_parameter_stops_at_once_and_says_so(project, scripts):
    before = project.params()
    (project.root / "params.yaml").write_text(before.replace("profile: smoke", "profile: smoke\nobjcts: {}"))
    try:
        said = scripts.run("stages/features.py", "raw_pixels", cwd=project.root, status=1)
    finally:
        (project.root / "params.yaml").write_text(before)
    assert "objcts" in said and "Traceback" not in said


def test_tracking_store_holds_finished_runs_of_every_table(project):
    with sqlite3.connect(project.root / "mlflow.db") as store:
        rows = store.execute("select e.name, r.name, r.status from runs r join experiments e using (experiment_id)")
        runs = list(rows)
    assert {table for table, _, _ in runs} >= {"objects", "digits", "streets", "shapes"}
    assert {status for _, _, status in runs} == {"FINISHED"}
    # stages that logged no curve (probe, ...) and rows without a stage of their own (the ceiling) came with the report
    stages = {(table, name) for table, name, _ in runs}
    probed, judged = ("objects", "raw pixels · probe"), ("shapes", "ground truth · disentangle")
    assert {probed, judged, ("streets", "real photos (ceiling)")} <= stages
    project.triptych("sync-mlflow")
    with sqlite3.connect(project.root / "mlflow.db") as store:
        assert store.execute("select count(*) from runs").fetchone()[0] == len(runs)
