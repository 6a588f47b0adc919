"""What the report says beside its numbers: notes, facts, settings, costs, of which data."""

import json

import pytest
from hand_made import inputs

from triptych.base.results import write_result
from triptych.published import load
from triptych.published.papers import paper_of
from triptych.report.load import duration, read_inputs
from triptych.report.notes import RECALLED, Cell, facts, is_caveat, note_text, numbered
from triptych.report.page import honesty, show_elsewhere, what_was_run
from triptych.report.settings import settings_of
from triptych.report.table import Row


def test_durations():
    assert [duration(s) for s in (1.26, 12.3, 200, 9000)] == ["1.3 s", "12 s", "3.3 min", "2.5 h"]


def test_data_belong_to_papers():
    names = ["objects_unlabelled", "faces", "fruit_texture", "chairs", "shapes", "something_else"]
    assert [paper_of(name) for name in names] == ["dcgan", "dcgan", "cyclegan", "beta_vae", "beta_vae", None]


@pytest.mark.parametrize(
    "note, expected",
    [
        ("higgins: 4 factors", "Higgins metric: 4 factors"),
        ("noise_growth: over 24 scenes", "noise: over 24 scenes"),  # of a metric with a direction before its name
        ("mig: 20 bins", None),  # a column that this table does not show
        ("C: 0.1, given", "C: 0.1, given"),
        ("trained for long", "trained for long"),
    ],
)
def test_a_note_about_a_metric_has_its_title_and_stands_where_the_column_does(note, expected):
    titles = {"higgins": "Higgins metric", "mig": "MIG"}
    titles |= {"to_photo/noise_growth": "noise", "to_labels/noise_growth": "x"}
    assert note_text(note, titles, {"higgins", "to_photo/noise_growth"}) == expected


def test_notes_are_caveats_three_a_row_and_numbered_as_one_reads():
    rows = [
        Row("a", Cell("A", notes=("second", "first")), (Cell("1", notes=("third",)),), True),
        Row("b", Cell("B", notes=("first", "w", "x")), (Cell("2", notes=("y", RECALLED)),), True),
    ]
    marked, notes, beyond = numbered(rows)
    assert notes[:5] == (("1", "second"), ("2", "first"), ("3", "third"), ("4", "w"), ("5", "x"))
    assert notes[5:] == (("R", RECALLED),)
    assert marked[1].name.marks == ("2", "4", "5") and marked[1].cells[0].marks == ("R",)
    assert beyond == {"b": ["y"]}


@pytest.mark.parametrize(
    "note, caveat",
    [
        ("C (all labels): 0.002, 0.002, of 5e-05 to 0.01", False),
        ("3584 features", False),
        ("100 labels per class; 2 draws of them for each seed", False),
        ("converged: 5 of 5 models", False),
        ("no identity term, as in the paper", False),
        ("converged: 4 of 5 models", True),
        ("Both networks learn from each mini-batch; in the authors' code one moves the generator", True),
        ("collapsed: no latent carries anything", True),
    ],
)
def test_what_differs_from_the_paper_or_failed_is_a_caveat_and_the_rest_a_fact(note, caveat):
    assert is_caveat(note) is caveat


def test_facts_of_all_rows_are_told_once():
    results = {"a": {"notes": ["19 classes", "x: 1"]}, "b": {"notes": ["19 classes"]}}
    assert facts(results, {"x": "the x"}) == (["19 classes"], {"a": ["the x: 1"]})


