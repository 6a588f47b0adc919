"""Spearman's ρ with its p, the place of a table's own row, what is set bold, and the sentences."""

import numpy as np
import pytest
from hand_made import row
from scipy.stats import permutation_test, spearmanr

from triptych.published import Column, load
from triptych.report.best import level_with_best
from triptych.report.rank import spearman, standing
from triptych.report.sentences import ordinal, table_sentences

UP = Column(metric="a", title="a", unit="percent", decimals=1, better="higher")
DOWN = Column(metric="a", title="a", unit="fraction", decimals=2, better="lower")
AIM = Column(metric="a", title="a", unit="fraction", decimals=2, better={"target": 1})


def test_spearman_by_hand():
    assert spearman([1, 2, 3, 4], [1, 2, 4, 3]).rho == pytest.approx(0.8)  # 1 - 6·2 / (4·15)
    assert spearman([1, 2, 3], [3, 2, 1]).rho == pytest.approx(-1)
    assert spearman([1, 1, 2], [1, 2, 3]).rho == pytest.approx(np.sqrt(3) / 2)  # a tie has the mean rank
    assert spearman([1, 2], [1, 2]) is None
    assert spearman([1, 2, 3], [5, 5, 5]) is None


@pytest.mark.parametrize(
    "order, p, word",
    [
        ([1, 2, 3, 4, 5], 2 / 120, "similar order"),
        ([5, 4, 3, 2, 1], 2 / 120, "reversed"),
        ([1, 2, 3, 5, 4], 10 / 120, "cannot be told"),  # ρ = 0.9: too few rows, however alike
    ],
)
def test_p_is_counted_over_all_orders(order, p, word):
    found = spearman([1, 2, 3, 4, 5], order)
    assert found.p == pytest.approx(p) and found.word == word


def test_p_is_scipys_with_ties():
    a, b = [1, 1, 2, 3, 4, 5], [2, 1, 2, 5, 4, 4]
    theirs = permutation_test(
        (a,), lambda x: spearmanr(x, b).statistic, permutation_type="pairings", n_resamples=np.inf
    )
    assert spearman(a, b).p == pytest.approx(theirs.pvalue)
    assert spearman(range(12), range(12)).p < 1e-4  # of many rows, orders are drawn


def objects(dcgan=(0.5, 0.7), kmeans=(0.6, 0.6), **more):
    return {
        "dcgan": row(accuracy=list(dcgan)),
        "kmeans_1layer": row(accuracy=list(kmeans)),
        "exemplar_cnn": row(accuracy=[0.4, 0.4]),
        **{name: row(accuracy=list(values)) for name, values in more.items()},
    }


def test_the_own_rows_place_and_its_range_by_single_seeds():
    found = standing(load("objects"), objects(dcgan=(0.5, 0.65)), "accuracy")
    assert (found.paper, found.here, found.rows) == (2, 2, 3)  # .828 of .843 .806; .575 of .6 .4
    assert (found.lowest, found.highest) == (1, 2) and found.rival == "kmeans_1layer"
    assert standing(load("objects"), {"kmeans_1layer": row(accuracy=[0.5])}, "accuracy") is None


def test_where_less_is_better_the_first_has_least():
    results = {name: row(test_error=[value]) for name, value in (("dcgan", 0.1), ("knn", 0.8), ("tsvm", 0.6))}
    found = standing(load("digits"), results, "test_error")
    assert (found.paper, found.here, found.rival) == (1, 1, "tsvm")


def test_floors_that_are_not_passed_and_the_sentence():
    results = objects(dcgan=(0.5, 0.5), dcgan_untrained=(0.55, 0.55), raw_pixels=(0.2, 0.2))
    assert standing(load("objects"), results, "accuracy").under == (("dcgan_untrained", 0.55),)
    (said,) = table_sentences(load("objects"), results)
    assert said == (
        "Accuracy, all labels: DCGAN + L2-SVM is 2nd of 3 in the paper and here too with 50.0 %; the best other row, "
        "1-layer K-means, has 60.0 %. It does not pass the floor: DCGAN, untrained (55.0 %)."
    )
    assert table_sentences(load("objects"), {}) == []


def test_a_row_on_other_data_has_no_place():
    results = {**objects(), "kmeans_3layer_rf": row(data="photos", accuracy=[0.9])}
    assert standing(load("objects"), results, "accuracy").rows == 3


def bold(column, floors=(), **rows):
    results = {name: row(a=values) for name, values in rows.items()}
    return level_with_best(results, column, [name for name in rows if name not in floors], floors)


def test_bold_are_the_best_and_all_whose_spread_meets_its():
    near = dict(a=[0.60, 0.70, 0.80], b=[0.55, 0.60, 0.65], c=[0.30, 0.31, 0.32])  # .70 ± .10, .60 ± .05
    assert bold(UP, **near) == {"a", "b"} and bold(DOWN, **near) == {"c"}
    assert bold(UP, a=[0.7004], b=[0.7], c=[0.69]) == {"a", "b"}  # as printed
    assert bold(AIM, a=[0.93], b=[1.07], c=[1.2]) == {"a", "b"}
    assert bold(UP, a=[0.7]) == set()


def test_nothing_is_bold_below_a_floor():
    rows = dict(a=[0.5, 0.5], b=[0.4, 0.6], floor=[0.55, 0.55])
    assert bold(UP, floors=["floor"], **rows) == set()
    assert bold(DOWN, floors=["floor"], **rows) == {"a", "b"}


def test_ordinals():
    assert " ".join(ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21)) == "1st 2nd 3rd 4th 11th 12th 13th 21st"
