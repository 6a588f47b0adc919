import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from triptych.dcgan.studies.arithmetic.latent import (
    along,
    around,
    choose,
    combine,
    pair_distance,
    spearman,
    step_distances,
    walk,
)


def test_a_walk_passes_through_its_points_in_equal_steps():
    points = torch.rand(2, 9, 5)
    path = walk(points, 8)
    assert path.shape == (2, 65, 5)
    torch.testing.assert_close(path[:, ::8], points)
    torch.testing.assert_close(path[:, 4], (points[:, 0] + points[:, 1]) / 2)
    steps = (path[:, 1:] - path[:, :-1]).norm(dim=-1).unflatten(1, (8, 8))
    torch.testing.assert_close(steps, steps[..., :1].expand_as(steps))


def test_step_distances_of_a_fade_and_of_a_jump():
    """From black to white in 5 steps of 51: each changes a pixel by 0.2. A jump is one step of 1."""
    fade = torch.arange(0, 256, 51, dtype=torch.uint8)[:, None, None, None].expand(6, 3, 4, 4)
    torch.testing.assert_close(step_distances(fade), torch.full((5,), 0.2))
    jump = torch.tensor([0, 0, 255, 255], dtype=torch.uint8)[:, None, None, None].expand(4, 1, 2, 2)
    torch.testing.assert_close(step_distances(jump), torch.tensor([0.0, 1.0, 0.0]))
    assert pair_distance(jump) == pytest.approx(1 / 3)


def test_exemplars_are_different_ones_of_the_best():
    scores = torch.arange(100.0)
    rows = choose(scores, 10, 3, 500, np.random.default_rng(0))
    assert rows.shape == (500, 3) and rows.min() >= 90
    assert all(len(set(row)) == 3 for row in rows.tolist())
    assert set(rows.flatten().tolist()) == set(range(90, 100))
    with pytest.raises(ValueError, match="4 different exemplars"):
        choose(scores, 3, 4, 1, np.random.default_rng(0))


def test_the_sum_is_of_the_means_and_ways_start_at_their_codes():
    a, b, c = (torch.randn(7, 3, 5) for _ in range(3))
    expected = torch.stack([a[i].mean(0) - b[i].mean(0) + c[i].mean(0) for i in range(7)])
    torch.testing.assert_close(combine(a, b, c), expected)
    starts, direction = torch.rand(2, 3, 4), torch.rand(2, 4)
    path = along(starts, direction, [-1.0, 0.0, 2.0])
    torch.testing.assert_close(path[:, :, 1], starts)
    torch.testing.assert_close(path[1, 2, 2], starts[1, 2] + 2 * direction[1])


def test_images_around_a_code():
    centres = torch.zeros(400, 10)
    codes = around(centres, 8, 0.25, torch.Generator().manual_seed(0))
    assert codes.shape == (400, 9, 10)
    assert (codes[:, 0] == 0).all() and codes.abs().max() <= 0.25
    assert codes[:, 1:].std() == pytest.approx(0.25 / 3**0.5, rel=0.02)


def test_rank_correlation_is_scipys():
    rows = torch.randn(5, 9)
    rows[0, 3] = rows[0, 5]  # a tie
    found = spearman(rows)
    for row, value in zip(rows, found):
        assert value == pytest.approx(spearmanr(row.numpy(), np.arange(9)).statistic)
    ends = spearman(torch.stack([torch.arange(4.0).exp(), -torch.arange(4.0), torch.ones(4)]))
    torch.testing.assert_close(ends, torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64))
