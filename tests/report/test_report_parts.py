"""Parts of the report whose rules are easy to get wrong."""

import csv
import dataclasses
import io
import json
import re

import matplotlib.figure
import numpy as np
import pytest
from PIL import Image

from triptych.base.results import summary, write_result
from triptych.published import TABLES, Column, Published, load
from triptych.published.papers import load_papers, paper_of
from triptych.report.charts import dot_charts
from triptych.report.curves import _dots, _mean, _panel, _panels, dot_chart, loss_curves
from triptych.report.figures import Picture, Terms, spoken, write_figures
from triptych.report.formats import to_csv, to_long_csv
from triptych.report.latex import tex
from triptych.report.load import Inputs, data_titles, duration, judged_on, read_inputs
from triptych.report.notes import RECALLED, Cell, facts, is_caveat, left_over, note_text, numbered
from triptych.report.page import honesty, show_elsewhere, what_was_run
from triptych.report.rank import data_sentence
from triptych.report.settings import settings_of
from triptych.report.table import Row, build_tables, show

PERCENT = Column(metric="a", title="a", unit="percent", decimals=2, better="higher", spread_decimals=1)
LOWER = Column(metric="a", title="a", unit="fraction", decimals=2, better="lower")


def inputs(tmp_path, table, metric, values, data="rendered"):
    results = {
        system: {
            "data": {"test": f"{data} (test, n=9)"},
            "seeds": [0, 1, 2],
            "metrics": {metric: {"mean": mean, "std": 0.0, "n": 3, "values": [mean] * 3}},
        }
        for system, mean in values.items()
    }
    return Inputs(tmp_path, "laptop", {}, {table: results}, {})


def test_numbers_are_shown_as_the_paper_prints_them():
    assert show(0.4575, 0.008, PERCENT) == "45.75 ± 0.8"
    assert show(0.849, 0.004, PERCENT, decimals=1) == "84.9 ± 0.4"
    assert show(0.4, None, LOWER) == "0.40"


@pytest.mark.parametrize(
    "name, words",
    [
        ("success", {"success": "79.4 %"}),
        ("success_1", {"success, one": "0.794"}),  # a column of its own, no item "1"
        ("success_no_norm", {"success": "no batch norm 79.4 %"}),
        ("no_norm/success_1", {"success, one": "no batch norm 0.794"}),
        ("nll_at_0.5", {"NLL": "at 0.5: 0.794"}),
        ("to_photo/nll", {"NLL": "labels → photo: 0.794"}),
        ("rise_10", {"rise of the score before it": "10 latents: 79.4 %"}),
        ("closed_form_error", {}),  # nothing says what it is
    ],
)
def test_a_pictures_numbers_are_called_as_the_columns_and_rows_are_in_their_units(name, words):
    titles = {"success": "success", "success_1": "success, one", "nll": "NLL"}
    terms = Terms({"no_norm": "no batch norm", "1": "one"}, titles, {"success": "percent"})
    assert spoken({name: 0.794}, terms) == words


def test_numbers_of_several_rows_stand_side_by_side():
    terms = Terms({"a": "A", "b": "B"}, {}, {})
    numbers = {"a/mean_abs_error_grey_levels": 36.6, "b/mean_abs_error_grey_levels": 39}
    assert spoken(numbers, terms) == {"mean absolute error, grey levels": "A 36.6, B 39"}
    assert spoken({"collapsed": 1.0}, terms) == {"collapsed": "yes"}


def test_best_is_lowest_where_lower_is_better_and_ties_share_it(tmp_path):
    errors = {"knn": 0.77931, "swwae": 0.30001, "dcgan": 0.29999, "dcgan_released": 0.2}
    table = build_tables(load("digits"), inputs(tmp_path, "digits", "test_error", errors))[0]
    ours = next(i for i, h in enumerate(table.heads) if h.kind == "ours")
    bold = {row.system for row in table.rows if row.cells[ours].bold}
    assert bold == {"dcgan_released"}
    errors.pop("dcgan_released")
    table = build_tables(load("digits"), inputs(tmp_path, "digits", "test_error", errors))[0]
    assert {row.system for row in table.rows if row.cells[ours].bold} == {"swwae", "dcgan"}


