"""What stands around a stage's work: the files that it leaves, several processes, errors in one message."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.base.config import ParamsError
from triptych.base.errors import NotTrained, UserError, main
from triptych.base.results import Result
from triptych.data.format import Split, write_dataset
from triptych.engine import parallel
from triptych.engine.stream import BatchError
from triptych.pipeline import record
from triptych.pipeline import stage as stages
from triptych.pipeline.cost import Clock, describe
from triptych.pipeline.history import history_files

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project at smoke scale, in which this process stands."""
    shutil.copy(ROOT / "params/smoke.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRIPTYCH_DEVICE", "cpu")
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    return tmp_path


def prepared(root, name="objects_unlabelled"):
    images = np.zeros((4, 3, 32, 32), np.uint8)
    card = {"title": "grey", "source": "test", "licence": "none", "made_by": "a test"}
    write_dataset(root / "data/prepared" / name, {"train": Split(images)}, card)


def run_json(folder):
    return json.loads((Path("runs") / folder / "run.json").read_text())


def test_a_run_tells_from_its_start_on_what_it_is(project):
    prepared(project)
    with stages.Stage("objects", "dcgan", "features") as stage:
        stage.uses("objects_unlabelled", "train", "unlabelled")
        running = run_json("objects/dcgan/features")
        assert running["status"] == "running" and record.is_alive(running["process"])
        assert running["process"]["pid"] == os.getpid()
    finished = run_json("objects/dcgan/features")
    assert finished["status"] == "finished" and "process" not in finished
    (used,) = finished["datasets"]
    assert (used["role"], used["name"], used["split"], used["rows"]) == ("unlabelled", "objects_unlabelled", "train", 4)
    assert (used["title"], used["source"], len(used["digest"])) == ("grey", "test", 16)
    assert finished["params"]["objects.systems.dcgan.lr"] == 0.001
    first = (stage.folder / "run.json").read_bytes()
    with stages.Stage("objects", "dcgan", "features") as stage:
        stage.uses("objects_unlabelled", "train", "unlabelled")
    assert (stage.folder / "run.json").read_bytes() == first  # the same run leaves the same bytes


def test_a_run_names_the_rows_that_it_judged(project):
    with stages.Stage("guidelines", "variants", "guidelines") as stage:
        stage.result(Result({"accuracy": [0.5]}), system="faithful")
        stage.result(Result({"accuracy": [0.25]}, ["a note"]), system="no_norm", seeds=[7])
    with stages.Stage("objects", "raw_pixels", "probe") as stage:
        stage.result(Result({"accuracy": [0.5]}))
    assert run_json("guidelines/variants/guidelines")["results"] == ["faithful", "no_norm"]
    assert run_json("objects/raw_pixels/probe")["results"] == ["raw_pixels"]
    row = json.loads(Path("results/guidelines/no_norm.json").read_text())
    assert (row["seeds"], row["notes"], row["metrics"]["accuracy"]["mean"]) == ([7], ["a note"], 0.25)


def test_a_process_that_trains_does_not_import_mlflow(project, scripts):
    prepared(project)
    (project / "script.py").write_text("""
import sys
from triptych.pipeline.stage import Stage
with Stage("objects", "dcgan", "features") as stage:
    stage.uses("objects_unlabelled", "train")
    stage.for_each([0, 1], lambda seed: stage.replica(seed).log(1, loss=0.5))
sys.exit("mlflow" in sys.modules)
""")
    scripts.run("script.py", cwd=project, TRIPTYCH_TRACKING="on")
    assert len(list(Path("runs/objects/dcgan/features/history").iterdir())) == 2


def test_a_missing_split_is_named(project):
    prepared(project)
    with stages.Stage("objects", "raw_pixels", "probe") as stage, pytest.raises(UserError, match="no split 'test'"):
        stage.uses("objects_unlabelled", "test")


def test_cost_names_device_and_precision(project):
    with stages.Stage("objects", "raw_pixels", "probe"):
        pass
    cost = json.loads(Path("runs/objects/raw_pixels/probe/cost.json").read_text())
    assert (cost["device"], cost["precision"], cost["seeds"]) == ("cpu", "float32", [0, 1])
    assert not Path("checkpoints/objects/raw_pixels/probe").exists()


def test_cost_counts_the_processes_of_a_stage_or_of_torchrun(tmp_path, monkeypatch):
    def processes(own):
        return describe(Clock(tmp_path, "a"), torch.device("cpu"), own)["processes"]

    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert [processes(1), processes(3)] == [1, 3]
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert processes(1) == 8


