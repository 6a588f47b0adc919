import numpy as np
import pytest

from triptych.dcgan.notes import chosen


@pytest.mark.parametrize(
    "values, expected",
    [
        ([3, 3], "k: 3, 3, of 1 to 11"),
        ([11, 3], "k: 11, 3, of 1 to 11 (11 is an end of the grid)"),
        ([1, 11], "k: 1, 11, of 1 to 11 (1 and 11 are its ends)"),
    ],
)
def test_a_choice_at_an_end_is_called_one(values, expected):
    assert chosen("k", values, [1, 3, 11]) == expected


def test_a_choice_is_recognised_after_it_was_float32_and_without_alternatives_is_none():
    assert chosen("C", [float(np.float32(1e-4))], [1e-4, 1e-3, 1e-2]).endswith("(0.0001 is an end of the grid)")
    assert chosen("C", [0.3], [0.3]) == "C: 0.3, given"
    assert chosen("beta1", [0.9, 0.5], [0.5, 0.9]) == "beta1: 0.9, 0.5, of 0.5 to 0.9"  # of two, each is an end
