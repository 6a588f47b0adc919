"""The schema of results/*.json."""

import json
import math

import numpy as np
import pytest

from triptych.base.results import (
    chosen,
    read_results,
    spread,
    summary,
    training_means,
    training_values,
    trainings_of,
    write_result,
)
from triptych.pipeline.history import add_rows, history_file, write_curves


def test_summary_is_mean_and_sample_std():
    assert summary([1.0, 2.0, 4.0]) == {"mean": 2.33333, "std": 1.52753, "n": 3, "values": [1.0, 2.0, 4.0]}
    assert summary([0.5])["std"] == 0.0
    assert summary([5.4961234e-6])["mean"] == 5.49612e-6  # six figures, however small
    for values in ([], [math.nan], [1.0, math.inf]):
        with pytest.raises(ValueError, match="finite"):
            summary(values)


def test_written_twice_gives_the_same_bytes_and_reads_back(tmp_path):
    row = dict(table="objects", system="dcgan", profile="smoke", data={"test": "d"}, seeds=[0])
    files = [tmp_path / name / "objects" / "dcgan.json" for name in ("a", "b")]
    for file in files:
        write_result(file, **row, metrics={"accuracy": [0.1, 0.2]}, notes=["n"], device="cpu")
    assert files[0].read_bytes() == files[1].read_bytes()
    (read,) = read_results(tmp_path / "a", "objects")
    assert (
        read == json.loads(files[0].read_text()) and read["device"] == "cpu" and read["metrics"]["accuracy"]["n"] == 2
    )


def test_curves_are_means_over_the_seeds_that_have_the_step(tmp_path):
    add_rows(history_file(tmp_path, 0), [(20, "loss", 1.0), (3, "loss", 2.0)])
    add_rows(history_file(tmp_path, 1), [(3, "loss", 4.0)])
    add_rows(history_file(tmp_path, 1), [(20, "error", 0.5)])
    write_curves(tmp_path)
    assert (tmp_path / "curves.csv").read_text() == "steps_done,loss,error\n3,3,\n20,1,0.5\n"


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
    for trainings in (1, 2):  # one training, or one draw each
        assert spread("accuracy", [0.1, 0.2], trainings, "training") == ""


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


def written(tmp_path, metrics, seeds=(0, 1), **how):
    file = tmp_path / "row.json"
    return write_result(file, table="t", system="s", profile="p", data={}, seeds=seeds, metrics=metrics, **how)


def test_values_of_one_training_stand_side_by_side(tmp_path):
    row = written(tmp_path, {"error": [1.0, 2.0, 3.0, 5.0, 6.0, 7.0], "loss": [1.0, 2.0], "once": [4.0]})
    assert {name: number["trainings"] for name, number in row["metrics"].items()} == {"error": 2, "loss": 2, "once": 1}
    assert training_values(row, "error") == [[1.0, 2.0, 3.0], [5.0, 6.0, 7.0]]
    assert training_means(row, "error") == [2.0, 6.0]
    assert training_means(row, "once") == [4.0]
    still = written(tmp_path, {"few": [0.1, 0.2, 0.3, 0.4]}, trainings=1)  # it learned nothing
    assert training_means(still, "few") == [pytest.approx(0.25)]
    chosen = written(tmp_path, {"best": [0.9, 0.8], "odd": [0.1, 0.2, 0.3]}, pooled=["best"])  # among all trainings
    for name in ("best", "odd"):
        assert chosen["metrics"][name]["trainings"] is None and training_means(chosen, name) == []


def test_older_files_are_read_by_their_seeds():
    number = summary([0.1, 0.3, 0.5, 0.7])
    old = {"seeds": [0, 1], "metrics": {"higgins_all": number, "higgins": summary([0.7, 0.5]), "error": number}}
    assert trainings_of(old, "error") == 2 and training_means(old, "error") == pytest.approx([0.2, 0.6])
    assert trainings_of(old, "higgins") is None  # which model each of the best half is of is not in the file
    bare = {"metrics": {"error": {"mean": 0.1, "std": 0.2, "n": 3}}}
    assert trainings_of(bare, "error") is None and training_means(bare, "error") == []