def bold_diagnostics(tmp_path, metric, values, place):
    table = build_tables(load("streets"), inputs(tmp_path, "streets", metric, values))[place]
    return {row.system for row in table.rows if any(cell.bold for cell in row.cells)}


def test_where_one_is_best_neither_most_nor_least_is_bold(tmp_path):
    values = {"cogan": 0.48, "cyclegan": 1.17, "bigan_ali": 0.874, "simgan": 0.926, "cycle_alone": 1.074}
    assert bold_diagnostics(tmp_path, "to_labels/diversity", values, -2) == {"simgan", "cycle_alone"}  # 0.93 and 1.07


def test_where_no_value_is_better_none_is_bold(tmp_path):
    assert bold_diagnostics(tmp_path, "to_photo/noise_growth", {"cogan": 1.001, "cyclegan": 1.012}, -1) == set()


def test_scores_are_shown_as_shares_of_the_ceiling_in_every_view(tmp_path):
    values = {"cyclegan": 0.6, "gan_alone": 0.2, "real_photos": 0.8}
    given = inputs(tmp_path, "streets", "to_photo/pixel_acc", values)
    rest = given.results["streets"]["gan_alone"]
    methods, _, losses, *_ = build_tables(load("streets"), given)
    for table, expected in ((methods, {"cyclegan": "75", "real_photos": "100"}), (losses, {"cyclegan": "75"})):
        (share,) = [i for i, h in enumerate(table.heads) if h.whose == "ours, % of real photos (ceiling)"]
        cells = {row.system: row.cells[share] for row in table.rows}
        assert {s: cells[s].text for s in expected} == expected and not any(c.bold for c in cells.values())
        assert table.heads[share].metric == table.heads[share - 1].metric == "per-pixel accuracy"
    rest["data"] = {"test": "other streets (val, n=9)"}  # another test set: the ceiling is not its
    losses = build_tables(load("streets"), given)[2]
    assert next(row for row in losses.rows if row.system == "gan_alone").cells[share].text == "–"


def test_without_the_ceilings_result_there_is_no_share(tmp_path):
    table = build_tables(load("streets"), inputs(tmp_path, "streets", "to_photo/pixel_acc", {"cyclegan": 0.6}))[0]
    assert not [h for h in table.heads if "%" in h.whose]


@pytest.mark.parametrize("table", TABLES)
def test_ceilings_are_rows(table):
    published = load(table)
    assert {c.ceiling for c in published.columns if c.ceiling} <= set(published.systems)


def test_ground_truth_is_never_the_best_method_and_the_papers_bold_is_kept(tmp_path):
    values = {"ground_truth": 1.0, "pca": 0.8, "vae": 0.7}
    table = build_tables(load("shapes"), inputs(tmp_path, "shapes", "higgins", values))[0]
    paper, ours = (next(i for i, h in enumerate(table.heads) if h.kind == k) for k in ("paper", "ours"))
    assert {row.system for row in table.rows if row.cells[ours].bold} == {"pca"}
    assert {row.system for row in table.rows if row.cells[paper].bold} == {"dc_ign", "beta_vae"}


def test_metrics_that_nobody_has_a_number_for_are_not_printed(tmp_path):
    tables = build_tables(load("shapes"), inputs(tmp_path, "shapes", "mig", {"vae": 0.1}))
    assert {head.metric for head in tables[0].heads} == {"Higgins metric, best half (%)"}
    assert {head.metric for head in tables[2].heads} == {"MIG"}


def test_a_system_of_ones_own_is_counted(tmp_path):
    values = dict.fromkeys([*load("objects").systems, "mine"], 0.5)
    (line,) = what_was_run(load("objects"), inputs(tmp_path, "objects", "accuracy", values))
    assert line.startswith(f"{len(values)} of {len(values)} systems")


def test_rows_of_other_papers_take_no_part_in_the_order(tmp_path):
    values = {"cogan": 0.40, "bigan_ali": 0.19, "cyclegan": 0.52, "real_photos": 0.01, "pix2pix_unet": 0.0}
    table = build_tables(load("streets"), inputs(tmp_path, "streets", "to_photo/pixel_acc", values))[0]
    assert "ρ = 1.00 over 3 rows" in table.order[0]


