"""What a latent does to the factors, on paths that are known; the factors' scales; the reader's blur."""

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve
from scipy.stats import spearmanr
from shapes_kit import FACTORS, INDICES

from triptych.beta_vae.studies.traversals import factor_net
from triptych.beta_vae.studies.traversals.factor_net import NetConfig, blurred, describe, split, targets
from triptych.beta_vae.studies.traversals.following import (
    Follower,
    follow,
    monotonicity,
    progress,
    roughness,
    summarise,
)


def paths(x=0.0, turn=0.0, make=None, starts=3):
    """Points along 7 values of a latent that moves x from −x to x, the angle by `turn` degrees, and the make."""
    along = torch.linspace(-1, 1, 7)
    angle = torch.deg2rad(along * turn / 2)
    point = torch.zeros(7, 3) if make is None else FACTORS[2].points[torch.tensor(make)]
    both = torch.cat([x * along[:, None], angle.cos()[:, None], angle.sin()[:, None], point], 1)
    return both.expand(starts, -1, -1)


def test_every_factor_has_unit_variance_over_the_data():
    points = targets(FACTORS, INDICES)
    assert [f.kind for f in FACTORS] == ["number", "angle", "class"]
    for part in split(points, FACTORS):
        assert part.var(0, unbiased=False).sum() == pytest.approx(1, abs=1e-5)
    still = describe([{"name": "back", "values": ["a", "b"]}], np.zeros((9, 1), int), {}, [])
    assert (still[0].points == 0).all()
    named = describe([{"name": "id", "values": [0, 1, 5]}], np.array([[0], [1], [2]]), {}, ["id"])
    assert named[0].kind == "class" and named[0].points.shape == (3, 3)
    rare = np.array([[0], [0], [0], [3]])  # each value counts as often as it is in the data
    (factor,) = describe([{"name": "x", "values": [1.0, 2.0, 3.0, 9.0]}], rare, {}, [])
    data = np.array([1.0, 1.0, 1.0, 9.0])
    np.testing.assert_allclose(factor.points[:, 0], (np.array([1.0, 2, 3, 9]) - data.mean()) / data.std(), rtol=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_blurring_mixes_an_image_with_itself_convolved_with_the_taps(monkeypatch, share):
    monkeypatch.setattr(torch, "rand", lambda *shape, device: torch.full(shape, share))
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 7, 9), dtype=np.uint8))
    taps = torch.tensor([1.0, 2.0, 5.0, 1.0, 1.0]) / 10
    kernel = np.outer(taps, taps)[::-1, ::-1]  # scipy turns it, PyTorch does not
    soft = np.array([[convolve(c.astype(float), kernel, mode="nearest") for c in i] for i in images.numpy()])
    expected = (1 - share) * images.numpy() + share * soft
    np.testing.assert_allclose(blurred(images, taps), expected, rtol=1e-4, atol=1e-3)
    task = factor_net.FactorTask(torch.nn.Identity(), FACTORS, NetConfig())
    assert task.taps.sum() == 1 and torch.equal(task.taps, task.taps.flip(0))


def test_a_latent_that_drives_one_factor_has_all_of_the_change_and_an_entangled_one_less():
    found = follow(paths(x=2.0), FACTORS)
    assert found.follows == "x" and found.share == pytest.approx(1)
    assert found.monotonicity == pytest.approx(1) and found.roughness == pytest.approx(0, abs=1e-5)
    assert found.change == pytest.approx(float((2 * torch.linspace(-1, 1, 7)).var(unbiased=False)), abs=1e-5)
    round_about = follow(paths(turn=300.0), FACTORS)  # past half a turn: the angle is unwrapped
    assert round_about.follows == "turn" and round_about.monotonicity == pytest.approx(1)
    assert round_about.roughness == pytest.approx(0, abs=1e-4)
    made = follow(paths(make=[0, 0, 0, 0, 2, 2, 2]), FACTORS)
    assert made.follows == "make" and made.share == pytest.approx(1) and made.roughness > 1
    mixed = follow(paths(x=1.0, turn=90.0), FACTORS)
    assert 0.4 < mixed.share < 0.9 and sum(mixed.shares.values()) == pytest.approx(1, abs=1e-5)


def test_monotonicity_and_roughness_of_known_ways():
    ways = torch.tensor([[0.0, 1, 2, 3, 4], [4.0, 3, 2, 1, 0], [0.0, 0.1, 5, 6, 7], [0.0, 4, 1, 5, 2]])
    assert monotonicity(ways).tolist() == pytest.approx([1, 1, 1, 0.5])
    tied = torch.tensor([[3.0, 3, 3, 2, 1, 1, 0], [0.0, 1, 1, 1, 0, 2, 2]])
    assert monotonicity(tied).tolist() == pytest.approx([abs(spearmanr(way, range(7)).statistic) for way in tied])
    assert monotonicity(torch.ones(1, 5)) == 0
    rough = roughness(ways)
    assert rough[0] == 0 and rough[1] == 0 and rough[3] > rough[2] > 0.5
    assert roughness(torch.tensor([[0.0, 1, 0, 1, 0]])) == pytest.approx(2 / (1 / 4))  # second differences of 2
    assert torch.equal(progress(ways[..., None], "number"), ways)
    # a class comes as far as its points lie along the line from the first to the last: times (−1, 1)
    points = torch.tensor([[[1.0, 0], [1, 2], [0.5, 0.5], [0, 1]]])
    assert progress(points, "class").tolist() == [[-1.0, 1.0, 0.0, 1.0]]


def test_summary_counts_followed_factors_once_and_forgets_small_changes():
    three = [follow(paths(x=2.0), FACTORS), follow(paths(x=1.5), FACTORS), follow(paths(turn=20.0), FACTORS)]
    out = summarise(three, FACTORS, 0.5, 0.1)
    assert out["active_latents"] == 3 and out["factors_followed"] == 1 and out["best_share"] == pytest.approx(1)
    assert summarise(three, FACTORS, 0.5, 0.001)["factors_followed"] == 2
    assert set(summarise([], FACTORS, 0.5, 0.1).values()) == {0.0}
    two = [Follower(0, 1.0, {"x": 0.6}, 0.2, 0.9, 3.0), Follower(1, 1.0, {"turn": 0.8}, 0.3, 0.7, 2.0)]
    assert summarise(two, FACTORS, 0.7, 0.1) == pytest.approx(
        {"active_latents": 2, "best_share": 0.7, "factors_followed": 1, "monotonicity": 0.8, "roughness": 2.5}
    )
