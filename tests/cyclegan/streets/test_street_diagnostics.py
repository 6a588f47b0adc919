"""Collapse and hidden information, by hand."""

import itertools

import numpy as np
import pytest
import torch

from triptych.cyclegan.streets.judge.collapse import diversity, mean_pairwise_l1, mutual_information
from triptych.cyclegan.streets.judge.hidden_information import cycle_errors, growth


def test_pairwise_distance_by_hand():
    images = torch.tensor([[[0, 4]], [[1, 4]], [[5, 4]]], dtype=torch.uint8)
    assert mean_pairwise_l1(images) == pytest.approx((1 + 5 + 4) / 3 / 2)  # the second value never differs
    with pytest.raises(ValueError, match="two images"):
        mean_pairwise_l1(images[:1])
    many = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (9, 3, 4, 4), dtype=np.uint8))
    pairs = [(a.float() - b.float()).abs().mean() for a, b in itertools.combinations(many, 2)]
    assert mean_pairwise_l1(many) == pytest.approx(float(torch.stack(pairs).mean()))


def test_diversity_is_that_of_real_images_or_none():
    real = torch.from_numpy(np.random.default_rng(0).integers(0, 200, (6, 3, 4, 4), dtype=np.uint8))
    assert diversity(real.flip(0), real) == pytest.approx(1)
    assert diversity(real // 2 * 2 // 2, real) == pytest.approx(0.5, abs=0.01)
    assert diversity(real[:1].repeat(6, 1, 1, 1), real) == 0
    # Two modes, each for half the inputs: still far from 0, which is why mutual information stands beside it
    assert diversity(real[[0, 0, 0, 1, 1, 1]], real) > 0.4
    assert diversity(real, real[:1].repeat(6, 1, 1, 1)) is None  # nothing to compare with
    with pytest.raises(ValueError, match="against real"):
        diversity(real[..., :2], real)


def test_mutual_information_by_hand():
    assert mutual_information(np.diag([2, 2, 4])) == pytest.approx(1.5)  # = the entropy of 1/4, 1/4, 1/2
    assert mutual_information(np.array([[0, 7], [5, 0]])) == pytest.approx(
        -(7 / 12 * np.log2(7 / 12) + 5 / 12 * np.log2(5 / 12))  # a swap of names loses nothing
    )
    assert mutual_information(np.array([[6, 0], [2, 0]])) == 0  # always one class
    assert mutual_information(np.array([[2, 4], [1, 2]])) == pytest.approx(0)  # independent
    half = mutual_information(np.array([[3, 1], [1, 3]]))
    assert half == pytest.approx(1 + 0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))  # 1 - H(1/4)
    assert mutual_information(np.zeros((3, 3), int)) == 0


def images(n=20, size=16):
    return torch.from_numpy(np.random.default_rng(1).integers(40, 200, (n, 3, size, size), dtype=np.uint8))


def test_what_is_seen_survives_noise_and_what_is_hidden_does_not():
    x = images() // 128  # one bit a value

    def hidden(picture):  # read from the lowest bit of the picture
        return picture % 2

    def seen(picture):  # read from whether it is bright
        return (picture > 120).to(torch.uint8)

    clean, disturbed = cycle_errors(100 + x, x, hidden, 8.0)
    assert clean == 0 and disturbed == pytest.approx(0.5, abs=0.02)  # noise makes the lowest bit a coin
    clean, disturbed = cycle_errors(60 + 120 * x, x, seen, 8.0)
    assert clean == disturbed == 0


def test_the_error_of_the_identity_is_the_noise():
    x = images()
    clean, disturbed = cycle_errors(x, x + 3, lambda picture: picture, 8.0)
    assert clean == 3
    expected = 8 * (np.sqrt(2 / np.pi) * np.exp(-((3 / 8) ** 2) / 2)) + 3 * 0.292  # E|N(-3, 8²)|
    assert disturbed == pytest.approx(expected, rel=0.03)
    assert cycle_errors(x, x + 3, lambda picture: picture, 8.0) == (clean, disturbed)


def test_growth_is_a_factor_above_the_error_of_8_bits():
    assert growth(4.0, 10.0) == 2.5
    assert growth(0.0, 0.0) == 1 and growth(0.1, 5.0) == 10
