"""Tracking: what of a project's files reaches the MLflow store, while stages run, at their end, and when they die."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from triptych.base.files import FileError
from triptych.base.results import write_result
from triptych.pipeline.history import add_rows, history_file
from triptych.pipeline.record import this_process
from triptych.tracking import sync as tracking
from triptych.tracking.files import executions
from triptych.tracking.store import Store, StoreError, check_uri, store_uri
from triptych.tracking.sync import Sync, short_names, sync

ROOT = Path(__file__).resolve().parents[1]
BEGAN = 1_700_000_000.0


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("TRIPTYCH_TRACKING", "on")


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """An empty store: making its tables takes seconds, copying them none."""
    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    Store(f"sqlite:///{file}").client.search_experiments()
    return file


@pytest.fixture
def project(tmp_path, fresh):
    shutil.copy(fresh, tmp_path)
    (tmp_path / "params.yaml").touch()
    return tmp_path


def dataset(role, split, title="rendered objects"):
    about = {"role": role, "split": split, "name": "objects", "title": title, "source": "rendered", "digest": title}
    return about | {"rows": 9}


def stage(root, system, name, *, began=BEGAN, status="finished", table="objects", seeds=(0, 1), process=None, **run):
    """The files of an execution, whose curves have the values seed, seed + 1, ..."""
    folder = root / "runs" / table / system / name
    shutil.rmtree(folder, ignore_errors=True)
    when = {"began": began, "ended": began + 10, "commit": "c0ffee"}
    params = {f"{table}.seeds": [0, 1], f"{table}.systems.{system}.lr": 0.5, f"{table}.probe.costs": [1]}
    run = {"profile": "laptop", "status": status, "stage": name, "params": params, "datasets": [], **run}
    for seed in seeds:
        add_rows(history_file(folder, seed), [(step, "loss", seed + step) for step in range(5)])
    folder.mkdir(parents=True, exist_ok=True)
    if status == "finished":
        (folder / "cost.json").write_text(json.dumps({"seconds": 10.0, "device": "cpu", "seeds": [0, 1], **when}))
    else:
        run["process"] = {**when, **this_process(), **(process or {})}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def result(root, system, values=(0.5, 0.75), folder="results", table="objects", **extra):
    row = {"table": table, "system": system, "profile": "laptop", "data": {}, "seeds": [0, 1], "notes": ["by hand"]}
    write_result(root / folder / table / f"{system}.json", **row, metrics={"accuracy": values}, **extra)


def runs(root, table="objects"):
    """(name of the main run, name) -> run; (name, "") for a main run."""
    store = Store(f"sqlite:///{root / 'mlflow.db'}")
    found = store.runs(store.experiment(table), "")
    names = {run.info.run_id: run.info.run_name for run in found}
    return {
        (names[parent], run.info.run_name) if (parent := run.data.tags.get("mlflow.parentRunId")) else
        (run.info.run_name, ""): run
        for run in found
    }  # fmt: skip


def curve(root, run, metric="loss"):
    store = Store(f"sqlite:///{root / 'mlflow.db'}")
    return [(m.step, m.value) for m in store.client.get_metric_history(run.info.run_id, metric)]


def test_everything_of_a_stage_reaches_the_store_once(project):
    used = [dataset("train", "train"), dataset("test", "test"), dataset("unlabelled", "train", "others")]
    stage(project, "dcgan", "features", datasets=used)
    picture = project / "outputs/objects/dcgan/features/samples.png"
    picture.parent.mkdir(parents=True)
    picture.write_bytes(b"png")
    assert sync(project) == 1 and sync(project) == 0
    found = runs(project)
    title = "DCGAN + L2-SVM · features"
    assert set(found) == {(title, ""), *((title, f"DCGAN + L2-SVM · seed {seed}") for seed in (0, 1))}
    main = found[title, ""]
    assert main.data.params == {"lr": "0.5", "seeds": "[0, 1]", "probe.costs": "[1]"}
    told = {"system": "dcgan", "stage": "features", "paper": "dcgan", "profile": "laptop", "device": "cpu"}
    assert told.items() <= main.data.tags.items() and main.data.tags["mlflow.source.git.commit"] == "c0ffee"
    assert (main.info.start_time, main.info.end_time) == (BEGAN * 1000, BEGAN * 1000 + 10_000)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    inputs = {i.dataset.name: i.tags[0].value for i in main.inputs.dataset_inputs}
    assert inputs == {"rendered objects": "train, test", "others": "unlabelled"}
    seed = found[title, "DCGAN + L2-SVM · seed 1"]
    assert curve(project, seed) == [(step, 1 + step) for step in range(5)] and seed.data.params["seed"] == "1"
    assert curve(project, main) == [(step, 0.5 + step) for step in range(5)]  # the mean
    store = Store(f"sqlite:///{project / 'mlflow.db'}")
    assert [file.path for file in store.client.list_artifacts(main.info.run_id)] == ["samples.png"]
    stage(project, "dcgan", "features", began=BEGAN + 100)
    assert sync(project) == 1  # executed again


def test_learning_rate_and_accuracy_stand_in_one_line_with_the_published_number(project):
    stage(project, "dcgan", "features")
    assert sync(project) == 1
    stage(project, "dcgan", "probe", began=BEGAN + 50, seeds=(), results=["dcgan"])
    result(project, "dcgan")
    assert sync(project) == 1 and sync(project) == 0
    found = runs(project)
    for name in ("features", "probe"):
        run = found[f"DCGAN + L2-SVM · {name}", ""]
        assert {"accuracy": 0.625, "accuracy_paper": 0.828}.items() <= run.data.metrics.items()
        assert run.data.metrics["accuracy_std"] > 0 and run.data.tags["mlflow.note.content"] == "- by hand"
    of_seeds = [found["DCGAN + L2-SVM · features", f"DCGAN + L2-SVM · seed {s}"].data.metrics for s in (0, 1)]
    assert [metrics["accuracy"] for metrics in of_seeds] == [0.5, 0.75]
    stage(project, "dcgan", "features", began=BEGAN + 100)  # trained again, not judged yet
    assert "dcgan" not in next(o for o in executions(project) if o.began == BEGAN + 100).results


def test_rows_of_a_study_and_results_without_a_stage_have_runs(project):
    stage(project, "variants", "guidelines", table="guidelines", seeds=(), results=["faithful"])
    add_rows(history_file(project / "runs/guidelines/variants/guidelines", 0, "faithful"), [(1, "faithful_loss", 2.0)])
    result(project, "faithful", table="guidelines")
    result(project, "raw_pixels")
    result(project, "dcgan", folder="reports/paper/results", device="H200", params={"objects.systems.dcgan.lr": 2})
    assert sync(project) == 3 and sync(project) == 0
    study, table = runs(project, "guidelines"), runs(project)
    assert study["variants · guidelines", "faithful"].data.metrics["accuracy"] == 0.625
    assert study["variants · guidelines", "faithful · seed 0"].data.metrics == {"loss": 2.0}
    assert table["raw pixels · result", ""].data.metrics["accuracy"] == 0.625
    assert table["DCGAN + L2-SVM · kept result", ""].data.params["lr"] == "2"


def test_a_running_stage_is_followed_and_nothing_comes_twice(project):
    running = stage(project, "dcgan", "features", status="running", seeds=(0,), began=time.time() - 60)
    follower = Sync(project, store_uri(project))
    follower.once()
    file = history_file(running, 0)
    add_rows(file, [(5, "loss", 5.0)])
    with open(file, "a") as half:
        half.write('{"step": 6, "met')
    Sync(project, store_uri(project)).once()  # another process goes on where the first one was
    title, seed = "DCGAN + L2-SVM · features", "DCGAN + L2-SVM · seed 0"
    live = runs(project)
    assert {run.info.status for run in live.values()} == {"RUNNING"}
    assert curve(project, live[title, seed]) == [(step, step) for step in range(6)]
    file.write_text(file.read_text() + 'ric": "loss", "value": 6.0}\n')
    began = json.loads((running / "run.json").read_text())["process"]["began"]
    rows = file.read_text()
    stage(project, "dcgan", "features", began=began, seeds=())
    add_rows(file, [])
    file.write_text(rows)
    follower.once()
    over = runs(project)
    assert {run.info.status for run in over.values()} == {"FINISHED"} and len(over) == 2
    assert sorted(curve(project, over[title, seed])) == [(step, step) for step in range(7)]


def test_a_killed_stage_becomes_failed_also_if_it_was_started_again(project):
    sleeper = subprocess.Popen(["sleep", "1000"])
    begun = time.time() - 60
    alive = {"pid": sleeper.pid, "started": ""}
    for system in ("dcgan", "raw_pixels"):
        stage(project, system, "features", status="running", process=alive, began=begun)
    sync(project)
    sleeper.kill()
    sleeper.wait()
    stage(project, "raw_pixels", "features", status="running", began=begun + 30)  # so its first files are gone
    sync(project)
    store = Store(store_uri(project))
    found = store.runs(store.experiment("objects"), "")
    states = [(run.data.tags["system"], run.info.status) for run in found]
    of_each = {state: states.count(state) for state in states}  # the main run and those of two seeds
    assert of_each == {("dcgan", "FAILED"): 3, ("raw_pixels", "FAILED"): 3, ("raw_pixels", "RUNNING"): 3}
    assert all(
        "was killed" in r.data.tags["triptych.error"]
        for r in found
        if r.info.run_name == "raw pixels · seed 0" and r.info.status == "FAILED"
    )


def test_a_failed_stage_tells_its_error(project):
    stage(project, "dcgan", "features", status="failed", error="Divergence: loss_d became nan")
    assert sync(project) == 1
    run = runs(project)["DCGAN + L2-SVM · features", ""]
    assert (run.info.status, run.data.tags["triptych.error"]) == ("FAILED", "Divergence: loss_d became nan")


def test_what_was_cut_off_is_sent_again_and_not_doubled(project):
    stage(project, "dcgan", "features", results=["dcgan"])
    result(project, "dcgan")
    assert sync(project) == 1
    before = runs(project)
    store = Store(f"sqlite:///{project / 'mlflow.db'}")
    for run in before.values():
        store.client.update_run(run.info.run_id, "RUNNING")
    time.sleep(0.01)
    sync(project)
    for name, run in before.items():
        for metric in run.data.metrics:
            points = curve(project, run, metric)
            assert len(points) == len(set(points)), (name, metric)
    assert {run.info.status for run in runs(project).values()} == {"FINISHED"}


def test_a_damaged_history_is_not_the_stores_fault(project):
    folder = stage(project, "dcgan", "features")
    history_file(folder, 0).write_text('{"step": 1, "met\n')
    with pytest.raises(FileError, match=r"seed0\.jsonl, line 1: not valid JSON"):
        sync(project)


STAGE = """
import sys, time
from triptych.pipeline.stage import Stage
with Stage("objects", "dcgan", "features") as stage:
    stage.record.began -= float(sys.argv[1])  # as if it had begun earlier
    stage.record._write()
    replica = stage.replica(0)
    for step in range(10 ** 6):
        replica.log(step, loss=0.5)
        time.sleep(0.2)
