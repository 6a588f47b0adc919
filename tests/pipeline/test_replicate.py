"""`triptych replicate`: what a perturbation in the last digits does to a row."""

import json
import subprocess
from pathlib import Path

import pytest
import torch
from torch import nn

from triptych.base.errors import UserError
from triptych.base.results import summary
from triptych.cli import main
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.pipeline import systems
from triptych.pipeline.params import load_params
from triptych.pipeline.perturb import PERTURB, perturb
from triptych.pipeline.replicate import comparison, of_seed, record, replicate

ROOT = Path(__file__).parents[2]
IMAGES = torch.randint(0, 256, (16, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8).numpy()


def trained(folder, steps=5):
    """The bytes of a small DCGAN's weights, before and after a training of a few steps."""
    smoke = load_params(ROOT / "params/smoke.yaml").tables["objects"].systems["dcgan"]
    config = smoke.model_copy(update={"steps": steps})
    spec = Spec((3, 32, 32))
    system = systems.build("objects", "dcgan", config, spec, seed=0)

    def bytes_of(name):
        systems.save(system, folder / name, table="objects", name="dcgan", config=config, spec=spec)
        return (folder / name / "weights.safetensors").read_bytes()

    before = bytes_of("before")
    system.fit(IMAGES, Replica(0, torch.device("cpu")))
    return before, bytes_of("after")


def test_weights_differ_with_a_perturbation_and_not_without(tmp_path, monkeypatch):
    monkeypatch.delenv(PERTURB, raising=False)
    plain = trained(tmp_path / "plain")
    monkeypatch.setenv(PERTURB, "0")
    assert trained(tmp_path / "zero") == plain
    monkeypatch.setenv(PERTURB, "1e-6")
    before, after = trained(tmp_path / "moved")
    assert before != plain[0] and after != plain[1]
    assert trained(tmp_path / "again") == (before, after)


def test_a_perturbation_is_relative_and_moves_no_other_random_number(monkeypatch, capsys):
    monkeypatch.setenv(PERTURB, "1e-3")
    torch.manual_seed(1)
    net = nn.Linear(50, 40)
    before, state = net.weight.detach().clone(), torch.get_rng_state()
    perturb(net, 0)
    assert "the initial weights are perturbed" in capsys.readouterr().err  # a variable left set does not go unnoticed
    ratio = net.weight.detach() / before
    assert (ratio - 1).abs().sub(1e-3).abs().max() < 1e-6 and ratio.gt(1).float().mean() == pytest.approx(0.5, abs=0.05)
    assert torch.equal(torch.get_rng_state(), state)
    with pytest.raises(UserError, match="no initial weights"):
        perturb(nn.ReLU(), 0)


def test_the_comparison_has_a_line_a_metric():
    a = {"as it is": 0.5, "perturbed": 0.53, "between seeds": 0.141}
    told = {"row": "objects/dcgan", "seed": 0, "relative": 1e-6, "metrics": {"a": a, "b": a | {"between seeds": None}}}
    _, _, first, second = comparison(told).splitlines()
    assert first.split() == ["a", "0.5", "0.53", "0.03", "±", "0.14"] and second.split()[-1] == "–"


def test_values_of_one_training_are_those_of_its_seed():
    result = {"seeds": [3, 5], "metrics": {"a": summary([0.1, 0.3, 0.5, 0.7]), "best": summary([0.9, 0.1, 0.2])}}
    assert of_seed(result, 5) == {"a": pytest.approx(0.6)} and of_seed(result, 4) == {}


def test_a_recorded_row_takes_its_last_ones_place(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").touch()
    monkeypatch.setenv("TRIPTYCH_ROOT", str(tmp_path))
    for name, seed in (("b", 0), ("a", 0), ("b", 1)):
        record({"row": name, "seed": seed})
    entries = json.loads((tmp_path / "reports/replicate.json").read_text())
    assert [(e["row"], e["seed"]) for e in entries] == [("a", 0), ("b", 1)] and "cpu" in entries[0]["machine"]


def test_a_row_that_is_not_there(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text((ROOT / "params/smoke.yaml").read_text())
    monkeypatch.setenv("TRIPTYCH_ROOT", str(tmp_path))
    for name in ("objects/nothing", "guidelines/faithful", "objects"):
        with pytest.raises(UserError, match="no such row.*objects/dcgan"):
            replicate(name)


@pytest.mark.xdist_group("pipeline")
def test_a_row_is_made_twice_and_the_project_stays_as_it_is(project, scripts, monkeypatch, capsys):
    def in_a_fork(command, cwd, env, stdout):
        scripts.run(*command[1:], cwd=cwd, **env)
        return subprocess.CompletedProcess(command, 0)

    def files():
        return {p: p.stat().st_mtime_ns for f in ("results", "models", "runs") for p in (project.root / f).rglob("*")}

    before = files()
    monkeypatch.setenv("TRIPTYCH_ROOT", str(project.root))
    monkeypatch.setattr(subprocess, "run", in_a_fork)  # which need not import torch
    assert main(["replicate", "objects/dcgan", "--seed", "1"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("objects/dcgan, seed 1: initial weights perturbed by a relative 1e-06")
    assert {"accuracy", "accuracy_few"} <= {line.split()[0] for line in told.splitlines()[2:]}
    assert files() == before
