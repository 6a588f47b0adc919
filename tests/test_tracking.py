"""Tracking: what reaches the store, and what happens when a process or the store dies."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from triptych.base.errors import UserError
from triptych.base.results import write_result
from triptych.tracking import run as tracking
from triptych.tracking import store as _mlflow
from triptych.tracking.run import Tracker, flatten, store_uri, sync
from triptych.tracking.sync import records

START = """
import os, signal, sys, time
from triptych.tracking import Tracker
t = Tracker().start("objects", sys.argv[1], {"lr": 1e-3}, {"stage": "probe"})
for step in range(20):
    t.log("loss", 1 / (step + 1), step)
"""
ENDS = {
    "finish": "t.finish({'accuracy': {'mean': 0.5, 'std': 0.1, 'n': 3}})",
    "raise": "raise ValueError('boom')",
    "exit": "sys.exit(0)",
    # Ctrl-C is deaf in what a shell has put in the background (`make test &`): here it is heard. Short naps: the signal
    # may reach another thread, and the main one notices it only between two of its steps.
    "interrupt": "signal.signal(signal.SIGINT, signal.default_int_handler); os.kill(os.getpid(), signal.SIGINT); "
    "[time.sleep(0.1) for _ in range(600)]",
    "terminate": "os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
    "kill": "time.sleep(60)",
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("TRIPTYCH_TRACKING", raising=False)
    monkeypatch.setattr(tracking, "_told", set())


def process(root, name, end, **env):
    env = os.environ | {"OMP_NUM_THREADS": "1", "TRIPTYCH_TRACKING": "on", "TRIPTYCH_TRACKING_PATIENCE": "900"} | env
    command = [sys.executable, "-c", START + ENDS[end], name]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=root, env=env, **pipes)


def runs(root, experiment="objects"):
    client = _mlflow.import_client()(f"sqlite:///{root / 'mlflow.db'}")
    found = client.get_experiment_by_name(experiment)
    return client, client.search_runs([found.experiment_id]) if found else []


def wait_for_running(root, name):
    while True:
        if (root / "mlflow.db").is_file():
            with _mlflow.store_lock(f"sqlite:///{root / 'mlflow.db'}"):
                mine = [run for run in runs(root)[1] if run.info.run_name == name]
            if mine:
                return mine[0]
        time.sleep(0.2)


def test_importing_tracking_does_not_import_mlflow():
    code = "import sys, triptych.tracking.run, triptych.tracking.store; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_everything_of_a_run_reaches_the_store(tmp_path):
    folder = tmp_path / "runs" / "digits" / "knn" / "semisupervised"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    (tmp_path / "picture.png").write_bytes(b"png")
    params = {f"p{n}": n for n in range(230)} | {"long": "y" * 9000}
    params["digits"] = {"systems": {"knn": {"k": [1, 3]}}}
    card = {"title": "rendered digits", "source": "rendered", "splits": {"train": 9}}
    tracker = Tracker().start(
        "digits", "knn", params, {"stage": "semisupervised", "profile": "laptop"},
        {"train": card, "test": "SVHN"}, folder=folder, uri=f"sqlite:///{tmp_path / 'mlflow.db'}",
    )  # fmt: skip
    for step in range(2500):  # three batches
        tracker.log("loss", step / 2, step)
    tracker.artifact(tmp_path / "picture.png")
    tracker.finish({"test_error": {"mean": 0.25, "std": 0.02, "n": 3}, "seconds": 4.0})

    client, (run,) = runs(tmp_path, "digits")
    assert (run.info.status, run.info.run_name) == ("FINISHED", "knn")
    assert len(run.data.params) == 232 and len(run.data.params["long"]) == 6000
    assert run.data.params["digits.systems.knn.k"] == "[1, 3]"
    expected = {"loss": 2499 / 2, "test_error": 0.25, "test_error_std": 0.02, "seconds": 4.0}
    assert run.data.metrics == expected
    history = client.get_metric_history(run.info.run_id, "loss")
    assert {m.step: m.value for m in history} == {step: step / 2 for step in range(2500)}
    inputs = {i.tags[0].value: i.dataset.name for i in run.inputs.dataset_inputs}
    assert inputs == {"train": "rendered digits", "test": "SVHN"}
    assert [f.path for f in client.list_artifacts(run.info.run_id)] == ["picture.png"]
    assert run.data.tags["profile"] == "laptop"
    assert run.data.tags["triptych.hash"] == _mlflow.folder_hash(folder)


def test_processes_at_once_on_a_fresh_store_and_every_way_to_end(tmp_path):
    ends = ["finish", "raise", "exit", "terminate", "interrupt"]
    outputs = [p.communicate() for p in [process(tmp_path, end, end) for end in ends]]
    client, found = runs(tmp_path)
    states = {run.info.run_name: run for run in found}
    assert {name: run.info.status for name, run in states.items()} == {
        "finish": "FINISHED", "raise": "FAILED", "exit": "FAILED", "terminate": "FAILED",
        "interrupt": "FAILED",
    }, outputs  # fmt: skip
    assert states["raise"].data.tags["triptych.error"] == "ValueError: boom"
    assert "KeyboardInterrupt" in states["interrupt"].data.tags["triptych.error"]
    assert states["finish"].data.metrics["accuracy"] == 0.5
    points = {name: len(client.get_metric_history(r.info.run_id, "loss")) for name, r in states.items()}
    assert set(points.values()) == {20}  # what was logged before the end is there


def test_a_killed_run_is_failed_by_the_next_start_and_a_live_one_is_not(tmp_path):
    killed, alive = process(tmp_path, "a", "kill"), process(tmp_path, "b", "kill")
    try:
        wait_for_running(tmp_path, "a"), wait_for_running(tmp_path, "b")
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        for name in ("a", "b"):
            Tracker().start("objects", name, {}, {"stage": "probe"}, uri=f"sqlite:///{tmp_path / 'mlflow.db'}").finish()
        states = sorted((run.info.run_name, run.info.status) for run in runs(tmp_path)[1])
        assert states == [("a", "FAILED"), ("a", "FINISHED"), ("b", "FINISHED"), ("b", "RUNNING")]
    finally:
        alive.kill()
        alive.wait()


def test_a_number_taken_over_by_another_process_does_not_count_as_alive():
    me = os.getpid()
    assert _mlflow.is_alive(str(me), _mlflow.process_start(me))
    assert not _mlflow.is_alive(str(me), "1")
    assert not _mlflow.is_alive("999999999", "")


def test_only_what_died_on_this_host_in_the_same_stage_is_failed():
    def run(name, **tags):
        tags = {"triptych.host": _mlflow.socket.gethostname(), "triptych.pid": "999999999", "stage": "probe"} | tags
        info = types.SimpleNamespace(run_id=name, run_name="dcgan")
        return types.SimpleNamespace(info=info, data=types.SimpleNamespace(tags=tags))

    class Client:
        def __init__(self):
            self.failed = []

        def search_runs(self, experiments, filter_string, max_results):
            assert (experiments, filter_string) == (["7"], "attributes.status = 'RUNNING'")
            elsewhere, here = {"triptych.host": "elsewhere"}, {"triptych.pid": str(os.getpid())}
            return [run("dead"), run("other host", **elsewhere), run("alive", **here), run("other", stage="features")]

        def set_tag(self, run_id, key, value):
            assert key == "triptych.error" and "999999999" in value

        def set_terminated(self, run_id, status):
            self.failed.append((run_id, status))

    one, all_of_them = Client(), Client()
    _mlflow.fail_the_dead(one, "7", "dcgan", "probe")
    _mlflow.fail_the_dead(all_of_them, "7")
    assert one.failed == [("dead", "FAILED")]
    assert all_of_them.failed == [("dead", "FAILED"), ("other", "FAILED")]


def test_a_mean_of_one_value_has_no_spread_in_the_store():
    metrics = {"a": {"mean": 0.5, "std": 0.0, "n": 1}, "b": {"mean": 0.5, "std": 0.1, "n": 2}, "c": 3}
    assert _mlflow.numbers(metrics) == {"a": 0.5, "b": 0.5, "b_std": 0.1, "c": 3.0}


def test_unreachable_server_warns_once_and_blocks_nothing(capsys):
    began = time.monotonic()
    tracker = Tracker().start("objects", "dcgan", {}, {"stage": "probe"}, uri="http://127.0.0.1:9")
    for step in range(1000):
        tracker.log("loss", 0.0, step)
    logged = time.monotonic() - began
    tracker.finish({"accuracy": 1.0})
    tracker.finish({"accuracy": 1.0})  # and once over, it stays so
    warnings = [line for line in capsys.readouterr().err.splitlines() if "MLflow at" in line]
    assert len(warnings) == 1 and "training goes on" in warnings[0] and logged < tracker.patience


def test_a_patience_that_is_no_number_is_refused_before_any_work(monkeypatch):
    monkeypatch.setenv("TRIPTYCH_TRACKING_PATIENCE", "a while")
    with pytest.raises(UserError, match="TRIPTYCH_TRACKING_PATIENCE = 'a while': must be a number"):
        Tracker()


class OnceAlive(BaseHTTPRequestHandler):
    """A server that lets a run begin and then answers every call with an error."""

    def answer(self):
        length = int(self.headers.get("Content-Length", 0))
        self.rfile.read(length)
        replies = {
            "experiments/get-by-name": {"experiment": {"experiment_id": "1", "name": "objects"}},
            "runs/search": {"runs": []},
            "runs/create": {"run": {"info": {"run_id": "r1", "status": "RUNNING"}, "data": {}}},
        }
        reply = next((r for path, r in replies.items() if self.path.split("?")[0].endswith(path)), None)
        self.server.seen.append(self.path)
        body = json.dumps(reply if reply is not None else {"message": "gone"}).encode()
        self.send_response(200 if reply is not None else 503)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


def test_server_that_dies_in_mid_training(capsys):
    server = HTTPServer(("127.0.0.1", 0), OnceAlive)
    server.seen = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    uri = f"http://127.0.0.1:{server.server_port}"
    tracker = Tracker().start("objects", "dcgan", {}, {"stage": "probe"}, uri=uri)
    tracker.log("loss", 1.0, 0)
    tracker._done.wait(120)  # the thread meets the error and gives up
    for step in range(100):
        tracker.log("loss", 1.0, step)
    tracker.finish({})
    server.shutdown()
    server.server_close()
    assert any("runs/create" in path for path in server.seen)
    assert any("log-batch" in path for path in server.seen)
    warnings = [line for line in capsys.readouterr().err.splitlines() if "MLflow at" in line]
    assert len(warnings) == 1 and "training goes on" in warnings[0]


def test_off_and_not_installed(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIPTYCH_TRACKING", "off")
    with Tracker().start("objects", "dcgan", {}) as tracker:
        tracker.log("loss", 1.0, 0)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("TRIPTYCH_TRACKING", "on")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for _ in range(2):
        with Tracker().start("objects", "dcgan", {}) as tracker:
            tracker.log("loss", 1.0, 0)
    assert capsys.readouterr().err.count("MLflow is not installed") == 1
    assert not list(tmp_path.iterdir())


def test_signals_are_heard_again_after_a_failed_run(tmp_path):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        Tracker().start("objects", "dcgan", {}, uri=f"sqlite:///{tmp_path / 'mlflow.db'}").fail("on purpose")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_tracker_that_was_not_started_does_nothing():
    tracker = Tracker()
    tracker.log("loss", 1.0, 0)
    tracker.fail("early")
    tracker.finish()


def test_store_address(monkeypatch, tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert store_uri() == f"sqlite:///{tmp_path}/a/b/mlflow.db"
    (tmp_path / "params.yaml").touch()
    assert store_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    assert store_uri(tmp_path / "a") == f"sqlite:///{tmp_path}/a/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert store_uri(tmp_path) == "http://localhost:5000"


def test_flatten():
    assert flatten({"a": {"b": 1, "c": {"d": [2]}}, "e": {}}) == {"a.b": 1, "a.c.d": [2], "e": {}}


def stage_files(root, system, stage):
    folder = root / "runs" / "objects" / system / stage
    folder.mkdir(parents=True)
    run = {"profile": "laptop", "params": {"objects.seeds": [0, 1]}, "tags": {"device": "cpu"}}
    run |= {"table": "objects", "system": system, "stage": stage}
    run["data"] = {"test": "rendered objects (test, n=9)"}
    (folder / "run.json").write_text(json.dumps(run))
    rows = [{"seed": s, "step": t, "metric": "loss", "value": t + s} for s in (0, 1) for t in range(700)]
    (folder / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "cost.json").write_text('{"seconds": 12.5, "device": "cpu"}')
    return folder


def result_file(folder, system, **extra):
    extra = {"profile": "laptop"} | extra
    data = {"test": "rendered objects (test, n=9)"}
    metrics = {"accuracy": [0.5, 0.7]}
    file = Path(folder) / "objects" / f"{system}.json"
    write_result(file, table="objects", system=system, data=data, seeds=[0], metrics=metrics, **extra)


def test_sync_adds_what_is_missing_once_and_knows_live_runs(tmp_path):
    stage_files(tmp_path, "dcgan", "features")
    stage_files(tmp_path, "dcgan", "probe")
    result_file(tmp_path / "results", "dcgan")
    result_file(tmp_path / "results", "raw_pixels")  # its stage left no files
    kept = {"profile": "paper", "device": "H200", "params": {"a": {"b": 1}}}
    result_file(tmp_path / "reports/paper/results", "dcgan", **kept)
    live = stage_files(tmp_path, "kmeans", "features")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    Tracker().start("objects", "kmeans", {}, {"stage": "features"}, folder=live, uri=uri).finish()

    assert sync(tmp_path, uri) == 4
    assert sync(tmp_path, uri) == 0

    client, found = runs(tmp_path)
    by_stage = {(r.info.run_name, r.data.tags["stage"]): r for r in found}
    assert set(by_stage) == {
        ("dcgan", "features"), ("dcgan", "probe"), ("dcgan", "paper_result"), ("raw_pixels", "result"),
        ("kmeans", "features"),
    }  # fmt: skip
    assert all(run.info.status == "FINISHED" for run in found)
    probe, features = by_stage["dcgan", "probe"], by_stage["dcgan", "features"]
    assert probe.data.metrics["accuracy"] == pytest.approx(0.6) and "accuracy" not in features.data.metrics
    assert len(client.get_metric_history(features.info.run_id, "loss/seed1")) == 700
    assert features.data.params == {"objects.seeds": "[0, 1]"} and features.data.tags["device"] == "cpu"
    assert features.info.end_time - features.info.start_time == 12500
    assert by_stage["dcgan", "paper_result"].data.params == {"a.b": "1"}

    cost = tmp_path / "runs/objects/dcgan/probe/cost.json"
    cost.write_text('{"seconds": 13.0, "device": "cpu"}')  # the stage was executed again
    assert sync(tmp_path, uri) == 1


def test_a_result_from_elsewhere_is_not_the_training_stages(tmp_path):
    stage_files(tmp_path, "dcgan", "features")  # trained here, not judged yet: results/ came with the repository
    result_file(tmp_path / "results", "dcgan")
    training, result = records(tmp_path)
    assert (training.tags["stage"], training.metrics) == ("features", {})
    assert result.tags["stage"] == "result" and result.metrics["accuracy"]["n"] == 2


@pytest.mark.parametrize(
    "table, judge",
    [("objects", "probe"), ("digits", "semisupervised"), ("streets", "fcn_score"), ("shapes", "disentangle")],
)
def test_the_numbers_of_a_row_go_with_the_run_of_the_stage_that_judges(tmp_path, table, judge):
    script = Path(__file__).resolve().parents[1] / "stages" / f"{judge}.py"
    assert f'Stage("{table}"' in script.read_text() and ".result(" in script.read_text()
    for stage in ("features", judge):
        folder = tmp_path / "runs" / table / "mine" / stage
        folder.mkdir(parents=True)
        (folder / "run.json").write_text("{}")
    row = {"table": table, "system": "mine", "profile": "laptop", "data": {}, "seeds": [0]}
    write_result(tmp_path / "results" / table / "mine.json", **row, metrics={"a": [0.5]})
    found = {record.tags["stage"]: record.metrics for record in records(tmp_path)}
    assert set(found) == {"features", judge} and found["features"] == {} and found[judge]["a"]["mean"] == 0.5


def test_a_run_that_is_short_or_has_no_curve_waits_for_sync_unless_it_fails(tmp_path, monkeypatch):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    folder = stage_files(tmp_path, "raw_pixels", "probe")
    (folder / "history.jsonl").write_text("")

    def start(name):
        return Tracker().start("objects", name, {}, {"stage": "probe"}, folder=folder, uri=uri, defer=True)

    quiet = start("raw_pixels")
    quiet.artifact(tmp_path / "picture.png")
    quiet.finish()
    brief = start("dcgan")
    brief.log("loss", 1.0, 0)
    brief.finish()
    assert not (tmp_path / "mlflow.db").exists()
    assert sync(tmp_path, uri) == 1  # both are told of by the same files

    start("broken").fail(ValueError("boom"))
    monkeypatch.setattr(tracking, "SHORT", 0.0)
    long = start("long")
    long.log("loss", 1.0, 0)
    assert wait_for_running(tmp_path, "long").info.status == "RUNNING"
    long.finish()
    status = {run.info.run_name: run.info.status for run in runs(tmp_path)[1]}
    assert status == {"raw_pixels": "FINISHED", "broken": "FAILED", "long": "FINISHED"}


def test_no_waiting_run_is_lost_when_its_stage_is_executed_again(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    picture = tmp_path / "outputs/objects/kmeans/features/filters.png"
    picture.parent.mkdir(parents=True)
    for seconds, accuracy in ((1.0, 0.25), (2.0, 0.75)):
        shutil.rmtree(tmp_path / "runs", ignore_errors=True)
        folder = stage_files(tmp_path, "kmeans", "probe")
        (folder / "cost.json").write_text(json.dumps({"seconds": seconds}))
        row = {"table": "objects", "system": "kmeans", "profile": "laptop", "data": {}, "seeds": [0]}
        write_result(tmp_path / "results/objects/kmeans.json", **row, metrics={"accuracy": [accuracy]})
        picture.write_bytes(str(seconds).encode())
        run = Tracker().start("objects", "kmeans", {}, {"stage": "probe"}, folder=folder, uri=uri, defer=True)
        run.finish({"accuracy": accuracy})
    (tmp_path / "mlflow.db.waiting" / "cut.part").mkdir()  # of a process that was killed
    assert sync(tmp_path, uri) == 2
    client, found = runs(tmp_path)
    assert {run.data.metrics["accuracy"]: run.data.tags["seconds"] for run in found} == {0.25: "1.0", 0.75: "2.0"}
    assert all(client.list_artifacts(run.info.run_id)[0].path == "filters.png" for run in found)
    assert len(list(tmp_path.glob("mlruns/objects/*/artifacts/filters.png"))) == 2  # beside the store
    assert [p.name for p in (tmp_path / "mlflow.db.waiting").iterdir()] == ["cut.part"]
    assert sync(tmp_path, uri) == 0
