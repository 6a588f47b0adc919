"""What holds of scores whatever the maps: sums, ranges, and that neither the order of scenes nor the names of classes
matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from triptych.cyclegan.streets.judge.collapse import mutual_information
from triptych.cyclegan.streets.judge.fcn_score import by_category, count, histogram, scores
from triptych.data.label_classes import CITYSCAPES, CITYSCAPES_TRAIN_IDS, evaluated

K = len(evaluated(CITYSCAPES_TRAIN_IDS))


@st.composite
def maps(draw, most=6):
    """Truth and prediction, train ids (n, 4, 5); the truth may be void."""
    shape = (draw(st.integers(2, most)), 4, 5)
    truth = draw(hnp.arrays(np.uint8, shape, elements=st.sampled_from([*range(K), 255])))
    return truth, draw(hnp.arrays(np.uint8, shape, elements=st.integers(0, K - 1)))


@settings(deadline=None, max_examples=40)
@given(maps(), st.randoms(use_true_random=False))
def test_scores_of_any_maps(pair, random):
    truth, predicted = pair
    counts = histogram(truth, predicted, K)
    assert counts.sum() == (truth != 255).sum() and (counts >= 0).all()
    assert np.array_equal(counts.sum(1), [(truth == k).sum() for k in range(K)])
    assert np.array_equal(counts, count(predicted, truth, CITYSCAPES_TRAIN_IDS, block=2))
    if not counts.sum():
        return
    for absent in ("skip", "zero"):
        values = scores(counts, absent)
        assert all(0 <= value <= 1 for value in values.values()) and values["class_iou"] <= values["class_acc"]
    bits = mutual_information(counts)
    assert -1e-9 <= bits <= np.log2(K) + 1e-9

    scenes, names = list(range(len(truth))), list(range(K))
    random.shuffle(scenes), random.shuffle(names)
    assert np.array_equal(histogram(truth[scenes], predicted[scenes], K), counts)
    renamed = counts[names][:, names]
    assert scores(renamed) == pytest.approx(scores(counts)) and mutual_information(renamed) == pytest.approx(bits)
    grouped = by_category(counts, CITYSCAPES)
    assert grouped.sum() == counts.sum() and np.trace(grouped) >= np.trace(counts)
