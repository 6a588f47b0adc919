"""Claims held against results that are made by hand."""

import dataclasses

import pytest
from hand_made import row

from triptych.base.config import ParamsError, validate
from triptych.pipeline.registry import STUDIES, TABLES
from triptych.published import load
from triptych.published.claims import Claim, Claims, Condition, load_claims
from triptych.published.papers import load_papers
from triptych.report.studies import load_studies
from triptych.report.verdict import judge, verdicts
from triptych.report.words import words_of


def claim(*shows, order=(), about="objects"):
    return Claim(id="x", paper="dcgan", about=about, where="-", says="-", shows=list(shows), order=list(order))


def above(by=0.0, others=("kmeans_1layer",), metric="accuracy"):
    return Condition(row="dcgan", metric=metric, above=list(others), by=by)


def said(one, results):
    return judge(one, results, words_of(one.about))


def against(dcgan, kmeans):
    return {"dcgan": row(accuracy=dcgan), "kmeans_1layer": row(accuracy=kmeans)}


def test_clear_cases():
    won, lost = against([0.8, 0.9, 0.85], [0.5, 0.6, 0.55]), against([0.5, 0.6, 0.55], [0.8, 0.9, 0.85])
    assert (said(claim(above()), won).word, said(claim(above()), won).sure) == ("holds", pytest.approx(1))
    assert said(claim(above()), lost).word == "does not show at this scale"
    assert said(claim(above()), won).how_sure == "in all resamples of 3 trainings"
    assert said(claim(above()), won).here == "accuracy, all labels: 85.0 % against 55.0 % (1-layer K-means)"
    assert said(claim(above()), won).paper == "accuracy, all labels: 82.8 % against 80.6 % (1-layer K-means)"


def test_what_the_seeds_do_not_settle_cannot_be_told():
    found = said(claim(above()), against([0.5, 0.7], [0.59, 0.59]))
    assert found.word == "cannot be told" and found.sure == pytest.approx(3 / 4)  # means .5 .6 .6 .7
    assert found.how_sure == "holds in 75 % of the resamples of 2 trainings" and found.trainings == 2


def test_no_share_is_rounded_to_all():
    ahead = said(claim(above()), against([0.5, 0.7], [0.4, 0.4]))
    shares = [dataclasses.replace(ahead, sure=sure).how_sure for sure in (1.0, 0.9996, 0.9994, 0.995, 0.994, 0.93)]
    assert [share.removesuffix(" of 2 trainings") for share in shares] == [
        "in all resamples", "in all resamples", *["in more than 99 % of the resamples"] * 2,
        "in 99 % of the resamples", "in 93 % of the resamples",
    ]  # fmt: skip


def test_equals_are_not_above():
    assert said(claim(above()), against([0.5, 0.5], [0.5, 0.5])).word == "does not show at this scale"
    level = claim(above(by=-0.01))
    assert said(level, against([0.5, 0.5], [0.5, 0.5])).word == "holds"


def test_the_order_may_hold_where_the_lead_does_not():
    one = claim(above(by=0.2), order=[above()])
    assert said(one, against([0.6, 0.6], [0.5, 0.5])).word == "holds in order"
    assert said(one, against([0.8, 0.8], [0.5, 0.5])).word == "holds"
    assert said(one, against([0.4, 0.4], [0.5, 0.5])).word == "does not show at this scale"


def test_one_training_tells_nothing_but_of_a_row_that_learns_nothing():
    assert said(claim(above()), against([0.9], [0.1])).word == "cannot be told"
    assert said(claim(above()), against([0.9], [0.1])).how_sure == "one training"
    floor = {
        "dcgan": row(accuracy=[0.8, 0.9]),
        "raw_pixels": row(seeds=2, accuracy=[0.2]),
    }  # judged once for both seeds
    assert said(claim(above(others=["raw_pixels"])), floor).word == "holds"
    made = {"cyclegan": row(a=[0.8, 0.9]), "constant": row(a=[0.3])}  # by the protocol
    beats = Condition(row="cyclegan", metric="a", above=["constant"])
    assert said(claim(beats, about="streets"), made).word == "holds"


def test_missing_rows_and_metrics_are_named():
    found = said(claim(above()), {"dcgan": row(accuracy=[0.5])})
    assert (found.word, found.how_sure, found.here) == ("not run", "without 1-layer K-means", "–")
    found = said(claim(above(metric="accuracy_few")), against([0.5], [0.5]))
    assert "accuracy, few labels of DCGAN + L2-SVM" in found.how_sure