def test_settings_are_those_that_the_rows_of_this_report_were_run_with(tmp_path):
    def ran(system, stage, profile, params):
        folder = tmp_path / "runs" / "objects" / system / stage
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"profile": profile, "params": params}))

    ran("dcgan", "features", "laptop", {"objects.seeds": [0, 1], "objects.systems.dcgan.lr": 1e-3})
    ran("dcgan", "probe", "laptop", {"objects.probe.costs": [5e-5, 0.1], "objects.systems.dcgan.weights": None})
    ran("mine", "features", "laptop", {"objects.systems.mine.deep": True, "objects.systems.mine.steps": 20})
    ran("raw_pixels", "probe", "smoke", {"objects.systems.raw_pixels.size": 3})
    shared, own = settings_of(inputs("objects", "accuracy", {}, root=tmp_path), "objects")
    assert shared == {"seeds": "[0, 1]", "probe.costs": "[5e-05, 0.1]"}
    assert own == {"dcgan": {"lr": "0.001", "weights": "null"}, "mine": {"deep": "true", "steps": "20"}}


def test_at_paper_scale_what_was_run_here_goes_before_what_is_kept(tmp_path):
    about = {"table": "objects", "profile": "paper", "data": {"test": "d (test, n=1)"}, "seeds": [0]}
    kept = tmp_path / "reports/paper/results"
    for folder, system, value in (
        (tmp_path / "results", "dcgan", 0.5),
        (kept, "dcgan", 0.25),
        (kept, "raw_pixels", 0.125),
    ):
        write_result(folder / f"objects/{system}.json", system=system, metrics={"a": [value]}, **about)
    given = read_inputs(tmp_path, "paper")
    means = {system: result["metrics"]["a"]["mean"] for system, result in given.results["objects"].items()}
    assert means == {"dcgan": 0.5, "raw_pixels": 0.125} and given.kept == {}


def test_the_cost_of_a_system_is_that_of_all_its_stages(tmp_path):
    about = {"table": "objects", "system": "dcgan", "profile": "laptop", "data": {}, "seeds": [0]}
    write_result(tmp_path / "results/objects/dcgan.json", metrics={"a": [1.0]}, **about)
    for stage, seconds, device in (("features", 100, "GPU"), ("probe", 20.5, "cpu")):
        run = tmp_path / "runs/objects/dcgan" / stage
        run.mkdir(parents=True)
        (run / "run.json").write_text('{"profile": "laptop"}')
        (run / "cost.json").write_text(f'{{"seconds": {seconds}, "device": "{device}"}}')
    cost = read_inputs(tmp_path, "laptop").costs["objects", "dcgan"]
    assert (cost.seconds, cost.devices) == (120.5, ("GPU", "cpu"))


def test_numbers_beside_the_tables_are_shown_in_their_unit():
    by_name = {(n.name, n.column): n for table in ("digits", "streets") for n in load(table).elsewhere}
    dcgan = by_name["DCGAN + L2-SVM as later papers quote it", "test error"]
    assert show_elsewhere(dcgan) == "22.18 ± 1.13 %"
    assert show_elsewhere(by_name["1-NN on MNIST: real data, 50 K", "test error"]) == "3.1 %"
    assert show_elsewhere(by_name["pix2pix paper, real photos", "Class IOU"]) == "0.21"


def test_on_other_data_the_numbers_are_no_reproduction():
    def told(data):
        return honesty(load("digits"), inputs("digits", "test_error", {"knn": 0.5}, data))

    assert "the paper's data" in told("SVHN") and "never across" not in told("SVHN")
    assert "on rendered digits. It is not a reproduction" in told("rendered digits")


def test_how_many_values_a_number_is_made_of_is_said():
    given = inputs("digits", "test_error", {"knn": 0.5, "dcgan": 0.3})

    def told(*counts):
        for system, n in zip(("knn", "dcgan"), counts):
            given.results["digits"][system]["metrics"]["test_error"]["n"] = n
        return what_was_run(load("digits"), given)[0]

    assert "a single run (n = 1)" in told(1, 1)
    assert "over n = 3 values" in told(3, 3) and "over n = 1 to 9 values" in told(9, 1)


def test_a_system_of_ones_own_is_counted():
    values = dict.fromkeys([*load("objects").systems, "mine"], 0.5)
    (line,) = what_was_run(load("objects"), inputs("objects", "accuracy", values))
    assert line.startswith(f"{len(values)} of {len(values)} systems")