def test_the_order_is_also_given_among_the_contenders_alone(tmp_path):
    values = {"cogan": 0.19, "bigan_ali": 0.40, "simgan": 0.3, "cyclegan": 0.1, "pix2pix": 0.9}
    table = build_tables(load("streets"), inputs(tmp_path, "streets", "to_photo/pixel_acc", values))[0]
    assert table.order[0].startswith(  # the paper's: 3 1 2 4, 5
        "Order of the rows, ours against the paper's: cannot be told (Spearman). per-pixel accuracy: ρ = 0.00 over 5 "
        "rows (p = 1); per-pixel accuracy, contenders alone: ρ = -1.00 over 4 rows (p = 0.083). Ours is on "
    )
    del values["pix2pix"]
    table = build_tables(load("streets"), inputs(tmp_path, "streets", "to_photo/pixel_acc", values))[0]
    assert "ρ = -1.00 over 4 rows" in table.order[0] and "contenders" not in table.order[0]


def test_words_of_an_order_stand_with_each_metric_where_they_differ(tmp_path):
    same = {"knn": 0.8, "tsvm": 0.7, "m1_knn": 0.6, "m1_tsvm": 0.5, "m1_m2": 0.4, "swwae": 0.3, "dcgan": 0.1}
    told = build_tables(load("digits"), inputs(tmp_path, "digits", "test_error", same))[0].order[0]
    assert told.startswith(
        "Order of the rows, ours against the paper's: similar order (Spearman). test error: ρ = 1.00 "
    )
    rows = ["kmeans_1layer", "view_invariant_kmeans", "kmeans_3layer_rf", "dcgan", "exemplar_cnn"]  # the worst first
    given = inputs(tmp_path, "objects", "accuracy", {row: 0.1 * n for n, row in enumerate(rows)})
    few = ["exemplar_cnn", "dcgan", "view_invariant_kmeans", "kmeans_3layer_rf", "kmeans_1layer"]  # the best first
    for n, row in enumerate(few):
        given.results["objects"][row]["metrics"]["accuracy_few"] = {
            "mean": 0.1 * n,
            "std": 0,
            "n": 1,
            "values": [0.1 * n],
        }
    told = build_tables(load("objects"), given)[0].order[0]
    assert told.startswith(
        "Order of the rows, ours against the paper's (Spearman). accuracy, all labels: similar order, ρ = 1.00 over 5 "
        "rows (p = 0.017); accuracy, few labels: reversed, ρ = -1.00 over 5 rows (p = 0.017). Ours is on "
    )


def test_what_training_adds_stands_beside_a_row_with_an_untrained_twin(tmp_path):
    values = {"dcgan": 0.726, "dcgan_untrained": 0.631, "kmeans_1layer": 0.8}
    table = build_tables(load("objects"), inputs(tmp_path, "objects", "accuracy", values))[0]
    (at,) = (k for k, head in enumerate(table.heads) if "gained" in head.whose)
    gained = {row.system: row.cells[at].text for row in table.rows}
    assert {system: text for system, text in gained.items() if text != "–"} == {"dcgan": "+9.5"}
    table = build_tables(
        load("digits"), inputs(tmp_path, "digits", "test_error", {"dcgan": 0.38, "dcgan_untrained": 0.48})
    )[0]
    assert "+10.00" in [cell.text for row in table.rows for cell in row.cells]  # fewer errors are a gain
    del values["dcgan_untrained"]
    table = build_tables(load("objects"), inputs(tmp_path, "objects", "accuracy", values))[0]
    assert not any("gained" in head.whose for head in table.heads)


def test_sizes_are_printed_beside_the_papers_without_a_spread_and_are_no_order(tmp_path):
    values = {"dcgan": 128, "kmeans_1layer": 400, "exemplar_cnn": 64}
    table = build_tables(load("objects"), inputs(tmp_path, "objects", "widest_layer", values))[0]
    at = [k for k, head in enumerate(table.heads) if head.metric == "feature units, widest layer"]
    shown = {row.system: [row.cells[k].text for k in at] for row in table.rows}
    assert shown["dcgan"] == ["512", "128"] and shown["kmeans_1layer"] == ["4800", "400"]
    assert not table.order


