import numpy as np
import pytest
import torch
from dcgan_kit import random_images

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.objects.rows.kmeans_1layer import Config, System
from triptych.engine import Replica

SPEC = Spec((3, 12, 11))


@pytest.fixture
def system():
    torch.manual_seed(0)
    made = System(Config(k=9, patch=4, patches=500, iterations=5), SPEC)
    made.fit(random_images(40, shape=SPEC.image_shape), Replica(0, torch.device("cpu")))
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
    batch = random_images(7, shape=SPEC.image_shape)
    whole = system.features(torch.from_numpy(batch))
    expected = np.stack([naive(system, image) for image in batch])
    np.testing.assert_allclose(whole.numpy(), expected, rtol=1e-3, atol=2e-3)
    alone = torch.cat([system.features(image) for image in torch.from_numpy(batch).split(1)])
    torch.testing.assert_close(alone, whole)


def test_patches_too_large_for_quadrants_are_refused():
    with pytest.raises(ParamsError, match="patch = 11: too large"):
        System(Config(k=9, patch=11), SPEC)
