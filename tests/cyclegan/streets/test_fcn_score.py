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
    by_category,
    class_pixels,
    count,
    histogram,
    scores,
    segmented,
)
from triptych.cyclegan.streets.judge.resize import resize_classes, resize_photos
from triptych.data.label_classes import CITYSCAPES, train_ids

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
    assert counts.tolist() == [[3, 1, 0], [0, 1, 1], [0, 0, 0]]  # rows truth, columns prediction, void left out
    s = scores(counts)
    assert s["pixel_acc"] == pytest.approx(4 / 6)
    assert s["class_acc"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert s["class_iou"] == pytest.approx((3 / 4 + 1 / 3) / 2)
    z = scores(counts, absent="zero")  # class 2 is not in the truth
    assert z["class_acc"] == pytest.approx((3 / 4 + 1 / 2 + 0) / 3)
    assert z["class_iou"] == pytest.approx((3 / 4 + 1 / 3 + 0) / 3)
    assert absent_classes(counts.sum(1), THREE) == ["car"]
    void = count(np.array([[[0, 1], [2, 0]]], np.uint8), np.array([[[4, 7], [9, 0]]], np.uint8), THREE)
    assert void.tolist() == np.diag([1, 1, 1]).tolist()


@settings(max_examples=20, deadline=None)
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


def test_what_is_no_map_of_the_classes_is_refused():
    """The released evaluator lets a 20th class through and counts it as the next class' first."""
    with pytest.raises(ValueError, match="predicted class 2 of 2"):
        histogram(np.array([0, 1]), np.array([0, 2]), 2)
    assert histogram(np.array([255]), np.array([1]), 2).sum() == 0
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


def test_label_maps_are_compared_at_the_truths_size_or_the_generated():
    truth = np.repeat(np.repeat(np.array([[[4, 7], [9, 4]]], np.uint8), 4, 1), 4, 2)
    truth[0, 0, 0] = 7  # one of 64 pixels that a 2 x 2 map cannot show
    predicted = np.array([[[0, 1], [2, 0]]], np.uint8)
    full = count(predicted, truth, THREE)
    assert full.sum() == 64 and full[1, 0] == 1
    low = count(predicted, truth, THREE, lowres=True)
    assert low.sum() == 4 and np.trace(low) == 4


def test_photos_are_judged_at_the_evaluators_size_and_counted_at_the_truths():
    seen = []

    def segment(photos):  # 0 where dark, else 1
        seen.append(tuple(photos.shape))
        return (photos[:, 0] > 128).to(torch.uint8)

    photos = np.zeros((3, 3, 4, 4), np.uint8)
    photos[:, :, :, 2:] = 255
    predicted = segmented(photos, segment, (8, 8), block=2)
    assert seen == [(2, 3, 8, 8), (1, 3, 8, 8)]
    assert predicted.dtype == np.uint8 and (predicted == np.repeat([0, 1], 4)).all() and len(predicted) == 3
    truth = np.full((3, 16, 32), 4, np.uint8)
    truth[:, :, 16:] = 7
    counts = count(predicted, truth, THREE)
    assert counts.sum() == truth.size and np.trace(counts) == truth.size and len(counts) == 3


@pytest.mark.parametrize("lowres", [False, True])
def test_counting_in_blocks_changes_nothing(lowres, monkeypatch):
    """At full size, 500 maps of Cityscapes at once would need tens of GB."""
    rng, taken = np.random.default_rng(4), []
    truth, predicted = ids(rng, 5, 12), rng.integers(0, 19, (5, 6, 6), dtype=np.uint8)
    rows = np.roll(np.arange(5), 2)
    want = [count(predicted, truth, CITYSCAPES, rows=r, lowres=lowres, block=5) for r in (None, rows)]
    monkeypatch.setattr(fcn_score, "train_ids", lambda x, c: taken.append(len(x)) or train_ids(x, c))
    for block in (1, 2, 3):
        for r, counts in zip((None, rows), want):
            assert (count(predicted, truth, CITYSCAPES, rows=r, lowres=lowres, block=block) == counts).all()
        assert class_pixels(truth, CITYSCAPES, block).tolist() == class_pixels(truth, CITYSCAPES, 5).tolist()
        assert max(n for n in taken if n != 5) == block and sum(taken) == 20
        taken.clear()


def test_the_truth_of_other_scenes():
    truth = np.array([4, 4, 7], np.uint8)[:, None, None].repeat(2, 1)  # three scenes of two pixels
    predicted = np.array([0, 0, 1], np.uint8)[:, None, None].repeat(2, 1)
    assert count(predicted, truth, THREE).tolist() == [[4, 0, 0], [0, 2, 0], [0, 0, 0]]
    assert count(predicted, truth, THREE, rows=[1, 2, 0]).tolist() == [[2, 2, 0], [2, 0, 0], [0, 0, 0]]


def test_classes_as_categories_by_hand():
    grouped = [{**c, "category": g} for c, g in zip(THREE, ("void", "flat", "up", "flat"))]
    counts = np.array([[5, 1, 2], [0, 3, 4], [6, 0, 7]])  # classes 0 and 2 are flat
    assert by_category(counts, grouped).tolist() == [[5 + 2 + 6 + 7, 1 + 0], [0 + 4, 3]]
    assert by_category(counts, THREE) is None
    assert by_category(counts, [*grouped[:3], THREE[3]]) is None


def test_cityscapes_has_seven_categories():
    """A person is no car, but a rider is a human and a lorry a vehicle."""
    counts = np.zeros((19, 19), np.int64)
    counts[13, 14] = counts[12, 11] = counts[11, 13] = 1
    of_categories = by_category(counts, CITYSCAPES)
    assert of_categories.shape == (7, 7) and of_categories.sum() == 3
    assert of_categories[6, 6] == of_categories[5, 5] == of_categories[5, 6] == 1


def test_pixels_of_each_class_by_hand():
    truth = np.array([[[4, 7], [7, 0]], [[7, 4], [0, 0]]], np.uint8)
    pixels = class_pixels(truth, THREE, block=1)
    assert pixels.tolist() == [2, 3, 0]  # void is no class
    assert absent_classes(pixels, THREE) == ["car"]
