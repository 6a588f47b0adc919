import numpy as np
import pytest

from triptych.dcgan.row_notes import chosen, spread


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
    assert chosen("C", [float(np.float32(1e-4))], [1e-4, 1e-3]).endswith("(0.0001 is an end of the grid)")
    assert chosen("C", [0.3], [0.3]) == "C: 0.3, given"


def test_the_spread_is_divided_into_between_and_within():
    rng = np.random.default_rng(0)
    groups = rng.normal(size=(3, 40)) * 0.01 + np.array([[0.3], [0.4], [0.5]])
    between, within = groups.mean(1).std(ddof=1), np.sqrt(groups.var(1, ddof=1).mean())
    said = spread("test_error", groups.ravel().tolist(), 3, "training")
    assert said == (
        "test_error: 120 values, 3 trainings × 40 draws; standard deviation between the trainings' means "
        f"{100 * between:.2g} %, within one {100 * within:.2g} %"
    )
    assert 100 * between == pytest.approx(10, rel=0.05) and 100 * within == pytest.approx(1, rel=0.2)


@pytest.mark.parametrize("values, trainings", [([0.1, 0.2], 1), ([0.1, 0.2], 2)])
def test_one_training_or_one_draw_pools_nothing(values, trainings):
    assert spread("accuracy", values, trainings, "training") == ""
