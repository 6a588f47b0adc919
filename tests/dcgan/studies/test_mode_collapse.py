"""Mixtures of known modes, and the toy GANs that learn them."""

import copy
import math

import numpy as np
import pytest
import torch

from triptych.dcgan.studies.pathologies import mode_collapse, toy_gan
from triptych.dcgan.studies.pathologies.mixture import coverage, mixture
from triptych.dcgan.studies.pathologies.toy_gan import ToyGan, ToyGanConfig, discriminator, generator
from triptych.engine import Replica

CPU = torch.device("cpu")


def cpu(seed=0, **options):
    return Replica(seed, CPU, **options)


def test_the_modes_are_where_they_should_be():
    ring, grid = mixture("ring"), mixture("grid")
    assert ring.means.shape == (8, 2) and ring.std == 0.01 and grid.means.shape == (25, 2) and grid.std == 0.05
    torch.testing.assert_close(ring.means.norm(dim=1), torch.ones(8))
    near = torch.cdist(ring.means, ring.means).fill_diagonal_(9).min(1).values
    torch.testing.assert_close(near, torch.full((8,), 2 * math.sin(math.pi / 8)))  # evenly, none twice
    assert sorted(map(tuple, grid.means.tolist())) == [(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)]


@pytest.mark.parametrize("name", ["ring", "grid"])
def test_a_perfect_sampler(name):
    target, n = mixture(name), 2500
    scores = coverage(target, target.sample(100_000, torch.Generator().manual_seed(0)))
    assert scores["modes"] == len(target.means)
    assert scores["high_quality"] == pytest.approx(1 - math.exp(-4.5), abs=0.002)
    assert scores["entropy"] == pytest.approx(1, abs=1e-3) and scores["jsd"] == pytest.approx(0, abs=1e-3)
    for far, expected in ((2.9, 1.0), (3.1, 0.0)):  # three standard deviations are the border
        turn = torch.linspace(0, 6, len(target.means))
        around = target.means + far * target.std * torch.stack([turn.cos(), turn.sin()], 1)
        assert coverage(target, around)["high_quality"] == expected
    points = {i: target.sample(n, torch.Generator().manual_seed(i)) for i in range(10)}
    by_chance = math.sqrt(len(target.means) / (math.pi * n))
    assert mode_collapse.turnover(target, points) == pytest.approx(by_chance, rel=0.3)


def test_one_mode_no_mode_and_half_of_them():
    ring = mixture("ring")
    one = coverage(ring, ring.means[3].expand(50, 2))
    p, q = 1 / 8, 9 / 16
    jsd = (math.log(1 / q) + p * math.log(p / q) + 7 * p * math.log(2)) / 2
    assert (one["modes"], one["high_quality"], one["entropy"]) == (1, 1, 0) and one["jsd"] == pytest.approx(jsd)
    none = coverage(ring, torch.full((50, 2), 9.0))
    assert none == {"modes": 0, "high_quality": 0, "entropy": 0, "jsd": math.log(2)}
    half = coverage(ring, torch.cat([ring.means[:4], torch.zeros(4, 2)]))
    assert half["modes"] == 4 and half["high_quality"] == 0.5 and half["entropy"] == pytest.approx(2 / 3)


def test_turnover_is_the_share_of_points_that_change_modes():
    ring = mixture("ring")
    points = {i: ring.means[k].expand(3, 2) for i, k in enumerate([0, 0, 1, 0, 5])}
    assert mode_collapse.turnover(ring, points) == 3 / 4
    half = {0: ring.means[[0, 1]], 1: ring.means[[0, 2]]}
    assert mode_collapse.turnover(ring, half) == 1 / 2
    assert mode_collapse.turnover(ring, {0: ring.means}) == 0


def toy(**changes):
    values = {"net": "unrolled", "width_g": 8, "width_d": 8, "z_dim": 3, "steps": 6, "batch_size": 16, "beta1": 0.5}
    return ToyGanConfig(**(values | changes))


def test_layers_of_the_published_nets():
    pacgan = ToyGanConfig(steps=1)
    linear = lambda net: [tuple(m.weight.shape) for m in net if isinstance(m, torch.nn.Linear)]  # noqa: E731
    assert linear(generator(pacgan)) == [(400, 2), (400, 400), (400, 400), (400, 400), (2, 400)]
    assert linear(discriminator(pacgan)) == [(1000, 2), (1000, 200), (1000, 200), (1, 200)]
    assert sum(isinstance(m, torch.nn.BatchNorm1d) for m in generator(pacgan)) == 4
    other = toy(width_g=128, width_d=128, z_dim=256, lr_g=1e-3, lr_d=1e-4)
    assert linear(generator(other)) == [(128, 256), (128, 128), (2, 128)]
    w = discriminator(other)[2].weight
    torch.testing.assert_close(w @ w.T, 1.96 * torch.eye(128), atol=1e-4, rtol=1e-4)
    groups = [phase.optimiser(phase.modules[0].parameters()).param_groups[0] for phase in ToyGan(other).phases()]
    assert [(g["lr"], g["betas"]) for g in groups] == [(1e-3, (0.5, 0.999)), (1e-4, (0.5, 0.999))]


def test_points_are_normalised_by_their_own_batch():
    """As in training, whatever the running averages are, which stay."""
    torch.manual_seed(0)
    task = ToyGan(toy(net="pacgan"))
    before = mode_collapse.generate(task, 20, cpu())
    for norm in (m for m in task.generator if isinstance(m, torch.nn.BatchNorm1d)):
        norm.running_var.fill_(9.0)
    task.eval()
    assert torch.equal(mode_collapse.generate(task, 20, cpu()), before)
    assert not task.generator.training and task.generator[1].running_var.eq(9).all()


