"""The bootstrap of trainings, against counting by hand."""

import numpy as np
import pytest

from triptych.report.resample import DRAWN, resample


def test_few_outcomes_are_enumerated_with_their_chances():
    found = resample({"a": 2, "b": 2})
    assert found.weights.sum() == pytest.approx(1) and len(found.weights) == 9
    mean = found.mean("a", np.array([0.0, 1.0]))
    assert found.share(mean == 0) == found.share(mean == 1) == pytest.approx(1 / 4)
    both = (mean == 1) & (found.mean("b", np.array([0.0, 1.0])) == 0)
    assert found.share(both) == pytest.approx(1 / 16)  # the rows are drawn each for itself


def test_three_trainings_have_27_orders():
    found = resample({"a": 3})
    mean = found.mean("a", np.array([0.0, 3.0, 6.0]))
    for value, ways in {0: 1, 1: 3, 2: 6, 3: 7, 4: 6, 5: 3, 6: 1}.items():
        assert found.share(np.isclose(mean, value)) == pytest.approx(ways / 27)


def test_many_outcomes_are_drawn_and_the_same_each_time():
    rows = dict.fromkeys("abcdef", 5)
    first, second = resample(rows), resample(rows)
    assert len(first.weights) == DRAWN and all((first.counts[r] == second.counts[r]).all() for r in rows)
    assert (first.counts["a"] != first.counts["b"]).any()
    mean = first.mean("a", np.arange(5.0))
    assert mean.mean() == pytest.approx(2, abs=0.05) and mean.std() == pytest.approx(np.sqrt(2 / 5), rel=0.05)


def test_the_best_half_is_chosen_anew_in_each_resample():
    found = resample({"a": 2})
    values = np.array([[0.1, 0.2], [0.9, 0.8]])
    by_counts = {tuple(c): m for c, m in zip(found.counts["a"].tolist(), found.best_half("a", values))}
    assert by_counts[1, 1] == pytest.approx(0.85)
    assert by_counts[2, 0] == pytest.approx(0.2) and by_counts[0, 2] == pytest.approx(0.9)  # .2 .2 of .1 .1 .2 .2
    assert resample({"a": 3}).best_half("a", np.array([[1.0], [2.0], [6.0]])).max() == 6


def test_nothing_to_resample_is_one_outcome():
    assert resample({}).weights.tolist() == [1.0]
