import numpy as np
import pytest
import torch
from torch import nn

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.early_stopping import Pruning, train_selected
from triptych.dcgan.digits.parts.m1 import M1
from triptych.engine import Phase, Replica, Stream, Task
from triptych.pipeline import systems


class Counter(Task):
    """A net whose one weight goes up by 1 a step."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.net.weight)

    def phases(self):
        return [Phase("count", [self.net], self.loss, lambda p, **o: torch.optim.SGD(p, lr=1.0, **o))]

    def loss(self):
        loss = -self.net.weight.sum()
        return loss, {"loss": loss}


def stream() -> dict[str, Stream]:
    return {"x": Stream(torch.zeros(4, 1), batch_size=2, seed=0, device=torch.device("cpu"))}


def run(best_at: float, patience: int, pruning: Pruning | None = None) -> tuple[Counter, float, list[int]]:
    task, checked = Counter(), []

    def validate() -> float:
        checked.append(round(task.net.weight.item()))
        return abs(checked[-1] - best_at) / 100

    options = {"steps": 60, "every": 5, "patience": patience, "pruning": pruning}
    return task, train_selected(task, task.net, validate, stream(), replica=Replica(0), **options), checked


@pytest.mark.parametrize(
    "best_at, patience, last_look, weight",
    [
        (20, 3, 35, 20),
        (7.5, 2, 15, 5),  # as far from 5 as from 10: of equally good weights the first are kept
        (1000, 1, 60, 60),  # to the end while it gets better
    ],
)
def test_keeps_the_best_weights_and_stops_when_they_are_old(best_at, patience, last_look, weight):
    task, error, checked = run(best_at, patience)
    assert checked == list(range(5, last_look + 1, 5))
    assert task.net.weight.item() == weight and error == pytest.approx(abs(weight - best_at) / 100)
    assert not task.net.training and task.net.weight.grad is None


def test_the_best_weights_survive_a_kill(tmp_path, monkeypatch):
    """The second run goes on after the last checkpoint, when the best weights are long gone from the net."""
    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")
    curves = []

    def attempt(killed_at: int | None) -> tuple[float, float]:
        task, pruning = Counter(), Pruning(0.5)

        def validate() -> float:
            weight = round(task.net.weight.item())
            if weight == killed_at:
                raise KeyboardInterrupt
            return abs(weight - 10)

        replica = Replica(0, torch.device("cpu"), checkpoint=tmp_path / "run.pt", fingerprint="same")
        options = {"steps": 30, "every": 5, "patience": 9, "replica": replica, "pruning": pruning}
        error = train_selected(task, task.net, validate, stream(), **options)
        curves.append(pruning.curves)
        return task.net.weight.item(), error

    with pytest.raises(KeyboardInterrupt):
        attempt(killed_at=25)
    assert attempt(killed_at=None) == (10.0, 0.0)
    assert curves == [[[5.0, 0.0, 0.0, 0.0, 0.0, 0.0]]], "a later trial is compared with looks before the kill too"


def test_the_median_rule_ends_what_is_worse_than_half_of_the_earlier_trials():
    pruning = Pruning(0.5)
    assert not pruning.hopeless(0, 0.9)  # nothing to compare with
    pruning.curves = [[0.9, 0.5, 0.1], [0.8, 0.6, 0.3], [0.7]]  # the third has ended: 0.7 ever after
    assert not pruning.hopeless(0, 0.8) and pruning.hopeless(0, 0.81)
    assert not pruning.hopeless(2, 0.3) and pruning.hopeless(2, 0.31)


def test_a_pruned_trial_keeps_its_best_weights_and_counts_for_later_ones():
    """Errors of a trial are |weight − 60| / 100 at the weights 5, 10, …: 0.55, 0.50, …"""
    pruning = Pruning(0.5)
    pruning.curves = [[0.56, 0.51, 0.2], [0.56, 0.51, 0.2]]
    task, error, checked = run(best_at=60, patience=9, pruning=pruning)
    assert checked == [5, 10, 15]
    assert task.net.weight.item() == 15 and error == pytest.approx(0.45)
    assert pruning.curves[2] == pytest.approx([0.55, 0.5, 0.45])
    rising = Pruning(0.5)
    run(best_at=10, patience=2, pruning=rising)
    assert rising.curves == [pytest.approx([0.05, 0.0, 0.0, 0.0])]  # a curve never rises


def test_several_processes_are_refused_before_anything_is_learned(monkeypatch):
    """Each would decide for itself when to stop, and one that goes on would wait for the others for ever."""
    monkeypatch.setattr(Replica, "world", 2)
    monkeypatch.setattr(M1, "fit", lambda *_: pytest.fail("trained"))
    code = systems.module("digits", "m1_m2")
    system = systems.build("digits", "m1_m2", code.Config(components=4), Spec((3, 8, 8), n_classes=3), 0)
    for start in (
        lambda: run(best_at=20, patience=3),
        lambda: system.pretrain(np.zeros((20, 3, 8, 8), np.uint8), Replica(0)),
    ):
        with pytest.raises(ParamsError, match="2 processes"):
            start()
