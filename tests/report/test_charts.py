"""What the report draws: curves, dots; and the pictures that it makes small."""

import io
import re

import matplotlib.figure
import numpy as np
import pytest
from hand_made import inputs
from PIL import Image

from triptych.published import Column, load
from triptych.report import figures
from triptych.report.charts import dot_charts
from triptych.report.curves import _dots, _mean, _panel, _panels, dot_chart, loss_curves
from triptych.report.figures import Picture, Terms, spoken, write_figures
from triptych.report.table import build_tables

PERCENT = Column(metric="a", title="a", unit="percent", decimals=2, better="higher")
NOISE = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)


def history(*points, metric="loss"):
    """Of a stage, from (seed, step, value)."""
    return {"train": [{"seed": seed, "step": step, "metric": metric, "value": v} for seed, step, v in points]}


def test_loss_curves_are_in_order_without_what_is_not_finite_and_show_the_mean():
    seeds = _panels(history((0, 20, 3.0), (0, 0, 1.0), (0, 10, np.nan), (1, 0, 2.0), (1, 20, 5.0)))["loss"]
    assert seeds[0].tolist() == [[0, 1], [20, 3]]
    axes = matplotlib.figure.Figure().add_subplot()
    _panel(axes, "loss", seeds, "black")
    assert [line.get_ydata().tolist() for line in axes.lines] == [[1, 3], [2, 5], [1.5, 4]]


def test_the_mean_is_of_the_steps_that_every_seed_has():
    steps, mean = _mean({0: np.array([[0.0, 0], [10, 10], [20, 20]]), 1: np.array([[0.0, 2], [10, 12]])})
    assert steps.tolist() == [0, 10] and mean.tolist() == [1, 11]
    assert not any(map(len, _mean({0: np.array([[0.0, 1.0], [2.0, 5.0]]), 1: np.array([[1.0, 3.0]])})))


def test_a_curve_for_each_of_many_metrics_and_none_of_what_a_search_tried_or_of_single_points():
    rows = [row for k in range(12) for row in history((0, 0, 0.0), (0, 10, 10.0), metric=f"loss_{k}")["train"]]
    assert loss_curves({"train": rows}, "k").startswith("<svg")  # more panels than colours
    assert len(_panels({"train": rows})) == 9
    for none in ({}, history((0, 5, 1.0)), history((0, 0, 0.0), (0, 10, 1.0), metric="draw0_trial_lr")):
        assert loss_curves(none, "k") is None


def test_small_numbers_on_an_axis_stay_what_they_are():
    svg = loss_curves(history((0, 0, 0.001), (0, 9, 0.009)), "lr")
    ticks = [float(text) for text in re.findall(r">(0\.\d+)<", svg)]
    assert len(set(ticks)) == len(ticks) > 2
    assert not re.search(r'="[^"]*\d\.\d{3}', svg)  # coordinates are short


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
    knn, dcgan = places["KNN"], places["DCGAN + L2-SVM"]
    assert axes.transData.transform((0, knn))[1] > axes.transData.transform((0, dcgan))[1]
    points = axes.containers[0][0]
    assert dict(zip(map(round, points.get_ydata()), points.get_xdata())) == {knn: 50, dcgan: 25}


def test_a_chart_has_the_papers_numbers_and_a_series_for_every_set_of_data(monkeypatch):
    drawn = []
    monkeypatch.setattr("triptych.report.charts.dot_chart", lambda *arguments: drawn.append(arguments) or "<svg>")
    metric = "to_photo/pixel_acc"
    given = inputs("streets", metric, {"cyclegan": 0.5, "cogan": 0.25}, kept={"cyclegan": 0.6})
    given.results["streets"]["cogan"]["data"] = {"test": "mine (test, n=9)"}
    charts = dot_charts(load("streets"), given, build_tables(load("streets"), given))
    assert list(charts)[0] == "methods_to_photo"
    columns, _, series, _ = drawn[0]
    assert columns[0].metric == metric
    assert series["paper, Cityscapes"][metric]["cyclegan"] == (0.52, 0.0, ())
    assert {label: dict(metrics[metric]) for label, metrics in series.items() if "ours" in label} == {
        "ours, mine": {"cogan": (0.25, 0.0, [0.25] * 3)},
        "ours, rendered": {"cyclegan": (0.5, 0.0, [0.5] * 3)},
        "ours (paper), rendered": {"cyclegan": (0.6, 0.0, [0.6] * 3)},
    }


def test_a_chart_is_the_same_text_every_time_and_its_ids_are_its_own():
    def made(key):
        return dot_chart([PERCENT], {"knn": "KNN"}, {"paper": {"a": {"knn": (0.5, 0.1, ())}}}, key)

    first, again, other = made("k"), made("k"), made("other")
    assert first == again and "<text" in first and "currentColor" in first and "KNN" in first
    ids, others = (set(re.findall(r' id="([^"]+)"', svg)) for svg in (first, other))
    assert ids and not ids & others


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


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes pictures with limits of a quarter; gives their pixels by name, the bytes of all, and the figures."""
    monkeypatch.setattr(figures, "LIMIT", 75_000)
    monkeypatch.setattr(figures, "SMALLEST", 7_500)

    def write(budget=10**6, **pictures):
        files = [(Picture("a", "b", name, png(pixels))) for name, pixels in pictures.items()]
        made = write_figures(files, tmp_path, budget)
        found = sorted(tmp_path.glob("*.webp"))
        assert [file.name for file in found] == [f"a-b-{name}.webp" for name in pictures]
        shown = {name: np.array(Image.open(file).convert("RGB")) for name, file in zip(pictures, found)}
        return shown, sum(file.stat().st_size for file in found), made

    return write


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def test_what_is_small_enough_keeps_its_pixels_and_what_is_not_gets_a_palette_and_then_fewer(written):
    small = NOISE[:100, :100]
    shown, _, made = written(x=small)
    assert np.array_equal(shown["x"], small) and (made["a-b-x.webp"].width, made["a-b-x.webp"].height) == (100, 100)
    shown, *_ = written(x=NOISE)  # 90,000 bytes of noise
    assert shown["x"].shape == NOISE.shape and len(np.unique(shown["x"].reshape(-1, 3), axis=0)) == 256
    shown, size, _ = written(12_500, x=NOISE)
    high, wide, _ = shown["x"].shape
    assert size <= 12_500 and high < 150 and wide / high == pytest.approx(4 / 3, rel=0.05)


def test_figures_together_stay_within_their_budget(written):
    large, small = NOISE[:100, :100], NOISE[:25, :25]
    assert written(x=large, y=large)[1] > 60_000
    assert written(27_500, x=large, y=large)[1] <= 27_500
    shown, size, _ = written(25_000, x=large, y=small)
    assert 10_000 < size <= 25_000  # the large one gives way: it gets a palette, and keeps its size
    assert shown["x"].shape == large.shape and np.array_equal(shown["y"], small)
