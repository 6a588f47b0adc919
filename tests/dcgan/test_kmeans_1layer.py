import numpy as np
import pytest
import torch

from triptych.dcgan.objects.kmeans_1layer import (
    Config,
    System,
    kmeans_step,
    normalise,
    quadrants,
    random_patches,
    triangle,
    zca,
)
from triptych.engine import Replica
from triptych.systems import Spec

SPEC = Spec((3, 12, 11))


def images(n=40):
    return np.random.default_rng(0).integers(0, 256, (n, *SPEC.image_shape), dtype=np.uint8)


@pytest.fixture
def system():
    torch.manual_seed(0)
    made = System(Config(k=9, patch=4, patches=500, iterations=5), SPEC)
    made.fit(images(), Replica(0, torch.device("cpu")))
    return made


def naive(system, image):
    """Patch by patch, as it is written down in the paper."""
    rows, columns, side = image.shape[1] - 3, image.shape[2] - 3, 4
    pooled = np.zeros((2, 2, 9))
    for r in range(rows):
        for c in range(columns):
            x = image[:, r : r + side, c : c + side].astype(np.float64).ravel()
            x = (x - x.mean()) / np.sqrt(x.var(ddof=1) + 10)
            x = (x - system.mean.double().numpy()) @ system.whitening.double().numpy()
            z = np.linalg.norm(x - system.centroids.double().numpy(), axis=1)
            pooled[int(r >= (rows + 1) // 2), int(c >= (columns + 1) // 2)] += np.maximum(0, z.mean() - z)
    return pooled.reshape(-1)


def test_encoding_equals_the_naive_loop(system):
    batch = images(7)
    out = system.pooled(torch.from_numpy(batch))
    expected = np.stack([naive(system, image) for image in batch])
    np.testing.assert_allclose(out.numpy(), expected, rtol=1e-3, atol=2e-3)


def test_blocks_do_not_matter(system, monkeypatch):
    whole = system.pooled(torch.from_numpy(images(6)))
    monkeypatch.setattr(System, "_images_at_once", lambda self: 1)
    torch.testing.assert_close(system.pooled(torch.from_numpy(images(6))), whole)


def test_features_are_standardised(system):
    data = images()
    system.adapt(data, torch.device("cpu"))
    pooled, out = system.pooled(torch.from_numpy(data)), system.features(torch.from_numpy(data))
    expected = (pooled - pooled.mean(0)) / (pooled.var(0, correction=0) + 0.01).sqrt()
    torch.testing.assert_close(out, expected, atol=1e-3, rtol=1e-3)


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


def test_triangle():
    x, centroids = torch.randn(5, 3), torch.randn(4, 3)
    z = torch.cdist(x, centroids)
    expected = (z.mean(1, keepdim=True) - z).clamp(min=0)
    torch.testing.assert_close(triangle(x, centroids), expected, atol=1e-5, rtol=1e-4)


def test_quadrants_of_the_papers_image():
    sizes = quadrants(27, 27).sum(1).tolist()
    assert sizes == [14 * 14, 14 * 13, 13 * 14, 13 * 13]


def test_random_patches_are_patches():
    data = images(3)
    patches = random_patches(data, 20, 4, torch.Generator().manual_seed(0)).numpy()
    windows = np.lib.stride_tricks.sliding_window_view(data, (4, 4), axis=(2, 3))
    every = {w.tobytes() for w in windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 48)}
    assert len(patches) == 20 and all(p.astype(np.uint8).tobytes() in every for p in patches)


def test_state_is_rebuilt(system):
    system.adapt(images(), torch.device("cpu"))
    other = System(system.config, SPEC)
    other.load_state_dict(system.state_dict())
    x = torch.from_numpy(images(3))
    assert torch.equal(other.features(x), system.features(x))
