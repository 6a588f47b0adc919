"""Principal components against the singular value decomposition of the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from triptych.common.pca import PCA, flat, randomised


@pytest.fixture
def images():
    """uint8 (80, 1, 5, 6) whose variance lies in few directions."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(80, 6)) * (60, 40, 25, 12, 6, 3) @ np.linalg.qr(rng.normal(size=(30, 6)))[0].T
    return (128 + rows).round().clip(0, 255).astype(np.uint8).reshape(80, 1, 5, 6)


def svd(images):
    rows = images.reshape(len(images), -1) / 255
    _, singular, right = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    return rows.mean(0), right, singular**2 / (singular**2).sum()


def test_randomised_components_are_those_of_the_whole_matrix(images):
    mean, components, shares = randomised(flat(torch.from_numpy(images)), 3, seed=0)
    expected_mean, right, expected_shares = svd(images)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-6)
    np.testing.assert_allclose(shares, expected_shares[:3], rtol=1e-4)
    np.testing.assert_allclose(np.abs(components.numpy() @ right[:3].T), np.eye(3), atol=1e-3)


def test_exact_and_randomised_components_span_the_same_space(images):
    exact = PCA(30, 3).fit(images).components
    _, components, _ = randomised(flat(torch.from_numpy(images)), 3, seed=1)
    np.testing.assert_allclose((components @ exact).abs(), np.eye(3), atol=1e-3)


def test_randomised_components_depend_on_the_seed_alone(images):
    found = [randomised(flat(torch.from_numpy(images)), 2, seed)[1] for seed in (0, 0, 1)]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
