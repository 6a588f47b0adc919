"""The whole pipeline, really run: what it writes, what it runs again after a change, how it fails."""

from __future__ import annotations

import json
import re
import sqlite3

import pytest
import yaml

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]


def pretend_changed(project, old: str, new: str) -> list[str]:
    """The stages that `dvc status` names once `old` is replaced by `new` in params.yaml (which is then put back)."""
    before = project.params()
    assert before.count(old) == 1, f"{old!r} must stand in smoke.yaml once"
    (project.root / "params.yaml").write_text(before.replace(old, new))
    try:
        return sorted(json.loads(project.dvc("status", "--json")))
    finally:
        (project.root / "params.yaml").write_text(before)


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
    assert json.loads(project.dvc("status", "--json")) == {}
    assert "up to date" in project.dvc("repro")


def test_metrics_plots_and_params_commands_give_output(project):
    metrics = json.loads(project.dvc("metrics", "show", "--json"))
    files = metrics[""]["data"]
    assert "results/objects/dcgan.json" in files
    plots = json.loads(project.dvc("plots", "show", "--json"))
    assert len(plots["data"]) == 5, sorted(plots["data"])


def test_one_systems_parameter_concerns_that_system_only(project):
    text = project.params()
    match = re.search(r"^    beta_vae: .*?beta_norm: ([0-9.]+)", text, re.M)
    assert match, "smoke.yaml must give beta_vae's beta_norm on the line of its section"
    line = match.group(0)
    assert pretend_changed(project, line, line + "1") == ["represent@beta_vae"]


def test_protocol_parameter_concerns_the_scores_only(project):
    stages = pretend_changed(project, "validation: 60, per_class: 4", "validation: 60, per_class: 5")
    assert stages and all(s.startswith("probe@") for s in stages)


def test_a_wrong_parameter_stops_at_once_and_says_so(project):
    before = project.params()
    (project.root / "params.yaml").write_text(before.replace("profile: smoke", "profile: smoke\nobjcts: {}"))
    try:
        done = project.run(project_python(), "stages/features.py", "raw_pixels", check=False)
    finally:
        (project.root / "params.yaml").write_text(before)
    assert done.returncode == 1
    assert "objcts" in done.stderr and "Traceback" not in done.stderr


def test_tracking_store_holds_finished_runs_of_every_table(project):
    with sqlite3.connect(project.root / "mlflow.db") as store:
        rows = store.execute("select e.name, r.name, r.status from runs r join experiments e using (experiment_id)")
        runs = list(rows)
    assert {table for table, _, _ in runs} >= {"objects", "digits", "streets", "shapes"}
    assert {status for _, _, status in runs} == {"FINISHED"}
    # stages that logged no curve (probe, ...) and rows without a stage of their own (the ceiling) came with the report
    stages = {(table, name) for table, name, _ in runs}
    assert {("objects", "raw_pixels"), ("streets", "real_photos"), ("shapes", "ground_truth")} <= stages
    project.run(project_python(), "-m", "triptych.cli", "sync-mlflow")
    with sqlite3.connect(project.root / "mlflow.db") as store:
        assert store.execute("select count(*) from runs").fetchone()[0] == len(runs)


def test_seeds_at_the_same_time_or_one_after_the_other_give_the_same_files(project):
    seeds = yaml.safe_load(project.params())["objects"]["seeds"]
    assert len(seeds) == 2

    def run(workers: str) -> list[bytes]:
        project.run(project_python(), "stages/features.py", "dcgan", TRIPTYCH_WORKERS=workers, TRIPTYCH_TRACKING="off")
        cost = json.loads((project.root / "runs/objects/dcgan/features/cost.json").read_text())
        assert cost["processes"] == int(workers)
        models = sorted((project.root / "models/objects/dcgan").glob("*/weights.safetensors"))
        files = [*models, *sorted((project.root / "runs/objects/dcgan/features/history").glob("*.jsonl"))]
        files.append(project.root / "outputs/objects/dcgan/features/samples.png")
        return [file.read_bytes() for file in files]

    assert run("2") == run("1")


def project_python() -> str:
    import sys

    return sys.executable