@pytest.mark.parametrize("before", [0, 3])
def test_unrolling_is_adam_on_a_copy(before):
    """After k differentiable steps the copy is where the discriminator's own optimiser takes it."""
    torch.manual_seed(0)
    config = toy(unroll=4, lr_d=1e-2)
    task = ToyGan(config).double()
    adam = [phase.optimiser(phase.modules[0].parameters()) for phase in task.phases()][1]
    task.batch = {"real": torch.randn(16, 2).double(), "fake": torch.randn(16, 2).double()}
    fake = task.batch["fake"]

    def step():
        adam.zero_grad()
        task.discriminator_loss()[0].backward()
        adam.step()

    for _ in range(before):
        step()
    ahead = task.unrolled(fake)
    for _ in range(config.unroll):
        step()
    torch.testing.assert_close(ahead, task.discriminator(fake))


def test_the_gradient_goes_through_the_unrolled_steps():
    torch.manual_seed(0)
    task = ToyGan(toy(unroll=2, lr_d=1e-2)).double()
    for phase in task.phases():
        phase.optimiser(phase.modules[0].parameters())
    task.batch = {"real": torch.randn(16, 2).double()}
    fake = torch.randn(16, 2).double()
    assert torch.autograd.gradcheck(task.unrolled, fake.requires_grad_(True), eps=1e-7, atol=1e-4)


def study(**changes):
    values = {"experiment": "mode_collapse", "mixture": "ring", "points": 200, "judged": 50, "snapshots": 3}
    return mode_collapse.Config(**(toy().model_dump() | values | changes))


@pytest.mark.parametrize("changes", [{"net": "pacgan"}, {"loss": "minimax", "unroll": 2}, {"steps": 7}], ids=str)
def test_a_mixture_is_learned_and_repeats(changes, tmp_path, charts):
    config = study(**changes)
    replica = cpu(1, checkpoint=tmp_path / "seed1.pt", fingerprint="x")
    first, finished, again = (mode_collapse.run(config, r) for r in (replica, replica, cpu(1)))
    for same in (finished, again):  # a finished run is not trained again and says the same
        assert first.numbers == same.numbers
        assert all(np.array_equal(a, b) for a, b in zip(first.points.values(), same.points.values()))
    assert list(first.points)[-1] == config.steps
    assert list(first.numbers) == ["modes", "high_quality", "entropy", "jsd", "turnover"]
    drawn = mode_collapse.draw(config, [first, again], tmp_path / "ring.png")
    assert set(drawn["numbers"]) == set(first.numbers)
    titles = [axes.get_title(loc="left") for axes in charts[0].axes]
    assert titles[0] == f"step {min(first.points)}" and f"step {config.steps}" in titles
    assert "modes" in charts[0].axes[0].get_xlabel()


def test_each_seed_starts_from_weights_of_its_own(monkeypatch):
    first = []
    monkeypatch.setattr(
        mode_collapse, "train", lambda task, *_, **__: first.append(task.generator[0].weight.detach().clone())
    )
    monkeypatch.setattr(mode_collapse, "coverage", lambda *_: {})
    for seed in (0, 0, 1):
        mode_collapse.run(study(), cpu(seed))
    assert torch.equal(first[0], first[1]) and not torch.equal(first[0], first[2])


def test_the_numbers_are_those_of_the_last_points(monkeypatch):
    def total(_, points):
        return {"modes": float(points.abs().sum()), "high_quality": 0.0}

    monkeypatch.setattr(mode_collapse, "coverage", total)
    run = mode_collapse.run(study(), cpu(1))
    sums = {step: float(torch.from_numpy(points).abs().sum()) for step, points in run.points.items()}
    assert run.numbers["modes"] == sums[6] and len(set(sums.values())) == len(sums)


def test_points_of_the_plane_are_exact_where_training_is_not(monkeypatch, tf32):
    """TF32 products have ten bits, one part in a thousand; a mode of the ring is ten parts wide."""
    seen = {"forward": set(), "backward": set(), "sampling": set()}

    def spied(real):
        def spy(*args):
            seen["forward"].add(torch.backends.cuda.matmul.allow_tf32)
            loss = real(*args)
            loss.register_hook(lambda gradient: seen["backward"].add(torch.backends.cuda.matmul.allow_tf32))
            return loss

        return spy

    real_copy = copy.deepcopy

    def copied(net):
        seen["sampling"].add(torch.backends.cuda.matmul.allow_tf32)
        return real_copy(net)

    for name in ("generator_loss", "discriminator_loss"):
        monkeypatch.setattr(toy_gan, name, spied(getattr(toy_gan, name)))
    monkeypatch.setattr(mode_collapse.copy, "deepcopy", copied)
    mode_collapse.run(study(), cpu())
    assert seen == {place: {False} for place in seen} and torch.backends.cuda.matmul.allow_tf32


def test_a_gan_moves_its_points_to_the_ring():
    config = study(steps=400, lr_g=5e-3, lr_d=5e-3, batch_size=64, points=500, width_g=16, width_d=16)
    made = mode_collapse.run(config, cpu()).points[400]
    assert np.abs(np.linalg.norm(made, axis=1) - 1).mean() < 0.4
