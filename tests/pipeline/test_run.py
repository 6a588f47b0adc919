"""`triptych repro` beside `dvc repro`: the same lock, what runs, what fails, what a person reads."""

from __future__ import annotations

import inspect
import re
import sys

import pytest
from toy import SYSTEMS, Toy

from triptych.pipeline import dvc_graph
from triptych.pipeline.dvc_graph import Graph, read_lock
from triptych.pipeline.param_files import _read

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are watched through /proc")


@pytest.fixture
def toy(tmp_path):
    return Toy(tmp_path / "toy")


def test_the_lock_is_that_of_dvc_repro_and_nothing_is_left_to_do(toy, tmp_path):
    said = toy.repro("--jobs", "3")
    assert re.search(r"train@b  \d+ s  toy/b: accuracy = 0.5000 ± 0.0100 \(n=2\)", said)
    assert "7 stages are up to date" in said
    assert toy.changed() == [] and toy.read("reports/index") == "a.json b.json c.json d.json"
    serial = Toy(tmp_path / "serial")
    serial.serial()
    assert toy.read("dvc.lock") == serial.read("dvc.lock")
    assert "started" not in toy.repro()


def test_on_an_existing_lock_only_what_has_changed_runs_and_the_lock_stays_that_of_dvc(toy, tmp_path):
    serial = Toy(tmp_path / "serial")
    for project, command in ((toy, toy.repro), (serial, serial.serial)):
        command()
        project.replace("params.yaml", "{width: 2}", "{width: 3}")
        project.write("stages/prepare.py", PREPARE_OTHERWISE)
    everything = {"prepare", "score", "report", *(f"train@{system}" for system in SYSTEMS)}
    assert set(toy.repro("--dry").split()) == everything
    said = toy.repro()
    serial.serial()
    assert "prepare started" in said and "train@b started" in said
    assert "train@a started" not in said and "score started" not in said  # data came out with the same bytes
    assert toy.read("dvc.lock") == serial.read("dvc.lock") and toy.changed() == []


PREPARE_OTHERWISE = """
import os
os.makedirs("data")
open("data/numbers", "w").write("1 2" + " 3")
"""


def test_targets_groups_and_force(toy):
    assert "train@a started" in toy.repro("train@a")
    said = toy.repro("train")
    assert "train@a started" not in said and all(f"train@{s} started" in said for s in "bcd")
    assert "score" not in said
    said = toy.repro("--force", "train@a")
    assert "prepare started" in said and "train@a started" in said and "train@b" not in said
    assert "trian" in toy.repro("trian", status=2)


def test_a_failed_stage_stops_what_needs_it_and_nothing_else(toy):
    toy.write("fail-a", "")
    said = toy.repro(status=1)
    assert "x train@a  failed with exit status 1" in said and "| no convergence" in said
    assert ".dvc/tmp/triptych/train@a.log" in said and "the same command goes on" in said
    assert "need a failed one: score, report" in said or "need a failed one: report, score" in said
    assert set(toy.changed()) >= {"train@a", "score", "report"} and "train@b" not in toy.changed()
    (toy.root / "fail-a").unlink()
    said = toy.repro()
    assert "train@a started" in said and "train@b" not in said and toy.changed() == []


def test_a_script_that_leaves_no_out_is_a_failure(toy):
    toy.write("stages/prepare.py", "print('nothing to see')")
    said = toy.repro("prepare", status=1)
    assert "x prepare  " in said and "data" in said


@pytest.mark.parametrize("kind", ["metrics", "outs"])
def test_results_known_to_dvc_come_from_its_cache(toy, kind):
    if kind == "outs":  # files that git keeps: `dvc repro` itself would not remember the run
        before = '"runs/${key}"]\n      metrics:\n        - results/${key}.json: {cache: false}'
        toy.replace("dvc.yaml", before, '"runs/${key}", {"results/${key}.json": {cache: false}}]')
    toy.repro()
    first = toy.read("dvc.lock")
    toy.replace("params.yaml", "lr: 0.1", "lr: 0.2")
    toy.repro()
    toy.replace("params.yaml", "lr: 0.2", "lr: 0.1")
    said = toy.repro()
    assert "train@a  from the cache" in said and "train@a started" not in said
    assert toy.read("dvc.lock") == first


@pytest.mark.parametrize(
    "file, old, new", [("params.yaml", "lr: 0.1", "lr: 9"), ("stages/train.py", "import", "\nimport")]
)
def test_what_was_edited_while_a_stage_ran_is_not_recorded_as_what_made_its_result(toy, file, old, new):
    toy.write("hold", "")
    process = toy.begin("train@a")
    toy.wait_for("a")
    toy.replace(file, old, new)
    (toy.root / "hold").unlink()
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 1 and "changed while it ran: run again" in said and file in said
    assert "train@a" in toy.changed()
    toy.repro("train@a")
    assert "train@a" not in toy.changed()


def test_a_second_runner_is_refused_and_dvc_can_be_asked_meanwhile(toy):
    toy.repro("prepare")
    toy.write("hold", "")
    process = toy.begin("train@a")
    toy.wait_for("a")
    said = toy.repro(status=2)
    assert "another `triptych repro` works here" in said and str(process.pid) in said
    assert "up to date" in toy.dvc("status", "prepare")
    assert "triptych repro train@a" in toy.dvc("repro", "train@a", status=255)
    (toy.root / "hold").unlink()
    process.communicate(timeout=240)
    assert process.returncode == 0


