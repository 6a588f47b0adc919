"""What a cell says of the trainings behind it."""

import pytest
from hand_made import row

from triptych.report.spread import cell_text, count_text, share_text, spread_of, within_text


def text(seeds, *values):
    return cell_text(spread_of(row(seeds, a=list(values)), "a"), 100, 1)


def test_the_spread_is_between_the_trainings():
    many = spread_of(row(3, a=[0.50, 0.52, 0.60, 0.62, 0.70, 0.72]), "a")
    assert many.means == pytest.approx([0.51, 0.61, 0.71]) and many.between == pytest.approx(0.1)
    assert cell_text(many, 100, 1) == "61.0 ± 10.0" and count_text(many) == "3 × 2"
    assert within_text(many, 100, " %") == "± 1.4 % between the 2 values of one training"  # 2 / √2
    assert cell_text(many, 100, 2, 0) == "61.00 ± 10"


def test_two_trainings_are_both_shown():
    assert text(2, 0.4, 0.6) == "50.0 (40.0, 60.0)"
    assert text(2, 0.3, 0.5, 0.5, 0.7) == "50.0 (40.0, 60.0)"


def test_one_training_has_no_spread_however_many_its_draws():
    fixed = row(1, a=[0.2, 0.4])
    assert cell_text(spread_of(fixed, "a"), 100, 0) == "30" and count_text(spread_of(fixed, "a")) == "1 × 2"
    assert text(1, 0.25) == "25.0" and within_text(spread_of(row(1, a=[0.25]), "a")) == ""


def test_of_a_best_half_the_spread_is_that_of_its_values():
    result = row(5, higgins=[0.9, 0.8, 0.7], higgins_all=[0.9, 0.8, 0.7, 0.1, 0.0])
    best = spread_of(result, "higgins")
    assert cell_text(best, 100, 0) == "80 ± 10" and best.trainings is None and count_text(best) == "3"


def test_a_result_without_its_values_is_read():
    bare = {"metrics": {"a": {"mean": 0.5, "std": 0.1, "n": 3}}}
    assert cell_text(spread_of(bare, "a"), 1, 1) == "0.5 ± 0.1"


def test_shares_of_runs_are_counted():
    assert share_text(spread_of(row(a=[1.0, 0.0, 1.0, 1.0, 0.0]), "a")) == "3 of 5"