def test_settings_are_those_that_the_rows_of_this_report_were_run_with(tmp_path):
    def ran(system, stage, profile, params):
        folder = tmp_path / "runs" / "objects" / system / stage
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(json.dumps({"profile": profile, "params": params}))

    ran("dcgan", "features", "laptop", {"objects.seeds": [0, 1], "objects.systems.dcgan.lr": 1e-3})
    ran("dcgan", "probe", "laptop", {"objects.probe.costs": [5e-5, 0.1], "objects.systems.dcgan.weights": None})
    ran("mine", "features", "laptop", {"objects.systems.mine.deep": True, "objects.systems.mine.steps": 20})
    ran("raw_pixels", "probe", "smoke", {"objects.systems.raw_pixels.size": 3})
    shared, own = settings_of(inputs(tmp_path, "objects", "accuracy", {}), "objects")
    assert shared == {"seeds": "[0, 1]", "probe.costs": "[5e-05, 0.1]"}
    assert own == {"dcgan": {"lr": "0.001", "weights": "null"}, "mine": {"deep": "true", "steps": "20"}}


def test_the_sentence_about_the_data():
    published = load("digits")
    real, drawn = ({"data": {"test": f"{title} (test, n=9)"}} for title in ("SVHN", "rendered digits"))
    assert "on the paper's data, SVHN" in data_sentence(published, {"knn": real}, "ours")
    mixed = data_sentence(published, {"knn": real, "dcgan": drawn}, "ours")
    assert "rendered digits" in mixed and "only the order" in mixed


def test_a_re_rendering_is_not_the_papers_data():
    result = {"data": {"test": "dSprites (re-rendered) (all, n=737280)"}}
    assert data_titles(result["data"]) == {"test": "dSprites (re-rendered)"}
    assert "only the order" in data_sentence(load("shapes"), {"vae": result}, "ours")


def test_loss_curve_mean_uses_steps_of_every_seed():
    rows = [{"seed": 0, "step": t, "metric": "loss", "value": float(t)} for t in (0, 10, 20)]
    rows += [{"seed": 1, "step": t, "metric": "loss", "value": t + 2.0} for t in (0, 10)]
    seeds = _panels({"train": rows})["loss"]
    steps, mean = _mean(seeds)
    assert steps.tolist() == [0, 10] and mean.tolist() == [1.0, 11.0]
    steps, mean = _mean({0: np.array([[0.0, 1.0], [2.0, 5.0]]), 1: np.array([[1.0, 3.0]])})  # no step in common
    assert len(steps) == len(mean) == 0


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
    titles = {
        "higgins": "Higgins metric",
        "mig": "MIG",
        "to_photo/noise_growth": "noise",
        "to_labels/noise_growth": "x",
    }
    assert note_text(note, titles, {"higgins", "to_photo/noise_growth"}) == expected


def test_a_curve_for_each_of_many_metrics_and_none_of_what_a_search_tried():
    rows = [{"seed": 0, "step": t, "metric": f"loss_{k}", "value": float(t)} for t in (0, 10) for k in range(12)]
    assert loss_curves({"train": rows}, "k").startswith("<svg")  # more panels than colours
    assert len(_panels({"train": rows})) == 9
    assert loss_curves({"train": [row | {"metric": "draw0_trial_lr"} for row in rows]}, "k") is None


def test_no_curve_from_single_points():
    assert loss_curves({"train": [{"seed": 0, "step": 5, "metric": "loss", "value": 1.0}]}, "k") is None
    assert loss_curves({}, "k") is None


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def written(folder, name="a-b-x.webp"):
    with Image.open(folder / name) as image:
        return np.array(image.convert("RGB"))


NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)


def test_what_is_small_enough_keeps_its_pixels(tmp_path):
    pixels = NOISE[:100, :100]
    figure = write_figures([Picture("a", "b", "x", png(pixels))], tmp_path)["a-b-x.webp"]
    assert np.array_equal(written(tmp_path), pixels) and (figure.width, figure.height) == (100, 100)


