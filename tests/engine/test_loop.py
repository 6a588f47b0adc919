"""The training loop: equal results after a kill, phases kept apart, the NaN guard, history."""

import pytest
import torch
from torch import nn

from triptych.engine import Divergence, Phase, Replica, Stream, Task, checkpoint, linear_decay, train


class Regression(Task):
    """A small net with batch norm and dropout (random numbers, buffers), fitted to the sum of its inputs."""

    def __init__(self, rate=1e-2, bad_step=None, schedule=None):
        super().__init__()
        torch.manual_seed(3)
        self.net = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
        self.rate, self.bad_step, self.schedule, self.calls = rate, bad_step, schedule, 0

    def phases(self):
        return [Phase("fit", [self.net], self.loss, self.adam, self.schedule)]

    def adam(self, parameters, **options):
        return torch.optim.Adam(parameters, lr=self.rate, **options)

    def loss(self):
        x = self.batch["x"]
        loss = (self.net(x + 0.1 * torch.randn_like(x)) - x.sum(1, keepdim=True)).square().mean()
        if self.calls == self.bad_step:
            loss = loss * float("nan")
        self.calls += 1
        return loss, {"loss": loss}


def data():
    return torch.randn(100, 4, generator=torch.Generator().manual_seed(0))


def streams(**options):
    return {"x": Stream(data(), batch_size=10, seed=5, device=torch.device("cpu"), **options)}


def cpu(**options):
    return Replica(seed=1, device=torch.device("cpu"), **options)


@pytest.fixture(scope="module")
def undisturbed():
    replica = cpu()
    return train(Regression(), streams(), steps=50, replica=replica, log_every=20), replica.history


@pytest.mark.parametrize("kill_at", [7, 44])
def test_resumed_after_a_kill_ends_with_the_same_bytes(tmp_path, killed, undisturbed, kill_at):
    (expected, history), path = undisturbed, tmp_path / "seed1.pt"
    with killed(at=kill_at):
        train(Regression(), streams(), steps=50, replica=cpu(checkpoint=path), log_every=20)
    resumed = cpu(checkpoint=path)
    task = train(Regression(), streams(), steps=50, replica=resumed, log_every=20)
    assert task.calls == 50 - kill_at
    for (name, value), other in zip(expected.state_dict().items(), task.state_dict().values()):
        assert torch.equal(value, other), name
    assert resumed.history == history
    again = train(Regression(), streams(), steps=50, replica=cpu(checkpoint=path))  # finished: nothing left to do
    assert again.calls == 0 and torch.equal(again.net[0].weight, expected.net[0].weight)


def test_a_checkpoint_of_other_parameters_is_not_used(tmp_path, capsys):
    path = tmp_path / "seed1.pt"
    train(Regression(), streams(), steps=10, replica=cpu(checkpoint=path, fingerprint="a"))
    task = train(Regression(), streams(), steps=10, replica=cpu(checkpoint=path, fingerprint="b"))
    assert task.calls == 10
    assert "starting anew" in capsys.readouterr().out


def test_nan_stops_and_names_step_loss_and_checkpoint(tmp_path, monkeypatch):
    monkeypatch.setenv("TRIPTYCH_CHECKPOINT_SECONDS", "0")
    path = tmp_path / "seed1.pt"
    with pytest.raises(Divergence, match=r"'loss' became nan at step 13") as caught:
        train(Regression(bad_step=13), streams(), steps=50, replica=cpu(checkpoint=path))
    assert str(path) in str(caught.value) and "step 13" in str(caught.value)
    assert "Lower the learning rate or check the data" in str(caught.value)
    assert torch.isfinite(torch.load(path, weights_only=True)["task"]["net.0.weight"]).all()


class TwoPlayers(Task):
    def __init__(self):
        super().__init__()
        self.d, self.g = nn.Linear(2, 1), nn.Linear(2, 2)
        self.seen = {}

    def phases(self):
        sgd = lambda p, **_: torch.optim.SGD(p, lr=0.1)  # noqa: E731
        return [Phase("d", [self.d], self.loss_d, sgd), Phase("g", [self.g], self.loss_g, sgd)]

    def loss_d(self):
        self.batch["fake"] = self.g(self.batch["x"])
        loss = self.d(self.batch["fake"]).mean()
        self.seen["d"] = (self.d.weight.requires_grad, self.g.weight.requires_grad)
        return loss, {"loss_d": loss}

    def loss_g(self):
        loss = -self.d(self.g(self.batch["x"])).mean()
        self.seen["g"] = (self.d.weight.requires_grad, self.g.weight.requires_grad)
        return loss, {"loss_g": loss}


