"""The code that a stage depends on: dvc.yaml names it, and a paused training is thrown away by a change of it alone."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import yaml

from triptych.pipeline import deps

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_project(monkeypatch):
    monkeypatch.chdir(ROOT)
    yield
    forget()


def forget():
    for function in (deps.sources, deps.imports_of, deps._tree):
        function.cache_clear()


def test_dvc_yaml_names_what_the_stages_import():
    assert not deps.differences(ROOT), "run `triptych deps --write`"


def test_write_corrects_dvc_yaml_and_keeps_everything_else(tmp_path):
    text = (ROOT / "dvc.yaml").read_text()
    wrong = text.replace("src/triptych/engine,", "src/triptych/no_such,", 1)
    (tmp_path / "dvc.yaml").write_text(wrong)
    ((stage, lines),) = deps.differences(tmp_path).items()
    assert lines == ["+ src/triptych/engine", "- src/triptych/no_such"]
    assert deps.write(tmp_path) == [stage]
    assert (tmp_path / "dvc.yaml").read_text() == text


@pytest.fixture
def source(tmp_path, monkeypatch):
    """A copy of the package that a test may change."""
    copy = shutil.copytree(deps.SOURCE, tmp_path / "triptych", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(deps, "SOURCE", copy)
    forget()
    return copy


def test_a_paused_training_depends_on_its_own_code_alone(source):
    def digest_after(file):
        with open(source / file, "a") as out:
            out.write("# a comment\n")
        forget()
        return deps.digest_of("features", "dcgan")

    forget()
    digest = deps.digest_of("features", "dcgan")
    unrelated = ["report/table.py", "tracking/store.py", "dcgan/svm/svm.py", "dcgan/objects/rows/exemplar_cnn.py"]
    assert all(digest_after(file) == digest for file in unrelated)
    for file in [
        "dcgan/gan/networks.py",
        "engine/loop.py",
        "dcgan/objects/rows/dcgan.py",
        "dcgan/objects/parts/system.py",
    ]:
        assert digest != (digest := digest_after(file)), file


def test_imports_in_functions_count_and_those_for_type_checkers_do_not(source):
    file = source / "late.py"
    file.write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import triptych.report.page\n"
        "def f():\n    from triptych.engine import loop\n"
    )
    assert deps.imports_of(file) == {"triptych", "triptych.engine", "triptych.engine.loop"}


def test_a_folder_stands_for_its_modules_only_if_all_are_used(source):
    svm = {name for name in deps.sources() if name.startswith("triptych.dcgan.svm.")}
    assert deps.as_paths(svm) == {"src/triptych/dcgan/svm"}
    assert deps.as_paths(svm - {"triptych.dcgan.svm.svm"}) >= {"src/triptych/dcgan/svm/newton.py"}


def test_every_exception_is_there():
    for name in [*deps.NO_DEPS, *deps.WHOLE, *sum(deps.STAGE.values(), [])]:
        path = ROOT / "src" / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


def test_a_stage_depends_on_the_data_that_its_script_names():
    for stage, node in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items():
        node = node.get("do", node)
        text = (ROOT / node["cmd"].split()[1]).read_text()
        named = set(re.findall(r"protocol\.(dataset|data|unlabelled)\b", text))
        section = re.search(r'Stage\("(\w+)"', text)
        for name in named:
            assert f"data/prepared/${{{section[1]}.{name}}}" in node["deps"], stage


def test_files_that_a_module_reads_are_deps_and_others_beside_it_are_not(source):
    (source / "report" / "notes.txt").write_text("not read\n")
    assert deps.read_by({"triptych.report.page"}) == {
        f"src/triptych/report/page.{kind}" for kind in ("html", "css", "js")
    }
    assert deps.read_by({"triptych.report.table"}) == set()
    assert {f"src/triptych/report/page.{kind}" for kind in ("html", "css", "js")} <= set(
        deps.deps_of(ROOT / "stages" / "report.py")
    )