def test_what_is_too_large_gets_a_palette_and_then_fewer_pixels(tmp_path):
    write_figures([Picture("a", "b", "x", png(NOISE))], tmp_path)  # 360,000 bytes of noise
    found = written(tmp_path)
    assert found.shape == NOISE.shape and len(np.unique(found.reshape(-1, 3), axis=0)) == 256
    write_figures([Picture("a", "b", "x", png(NOISE))], tmp_path, budget=50_000)
    found = written(tmp_path)
    assert (tmp_path / "a-b-x.webp").stat().st_size <= 50_000
    assert found.shape[0] < 300 and found.shape[1] / found.shape[0] == pytest.approx(4 / 3, rel=0.05)


def test_tables_and_data_belong_to_papers():
    assert {table for paper in load_papers().values() for table in paper.tables} == {
        "objects",
        "digits",
        "streets",
        "shapes",
    }
    names = ["objects_unlabelled", "faces", "fruit_texture", "chairs", "shapes", "something_else"]
    assert [paper_of(name) for name in names] == ["dcgan", "dcgan", "cyclegan", "beta_vae", "beta_vae", None]


def test_durations():
    assert [duration(s) for s in (1.26, 12.3, 200, 9000)] == ["1.3 s", "12 s", "3.3 min", "2.5 h"]


def test_latex_escapes():
    assert tex("50 % of a_b & β ± ρ → {x}") == r"50 \% of a\_b \& $\beta$ $\pm$ $\rho$ $\to$ \{x\}"
    assert tex("a − σ ↓ × 2 ± 1 ↔ θ² …") == (
        r"a $-$ $\sigma$ $\downarrow$ $\times$ 2 $\pm$ 1 $\leftrightarrow$ $\theta$$^2$ \dots{}"
    )


def cells(table, kind):
    """System -> cell of the first column of this kind: paper, ours, kept."""
    place = next(i for i, head in enumerate(table.heads) if head.kind == kind)
    return {row.system: row.cells[place] for row in table.rows}


def test_a_row_alone_is_not_the_best(tmp_path):
    for values in ({"dcgan": 0.3}, {"dcgan": 0.3, "knn": 0.8}):
        table = build_tables(load("digits"), inputs(tmp_path, "digits", "test_error", values))[0]
        assert cells(table, "ours")["dcgan"].bold is (len(values) > 1)


def test_a_single_value_is_shown_without_a_spread(tmp_path):
    given = inputs(tmp_path, "digits", "test_error", {"dcgan": 0.3, "knn": 0.8})
    given.results["digits"]["dcgan"]["metrics"]["test_error"] = {"mean": 0.3, "std": 0.0, "n": 1, "values": [0.3]}
    ours = cells(build_tables(load("digits"), given)[0], "ours")
    assert (ours["dcgan"].text, ours["knn"].text) == ("30.00", "80.00 ± 0.00 (n = 3)")


def with_kept(tmp_path, ours, kept):
    given, other = (inputs(tmp_path, "streets", "to_photo/pixel_acc", values) for values in (ours, kept))
    return dataclasses.replace(given, kept=other.results)


def test_paper_scale_numbers_stand_in_their_own_column_and_have_their_own_ceiling_and_order(tmp_path):
    ours = {"cyclegan": 0.2, "gan_alone": 0.4, "cogan": 0.3, "bigan_ali": 0.1, "real_photos": 0.5}
    kept = {"cyclegan": 0.6, "bigan_ali": 0.1, "cogan": 0.3, "simgan": 0.2, "real_photos": 0.8}
    table = build_tables(load("streets"), with_kept(tmp_path, ours, kept))[0]
    for kind, numbers in (("ours", ours), ("kept", kept)):
        shown = cells(table, kind)
        assert {s: shown[s].text.split()[0] for s in numbers if s != "gan_alone"} == {
            s: f"{value:.2f}" for s, value in numbers.items() if s != "gan_alone"
        }
        best = max((s for s in numbers if s not in ("real_photos", "gan_alone")), key=numbers.get)
        assert [s for s, cell in shown.items() if cell.bold] == [best]
    shares = [i for i, head in enumerate(table.heads) if "%" in head.whose]
    assert [next(r for r in table.rows if r.system == "cogan").cells[i].text for i in shares] == ["60", "38"]
    # the paper's .52 .40 .19 (.20): ours .2 .3 .1, at paper scale .6 .3 .1 (.2)
    assert "ours against" in table.order[0] and "ρ = 0.50 over 3 rows" in table.order[0]
    assert "ours, kept against" in table.order[1] and "ρ = 1.00 over 4 rows" in table.order[1]


