"""Loss terms against numbers worked out by hand."""

import math

import pytest
import torch

from triptych.cyclegan.gan.losses import critic_loss, distance, realness


def test_losses_by_hand():
    scores = torch.tensor([[1.0, 3.0], [0.0, -1.0]])
    assert realness(scores, 1.0, "lsgan").item() == pytest.approx((0 + 4 + 1 + 4) / 4)
    assert realness(scores, 0.0, "lsgan").item() == pytest.approx((1 + 9 + 0 + 1) / 4)
    score, p = torch.tensor([2.0]), 1 / (1 + math.exp(-2))
    assert realness(score, 1.0, "log").item() == pytest.approx(-math.log(p), rel=1e-5)
    assert realness(score, 0.0, "log").item() == pytest.approx(-math.log(1 - p), rel=1e-5)


def test_critic_loss_is_halved_and_knows_real_from_fake():
    def critic(images):
        return images.mean((1, 2, 3), keepdim=True)

    real, fake = torch.full((1, 3, 4, 4), 0.5), torch.full((1, 3, 4, 4), 3.0)
    assert critic_loss(critic, real, fake, "lsgan").item() == pytest.approx(0.5 * (0.25 + 9.0))


def test_distance_is_a_mean_over_pixels_and_channels():
    a, b = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    b[0, 0, 0, 0] = -9.6
    assert distance(a, b).item() == pytest.approx(0.1)