JUDGED_LATER = """
stages:
  prepare:
    foreach: {images: 0, answers: 0}
    do: {cmd: "echo ${key} > ${key}", outs: ["${key}"]}
  features: {cmd: echo x > features, deps: [images], params: [lr], outs: [features]}
  probe: {cmd: echo y > score, deps: [answers, features], outs: [score]}
"""


def test_a_stage_that_waits_for_data_later_in_the_order_runs_after_a_change(toy, monkeypatch):
    """Of a few stages among many, DVC's order is that of a set."""
    order = ["prepare@images", "features", "prepare@answers", "probe"]
    plan = dvc_graph.plan_repro
    monkeypatch.setattr(dvc_graph, "plan_repro", lambda *a: sorted(plan(*a), key=lambda s: order.index(s.addressing)))
    toy.write("dvc.yaml", JUDGED_LATER)
    toy.repro("probe")
    toy.replace("params.yaml", "lr: 0.1", "lr: 9")
    said = toy.repro("probe")
    assert "features started" in said and "4 stages are up to date" in said
    assert toy.changed() == []


def test_a_params_file_is_parsed_once_for_each_content(toy, monkeypatch):
    from dvc.dependency import param
    from dvc.utils.serialize import PARSERS

    parsed, parse = [], PARSERS[".yaml"]
    monkeypatch.setitem(PARSERS, ".yaml", lambda text, path: parsed.append(path) or parse(text, path))
    monkeypatch.setattr(param, "read_param_file", _read)  # so that what `read_once` puts there goes again
    monkeypatch.chdir(toy.root)
    graph = Graph()
    asked = [dep for name in graph for dep in graph._stages[name].deps if hasattr(dep, "read_params")]
    before = [dep.read_params() for dep in asked]
    assert len(parsed) == 1
    toy.replace("params.yaml", "lr: 0.1", "lr: 9")
    values = [dep.read_params() for dep in asked]
    assert len(parsed) == 2 and before != values and {found.get("lr") for found in values} == {None, 9}
    monkeypatch.setattr(param, "read_param_file", _read)  # as DVC reads it
    assert values == [dep.read_params() for dep in asked]


def test_the_calls_into_dvc_are_those_of_its_own_repro():
    """What `dvc_graph` does step by step has to stand in DVC's own code in the same way."""
    from dvc.dvcfile import Lockfile
    from dvc.repo import reproduce
    from dvc.stage import Stage, cache, run

    calls = {
        reproduce.reproduce: ["collect_stages(self", "get_active_graph(self.index.graph)", "plan_repro(graph, stages"],
        reproduce._reproduce_stage: ["stage.reproduce(", "stage.dump(update_pipeline=False)"],
        Stage.changed.__wrapped__: [
            "self.changed_stage()",
            "self.changed_deps(allow_missing=allow_missing, upstream=upstream)",
            "self.changed_outs(allow_missing=allow_missing)",
        ],
        Stage.changed_deps: [
            "if self.frozen:\n            return False",
            "if self.is_callback or self.always_changed:\n            return True",
            "self._changed_deps(allow_missing=allow_missing, upstream=upstream)",
        ],
        Stage.reproduce.__wrapped__: ["self.changed(allow_missing, upstream)", "self.run("],
        Stage.run.__wrapped__: [
            "self.remove_outs(ignore_remove=False, force=False)",
            "not out.use_cache",
            "if not (out.is_metric or out.is_plot)",
            "self.save(",
            "run_cache=not no_commit and not no_cache_outs",
            "self.commit(",
        ],
        Stage.save: ["self.save_deps(", "self.save_outs(", "self.repo.stage_cache.save(self)"],
        run.run_stage: ["stage.repo.stage_cache.restore(stage", "RunCacheNotFoundError", "stage.save_deps()"],
        run.cmd_run: [
            "_enforce_cmd_list(stage.cmd)",
            "prepare_kwargs(stage",
            "get_executable()",
            "_run(executable, cmd",
        ],
        run._run: ["_make_cmd(executable, cmd)"],
        Lockfile.dump_stages: [
            "modify_yaml(self.path",
            '{"schema": "2.0"}',
            "serialize.to_lockfile(stage",
            "update(stage_data)",
        ],
        cache.StageCache.restore: ["RunCacheNotFoundError(stage)", "cached_stage.checkout()"],
    }
    for function, texts in calls.items():
        source = inspect.getsource(inspect.unwrap(function))
        for text in texts:
            assert text in source, (function, text)


@pytest.mark.parametrize("text", ["schema: '2.0'\n", "schema: '2.0'\nstages: {}\n", "schema: '2.0'\nstages:\n"])
def test_a_lock_without_stages(text):
    assert read_lock(text) == ("schema: '2.0'\nstages:\n", {}, "")


def test_a_lock_is_its_stages_and_what_is_around_them():
    before, after = "schema: '2.0'\nstages:\n", "datasets:\n- name: x\n"
    stages = {"a@b": "  a@b:\n    cmd: python\n\n      long\n", "c": "  'c':\n    cmd: c\n"}
    assert read_lock(before + "".join(stages.values()) + after) == (before, stages, after)