def test_numbers_from_memory_are_marked(tmp_path):
    numbers = load("digits").model_dump(exclude_unset=True)
    numbers["systems"]["knn"]["values"]["test_error"]["recalled"] = True
    published = Published.model_validate(numbers)
    table = build_tables(published, inputs(tmp_path, "digits", "test_error", {"dcgan": 0.3}))[0]
    paper = cells(table, "paper")
    assert paper["knn"].marks == ("R",) and paper["dcgan"].marks == () and paper["knn"].text == "77.93 ± 0.08"
    assert {mark for mark, text in table.notes if "from memory" in text} == {"R"}


def test_columns_of_the_csv(tmp_path):
    given = inputs(tmp_path, "digits", "test_error", {"knn": 0.75})
    kept = inputs(tmp_path, "digits", "test_error", {"knn": 0.625}).results
    text = to_csv(load("digits"), dataclasses.replace(given, kept=kept), ["knn"])
    (row,) = csv.DictReader(io.StringIO(text))
    parts = ("paper", "paper_spread", "paper_recalled", "mean", "std", "n", "kept_mean", "kept_std", "kept_n")
    expected = ["0.7793", "0.0008", "False", "0.75", "0.0", "3", "0.625", "0.0", "3"]
    assert [row[f"test_error/{part}"] for part in parts] == expected
    assert (row["system"], row["name"], row["status"], row["data"]) == (
        "knn",
        "KNN",
        "run",
        "test: rendered (test, n=9)",
    )


def test_a_number_is_of_the_data_it_was_measured_on():
    assert judged_on({"data": {"train": "A (train, n=5)", "test": "B (val, n=2)"}}) == "B"
    assert judged_on({"data": {"train": "A (train, n=5)"}}) == "A" and judged_on({"data": {}}) == "unnamed data"


def test_at_paper_scale_what_was_run_here_goes_before_what_is_kept(tmp_path):
    row = {"table": "objects", "profile": "paper", "data": {"test": "d (test, n=1)"}, "seeds": [0]}
    for folder, system, value in (("results", "dcgan", 0.5), ("reports/paper/results", "dcgan", 0.25),
                                  ("reports/paper/results", "raw_pixels", 0.125)):  # fmt: skip
        write_result(tmp_path / folder / f"objects/{system}.json", system=system, metrics={"a": [value]}, **row)
    given = read_inputs(tmp_path, "paper")
    assert {s: r["metrics"]["a"]["mean"] for s, r in given.results["objects"].items()} == {
        "dcgan": 0.5,
        "raw_pixels": 0.125,
    }
    assert given.kept == {}


def test_the_cost_of_a_system_is_that_of_all_its_stages(tmp_path):
    write_result(
        tmp_path / "results/objects/dcgan.json", table="objects", system="dcgan", profile="laptop",
        data={}, seeds=[0], metrics={"a": [1.0]},
    )  # fmt: skip
    for stage, seconds, device in (("features", 100, "GPU"), ("probe", 20.5, "cpu")):
        run = tmp_path / "runs/objects/dcgan" / stage
        run.mkdir(parents=True)
        (run / "run.json").write_text('{"profile": "laptop"}')
        (run / "cost.json").write_text(f'{{"seconds": {seconds}, "device": "{device}"}}')
    cost = read_inputs(tmp_path, "laptop").costs["objects", "dcgan"]
    assert (cost.seconds, cost.devices) == (120.5, ("GPU", "cpu"))


def test_loss_curves_are_in_order_without_what_is_not_finite_and_show_the_mean():
    rows = [{"seed": 0, "step": t, "metric": "loss", "value": v} for t, v in ((20, 3.0), (0, 1.0), (10, np.nan))]
    rows += [{"seed": 1, "step": t, "metric": "loss", "value": v} for t, v in ((0, 2.0), (20, 5.0))]
    seeds = _panels({"train": rows})["loss"]
    assert seeds[0].tolist() == [[0, 1], [20, 3]]
    axes = matplotlib.figure.Figure().add_subplot()
    _panel(axes, "loss", seeds, "black")
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1, 3], [2, 5], [1.5, 4]]


