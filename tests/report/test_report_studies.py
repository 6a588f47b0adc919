"""Studies in the report: known columns printed in their units, rows in order, every number in the csv."""

import json

from triptych.pipeline.registry import STUDIES
from triptych.report.build import build_report
from triptych.report.load import read_inputs
from triptych.report.studies import Column, Study, load_studies, study_csv, study_tables

STUDY = Study(
    title="Sweep",
    text="What is swept.",
    first="beta",
    rows={"beta_2": "β = 2"},
    columns={"higgins": Column(title="score", unit="percent", digits=1), "kl": Column(title="KL (nats)")},
)


def write(root, item, metrics, notes=(), data="rendered shapes (test, n=9)"):
    """`metrics`: name -> (mean, spread, how many)."""
    numbers = {
        name: {"mean": m, "std": s, "n": n, "values": [m - s, *[m] * (n - 2), m + s][:n]}
        for name, (m, s, n) in metrics.items()
    }
    about = {"table": "beta_sweep", "system": item, "profile": "laptop", "seeds": [0, 1, 2], "notes": list(notes)}
    file = root / "results" / "beta_sweep" / f"{item}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(about | {"data": {"test": data} if data else {}, "metrics": numbers}))


def tables(root, study=STUDY, profile="laptop"):
    return study_tables("beta_sweep", study, read_inputs(root, profile))


def test_a_study_is_printed_with_its_units_and_natural_order(tmp_path):
    write(tmp_path, "beta_16", {"higgins": (0.5, 0.01, 3), "kl": (12.3456, 0.5, 3), "odd": (1, 0, 3)})
    write(tmp_path, "beta_4", {"higgins": (0.75, 0.0, 1)}, ["not the paper's"])
    write(tmp_path, "beta_2", {"higgins": (1.0, 0.002, 3)}, ["collapsed: all", "not the paper's", "a fact"])
    (table,) = tables(tmp_path)
    assert [head.metric for head in table.heads] == ["score (%)", "KL (nats)"]
    assert [row.name.text for row in table.rows] == ["β = 2", "beta 4", "beta 16"]
    assert [cell.text for cell in table.rows[2].cells] == ["50.0 ± 1.0", "12.3 ± 0.5"]
    assert [cell.text for cell in table.rows[1].cells] == ["75.0 (n = 1)", "–"]
    assert table.notes == (("1", "collapsed: all"), ("2", "not the paper's"))
    assert [row.name.marks for row in table.rows] == [("1", "2"), ("2",), ()]
    text = study_csv("beta_sweep", read_inputs(tmp_path, "laptop"))
    assert "beta_16,odd,1,0,3\n" in text and "beta_16,kl,12.3456,0.5,3\n" in text


def test_items_without_a_common_metric_have_tables_of_their_own(tmp_path):
    write(tmp_path, "a", {"higgins": (1.0, 0, 1)})
    write(tmp_path, "b", {"kl": (1.0, 0, 1)})
    write(tmp_path, "c", {"kl": (2.0, 0, 1)})
    first, second = tables(tmp_path)
    assert [[row.system for row in table.rows] for table in (first, second)] == [["a"], ["b", "c"]]
    assert first.key != second.key
    assert [first.title, second.title] == [f"{STUDY.title}: a", f"{STUDY.title}: b; c"]


def test_a_table_of_few_rows_and_many_metrics_is_turned(tmp_path):
    columns = {name: Column(title=name) for name in "abcd"}
    study = STUDY.model_copy(update={"columns": columns})
    write(tmp_path, "beta_2", dict.fromkeys("abcd", (1.0, 0.0, 3)) | {"d": (2.0, 0.0, 1)}, ["not the paper's"])
    (table,) = tables(tmp_path, study)
    assert [row.name.text for row in table.rows] == ["a", "b", "c", "d"]
    assert [row.cells[0].text for row in table.rows] == ["1.00 ± 0.00"] * 3 + ["2.00 (n\u00a0=\u00a01)"]
    assert [(head.metric, head.n, head.marks) for head in table.heads] == [("β = 2", "3", ("1",))]


def test_what_happens_or_does_not_is_counted(tmp_path):
    study = STUDY.model_copy(update={"columns": {"collapsed": Column(title="collapsed runs", unit="percent")}})
    write(tmp_path, "beta_2", {"collapsed": (1.0, 0.0, 3)})
    (table,) = tables(tmp_path, study)
    assert table.rows[0].cells[0].text == "3 of 3"


def test_every_number_says_what_data_it_is_from(tmp_path):
    def heads(*data):
        for item, title in zip("ab", data):
            write(tmp_path, item, {"kl": (1.0, 0, 1)}, data=title)
        (table,) = tables(tmp_path)
        return [head.whose for head in table.heads], [row.cells[-1].text for row in table.rows]

    assert heads("A (test, n=9)", "A (test, n=9)")[0] == ["ours, A"]
    assert heads(None, None)[0] == ["ours, no images"]
    assert heads("A (test, n=9)", "B (test, n=9)") == (["ours", ""], ["A", "B"])


def test_results_of_another_profile_are_left_out(tmp_path):
    write(tmp_path, "beta_4", {"higgins": (0.75, 0.0, 1)})
    assert tables(tmp_path, profile="paper") == []


def test_every_study_of_the_file_is_known_to_params_and_shown_on_the_page(tmp_path):
    studies = load_studies()
    assert set(studies) == set(STUDIES)
    write(tmp_path, "beta_4", {metric: (0.75, 0.0, 1) for metric in studies["beta_sweep"].columns})
    page = build_report(tmp_path, "laptop", tmp_path / "report").read_text()
    assert studies["beta_sweep"].title in page and 'id="study-beta_sweep"' in page
    assert studies["arithmetic"].title not in page  # nothing of it was run
    assert (tmp_path / "report/tables/beta_sweep.csv").is_file()
