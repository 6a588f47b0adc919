from __future__ import annotations

from pathlib import Path

import pytest

from triptych.base import project
from triptych.base.errors import UserError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("TRIPTYCH_ROOT", raising=False)
    (tmp_path / "params.yaml").write_text("profile: smoke\n")
    (tmp_path / "docs/deep").mkdir(parents=True)
    return tmp_path


def test_the_project_is_found_from_any_folder_in_it(folder, monkeypatch):
    monkeypatch.chdir(folder / "docs/deep")
    assert project.root() == folder
    assert project.models("objects", "dcgan", 2) == folder / "models/objects/dcgan/seed2"
    assert project.models("streets", "cogan") == folder / "models/streets/cogan"
    assert project.evaluator("fcn") == folder / "models/evaluators/fcn"
    assert project.results("objects", "dcgan") == folder / "results/objects/dcgan.json"
    assert project.runs("objects", "dcgan", "probe") == folder / "runs/objects/dcgan/probe"
    assert project.outputs("objects", "dcgan") == folder / "outputs/objects/dcgan"
    assert project.prepared("faces") == folder / "data/prepared/faces"


def test_the_environment_names_the_project(folder, monkeypatch, tmp_path_factory):
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    monkeypatch.setenv("TRIPTYCH_ROOT", str(folder))
    assert project.root() == folder
    monkeypatch.setenv("TRIPTYCH_ROOT", str(folder / "docs"))
    with pytest.raises(UserError, match="TRIPTYCH_ROOT.*no params.yaml"):
        project.root()


def test_outside_of_any_project_the_message_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.delenv("TRIPTYCH_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no params.yaml in .*run this in the project's folder"):
        project.root()


def test_paths_in_params_start_at_the_nearest_project(folder, monkeypatch):
    monkeypatch.chdir(folder / "docs/deep")
    assert project.inside("data/raw") == folder / "data/raw"
    assert project.inside("/mnt/photos") == Path("/mnt/photos")
    assert project.inside("~/photos") == Path.home() / "photos"
    (folder / "docs/params.yaml").write_text("profile: smoke\n")
    assert project.root() == folder / "docs"
