"""`triptych demo` makes existing parameters smaller."""

from pathlib import Path

import pytest
import yaml

from triptych.base.errors import UserError
from triptych.base.files import read_yaml
from triptych.pipeline import demo
from triptych.pipeline.params import load_params

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The demo's parameters, of a demo whose stages do nothing."""
    monkeypatch.setenv("TRIPTYCH_ROOT", str(ROOT))
    monkeypatch.setattr(demo, "CHAINS", ())
    demo.run_demo(tmp_path)
    return tmp_path / "params.yaml"


def test_the_demos_parameters_are_valid_and_smaller(small):
    params, shipped = load_params(small), read_yaml(ROOT / "params.yaml")
    assert params.profile == "demo"
    assert params.tables["streets"].protocol.seeds == [0]
    assert params.data["streets"].rendered["train"] < shipped["data"]["streets"]["rendered"]["train"]


def test_a_parameter_that_is_gone_is_named(tmp_path, monkeypatch):
    params = read_yaml(ROOT / "params.yaml")
    del params["shapes"]["systems"]["beta_vae"]["steps"]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    monkeypatch.setenv("TRIPTYCH_ROOT", str(tmp_path))
    with pytest.raises(UserError, match="shapes.systems.beta_vae.steps"):
        demo.run_demo(tmp_path / "build")