def test_what_a_number_was_measured_on_is_told_by_its_role(project):
    prepared(project)
    with stages.Stage("objects", "raw_pixels", "probe") as stage:
        assert len(stage.uses("objects_unlabelled", "train", role="test")) == 4
        stage.uses("objects_unlabelled", "train")
        stage.result(Result({"accuracy": [0.5]}))
    told = {"test": "grey (train, n=4)", "train": "grey (train, n=4)"}
    for file in ("results/objects/raw_pixels.json", "runs/objects/raw_pixels/probe/run.json"):
        assert json.loads(Path(file).read_text())["data"] == told


def test_each_seed_of_each_run_has_its_own_checkpoint_and_model(project):
    features, probe = (stages.Stage("objects", "dcgan", name) for name in ("features", "probe"))
    replicas = [stage.replica(seed) for stage in (features, probe) for seed in (0, 1)]
    assert len({replica.checkpoint for replica in replicas}) == 4
    assert [replica.seed for replica in replicas] == [0, 1, 0, 1]
    assert {replica.fingerprint for replica in replicas} == {features.fingerprint} != {""}


@pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")
def test_the_history_does_not_depend_on_the_number_of_processes(project, monkeypatch):
    def history(workers):
        monkeypatch.setenv("TRIPTYCH_WORKERS", workers)
        with stages.Stage("objects", "dcgan", "features") as stage:

            def work(job):
                seed, part = job
                for step in (1, 2):
                    stage.replica(seed, part).log(step, loss=seed + step / 4)
                return seed

            assert stage.for_each([(2, ""), (0, ""), (0, "small")], work) == [2, 0, 0]
        return {file.name: file.read_text().splitlines() for file in history_files(stage.folder)}

    one_by_one = history("1")
    assert one_by_one == history("3")
    assert list(one_by_one) == ["seed0.jsonl", "seed2.jsonl", "small-seed0.jsonl"]
    rows = [json.loads(line) for line in one_by_one["small-seed0.jsonl"]]
    assert rows == [{"step": t, "metric": "small_loss", "value": t / 4} for t in (1, 2)]


def test_what_a_training_logs_is_on_the_disk_while_it_runs(project):
    with stages.Stage("objects", "dcgan", "features") as stage:
        stage.replica(3).log(10, loss=0.25)
        assert (stage.folder / "history/seed3.jsonl").read_text().endswith('"value": 0.25}\n')


def test_a_run_that_fails_says_so_and_keeps_its_checkpoints(project):
    with pytest.raises(KeyError), stages.Stage("objects", "raw_pixels", "probe") as stage:
        (stage.checkpoints / "seed0.pt").touch()
        raise KeyError("lr")
    assert (stage.checkpoints / "seed0.pt").is_file()
    assert [file.name for file in stage.folder.iterdir()] == ["run.json"]
    told = run_json("objects/raw_pixels/probe")
    assert (told["status"], told["error"]) == ("failed", "KeyError: 'lr'")


def test_a_number_taken_over_by_another_process_does_not_count_as_alive():
    me = record.this_process()
    assert record.is_alive(me) and not record.is_alive(me | {"started": "1"})
    assert not record.is_alive(me | {"pid": 999999999})
    assert record.is_alive(me | {"pid": 999999999, "host": "elsewhere"})  # who knows


def test_a_run_goes_on_only_with_the_parameters_data_and_code_it_began_with(project, monkeypatch):
    def fingerprint():
        return stages.Stage("objects", "dcgan", "features").fingerprint

    def replaced(file, old, new):
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    prepared(project)
    seen = [fingerprint()]
    assert fingerprint() == seen[0]
    replaced(project / "params.yaml", "batch_size: 8\n      lr: 0.001", "batch_size: 8\n      lr: 0.002")
    seen.append(fingerprint())
    replaced(project / "data/prepared/objects_unlabelled/card.json", "grey", "gray")
    seen.append(fingerprint())
    monkeypatch.setattr(stages, "digest_of", lambda stage, system: f"other code of {stage}@{system}")
    seen.append(fingerprint())
    monkeypatch.setattr(torch, "__version__", "0.0")
    seen.append(fingerprint())
    assert len(set(seen)) == 5
    replaced(project / "params.yaml", "units: 8\n", "units: 9\n")  # of another system
    assert fingerprint() == seen[-1]


