"""Principal components against scikit-learn's, and against the singular value decomposition of the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA as Theirs

from triptych.base.config import ParamsError
from triptych.common import pca
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


def test_randomised_components_are_those_of_the_whole_matrix_and_depend_on_the_seed_alone(images):
    mean, components, shares = randomised(flat(torch.from_numpy(images)), 3, seed=0)
    expected_mean, right, expected_shares = svd(images)
    np.testing.assert_allclose(mean, expected_mean, atol=1e-6)
    np.testing.assert_allclose(shares, expected_shares[:3], rtol=1e-4)
    np.testing.assert_allclose(np.abs(components.numpy() @ right[:3].T), np.eye(3), atol=1e-3)
    again, other = (randomised(flat(torch.from_numpy(images)), 3, seed)[1] for seed in (0, 1))
    assert torch.equal(components, again) and not torch.equal(components, other)


@pytest.mark.parametrize("at_once", [20_000, 80, 7])
def test_exact_components_are_scikit_learns_however_many_images_are_turned_into_floats_at_once(monkeypatch, at_once):
    monkeypatch.setattr(pca, "AT_ONCE", at_once)
    spread = np.arange(1, 13)
    images = (128 + 8 * spread * np.random.default_rng(0).normal(size=(80, 12))).clip(0, 255).astype(np.uint8)
    fitted = PCA(12, 5, whiten=True).fit(images.reshape(80, 3, 2, 2))
    theirs = Theirs(5, whiten=True).fit(images / 255)
    signs = np.sign((theirs.components_ * fitted.components.numpy().T).sum(1))
    ours = fitted.of_images(images.reshape(80, 3, 2, 2)).numpy() * signs
    np.testing.assert_allclose(ours * np.sqrt(79 / 80), theirs.transform(images / 255), atol=1e-4)
    np.testing.assert_allclose(fitted(torch.tensor(images).float() / 255).numpy() * signs, ours, atol=1e-5)


@pytest.mark.parametrize("n_out, n_in, n_rows", [(13, 12, 80), (12, 12, 12)])
def test_more_components_than_there_are_is_an_error_that_names_the_parameter(n_out, n_in, n_rows):
    with pytest.raises(ParamsError, match=f"pca = {n_out}.*12"):
        PCA(n_in, n_out, key="pca").fit(np.zeros((n_rows, n_in), np.uint8))
