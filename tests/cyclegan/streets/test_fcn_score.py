"""FCN-score: the worked example, scikit-learn's formulas, and every resizing step."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from triptych.cyclegan.streets.judge import fcn_score
from triptych.cyclegan.streets.judge.fcn_score import (
    absent_classes,
    best_permutation,
    class_pixels,
    histogram,
    score_labels,
    score_photos,
    scores,
)
from triptych.cyclegan.streets.judge.resize import resize_classes, resize_photos
from triptych.data.label_classes import CITYSCAPES, colourise, evaluated

THREE = [
    {"id": 0, "name": "void", "train_id": 255, "colour": [0, 0, 0]},
    {"id": 4, "name": "road", "train_id": 0, "colour": [128, 64, 128]},
    {"id": 7, "name": "sky", "train_id": 1, "colour": [70, 130, 180]},
    {"id": 9, "name": "car", "train_id": 2, "colour": [0, 0, 142]},
]


def test_by_hand():
    truth = np.array([0, 0, 0, 0, 1, 1, 255, 255])
    predicted = np.array([0, 0, 0, 1, 1, 2, 0, 1])
    counts = histogram(truth, predicted, 3)
    assert counts.tolist() == [
        [3, 1, 0],
        [0, 1, 1],
        [0, 0, 0],
    ]  # rows truth, columns prediction, ignored left out
    s = scores(counts)
    assert s["pixel_acc"] == pytest.approx(4 / 6)
    assert s["class_acc"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert s["class_iou"] == pytest.approx((3 / 4 + 1 / 3) / 2)
    z = scores(counts, absent="zero")  # class 2 is not in the truth
    assert z["class_acc"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert z["class_iou"] == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)
    assert absent_classes(counts.sum(1), THREE) == ["car"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_same_as_scikit_learn(data):
    from sklearn.metrics import accuracy_score, confusion_matrix, jaccard_score, recall_score

    k = data.draw(st.integers(2, 6))
    n = data.draw(st.integers(1, 60))
    truth = data.draw(hnp.arrays(np.uint8, n, elements=st.sampled_from([*range(k), 255])))
    predicted = data.draw(hnp.arrays(np.uint8, n, elements=st.integers(0, k - 1)))
    counts, kept = histogram(truth, predicted, k), truth != 255
    if not kept.any():
        assert counts.sum() == 0
        return
    t, p = truth[kept], predicted[kept]
    present = sorted(set(t.tolist()))
    assert (counts == confusion_matrix(t, p, labels=range(k))).all()
    ours = scores(counts)
    assert ours["pixel_acc"] == pytest.approx(accuracy_score(t, p))
    assert ours["class_acc"] == pytest.approx(recall_score(t, p, labels=present, average="macro", zero_division=0))
    assert ours["class_iou"] == pytest.approx(jaccard_score(t, p, labels=present, average="macro", zero_division=0))


def test_one_histogram_over_the_split_is_no_mean_over_images():
    a, b = histogram([0, 0, 0, 1], [0, 0, 0, 0], 2), histogram([1, 1, 0], [1, 1, 0], 2)
    together = scores(a + b)
    assert together["class_acc"] == pytest.approx((1 + 2 / 3) / 2)
    assert together["class_acc"] != pytest.approx((scores(a)["class_acc"] + scores(b)["class_acc"]) / 2)


def test_a_prediction_outside_the_classes_is_refused():
    """The released evaluator lets a 20th class through and counts it as the next class' first."""
    with pytest.raises(ValueError, match="predicted class 2 of 2"):
        histogram(np.array([0, 1]), np.array([0, 2]), 2)
    assert histogram(np.array([255]), np.array([1]), 2).sum() == 0


def test_different_sizes_are_refused():
    with pytest.raises(ValueError, match="4 pixels of truth, 1 predicted"):
        histogram(np.zeros(4, np.uint8), np.zeros(1, np.uint8), 2)


def test_best_permutation_is_a_diagnostic():
    swapped = np.array([[0, 5, 0], [4, 0, 0], [0, 0, 3]])
    assert scores(swapped)["pixel_acc"] == pytest.approx(3 / 12)
    assert best_permutation(swapped, 0, 1)["pixel_acc"] == 1
    right = np.diag([5, 4, 3])
    assert best_permutation(right, 0, 1)["pixel_acc"] == 1


def test_photos_are_enlarged_as_8_bit_images_by_pillow():
    from PIL import Image

    photo = np.random.default_rng(0).integers(0, 256, (1, 3, 5, 4), dtype=np.uint8)
    out = resize_photos(photo, (16, 12))
    assert out.shape == (1, 3, 16, 12) and out.dtype == np.uint8
    expected = Image.fromarray(photo[0].transpose(1, 2, 0)).resize((12, 16), Image.Resampling.BILINEAR)
    assert (out[0].transpose(1, 2, 0) == np.asarray(expected)).all()
    assert resize_photos(photo, (5, 4)) is photo