def test_each_phase_moves_its_own_networks_only():
    x = torch.randn(8, 2, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    task = TwoPlayers()
    d, g = task.d.weight.detach().clone(), task.g.weight.detach().clone()
    train(task, {"x": Stream(x, batch_size=8, seed=0, device=torch.device("cpu"))}, steps=1, replica=cpu())
    assert task.seen == {"d": (True, False), "g": (False, True)}
    # by hand: D first, on the fakes of the old G; then G against the new D
    rows = x[Stream(x, batch_size=8, seed=0, device=torch.device("cpu")).rows(0)]
    torch.manual_seed(0)
    byhand = TwoPlayers()
    fake = byhand.g(rows).detach()
    torch.testing.assert_close(task.d.weight, d - 0.1 * fake.mean(0, keepdim=True))
    expected_g = g + 0.1 * task.d.weight.detach().T @ rows.mean(0, keepdim=True)
    torch.testing.assert_close(task.g.weight, expected_g)


class Slope(Task):
    """One number w whose loss is w itself: every step of plain descent lowers it by its rate."""

    def __init__(self, schedule=None):
        super().__init__()
        self.net, self.schedule = nn.Linear(1, 1, bias=False), schedule
        nn.init.zeros_(self.net.weight)

    def phases(self):
        return [Phase("fit", [self.net], self.loss, lambda p, **_: torch.optim.SGD(p, lr=0.5), self.schedule)]

    def loss(self):
        w = self.net.weight.sum()
        return w, {"w": w}


def test_a_step_descends_the_gradient_of_its_own_loss_at_the_rate_of_its_step():
    factors = [1.0, 0.5, 0.25, 0.125]
    constant, scheduled, means = cpu(), cpu(), cpu()
    train(Slope(), streams(), steps=4, replica=constant, log_every=1)
    train(Slope(factors.__getitem__), streams(), steps=4, replica=scheduled, log_every=1)
    assert [w for _, _, w in constant.history] == [0, -0.5, -1, -1.5]
    assert [w for _, _, w in scheduled.history] == [0, -0.5, -0.75, -0.875]  # before each step
    train(Slope(), streams(), steps=10, replica=means, log_every=4)
    assert means.history == [(4, "w", -0.75), (8, "w", -2.75), (10, "w", -4.25)]  # since the last row


def test_linear_decay_is_constant_up_to_its_start_and_then_falls_to_nothing():
    factor = linear_decay(100)
    assert [factor(s) for s in (0, 49, 50, 75, 100)] == [1.0, 1.0, 1.0, 0.5, 0.0]
    factor = linear_decay(100, start=0.2)
    assert [factor(s) for s in (0, 20, 60, 80, 100)] == [1.0, 1.0, 0.5, 0.25, 0.0]
    assert linear_decay(100, start=1.0)(99) == 1.0


def test_callbacks_see_the_networks_as_they_are_used_and_do_not_touch_the_training(undisturbed):
    task, seen = Regression(), []

    def noisy(step):
        torch.randn(100)
        seen.append((step, task.net[3].training))

    train(task, streams(), steps=50, replica=cpu(), callback=noisy, callback_every=20)
    assert seen == [(20, False), (40, False), (50, False)]  # the last step has one
    assert not any(module.training for module in task.modules())
    assert all(parameter.grad is None for parameter in task.parameters())
    assert torch.equal(task.net[0].weight, undisturbed[0].net[0].weight)


def test_the_noise_depends_on_the_seed_and_on_the_process(monkeypatch):
    def weights(seed, rank):
        monkeypatch.setattr(Replica, "rank", rank)
        replica = Replica(seed=seed, device=torch.device("cpu"))
        return train(Regression(), streams(), steps=2, replica=replica).net[0].weight

    first, *others = weights(1, 0), weights(2, 0), weights(1, 1)
    assert torch.equal(first, weights(1, 0)) and not any(torch.equal(first, other) for other in others)


def test_processes_that_resume_draw_numbers_of_their_own_at_every_step(tmp_path, monkeypatch):
    monkeypatch.setattr(Replica, "world", 2)

    def drawn(rank, steps):
        monkeypatch.setattr(Replica, "rank", rank)
        path = tmp_path / f"{steps}.pt"
        state = {"fingerprint": "", "step": steps, "task": {}, "optimisers": {}, "cpu_rng": torch.get_rng_state()}
        checkpoint.write(state | {"pending": {}, "history": []}, path)
        assert checkpoint.load(cpu(checkpoint=path), nn.Module(), []) == (steps, {})
        return float(torch.rand(()))

    assert len({drawn(rank, steps) for rank in (0, 1) for steps in (10, 20)}) == 4
    assert drawn(1, 20) == drawn(1, 20)


def test_a_part_of_a_run_has_a_checkpoint_and_names_of_its_own(tmp_path):
    rows = []
    whole = cpu(checkpoint=tmp_path / "seed1.pt", fingerprint="of the run", sink=rows.extend)
    parts = [whole.part("d"), whole.part("g")]
    for part in parts:
        part.log(3, loss=0.5)
        assert (part.seed, part.device, part.fingerprint) == (1, whole.device, "of the run")
    assert rows == [(3, "d_loss", 0.5), (3, "g_loss", 0.5)] and parts[0].history == [(3, "loss", 0.5)]
    files = {replica.checkpoint for replica in (whole, *parts)}
    assert len(files) == 3 and {file.parent for file in files} == {tmp_path} and {f.suffix for f in files} == {".pt"}
    assert cpu().part("d").checkpoint is None


def test_a_stream_of_a_run_has_its_seed_and_its_process_share(monkeypatch):
    rows = torch.arange(12)

    def batch(**options):
        return cpu().stream(rows, batch_size=4, **options).at(0).tolist()

    expected = [Stream(rows, batch_size=4, seed=seed, device=torch.device("cpu")).at(0).tolist() for seed in (1, 7)]
    assert [batch(), batch(seed=7)] == expected
    monkeypatch.setattr(Replica, "rank", 1)
    monkeypatch.setattr(Replica, "world", 2)
    assert batch() == expected[0][1::2]


def test_the_replicas_callback_is_called_as_often_as_asked_and_after_the_last_step():
    seen = []
    replica = Replica(0, torch.device("cpu"), callback=seen.append, callbacks=3)
    train(Regression(), streams(), steps=10, replica=replica)
    assert seen == [3, 6, 9, 10]
    seen.clear()
    train(Regression(), streams(), steps=2, replica=replica)  # fewer steps than callbacks
    assert seen == [1, 2]
