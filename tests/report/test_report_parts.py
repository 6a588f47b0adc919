"""Parts of the report whose rules are easy to get wrong."""

import io

import numpy as np
import pytest
from PIL import Image

from triptych.published import TABLES, Column, load
from triptych.report.curves import _mean, _panels, loss_curves
from triptych.report.figures import shrink
from triptych.report.formats import tex
from triptych.report.load import Inputs, data_titles, duration
from triptych.report.page import what_was_run
from triptych.report.papers import PAPERS, paper_of
from triptych.report.rank import data_sentence, spearman
from triptych.report.table import build_tables, show

PERCENT = Column(metric="a", title="a", unit="percent", decimals=2, better="higher", spread_decimals=1)
LOWER = Column(metric="a", title="a", unit="fraction", decimals=2, better="lower")


def inputs(tmp_path, table, metric, values, data="rendered"):
    results = {
        system: {
            "data": {"test": f"{data} (test, n=9)"},
            "metrics": {metric: {"mean": mean, "std": 0.1, "n": 3}},
        }
        for system, mean in values.items()
    }
    return Inputs(tmp_path, "laptop", {}, {table: results}, {})


def test_numbers_are_shown_as_the_paper_prints_them():
    assert show(0.4575, 0.008, PERCENT) == "45.75 ± 0.8"
    assert show(0.849, 0.004, PERCENT, decimals=1) == "84.9 ± 0.4"
    assert show(0.4, None, LOWER) == "0.40"


def test_spearman_by_hand():
    assert spearman([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(0.8)  # 1 - 6·2 / (4·15)
    assert spearman([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert spearman([1, 1, 2], [1, 2, 3]) == pytest.approx(np.sqrt(3) / 2)  # a tie has the mean rank
    assert spearman([1, 2], [1, 2]) is None
    assert spearman([1, 2, 3], [5, 5, 5]) is None


def test_best_is_lowest_where_lower_is_better_and_ties_share_it(tmp_path):
    errors = {"knn": 0.77931, "swwae": 0.30001, "dcgan": 0.29999, "dcgan_released": 0.2}
    table = build_tables(load("digits"), inputs(tmp_path, "digits", "test_error", errors))[0]
    ours = next(i for i, h in enumerate(table.heads) if h.kind == "ours")
    bold = {row.system for row in table.rows if row.cells[ours].bold}
    assert bold == {"dcgan_released"}
    errors.pop("dcgan_released")
    table = build_tables(load("digits"), inputs(tmp_path, "digits", "test_error", errors))[0]
    assert {row.system for row in table.rows if row.cells[ours].bold} == {"swwae", "dcgan"}


def bold_diagnostics(tmp_path, metric, values):
    table = build_tables(load("streets"), inputs(tmp_path, "streets", metric, values))[-1]
    return {row.system for row in table.rows if any(cell.bold for cell in row.cells)}


def test_where_one_is_best_neither_most_nor_least_is_bold(tmp_path):
    values = {"cogan": 0.48, "cyclegan": 1.17, "bigan_ali": 0.874, "simgan": 0.926, "cycle_alone": 1.074}
    assert bold_diagnostics(tmp_path, "to_labels/diversity", values) == {"simgan", "cycle_alone"}  # 0.93 and 1.07


def test_where_no_value_is_better_none_is_bold(tmp_path):
    assert bold_diagnostics(tmp_path, "to_photo/noise_growth", {"cogan": 1.001, "cyclegan": 1.012}) == set()


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
    table = build_tables(load("shapes"), inputs(tmp_path, "shapes", "mig", {"vae": 0.1}))[0]
    assert {head.metric for head in table.heads} == {"Higgins metric, best half (%)", "MIG"}


def test_a_system_of_ones_own_is_counted(tmp_path):
    values = dict.fromkeys([*load("objects").systems, "mine"], 0.5)
    (line,) = what_was_run(load("objects"), inputs(tmp_path, "objects", "accuracy", values))
    assert line.startswith(f"{len(values)} of {len(values)} systems")


def test_rows_of_other_papers_take_no_part_in_the_order(tmp_path):
    values = {"cogan": 0.40, "bigan_ali": 0.19, "cyclegan": 0.52, "real_photos": 0.01, "pix2pix_unet": 0.0}
    table = build_tables(load("streets"), inputs(tmp_path, "streets", "to_photo/pixel_acc", values))[0]
    assert "ρ = 1.00 over 3 rows" in table.order[0]


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
    steps, sums, counts = _mean(seeds)
    assert steps.tolist() == [0, 10] and (sums / counts).tolist() == [1.0, 11.0]


def test_no_curve_from_single_points():
    assert loss_curves({"train": [{"seed": 0, "step": 5, "metric": "loss", "value": 1.0}]}) is None
    assert loss_curves({}) is None


def test_shrink_keeps_what_fits_and_brings_down_what_does_not():
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(noise).save(out, "PNG")
    png = out.getvalue()
    assert shrink(png, len(png)) == png
    small = shrink(png, 50_000)
    assert len(small) <= 50_000
    with Image.open(io.BytesIO(small)) as image:
        assert image.width / image.height == pytest.approx(4 / 3, rel=0.05)


def test_tables_and_data_belong_to_papers():
    assert {table for paper in PAPERS for table in paper.tables} == {"objects", "digits", "streets", "shapes"}
    names = ["objects_unlabelled", "faces", "fruit_texture", "chairs", "shapes", "something_else"]
    assert [paper_of(name) for name in names] == ["dcgan", "dcgan", "cyclegan", "beta_vae", "beta_vae", None]


def test_durations():
    assert [duration(s) for s in (1.26, 12.3, 200, 9000)] == ["1.3 s", "12 s", "3.3 min", "2.5 h"]


def test_latex_escapes():
    assert tex("50 % of a_b & β ± ρ → {x}") == r"50 \% of a\_b \& $\beta$ $\pm$ $\rho$ $\to$ \{x\}"
    assert tex("a − σ ↓ × 2 ± 1 ↔ θ² …") == (
        r"a $-$ $\sigma$ $\downarrow$ $\times$ 2 $\pm$ 1 $\leftrightarrow$ $\theta$$^2$ \dots{}"
    )
