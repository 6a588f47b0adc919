"""Games whose gradient descent has a closed form."""

import math

import numpy as np
import pytest
import torch

from triptych.dcgan.studies.pathologies import cycling, games
from triptych.dcgan.studies.pathologies.objectives import discriminator_loss, generator_loss
from triptych.engine import Replica

CPU = torch.device("cpu")


@pytest.mark.parametrize("h", [0.01, 0.1, 0.5])
def test_simultaneous_steps_leave_by_the_closed_form_and_alternating_ones_stay_on_an_ellipse(h):
    path = games.trajectory(games.bilinear(h, False), np.array([0.6, -0.8]), 60)
    radius = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(radius, np.sqrt(1 + h * h) ** np.arange(61), rtol=1e-12)
    assert games.growth(path) == pytest.approx(math.sqrt(1 + h * h), rel=1e-12)
    a, b = games.trajectory(games.bilinear(h, True), np.array([0.6, -0.8]), 500).T
    invariant = a * a + b * b - h * a * b
    np.testing.assert_allclose(invariant, invariant[0], rtol=1e-10)


@pytest.mark.parametrize("loss", ["minimax", "nonsaturating"])
@pytest.mark.parametrize("cure", [{}, {"r1": 0.4}, {"noise": 0.8}, {"r1": 1.5}], ids=str)
def test_dirac_gan_near_its_equilibrium(loss, cure):
    h = 0.05
    path = games.trajectory(games.dirac(h, loss, **cure), np.array([1e-5, 2e-5]), 4000)
    assert games.growth(path[:1500]) == pytest.approx(games.dirac_growth(h, **cure), abs=2e-4)
    assert (games.dirac_growth(h, **cure) < 1) == bool(cure)


def test_dirac_steps_descend_the_gans_losses():
    theta, psi = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (0.7, -0.4))
    r1 = 0.3
    loss_d = discriminator_loss(psi * 0, psi * theta) + r1 / 2 * psi.square().sum()
    (slope_d,) = torch.autograd.grad(loss_d, psi)
    for loss in ("minimax", "nonsaturating"):
        (slope_g,) = torch.autograd.grad(generator_loss(psi * theta, loss), theta)
        found = games.dirac(0.1, loss, r1=r1)(np.array([0.7, -0.4]))
        np.testing.assert_allclose(found, [0.7 - 0.1 * slope_g.item(), -0.4 - 0.1 * slope_d.item()], rtol=1e-12)


def test_instance_noise_is_integrated():
    """Against a sample of a million."""
    theta, psi, noise = 0.7, -0.9, 0.5
    epsilon = noise * np.random.default_rng(0).standard_normal(1_000_000)
    sigma = lambda u: 1 / (1 + np.exp(-u))  # noqa: E731
    fake = theta + epsilon
    slope_d = np.mean(sigma(psi * fake) * fake - sigma(-psi * epsilon) * epsilon)
    slope_g = -np.mean(sigma(psi * fake)) * psi
    found = games.dirac(1.0, "minimax", noise=noise)(np.array([theta, psi]))
    np.testing.assert_allclose(found, [theta - slope_g, psi - slope_d], atol=3e-3)


@pytest.mark.parametrize(
    "radius, factor",
    [
        (np.concatenate([np.ones(50), 1.1 ** np.arange(50)]), 1.1),  # that of the last half
        (np.array([*(1.5 ** np.arange(100.0)), np.inf, np.inf]), 1.5),  # it leaves the range of numbers
        (np.array([*(0.5 ** np.arange(100.0)), 0.0, 0.0]), 0.5),
    ],
)
def test_growth_of_a_path(radius, factor):
    assert games.growth(np.stack([radius, np.zeros(len(radius))], 1)) == pytest.approx(factor)


def test_cycling(tmp_path, charts):
    config = cycling.Config(experiment="cycling")
    runs = [cycling.run(config, Replica(seed, CPU)) for seed in (0, 1)]
    numbers = cycling.evaluate(config, runs).metrics
    assert max(numbers["closed_form_error"]) < 1e-9
    assert np.allclose(numbers["growth_alternating"], 1, atol=1e-3)
    assert min(numbers["growth_dirac_minimax"] + numbers["growth_dirac_nonsaturating"]) > 1.0005
    assert max(numbers["growth_dirac_r1"] + numbers["growth_dirac_noise"]) < 0.995
    assert all(np.linalg.norm(path[0]) == pytest.approx(0.1) for r in runs for path in r.paths.values())
    assert not np.array_equal(runs[0].paths["simultaneous"], runs[1].paths["simultaneous"])
    drawn = cycling.draw(config, runs, tmp_path / "cycling.png")
    assert set(drawn["numbers"]) == set(numbers)
    titles = [axes.get_title(loc="left").split("\n")[0] for axes in charts[0].axes]
    assert titles == [game.title for game in cycling.games(config).values()]
    drawn_path = charts[0].axes[0].lines[0].get_xydata()
    assert np.array_equal(drawn_path, next(iter(runs[0].paths.values())))
