"""The notebooks run from top to bottom, in the state in which they are kept: without outputs that could date."""

import json
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))


def cells(name):
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]


def code(name):
    return ["".join(cell["source"]) for cell in cells(name) if cell["cell_type"] == "code"]


def run(sources, monkeypatch):
    import matplotlib

    monkeypatch.chdir(FOLDER)
    monkeypatch.setattr(sys, "path", [*sys.path])
    matplotlib.use("Agg")
    names = {"__name__": "__main__"}
    for n, source in enumerate(sources):
        exec(compile(source, f"cell {n}", "exec"), names)
    matplotlib.pyplot.close("all")
    return names


def test_there_is_one_a_paper():
    assert NOTEBOOKS == ["beta_vae", "cyclegan", "dcgan"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebooks_are_short_and_kept_without_outputs(name):
    kept = cells(name)
    assert len(kept) <= 15 and kept[0]["cell_type"] == "markdown"
    assert all(
        cell["outputs"] == [] and cell["execution_count"] is None for cell in kept if cell["cell_type"] == "code"
    )


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_every_cell_runs(name, monkeypatch):
    """With few steps: what is shown is for a reader, that it can be shown is for this test."""
    sources = code(name)
    few, found = re.subn(r"^STEPS(, LATENTS)? = \d+", r"STEPS\1 = 8", sources[0], flags=re.M)
    assert found == 1
    run([few, *sources[1:]], monkeypatch)


@pytest.mark.slow
def test_sums_of_codes_show_what_they_should_more_often_than_chance(monkeypatch):
    names = run(code("dcgan"), monkeypatch)
    assert names["wanted"] > names["chance"]