@pytest.mark.parametrize("size", [(10, 8), (4, 8), (2, 2), (7, 3), (5, 4)])
def test_class_maps_are_resized_by_pillows_nearest(size):
    from PIL import Image

    maps = np.random.default_rng(1).integers(0, 19, (2, 5, 4), dtype=np.uint8)
    expected = [Image.fromarray(m).resize(size[::-1], Image.Resampling.NEAREST) for m in maps]
    assert (resize_classes(maps, size) == np.stack([np.asarray(e) for e in expected])).all()


def ids(rng, n, size):
    return rng.choice([c["id"] for c in CITYSCAPES if c["train_id"] != 255], (n, size, size)).astype(np.uint8)


def test_perfect_label_images_score_one():
    maps = ids(np.random.default_rng(0), 3, 8)
    counts = score_labels(colourise(maps, CITYSCAPES), maps, CITYSCAPES)
    assert counts.sum() == maps.size and scores(counts)["class_iou"] == 1


def test_a_colour_goes_to_the_nearest_of_the_palette_and_void_is_not_scored():
    image = np.array([[120, 70, 120], [60, 120, 190], [10, 10, 130], [0, 0, 0]], np.uint8).T.reshape(1, 3, 2, 2)
    truth = np.array([4, 7, 9, 0], np.uint8).reshape(1, 2, 2)
    assert score_labels(image, truth, THREE).tolist() == np.diag([1, 1, 1]).tolist()


def test_labels_are_compared_at_the_truths_size_or_the_generated():
    truth = np.repeat(np.repeat(np.array([[[4, 7], [9, 4]]], np.uint8), 4, 1), 4, 2)
    truth[0, 0, 0] = 7  # one of 64 pixels that a 2 x 2 map cannot show
    image = colourise(np.array([[[4, 7], [9, 4]]], np.uint8), THREE)
    full = score_labels(image, truth, THREE)
    assert full.sum() == 64 and full[1, 0] == 1
    low = score_labels(image, truth, THREE, lowres=True)
    assert low.sum() == 4 and np.trace(low) == 4


def test_photos_are_judged_at_the_evaluators_size_and_counted_at_the_truths():
    seen = []

    def segment(photos):  # 0 where dark, else 1
        seen.append(tuple(photos.shape))
        return (photos[:, 0] > 128).numpy().astype(np.uint8)

    photos = np.zeros((3, 3, 4, 4), np.uint8)
    photos[:, :, :, 2:] = 255
    truth = np.full((3, 16, 32), 4, np.uint8)
    truth[:, :, 16:] = 7
    counts = score_photos(photos, truth, THREE, segment, (8, 8), block=2)
    assert seen == [(2, 3, 8, 8), (1, 3, 8, 8)]
    assert counts.sum() == truth.size and np.trace(counts) == truth.size
    assert len(counts) == len(evaluated(THREE)) == 3


@pytest.mark.parametrize("lowres", [False, True])
def test_label_maps_are_counted_in_blocks_that_change_nothing(lowres, monkeypatch):
    """At full size, 500 maps of Cityscapes at once would need tens of GB."""
    rng, taken = np.random.default_rng(4), []
    truth, images = ids(rng, 5, 12), rng.integers(0, 256, (5, 3, 6, 6), dtype=np.uint8)
    whole = score_labels(images, truth, CITYSCAPES, lowres, block=5)
    for name in ("nearest_class", "train_ids"):
        real = getattr(fcn_score, name)
        monkeypatch.setattr(fcn_score, name, lambda x, c, real=real: taken.append(len(x)) or real(x, c))
    for block in (1, 2, 3):
        assert (score_labels(images, truth, CITYSCAPES, lowres, block) == whole).all()
        assert class_pixels(truth, CITYSCAPES, block).tolist() == class_pixels(truth, CITYSCAPES, 5).tolist()
        assert max(n for n in taken if n != 5) == block and sum(taken) == 20
        taken.clear()


def test_pixels_of_each_class_by_hand():
    truth = np.array([[[4, 7], [7, 0]], [[7, 4], [0, 0]]], np.uint8)
    pixels = class_pixels(truth, THREE, block=1)
    assert pixels.tolist() == [2, 3, 0]  # void is no class
    assert absent_classes(pixels, THREE) == ["car"]


def test_torch_and_numpy_images_score_alike():
    maps = ids(np.random.default_rng(2), 2, 6)
    image = np.random.default_rng(3).integers(0, 256, (2, 3, 6, 6), dtype=np.uint8)
    assert (score_labels(torch.from_numpy(image), maps, CITYSCAPES) == score_labels(image, maps, CITYSCAPES)).all()