def test_dots_are_in_the_unit_of_their_column_each_in_the_row_of_its_system(monkeypatch):
    axes = matplotlib.figure.Figure().add_subplot()
    _dots(axes, {0: (0.25, 0.125, []), 3: (0.5, 0.0, [])}, 100, 0, "paper")
    points, _, (bars,) = axes.containers[0]
    assert points.get_xdata().tolist() == [25, 50] and [round(y) for y in points.get_ydata()] == [0, 3]
    assert bars.get_segments()[0][:, 0].tolist() == [12.5, 37.5]
    axes = matplotlib.figure.Figure().add_subplot()
    _dots(axes, {1: (0.25, 0.1, [0.125, 0.375])}, 100, 1, "ours")  # its trainings, no bar
    assert axes.lines[0].get_xdata().tolist() == [12.5, 37.5]
    assert not axes.containers[0].has_xerr

    drawn = []
    monkeypatch.setattr("triptych.report.curves.to_svg", lambda figure, key: drawn.append(figure))
    series = {"paper": {"a": {"knn": (0.5, 0.0, ()), "dcgan": (0.25, 0.0, ())}}}
    dot_chart([PERCENT], {"knn": "KNN", "dcgan": "DCGAN + L2-SVM"}, series, "k")
    (axes,) = drawn[0].axes
    places = {tick.get_text(): place for tick, place in zip(axes.get_yticklabels(), axes.get_yticks())}
    assert axes.transData.transform((0, places["KNN"]))[1] > axes.transData.transform((0, places["DCGAN + L2-SVM"]))[1]
    points = axes.containers[0][0]
    assert dict(zip(map(round, points.get_ydata()), points.get_xdata())) == {
        places["KNN"]: 50,
        places["DCGAN + L2-SVM"]: 25,
    }


