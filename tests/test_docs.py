"""What the docs say works: their code is run as it stands there."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from triptych.base.files import read_yaml

ROOT = Path(__file__).resolve().parents[1]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.S)


def test_one_version():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]
    newest = re.search(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1]
    assert pyproject == citation == newest


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("docs/*.md")), ROOT / "CHANGELOG.md"], ids=lambda path: path.name)
def test_pages_name_files_that_are_there(page):
    text = page.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:docs|benchmarks|findings|examples|params|tests)/[\w./-]+\.\w+)`", text))
    beside = set(re.findall(r"`(\w+\.md)`", text))
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [name for name in beside if not (page.parent / name).exists()]
    assert not missing


def test_a_new_row_needs_one_file_and_one_section(tmp_path, scripts):
    """The row of docs/extending.md, from its file to its result."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copytree(ROOT / "stages", tmp_path / "stages", symlinks=True)
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    (tmp_path / "src/triptych/dcgan/objects/rows/mean_colour.py").write_text(blocks("docs/extending.md", "python")[0])
    (section,) = blocks("docs/extending.md", "yaml")
    name = section.splitlines()[-1]
    smoke = (ROOT / "params/smoke.yaml").read_text()
    found = re.search(r"^objects:\n.*?^  systems:\n", smoke, re.S | re.M)
    (tmp_path / "params.yaml").write_text(smoke[: found.end()] + f"{name}\n" + smoke[found.end() :])
    assert "mean_colour" in read_yaml(tmp_path / "params.yaml")["objects"]["systems"]

    for command in ("prepare objects", "prepare objects_unlabelled", "features mean_colour", "probe mean_colour"):
        stage, key = command.split()
        scripts.run(f"stages/{stage}.py", key, cwd=tmp_path)
    row = json.loads((tmp_path / "results/objects/mean_colour.json").read_text())
    assert row["system"] == "mean_colour" and 0 <= row["metrics"]["accuracy"]["mean"] <= 1
    written = subprocess.run(
        [sys.executable, "-m", "triptych.cli", "deps", "--write"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path / "src")}, capture_output=True,
    )  # fmt: skip
    assert written.returncode == 0, written.stderr.decode()


def test_the_readmes_commands_name_stages_and_parameters_that_there_are():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pipeline, params = read_yaml(ROOT / "dvc.yaml")["stages"], read_yaml(ROOT / "params.yaml")
    targets = re.findall(r"\b([a-z_]+)@([a-z_0-9]+)", readme)
    assert len(targets) >= 3
    for stage, key in targets:
        section = pipeline[stage]["foreach"].strip("${}")
        found = params
        for step in section.split("."):
            found = found[step]
        assert key in found, f"{stage}@{key}"
    changes = re.findall(r"-S ([\w.]+)=", readme)
    assert len(changes) >= 3
    for key in changes:
        found = params
        for step in key.split("."):
            assert step in found, key
            found = found[step]


def test_the_readmes_links_lead_somewhere():
    for page in ("README.md", *(f"docs/{file.name}" for file in (ROOT / "docs").glob("*.md"))):
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in re.findall(r"\]\((?!http)([^)#]+)", text):
            assert (ROOT / page).parent.joinpath(link).exists(), f"{page}: {link}"