"""


def test_watching_a_real_stage_shows_its_curve_and_then_that_it_was_killed(project, monkeypatch):
    shutil.copy(ROOT / "params/smoke.yaml", project / "params.yaml")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    monkeypatch.setenv("PYTHONPATH", environment["PYTHONPATH"])
    training = subprocess.Popen([sys.executable, "-c", STAGE, "60"], cwd=project, env=environment)
    watcher = tracking.start_watcher(project)

    def wait_for(status):
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            run = runs(project).get(("DCGAN + L2-SVM · features", "DCGAN + L2-SVM · seed 0"))
            if run and run.info.status == status and "loss" in run.data.metrics:
                return run
            time.sleep(0.5)
        raise AssertionError(f"never {status}")

    try:
        live = wait_for("RUNNING")
        assert training.poll() is None and len(curve(project, live)) >= 1
        training.send_signal(signal.SIGKILL)
        training.wait()
        wait_for("FAILED")
    finally:
        training.kill()
        watcher.terminate()
        assert watcher.wait(120) == 0


def test_a_watcher_syncs_once_more_when_its_parent_is_gone(project):
    gone = subprocess.Popen(["true"])
    gone.wait()
    stage(project, "dcgan", "features")
    tracking.watch(project, parent=gone.pid)  # returns
    assert runs(project)["DCGAN + L2-SVM · features", ""].info.status == "FINISHED"


def test_what_waits_is_synced_though_its_stage_was_executed_again(project):
    for n, accuracy in enumerate((0.25, 0.75)):
        tree = project / "mlflow.db.waiting" / f"objects.kmeans.probe.{n}" if n == 0 else project
        stage(tree, "kmeans", "probe", began=BEGAN + n, results=["kmeans"])
        result(tree, "kmeans", [accuracy])
    (project / "mlflow.db.waiting" / "cut.part").mkdir()  # of a process that was killed
    assert sync(project) == 2 and sync(project) == 0
    store = Store(store_uri(project))
    found = store.runs(store.experiment("objects"), f"tags.`{tracking.PART}` = ''")
    assert sorted(run.data.metrics["accuracy"] for run in found) == [0.25, 0.75]
    assert [path.name for path in (project / "mlflow.db.waiting").iterdir()] == ["cut.part"]


def test_results_that_vanish_while_they_are_read_hold_nothing_else_up(project, monkeypatch):
    for name in ("dcgan", "kmeans"):
        stage(project, name, "probe", results=[name])
        result(project, name, [0.5])
    result(project, "alone", [0.25])  # of no stage that ran here
    read = tracking.read_json

    def vanishing(file):  # DVC deletes what a stage made before it runs again
        if file.name in ("dcgan.json", "alone.json"):
            file.unlink()
        return read(file)

    monkeypatch.setattr(tracking, "read_json", vanishing)
    sync(project)
    store = Store(store_uri(project))
    found = store.runs(store.experiment("objects"), f"tags.`{tracking.PART}` = ''")
    assert {run.data.metrics.get("accuracy") for run in found} == {None, 0.5}


def test_a_store_that_is_down_is_said_once_and_loses_nothing(project, monkeypatch, capsys):
    stage(project, "dcgan", "features")
    down = "http://127.0.0.1:9"
    with pytest.raises(StoreError, match=r"MLflow at http://127\.0\.0\.1:9 failed"):
        sync(project, down)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", down)
    tracking.catch_up(project)
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")]
    assert "`triptych sync-mlflow` catches up" in warning
    follower, uri = Sync(project, down), store_uri(project)
    with pytest.raises(StoreError):
        follower.once()
    follower.uri, follower.store = f"sqlite:///{project / 'mlflow.db'}", None  # it is back
    assert follower.once() == 1 and uri == down


@pytest.mark.parametrize(
    "uri, message",
    [
        ("sqlite://file.db", "three slashes, sqlite:///file.db"),
        ("sqlite:file.db", "three slashes, sqlite:///file.db"),
        ("mlruns", "is a folder.*use sqlite:///mlflow.db"),
        ("file:///tmp/mlruns", "is a folder"),
        ("sqlite:///", "in memory"),
        (f"sqlite:///{ROOT}", r"is a folder: give a file in it, sqlite:////.*/mlflow\.db"),
    ],
)
def test_an_address_that_is_no_store_is_explained_in_one_line(uri, message):
    with pytest.raises(StoreError, match=message) as error:
        check_uri(uri)
    assert "\n" not in str(error.value)


def test_a_driver_that_is_missing_is_named(project):
    with pytest.raises(StoreError, match="postgresql needs is not installed: pip install psycopg"):
        stage(project, "dcgan", "features")
        sync(project, "postgresql://nobody@localhost/nothing")


def test_tracking_that_is_off_starts_nothing(project, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_TRACKING", "off")
    assert tracking.start_watcher(project) is None
    tracking.catch_up(project)


def test_names_that_all_systems_share():
    params = {"objects.systems.dcgan.lr": 1, "objects.systems.dcgan.seeds": 2, "objects.seeds": 3, "objects.a.b": 4}
    assert short_names(params, "objects", "dcgan") == {"lr": 1, "seeds": 2, "objects.seeds": 3, "a.b": 4}
    assert short_names({"pathologies.items.dirac.lr": 1}, "pathologies", "dirac") == {"lr": 1}
