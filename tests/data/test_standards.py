"""The measures that datasets are held to, on a few pixels, against numbers worked out by hand."""

import numpy as np
import pytest
import torch

from triptych.common.silhouette import silhouettes
from triptych.data.checks import conv_net, digits, faces, fruit, objects, shapes, streets
from triptych.data.format import Split, write_dataset

CARD = {"title": "few pixels", "source": "test", "licence": "none", "made_by": "a test"}


def grey(levels):
    """Plain images (n, 1, 8, 8)."""
    return np.asarray(levels, np.uint8)[:, None, None, None] * np.ones((1, 1, 8, 8), np.uint8)


def test_the_conv_net_is_judged_on_the_test_set_as_it_is_used():
    labels = np.arange(128) % 2
    train = grey(np.where(labels, 250, 150)), labels

    def accuracy(level, label):
        given = grey([level] * 6), np.full(6, label)
        return conv_net.conv_net_accuracy(train, given, epochs=12, seed=0, flip=True, width=4)

    # one kind alone: with the statistics of its own batch it could not be told from the other
    assert [accuracy(150, 0), accuracy(250, 1), accuracy(250, 0)] == [1, 1, 0]


def test_the_conv_net_depends_on_its_seed_alone_and_leaves_the_callers_random_state():
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (128, 1, 8, 8), dtype=np.uint8), rng.integers(0, 2, 128)

    def accuracy(seed):
        return conv_net.conv_net_accuracy((images, labels), (images, labels), epochs=2, seed=seed, flip=False, width=4)

    torch.manual_seed(5)
    found = [accuracy(seed) for seed in (0, 1, 2)]
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), after)
    assert len(set(found)) > 1 and [accuracy(seed) for seed in (0, 1, 2)] == found


def test_labelled_digits_are_drawn_evenly_by_the_seed(monkeypatch):
    monkeypatch.setattr(digits, "LABELS", 20)
    labels = np.repeat([0, 1, 2, 3], [100, 10, 30, 60])
    rows, again, others = (digits.draw_labelled(labels, seed) for seed in (1, 1, 2))
    assert np.bincount(labels[rows]).tolist() == [5, 5, 5, 5] and len(set(rows)) == 20
    assert np.array_equal(rows, again) and not np.array_equal(rows, others)


def test_the_rivals_are_the_best_of_their_settings(monkeypatch):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 1, 3, 3), dtype=np.uint8), rng.integers(0, 2, 40)
    assert digits.knn_error((images, labels), (images, labels)) == 0  # each is its own nearest neighbour

    class Machine:
        def __init__(self, C, **_):
            self.c = C

        def fit(self, inputs, labels):
            assert len(inputs) == len(labels) == 30 and inputs.min() >= -0.5 and inputs.max() <= 0.5
            return self

        def score(self, inputs, labels):
            assert len(inputs) == len(labels) == 10
            return {1e-4: 0.2, 1e-3: 0.3}[self.c]

    monkeypatch.setattr("sklearn.svm.LinearSVC", Machine)
    train, test = (images[:30], labels[:30]), (images[30:], labels[30:])
    assert objects.raw_pixel_svm_accuracy(train, test, 0) == 0.3


