import numpy as np
import pytest
import torch
from dcgan_kit import random_images

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.objects.rows.view_invariant_kmeans import (
    Config,
    System,
    Views,
    linked_step,
    nearest_view,
    random_bags,
)
from triptych.engine import Replica
from triptych.pipeline import systems

SPEC = Spec((3, 13, 12))
SMALL = {"k": 6, "levels": 2, "bags": 150, "iterations": 4, "patch": 4, "offsets": [-1, 1]}


CPU = torch.device("cpu")


def images(n=30):
    return random_images(n, shape=SPEC.image_shape)


@pytest.fixture(scope="module")
def fitted():
    made, replica = systems.build("objects", "view_invariant_kmeans", Config(**SMALL), SPEC, seed=0), Replica(0, CPU)
    made.fit(images(), replica)
    return made, replica


def test_a_bag_is_one_patch_shifted():
    data = np.arange(2 * 7 * 8, dtype=np.uint8).reshape(2, 1, 7, 8)  # a pixel tells its place
    bags = random_bags(data, 50, 2, [-2, 0, 1], torch.Generator().manual_seed(0))
    assert bags.shape == (50, 9, 4)
    shifts = bags[:, :, 0] - bags[:, 4:5, 0]
    expected = torch.tensor([8.0 * down + right for down in (-2, 0, 1) for right in (-2, 0, 1)])
    assert torch.equal(shifts, expected.expand(50, 9))
    assert torch.equal(bags[:, :, 1] - bags[:, :, 0], torch.ones(50, 9))
    assert len(bags[:, 4, 0].unique()) > 10  # places differ


def test_distance_is_that_to_the_nearest_view():
    x, views = torch.randn(5, 3), torch.randn(4, 6, 3)
    expected = (x[:, None, None] - views).square().sum(3).amin(1)
    torch.testing.assert_close(nearest_view(x, views), expected, atol=1e-5, rtol=1e-4)


def test_a_step_by_hand():
    """A bag goes where the sum is least, though one of its patches alone would go elsewhere."""
    views = torch.tensor([[[0.0], [10.0]], [[4.0], [20.0]]])  # clusters {0, 4} and {10, 20}
    bags = torch.tensor([[[1.0], [7.5]], [[12.0], [18.0]], [[-1.0], [1.0]]])  # 7.5 is nearer to 10 than to 4
    new, distortion = linked_step(bags, views, block=2)
    expected = torch.tensor([[[(1 - 1 + 1) / 3], [12.0]], [[7.5], [18.0]]])
    torch.testing.assert_close(new, expected)
    assert distortion == pytest.approx((1 + 3.5**2 + 4 + 4 + 1 + 1) / 6)
    views = torch.tensor([[[0.0], [50.0]], [[1.0], [60.0]]])  # one without patches stays
    new, _ = linked_step(torch.tensor([[[0.1], [0.2]]]), views)
    torch.testing.assert_close(new, torch.tensor([[[0.15], [50.0]], [[1.0], [60.0]]]))


def test_shifted_copies_of_a_pattern_share_a_cluster():
    """Six patterns whose two views look nothing alike: K-means on patches cannot know that they belong together."""
    generator = torch.Generator().manual_seed(0)
    patterns = 4 * torch.randn(6, 2, 12, generator=generator)
    bags = patterns.repeat(40, 1, 1) + 0.5 * torch.randn(240, 2, 12, generator=generator)
    centroids = bags[:6].transpose(0, 1).contiguous() + torch.randn(2, 6, 12, generator=generator)
    for _ in range(5):
        centroids, _ = linked_step(bags, centroids)
    one, other = (nearest_view(patterns[:, view], centroids).argmin(1) for view in (0, 1))
    assert torch.equal(one, other) and len(one.unique()) == 6


