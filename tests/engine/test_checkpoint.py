"""Checkpoints that are damaged, cannot be written, or come from another kind of device."""

import errno

import pytest
import torch
from torch import nn

from triptych.engine import Phase, Replica, Stream, Task, checkpoint, train
from triptych.engine.optimisers import restore

CPU = torch.device("cpu")


class Line(Task):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Linear(3, 1)

    def phases(self):
        return [Phase("fit", [self.net], self.loss, lambda p, **options: torch.optim.Adam(p, **options))]

    def loss(self):
        loss = (self.net(self.batch["x"]) - 1).square().mean()
        return loss, {"loss": loss}


def run(path, steps):
    x = torch.randn(32, 3, generator=torch.Generator().manual_seed(0))
    replica = Replica(seed=0, device=CPU, checkpoint=path)
    return train(Line(), {"x": Stream(x, batch_size=8, seed=0, device=CPU)}, steps=steps, replica=replica)


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "another"])
def test_a_damaged_file_is_named_and_the_run_starts_anew(tmp_path, capsys, damage):
    path = tmp_path / "seed0.pt"
    expected = run(path, 6)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"not a checkpoint", "empty": b""}.get(damage, whole))
    if damage == "another":
        torch.save({"step": 3}, path)
    again = run(path, 6)
    assert torch.equal(again.net.weight, expected.net.weight)
    (line,) = capsys.readouterr().out.splitlines()
    assert str(path) in line and "unreadable" in line and "starting anew" in line
    assert checkpoint.read(path)["step"] == 6  # a whole one has taken its place


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("unexpected pos 7")])
def test_a_full_disk_is_a_warning_and_keeps_the_last_file(tmp_path, monkeypatch, capsys, error):
    path = tmp_path / "seed0.pt"
    run(path, 3)

    def full(state, file):
        file.write(b"half")
        raise error

    monkeypatch.setattr(torch, "save", full)
    run(path, 6)
    assert "could not save" in capsys.readouterr().out
    assert checkpoint.read(path)["step"] == 3 and [file.name for file in tmp_path.iterdir()] == ["seed0.pt"]


def test_the_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    order = []
    monkeypatch.setattr(checkpoint.os, "fsync", lambda _: order.append("fsync"))
    monkeypatch.setattr(checkpoint.os, "replace", lambda *_: order.append("replace"))
    checkpoint.write({"step": 1}, tmp_path / "seed0.pt")
    assert order == ["fsync", "replace"]


def test_an_optimiser_keeps_the_options_of_its_own_device():
    def adam(**options):
        weight = nn.Parameter(torch.ones(2))
        optimiser = torch.optim.Adam([weight], lr=0.5, **options)
        weight.grad = torch.ones(2)
        optimiser.step()
        return optimiser

    saved = adam(fused=True).state_dict()
    saved["param_groups"][0] |= {"capturable": True, "fused": True, "lr": torch.tensor(0.25)}  # as a GPU saves it
    optimiser = adam(foreach=False)
    restore(optimiser, saved)
    (group,) = optimiser.param_groups
    assert (group["capturable"], group["fused"], group["foreach"]) == (False, None, False)
    assert float(group["lr"]) == 0.25
    optimiser.step()  # a capturable one refuses to run on a CPU
    assert saved["param_groups"][0]["capturable"] is True  # what was read stays as it is
