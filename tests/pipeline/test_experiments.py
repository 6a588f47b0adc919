"""`dvc exp run --temp` and `--queue` run the experiment's own code, though the installed package is another folder's.
Another clone that pulls the results runs nothing."""

from __future__ import annotations

import copy
import shutil
import sys

import pytest
from toy import SRC, Toy

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stages/triptych is a link")

SCRIPT = """
import json
from pathlib import Path

from triptych.base.errors import main
from triptych.base.told import VALUE


def work():
    Path("told.json").write_text(json.dumps({"value": VALUE}))


main(work)
"""
DVC_YAML = """
stages:
  tell:
    cmd: python stages/tell.py
    params: [count]
    deps: [stages/tell.py, src/triptych/base/told.py]
    metrics: [told.json: {cache: false}]
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The package with one more module, in git; the environment's package is that of the tests."""
    toy = Toy(tmp_path_factory.mktemp("template") / "toy", git=True)
    toy.write("dvc.yaml", DVC_YAML)
    toy.write("stages/tell.py", SCRIPT)
    shutil.copytree(SRC / "triptych/base", toy.root / "src/triptych/base", ignore=shutil.ignore_patterns("__pycache__"))
    toy.write("src/triptych/__init__.py", "")
    toy.write("src/triptych/base/told.py", "VALUE = 1\n")
    (toy.root / "stages/triptych").symlink_to("../src/triptych")
    toy.write(".gitignore", "__pycache__\n")
    toy.repro()
    toy.git("add", "--all")
    toy.git("commit", "--quiet", "--message", "first")
    return toy


@pytest.fixture
def project(template, tmp_path):
    toy = copy.copy(template)
    toy.root = shutil.copytree(template.root, tmp_path / "toy", symlinks=True)
    return toy


def results(project) -> list[str]:
    refs = project.git("for-each-ref", "refs/exps", "--format", "%(refname)").split()
    return [project.git("show", f"{ref}:told.json") for ref in refs if "/exec/" not in ref and "/stash" not in ref]


def test_the_link_is_in_git_and_relative():
    link = SRC.parent / "stages/triptych"
    assert link.is_symlink() and str(link.readlink()) == "../src/triptych"


def test_temp_runs_the_changed_code(project):
    project.write("src/triptych/base/told.py", "VALUE = 5\n")
    project.dvc("exp", "run", "--temp")
    assert results(project) == ['{"value": 5}']


@pytest.mark.slow  # DVC's queue waits some twenty seconds for its worker; --temp copies the code in the same way
def test_the_queue_runs_the_code_of_the_time_it_was_filled(project):
    project.write("src/triptych/base/told.py", "VALUE = 5\n")
    project.dvc("exp", "run", "--queue", "--set-param", "count=4")
    project.write("src/triptych/base/told.py", "VALUE = 6\n")
    project.dvc("exp", "run", "--run-all")
    assert results(project) == ['{"value": 5}']


def test_a_value_of_the_shipped_parameters_changes_one_line(project):
    project.write("params.yaml", (SRC.parent / "params.yaml").read_text() + "count: 3\n")
    project.git("commit", "--quiet", "--all", "--message", "the shipped parameters")
    project.dvc("exp", "run", "--set-param", "digits.systems.dcgan.batch_size=32")
    assert project.git("diff", "--numstat", "params.yaml").split()[:2] == ["1", "1"]


def test_a_stage_that_would_run_other_code_says_so(project):
    (project.root / "stages/triptych").unlink()
    project.replace("stages/tell.py", "from triptych.base.told import VALUE", "VALUE = 1")
    said = project.run(sys.executable, "stages/tell.py", status=1)
    assert f"would run the code of {SRC / 'triptych'}" in said and "Traceback" not in said


def test_a_clone_that_pulls_runs_nothing(tmp_path):
    toy = Toy(tmp_path / "toy", git=True)
    toy.dvc("remote", "add", "--quiet", "--default", "shared", str(tmp_path / "remote"))
    toy.repro()
    toy.git("add", "--all")
    toy.git("commit", "--quiet", "--message", "first")
    toy.dvc("push")
    toy.git("clone", "--quiet", str(toy.root), str(tmp_path / "clone"))
    toy.root = tmp_path / "clone"
    toy.dvc("pull")
    said = toy.repro()
    assert "started" not in said and "from the cache" not in said and toy.changed() == []
