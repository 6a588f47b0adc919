"""What the K-means systems share."""

import numpy as np
import pytest
import torch
from dcgan_kit import random_images

from triptych.dcgan.objects.parts.kmeans import (
    Dictionary,
    kmeans_step,
    normalise,
    quadrants,
    random_patches,
    triangle,
    windows,
    zca,
)


def test_whitened_patches_are_white():
    x = torch.randn(4000, 6) @ torch.randn(6, 6) + 3
    mean, whitening = zca(x, 1e-6)
    white = (x - mean) @ whitening
    torch.testing.assert_close(torch.cov(white.T), torch.eye(6), atol=1e-2, rtol=0)
    torch.testing.assert_close(whitening, whitening.T)  # zero-phase


def test_normalise():
    x = torch.tensor([[0.0, 10.0, 20.0], [5.0, 5.0, 5.0]])
    expected = torch.tensor([[-10.0, 0.0, 10.0], [0.0, 0.0, 0.0]]) / torch.tensor([[110.0**0.5], [10.0**0.5]])
    torch.testing.assert_close(normalise(x, 10.0), expected)


def test_kmeans_finds_clusters_and_zeroes_empty_ones():
    torch.manual_seed(0)
    middles = torch.tensor([[5.0, 0.0], [-5.0, 0.0]])
    x = middles.repeat(50, 1) + 0.1 * torch.randn(100, 2)
    centroids = torch.tensor([[0.1, 0.0], [-0.1, 0.0], [0.0, 90.0]])
    centroids, first = kmeans_step(x, centroids, block=7)
    torch.testing.assert_close(centroids[0], x[::2].mean(0))
    torch.testing.assert_close(centroids[1], x[1::2].mean(0))
    assert centroids[2].eq(0).all()
    second = kmeans_step(x, centroids)[1]
    assert second < first
    assert second == pytest.approx(torch.cdist(x, centroids).min(1).values.square().mean().item(), rel=1e-3)


def test_triangle_and_quadrants():
    x, centroids = torch.randn(5, 3), torch.randn(4, 3)
    z = torch.cdist(x, centroids)
    expected = (z.mean(1, keepdim=True) - z).clamp(min=0)
    torch.testing.assert_close(triangle(x, centroids), expected, atol=1e-5, rtol=1e-4)
    assert quadrants(27, 27).sum(1).tolist() == [14 * 14, 14 * 13, 13 * 14, 13 * 13]


def test_random_patches_are_patches_from_every_place_and_windows_are_in_their_order():
    data = random_images(3, shape=(3, 12, 11))
    patches = random_patches(data, 20, 4, torch.Generator().manual_seed(0)).numpy()
    places = np.lib.stride_tricks.sliding_window_view(data, (4, 4), axis=(2, 3)).transpose(0, 2, 3, 1, 4, 5)
    every = {w.tobytes() for w in places.reshape(-1, 48)}
    assert len(patches) == 20 and all(p.astype(np.uint8).tobytes() in every for p in patches)
    assert np.array_equal(windows(torch.from_numpy(data).float(), 4).numpy(), places.reshape(3 * 9 * 8, 48))
    numbered = np.arange(5 * 4, dtype=np.uint8).reshape(1, 1, 5, 4)  # a pixel tells its place
    patches = random_patches(numbered, 400, 2, torch.Generator().manual_seed(0))
    assert set(patches[:, 0].tolist()) == set(numbered[0, 0, :4, :3].ravel().tolist())


def test_a_dictionary_is_k_means_on_whitened_patches_from_small_noise():
    raw = 255 * torch.rand(300, 12, generator=torch.Generator().manual_seed(0))
    made = Dictionary(12, 4, patch_epsilon=10.0, zca_epsilon=0.1)
    made.learn(raw, 3, torch.Generator().manual_seed(1), lambda step, distortion: None)
    x = raw.double().numpy()
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, ddof=1, keepdims=True) + 10)
    values, vectors = np.linalg.eigh(np.cov(x.T))
    white = (x - x.mean(0)) @ vectors @ np.diag((values + 0.1) ** -0.5) @ vectors.T
    centroids = 0.1 * torch.randn(4, 12, generator=torch.Generator().manual_seed(1)).numpy()
    for _ in range(3):
        nearest = np.linalg.norm(white[:, None] - centroids, axis=2).argmin(1)
        centroids = np.stack([white[nearest == k].mean(0) for k in range(4)])
    np.testing.assert_allclose(made.centroids, centroids, atol=1e-4)
    np.testing.assert_allclose(made.whiten(raw), white, atol=1e-3)