def test_a_bag_of_a_smaller_image_is_a_bag_of_block_means():
    data = np.arange(12 * 16, dtype=np.uint8).reshape(1, 1, 12, 16)
    small = random_bags(data, 30, 2, [-1, 1], torch.Generator().manual_seed(0), shrink=2)
    blocks = data.astype(np.float32)[0, 0]
    means = np.lib.stride_tricks.sliding_window_view(blocks, (2, 2)).mean((2, 3))  # at every place
    corners = [(0, 0), (0, 4), (4, 0), (4, 4)]
    every = {
        np.stack([means[y + r : y + r + 4 : 2, x + c : x + c + 4 : 2].ravel() for r, c in corners]).tobytes()
        for y in range(5)
        for x in range(9)
    }
    found = {bag.numpy().tobytes() for bag in small}
    assert found <= every and len(found) > 10


def naive(level, image):
    """One level, patch by patch."""
    rows, columns = image.shape[1] - 3, image.shape[2] - 3
    pooled = np.zeros((2, 2, 6))
    mean, whitening, views = (getattr(level, name).double().numpy() for name in ("mean", "whitening", "centroids"))
    for r in range(rows):
        for c in range(columns):
            x = image[:, r : r + 4, c : c + 4].astype(np.float64).ravel()
            x = ((x - x.mean()) / np.sqrt(x.var(ddof=1) + 10) - mean) @ whitening
            z = np.linalg.norm(x - views, axis=2).min(0)
            pooled[int(r >= (rows + 1) // 2), int(c >= (columns + 1) // 2)] += np.maximum(0, z.mean() - z)
    return pooled.reshape(-1)


def test_encoding_equals_the_naive_loop_and_the_distortion_of_learning_falls(fitted):
    system, replica = fitted
    image = images()[3]
    half = image[:, :12].astype(np.float64).reshape(3, 6, 2, 6, 2).mean((2, 4))
    expected = np.concatenate([naive(system.levels[0], image), naive(system.levels[1], half)])
    system.standardizer.reset()
    got = system.features(torch.from_numpy(images()[:7]))[3]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-3, atol=2e-3)
    for level in ("distortion_1", "distortion_2"):
        values = [value for _, name, value in replica.history if name == level]
        assert len(values) == 4 and values[-1] < values[0]


def test_what_does_not_fit_is_told():
    with pytest.raises(ParamsError, match="too far"):
        random_bags(images(), 5, 6, [-4, 4], torch.Generator())
    with pytest.raises(ParamsError, match="need as many bags"):
        System(Config(**SMALL | {"bags": 5}), SPEC).fit(images(), Replica(0, CPU))
    with pytest.raises(ParamsError, match="too many for 13×12"):
        System(Config(**SMALL | {"levels": 3}), SPEC)


def test_the_first_clusters_are_whitened_bags():
    config = Config(**SMALL)
    views, raw = Views(48, config), 255 * torch.rand(40, 4, 48, generator=torch.Generator().manual_seed(0))
    views.learn_linked(raw, 0, torch.Generator().manual_seed(0), lambda step, value: None)
    white = views.whiten(raw.flatten(0, 1)).view(40, 4 * 48)
    clusters = views.centroids.transpose(0, 1).flatten(1)
    distances = torch.cdist(clusters, white, compute_mode="donot_use_mm_for_euclid_dist")
    assert distances.amin(1).max() < 1e-3 and len(distances.argmin(1).unique()) == 6


def test_the_second_level_learns_from_images_of_half_the_size():
    """A checkerboard is flat there: its whitening is that of patches without any variance."""
    board = (np.indices(SPEC.image_shape[1:]).sum(0) % 2 * 200).astype(np.uint8)
    system = System(Config(**SMALL), SPEC)
    system.fit(np.broadcast_to(board, (30, *SPEC.image_shape)), Replica(0, CPU))
    flat = torch.eye(48) / 0.1**0.5
    torch.testing.assert_close(system.levels[1].whitening, flat)
    assert (system.levels[0].whitening - flat).abs().max() > 0.01