def test_a_python_without_the_environments_packages_says_so():
    """As `.venv/bin/dvc repro` finds it on the PATH where the environment is not activated."""
    command = [sys.executable, "-S", "stages/prepare.py", "digits"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "has no torch. Activate the environment first" in done.stderr


def test_seconds_of_a_killed_part_are_counted_up_to_its_last_checkpoint(tmp_path):
    first = Clock(tmp_path, "a")
    first.write()
    assert first.earlier == 0 and Clock(tmp_path, "a").earlier == 0  # nothing was saved: it starts anew
    (tmp_path / "seed0.pt").touch()
    os.utime(tmp_path / "seed0.pt", (first.began + 100, first.began + 100))
    second = Clock(tmp_path, "a")
    assert second.earlier == pytest.approx(100, abs=1) and second.seconds() >= second.earlier
    second.write()
    assert Clock(tmp_path, "a").earlier >= 100  # killed again
    assert Clock(tmp_path, "b").earlier == 0  # another run's checkpoint
    (tmp_path / "clock.json").write_text("{half")
    assert Clock(tmp_path, "a").earlier == 0


TWO = """
import time
from pathlib import Path
from triptych.base.results import Result
from triptych.pipeline import systems
from triptych.pipeline.stage import Stage

slowly = systems.save
systems.save = lambda *a, **k: (time.sleep(1.0), slowly(*a, **k))
with Stage("objects", "dcgan", "features") as stage:
    def train(seed):
        stage.save(stage.build(seed, "objects_unlabelled"), seed, "objects_unlabelled")
        return stage.load(seed)
    done = stage.for_each(stage.protocol.seeds, train)
    stage.result(Result({"accuracy": [0.5] if stage.is_main else [float("nan")]}))
    Path(f"rank{stage.replica(0).rank}").write_text(str(len(done)))
"""


def test_two_processes_load_what_one_has_saved_and_one_writes_the_result(project, scripts):
    prepared(project)
    (project / "two.py").write_text(TWO)
    said = "".join(scripts.run_two("two.py", cwd=project))
    assert [(project / f"rank{rank}").read_text() for rank in (0, 1)] == ["2", "2"]
    assert json.loads((project / "results/objects/dcgan.json").read_text())["metrics"]["accuracy"]["n"] == 1
    assert said.count("objects/dcgan: accuracy") == 1


def test_what_params_does_not_have_is_named_with_what_it_has(project):
    with pytest.raises(ParamsError, match=r"objects\.systems\.dcgn.*kmeans_1layer"):
        stages.Stage("objects", "dcgn", "features")
    with pytest.raises(ParamsError, match=r"pathologies\.items\.nothing.*there is"):
        stages.Stage("pathologies", "nothing", "pathologies", ["pathologies.items.nothing"])
    with pytest.raises(ParamsError, match=r"data\.objcts.*objects_unlabelled"):
        stages.load_params().dataset("objcts")


def test_errors_of_the_user_are_one_message(monkeypatch, capsys, project):
    def load():
        prepared(project)
        stages.Stage("objects", "dcgan", "probe").load(0)

    def batch():
        from triptych.engine import Stream

        Stream(np.arange(4), batch_size=5, seed=0, device=torch.device("cpu"))

    def killed():
        parallel.fork_map(lambda item: os._exit(3), ["seed 1"], 1)

    monkeypatch.setattr(sys, "argv", ["stage.py"])
    expected = {load: "no trained system at", batch: "batch_size = 5", killed: "the process for 'seed 1'"}
    for work, message in expected.items():
        if work is killed and sys.platform != "linux":
            continue
        with pytest.raises(SystemExit) as end:
            main(work)
        error = capsys.readouterr().err
        assert end.value.code == 1 and error.startswith("\nerror: ") and message in error
    assert issubclass(NotTrained, UserError) and issubclass(BatchError, ValueError)


def test_what_the_user_did_not_cause_keeps_its_traceback(monkeypatch):
    def wrong():
        raise KeyError("a defect")

    monkeypatch.setattr(sys, "argv", ["stage.py"])
    with pytest.raises(KeyError):
        main(wrong)


def test_a_wrong_number_of_arguments_shows_the_usage(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["stages/features.py"])
    with pytest.raises(SystemExit) as end:
        main(lambda system_name: None)
    assert end.value.code == 2 and "usage: python stages/features.py <system_name>" in capsys.readouterr().err