def test_less_near_and_other_metrics_of_a_row():
    results = {"dcgan": row(a=[1.0, 1.1], b=[0.2, 0.3]), "kmeans_1layer": row(a=[2.0, 2.2])}
    conditions = [
        Condition(row="dcgan", metric="a", below=["kmeans_1layer"], by=0.5),
        Condition(row="dcgan", metric="a", near=[1], by=0.2),
        Condition(row="dcgan", metric="a", above=[{"metric": "b"}, 0.9]),
    ]
    assert said(claim(*conditions), results).word == "holds"
    for wrong in (dict(below=[1]), dict(near=[0.5], by=0.1), dict(above=[{"row": "kmeans_1layer", "metric": "a"}])):
        assert said(claim(Condition(row="dcgan", metric="a", **wrong)), results).word == "does not show at this scale"


def test_a_training_takes_all_its_numbers_along():
    # in each training the one or the other fails: no resample of one network, but some of two, would meet both
    result = {"dcgan": row(a=[0.0, 1.0], b=[1.0, 0.0])}
    both = [Condition(row="dcgan", metric=m, above=[0.9]) for m in "ab"]
    assert (
        said(claim(*both), result).sure == pytest.approx(1)
        and said(claim(*both), result).word == "does not show at this scale"
    )


def test_draws_of_one_training_are_no_trainings():
    few = {"dcgan": row(seeds=2, accuracy=[0.5] * 5 + [0.7] * 5), "kmeans_1layer": row(accuracy=[0.59, 0.59])}
    assert said(claim(above()), few).sure == pytest.approx(3 / 4)


def test_the_best_half_is_resampled_from_all():
    def shapes(*values):
        half = sorted(values)[len(values) // 2 :]
        return row(seeds=3, higgins=half, higgins_all=list(values))

    leads = Condition(row="beta_vae", metric="higgins", above=["vae"])
    results = {"beta_vae": shapes(0.9, 0.2, 0.2), "vae": shapes(0.5, 0.5, 0.5)}  # best halves .55 and .5
    found = said(claim(leads, about="shapes"), results)
    assert found.word == "cannot be told" and found.sure == pytest.approx(19 / 27) and found.trainings == 3


def test_rows_on_other_data_are_as_if_they_had_not_run():
    results = {**against([0.9, 0.9], [0.5, 0.5]), "kmeans_3layer_rf": row(data="photos", accuracy=[0.2, 0.2])}
    kmeans = next(v for v in verdicts("objects", results) if v.claim.id == "features_against_kmeans")
    assert kmeans.word == "not run" and "3-layer K-means" in kmeans.why


@pytest.mark.parametrize("key", [*TABLES, *STUDIES])
def test_nothing_run_is_said_of_every_claim(key):
    found = verdicts(key, {})
    assert found and {v.word for v in found} == {"not run"} and all(v.rule and v.paper != "–" for v in found)


def test_claims_name_rows_and_metrics_that_there_are():
    for one in load_claims().claims:
        assert one.paper in load_papers()
        if one.about in TABLES:
            published = load(one.about)
            rows, metrics = set(published.systems), {c.metric for c in published.columns}
        else:
            study = load_studies()[one.about]
            rows, metrics = set(study.rows), set(study.columns) | {"range_random"}
        for condition in [*one.order, *one.shows]:
            assert condition.metric in metrics, one.id
            named = {condition.row, *(o for o in condition.others if isinstance(o, str))}
            assert named <= rows or not rows, (one.id, named - rows)


def test_what_the_paper_prints_meets_its_own_claims():
    for one in (c for c in load_claims().claims if c.about in TABLES):
        systems = load(one.about).systems
        needed = {(r, c.metric) for c in one.shows for r in [c.row, *c.others] if isinstance(r, str)}
        printed = {(r, m): systems[r].values[m].value for r, m in needed if m in systems[r].values}
        conditions = [c for c in one.shows if all((r, c.metric) in printed for r in [c.row, *c.others])]
        results = {
            r: row(data="", **{m.replace("/", "__"): [v, v] for (s, m), v in printed.items() if s == r})
            for r, _ in printed
        }
        for condition in conditions:
            assert said(claim(condition, about=one.about), results).word == "holds", (one.id, condition)


def test_a_condition_has_one_side():
    for wrong in ({}, {"above": [1], "below": [2]}, {"near": [1]}):
        with pytest.raises(ParamsError):
            validate(Condition, {"row": "a", "metric": "b", **wrong}, "claim")
    with pytest.raises(ParamsError, match="no such table"):
        one = {"id": "a", "paper": "dcgan", "about": "nothing", "where": "", "says": ""}
        one["shows"] = [{"row": "a", "metric": "b", "above": [1]}]
        validate(Claims, {"places": {}, "claims": [one]}, "claims")