def test_a_chart_has_the_papers_numbers_and_a_series_for_every_set_of_data(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr("triptych.report.charts.dot_chart", lambda *arguments: drawn.append(arguments) or "<svg>")
    given = with_kept(tmp_path, {"cyclegan": 0.5, "cogan": 0.25}, {"cyclegan": 0.6})
    given.results["streets"]["cogan"]["data"] = {"test": "mine (test, n=9)"}
    charts = dot_charts(load("streets"), given, build_tables(load("streets"), given))
    assert list(charts)[0] == "methods_to_photo"
    columns, _, series, _ = drawn[0]
    assert columns[0].metric == "to_photo/pixel_acc"
    assert series["paper, Cityscapes"]["to_photo/pixel_acc"]["cyclegan"] == (0.52, 0.0, ())
    ours = {label: dict(metrics["to_photo/pixel_acc"]) for label, metrics in series.items() if "ours" in label}
    assert ours == {
        "ours, mine": {"cogan": (0.25, 0.0, [0.25] * 3)},
        "ours, rendered": {"cyclegan": (0.5, 0.0, [0.5] * 3)},
        "ours, kept, rendered": {"cyclegan": (0.6, 0.0, [0.6] * 3)},
    }


def test_a_chart_is_the_same_text_every_time_and_its_ids_are_its_own():
    def made(key):
        return dot_chart([PERCENT], {"knn": "KNN"}, {"paper": {"a": {"knn": (0.5, 0.1, ())}}}, key)

    def ids(svg):
        return set(re.findall(r' id="([^"]+)"', svg))

    assert made("k") == made("k") and "<text" in made("k") and "currentColor" in made("k")
    assert "KNN" in made("k") and ids(made("k")) and not ids(made("k")) & ids(made("other"))


def test_notes_are_caveats_three_a_row_and_numbered_as_one_reads():
    rows = [
        Row("a", Cell("A", notes=("second", "first")), (Cell("1", notes=("third",)),), True),
        Row("b", Cell("B", notes=("first", "w", "x")), (Cell("2", notes=("y", RECALLED)),), True),
    ]
    marked, notes = numbered(rows)
    assert notes[:5] == (("1", "second"), ("2", "first"), ("3", "third"), ("4", "w"), ("5", "x"))
    assert notes[5:] == (("R", RECALLED),)
    assert marked[1].name.marks == ("2", "4", "5") and marked[1].cells[0].marks == ("R",)
    assert left_over(rows[1]) == ["y"]


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


def test_every_number_is_in_the_long_csv_with_its_seed_and_draw(tmp_path):
    given = inputs(tmp_path, "objects", "accuracy", {"dcgan": 0.5})
    result = given.results["objects"]["dcgan"] | {"seeds": [4, 5], "profile": "laptop"}
    result["metrics"] = {"accuracy_few": summary([0.25, 0.5, 0.75, 1.0])}
    given.results["objects"]["dcgan"] = result
    rows = list(csv.DictReader(io.StringIO(to_long_csv(given))))
    ours = [(r["metric"], r["seed"], r["draw"], r["value"]) for r in rows if r["source"] == "ours"]
    assert ours == [
        ("accuracy_few", "4", "0", "0.25"),
        ("accuracy_few", "4", "1", "0.5"),
        ("accuracy_few", "5", "0", "0.75"),
        ("accuracy_few", "5", "1", "1.0"),
    ]
    paper = {(r["table"], r["system"], r["metric"]): r for r in rows if r["source"] == "paper"}
    assert paper["objects", "dcgan", "accuracy"]["value"] == "0.828"
    assert paper["objects", "dcgan", "accuracy"]["data"] == "CIFAR-10"


def test_figures_together_stay_within_their_budget(tmp_path):
    pictures = [Picture("a", "b", name, png(NOISE[:200, :200])) for name in ("x", "y")]

    def total(budget):
        write_figures(pictures, tmp_path, budget)
        files = list(tmp_path.glob("*.webp"))
        assert {file.name for file in files} == {"a-b-x.webp", "a-b-y.webp"}
        return sum(file.stat().st_size for file in files)

    assert total(10**6) > 240_000
    assert total(110_000) <= 110_000
    pictures[1] = Picture("a", "b", "y", png(NOISE[:50, :50]))
    assert 40_000 < total(100_000) <= 100_000  # the large one gives way: it gets a palette, and keeps its size
    assert written(tmp_path).shape == (200, 200, 3)
    assert np.array_equal(written(tmp_path, "a-b-y.webp"), NOISE[:50, :50])


def test_numbers_beside_the_tables_are_shown_in_their_unit():
    by_name = {(n.name, n.column): n for table in ("digits", "streets") for n in load(table).elsewhere}
    dcgan = by_name["DCGAN + L2-SVM as later papers quote it", "test error"]
    assert show_elsewhere(dcgan) == "22.18 ± 1.13 %"
    assert show_elsewhere(by_name["1-NN on MNIST: real data, 50 K", "test error"]) == "3.1 %"
    assert show_elsewhere(by_name["pix2pix paper, real photos", "Class IOU"]) == "0.21"


def test_on_other_data_the_numbers_are_no_reproduction(tmp_path):
    def told(data):
        return honesty(load("digits"), inputs(tmp_path, "digits", "test_error", {"knn": 0.5}, data))

    assert "the paper's data" in told("SVHN") and "never across" not in told("SVHN")
    assert "on rendered digits. It is not a reproduction" in told("rendered digits")


def test_how_many_values_a_number_is_made_of_is_said(tmp_path):
    given = inputs(tmp_path, "digits", "test_error", {"knn": 0.5, "dcgan": 0.3})

    def told(*counts):
        for system, n in zip(("knn", "dcgan"), counts):
            given.results["digits"][system]["metrics"]["test_error"]["n"] = n
        return what_was_run(load("digits"), given)[0]

    assert "a single run (n = 1)" in told(1, 1)
    assert "over n = 3 values" in told(3, 3) and "over n = 1 to 9 values" in told(9, 1)


def test_small_numbers_on_an_axis_stay_what_they_are():
    points = [{"seed": 0, "step": step, "metric": "lr", "value": value} for step, value in ((0, 0.001), (9, 0.009))]
    svg = loss_curves({"train": points}, "lr")
    ticks = [float(text) for text in re.findall(r">(0\.\d+)<", svg)]
    assert len(set(ticks)) == len(ticks) > 2
    assert not re.search(r'="[^"]*\d\.\d{3}', svg)  # coordinates are short