def test_shapes_by_hand(tmp_path):
    images = np.zeros((16, 1, 16, 16), np.uint8)
    for i in range(16):
        images[i, 0, 4 : 6 + i // 4, 4 : 6 + i % 4] = 255
    areas = [(2 + i // 4) * (2 + i % 4) for i in range(16)]
    images[15, 0, 15, 3] = 255  # touches the border
    images[14, 0, 8, 14] = 100  # neither black nor white
    images[3] = images[2]
    areas[15], areas[3] = areas[15] + 1, areas[2]
    found = shapes.measure(write_dataset(tmp_path / "s", {"train": Split(images)}, CARD), seed=0)
    assert found["n"] == 16 and found["mean_area"] == pytest.approx(np.mean(areas) * 16)
    assert (found["border_touching"], found["binary"], found["distinct"]) == (1 / 16, 15 / 16, 14 / 16)
    flat = (images == 255).reshape(16, -1).astype(float)
    spectrum = np.linalg.svd(flat - flat.mean(0), compute_uv=False) ** 2
    assert found["pca10_explained_variance"] == pytest.approx(spectrum[:10].sum() / spectrum.sum(), abs=1e-3)


def test_faces_are_named_by_all_three_attributes_and_factors_compared_without_sign(tmp_path, monkeypatch):
    factors = np.array([[m, s, e, 1 - m, 7] for m in (0, 1) for s in (0, 1) for e in (0, 1)])
    names = ["Male", "Smiling", "Eyeglasses", "Opposite", "Constant"]
    card = CARD | {"factors": [{"name": name, "values": [0, 1]} for name in names]}
    images = np.zeros((8, 3, 8, 8), np.uint8)
    seen = []
    monkeypatch.setattr(faces, "conv_net_accuracy", lambda train, test, **_: seen.extend([train[1], test[1]]) or 0.5)

    def measure(kept):
        seen.clear()
        split = Split(images, factors=np.delete(factors, [] if kept else [3], axis=1))
        given = card | {"factors": [f for f in card["factors"] if kept or f["name"] != "Opposite"]}
        return faces.measure(write_dataset(tmp_path / "f", {"train": split, "test": split}, given), 0)

    assert measure(True)["largest_factor_correlation"] == pytest.approx(1)  # -1, in absolute value
    assert measure(False)["largest_factor_correlation"] == pytest.approx(0)
    assert [sorted(labels.tolist()) for labels in seen] == [list(range(8))] * 2


def testfruit_is_described_by_its_own_colour_and_shape():
    image = np.full((1, 3, 20, 20), 230, np.uint8)
    image[0, :, 5:9, 6:14] = np.array([200, 30, 40])[:, None, None]  # 4 high, 8 wide
    assert fruit.mean_colour(image).tolist() == [[200, 30, 40]]
    (area, ratio), *_ = fruit.silhouette_shape(image)
    assert area == 32 / 400 and ratio == pytest.approx(np.sqrt((8**2 - 1) / (4**2 - 1)))  # of uniform positions


def test_a_thing_that_reaches_the_border_does_not_shift_what_counts_as_ground():
    image = np.full((1, 3, 16, 16), 240, np.uint8)
    image[0, :, 5:11, :8] = 0
    image[0, :, :, 15] = 0  # an edge of dirt: a third of the border is dark
    expected = np.zeros((1, 16, 16), bool)
    expected[0, 5:11, :8] = True
    assert np.array_equal(silhouettes(image), expected)


CLASSES = [
    {"id": 5, "name": "road", "train_id": 0, "colour": [0, 0, 0]},
    {"id": 9, "name": "sky", "train_id": 1, "colour": [9, 9, 9]},
    {"id": 7, "name": "car", "train_id": 2, "colour": [5, 5, 5]},
    {"id": 0, "name": "void", "train_id": 255, "colour": [1, 1, 1]},
]


def test_street_scenes_are_scored_without_void_and_without_absent_classes(tmp_path, monkeypatch):
    maps = np.array([[[5, 5, 5, 9], [9, 0, 0, 5]]], np.uint8)  # 4 road, 2 sky, 2 void, no car
    photos = np.where(maps == 9, 200, 20)[:, None].repeat(3, 1).astype(np.uint8)
    photos[0, :, 0, 0] = 200  # a bright piece of road
    split = Split(photos, label_maps=maps)
    dataset = write_dataset(tmp_path / "streets", {"train": split, "val": split}, CARD | {"classes": CLASSES})
    conv = torch.tensor([[[0, 0, 1, 1], [0, 255, 0, 2]]])
    monkeypatch.setattr(streets, "conv_predictions", lambda *_: conv)
    found = streets.measure(dataset, seed=0)
    assert (found["n_val"], found["classes_in_val"], found["void_share"]) == (1, 2, 0.25)
    assert [found[f"share/{name}"] for name in ("road", "sky", "car")] == pytest.approx([4 / 6, 2 / 6, 0])
    assert found["majority_accuracy"] == pytest.approx(4 / 6)
    assert found["conv_net_accuracy"] == pytest.approx(3 / 6)
    assert found["conv_net_class_accuracy"] == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert found["colour_accuracy"] == pytest.approx(5 / 6)  # bright is sky, twice of three
    assert found["centroid_accuracy"] == pytest.approx(5 / 6)
    swapped = Split(photos, label_maps=np.choose(maps // 4, [maps, 9 + 0 * maps, 5 + 0 * maps]).astype(np.uint8))
    dataset = write_dataset(tmp_path / "streets", {"train": swapped, "val": split}, CARD | {"classes": CLASSES})
    found = streets.measure(dataset, seed=0)  # what was learned is of train: sky is dark there
    assert found["colour_accuracy"] == found["centroid_accuracy"] == pytest.approx(1 / 6)


def test_scenes_differ_in_brightness_by_the_mean_grey_level_of_their_training_photos(tmp_path, monkeypatch):
    maps, photos = np.full((3, 2, 2), 5, np.uint8), np.zeros((3, 3, 2, 2), np.uint8)
    photos[1], photos[2, :, 0] = 60, 180  # means of 0, 60, 90
    split, other = Split(photos, label_maps=maps), Split(photos[:1], label_maps=maps[:1])
    dataset = write_dataset(tmp_path / "streets", {"train": split, "val": other}, CARD | {"classes": CLASSES})
    monkeypatch.setattr(streets, "conv_predictions", lambda *_: torch.zeros(1, 2, 2))
    assert streets.measure(dataset, seed=0)["brightness_spread"] == pytest.approx(np.std([0, 60, 90]))


def test_colours_and_centroids_are_learned_from_the_training_scenes_alone():
    levels = torch.tensor([-0.9, -0.9, 0.9, 0.9, 0.9]).view(1, 1, 1, 5).expand(1, 3, 1, 5)
    labels = torch.tensor([[[1, 1, 0, 0, 255]]], dtype=torch.uint8)
    photos = torch.tensor([0.8, -0.8, 0.0]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    centroid = streets.centroid_predictions((levels, labels), photos - 0.1, 3)  # 2 has no centre
    assert centroid.tolist() == [[[0, 1, 1]]]
    labels = torch.tensor([[[0, 0, 2, 2, 2]]], dtype=torch.uint8)
    colour = streets.colour_predictions((levels, labels), photos + 0.05, 3)
    assert colour.tolist() == [[[2, 2, 2]]]  # of the last two no bin was filled: the commonest class
    assert streets.colour_predictions((levels, labels), levels, 3).tolist() == [[[0, 0, 2, 2, 2]]]
