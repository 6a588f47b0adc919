"""The β sweep: its rows, many β in one loop, its measures on models whose values are known."""

import math

import numpy as np
import pytest
import torch
from shapes_kit import images_of

from triptych.base.config import ParamsError, validate
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import higgins
from triptych.beta_vae.shapes.judge.rate_distortion import Measures
from triptych.beta_vae.studies.beta_sweep import figures as beta_sweep_figures
from triptych.beta_vae.studies.beta_sweep.figures import (
    COLOURS,
    MARKERS,
    draw_active_units,
    draw_collapse,
    draw_figures,
    draw_rate_distortion,
    draw_reconstruction,
    draw_score,
    summary,
)
from triptych.beta_vae.studies.beta_sweep.protocol import (
    Outcome,
    Protocol,
    Row,
    build,
    encode_together,
    evaluate,
    judge,
    notes,
    score,
    train_rows,
)
from triptych.beta_vae.vae.training import fit_together
from triptych.data.spec import Spec
from triptych.engine import Replica

CPU = torch.device("cpu")
TRAINING = {"hidden": 16, "optimiser": "adam", "lr": 1e-2, "batch_size": 16, "steps": 60}
JUDGING = {"pairs": 8, "train_points": 200, "test_points": 100, "classifier_seeds": 2, "classifier_steps": 300}
SECTION = {"seeds": [0, 1], "latents": 4, "betas_norm": [0.5, 0.002], "training": TRAINING, "judging": JUDGING}


def protocol(**changes) -> Protocol:
    return Protocol(**{**SECTION, **changes})


def test_rows_are_named_by_their_beta_and_by_another_size():
    rows = protocol(other_latents=[8, 2], other_betas_norm=[0.00977]).rows()
    names = ["beta_norm_0.002", "beta_norm_0.5", "latents_2_beta_norm_0.00977", "latents_8_beta_norm_0.00977"]
    assert [r.name for r in rows] == names
    assert [(r.beta_norm, r.latents, r.main) for r in rows[1:3]] == [(0.5, 4, True), (0.00977, 2, False)]
    for betas, message in (([0.002, 0.0020001], "beta_norm_0.002"), ([0.0, 0.1], "greater than 0")):
        with pytest.raises(ParamsError, match=message):
            validate(Protocol, SECTION | {"betas_norm": betas}, "beta_sweep")


def test_models_of_different_beta_trained_together_end_as_alone_each_with_a_history(dataset):
    history: list = []
    p = protocol(other_latents=[2], other_betas_norm=[0.01])
    spec, images = Spec.of(dataset), dataset["train"].images
    together = train_rows(p.rows(), p, spec, images, [Replica(s, CPU, sink=history.extend) for s in p.seeds])
    names = [f"{row.name}_{m}" for row in p.rows() for m in ("nll", "kl")]
    assert sorted(name for step, name, _ in history if step == 60) == sorted(2 * names)
    for row in p.rows()[:2]:
        for seed, model in zip(p.seeds, together[row.name]):
            alone = build(row, p, spec, seed)
            assert alone.beta == pytest.approx(row.beta_norm * 256 / 4)
            fit_together([alone], images, [Replica(seed, CPU)])
            for a, b in zip(alone.parameters(), model.parameters()):
                torch.testing.assert_close(a, b, atol=2e-4, rtol=1e-3)
    low, high = (together[row.name][0].encoder[1].weight for row in p.rows()[:2])
    assert (low - high).abs().max() > 0.01  # β does make a difference
    with pytest.raises(ValueError, match="beta only"):
        fit_together([build(Row(0.01, m), p, spec, 0) for m in (2, 3)], images, [Replica(0, CPU), Replica(0, CPU)])


def test_codes_are_those_of_each_model(dataset):
    p = protocol()
    models = [build(row, p, Spec.of(dataset), 0) for row in p.rows()]
    codes = encode_together(models, dataset["train"], CPU, batch_size=100)
    with torch.no_grad():
        for model, code in zip(models, codes):
            torch.testing.assert_close(code, model.encode(torch.from_numpy(images_of(dataset))))


def test_the_whole_study_at_toy_scale(dataset, tmp_path):
    training = {**TRAINING, "hidden": 64, "lr": 3e-3, "steps": 400}
    p = protocol(betas_norm=[5e-4, 30.0], other_latents=[2], other_betas_norm=[0.002], training=training)
    grid, train, rows = Grid(dataset.card["factors"]), dataset["train"], p.rows()
    models = train_rows(rows, p, Spec.of(dataset), train.images, [Replica(s, CPU) for s in p.seeds])
    outcomes = judge(models, train, grid, p, CPU)
    assert list(outcomes) == [row.name for row in rows]
    low, high = (outcomes[row.name].metrics() for row in rows[:2])
    assert [len(low[k]) for k in ("higgins", "higgins_all", "nll", "information")] == [2, 4, 2, 2]
    assert max(high["active_units"]) == 0 and max(high["kl"]) < 0.05 and max(high["reconstruction_spread"]) < 0.01
    assert min(low["kl"]) > 3 and min(low["active_units"]) >= 1
    assert np.mean(low["nll"]) < np.mean(high["nll"])
    again = judge(models, train, grid, p, CPU)
    assert again == outcomes
    for file, draw in draw_figures(rows, models, outcomes, train, grid, CPU):
        drawn = draw(tmp_path / file)
        assert (tmp_path / file).is_file() and drawn["caption"]
        assert all(math.isfinite(v) for v in drawn["numbers"].values())
    results = evaluate(models, outcomes, p)
    assert list(results) == [row.name for row in rows] and results[rows[0].name].metrics == low
    assert "collapsed" in results[rows[1].name].notes[-1]
    assert not any("collapsed" in line for line in results[rows[0].name].notes)


def test_summary_says_where_the_score_is_best_and_how_far_it_rises_and_falls():
    rows = [Row(b, 10) for b in (0.1, 1.0, 10.0)] + [Row(b, 4, False) for b in (0.1, 1.0)]
    measures = [Measures(0, 0, 0, 0, 0, 0)]
    scores = ([0.4, 0.6], [0.9, 0.9], [0.25, 0.25], [0.5], [0.3])
    outcomes = {row.name: Outcome(s, measures) for row, s in zip(rows, scores)}
    expected = {"best_beta_norm_10": 1.0, "rise_10": 0.4, "fall_10": 0.65}
    expected |= {"best_beta_norm_4": 0.1, "rise_4": 0.0, "fall_4": 0.2}
    assert summary(rows, outcomes) == pytest.approx(expected)


def of(**values) -> Measures:
    zeros = ("nll", "kl", "information", "active_units", "reconstruction_spread", "decoder_spread")
    return Measures(**{**dict.fromkeys(zeros, 0.0), **values})


SWEPT = [Row(0.1, 4), Row(1.0, 4), Row(10.0, 4)]
FOUND = {
    SWEPT[0].name: Outcome([0.5, 0.7], [of(nll=10, kl=8, active_units=4), of(nll=20, kl=6, active_units=3)]),
    SWEPT[1].name: Outcome([0.9, 0.8], [of(nll=30, kl=4, active_units=2), of(nll=30, kl=2, active_units=1)]),
    SWEPT[2].name: Outcome([0.2, 0.3], [of(nll=60, kl=1, active_units=1, information=2), of(nll=70, kl=0)]),
}


def test_the_figures_numbers_are_those_of_the_ends_of_the_sweep(charts, panels, tmp_path):
    path = tmp_path / "figure.png"
    assert draw_reconstruction(SWEPT, FOUND, path)["numbers"] == {"nll_at_0.1": 15, "nll_at_10": 65}
    assert draw_rate_distortion(SWEPT, FOUND, path)["numbers"] == {"kl_at_0.1": 7, "kl_at_10": 0.5}
    assert charts[-1].axes[0].lines[0].get_xydata().tolist() == [[7, 15], [3, 30], [0.5, 65]]
    assert draw_active_units(SWEPT, FOUND, path)["numbers"] == {"active_at_0.1": 3.5, "active_at_10": 0.5}
    draw_score(SWEPT, FOUND, 256, path)
    dashed = [line.get_xdata() for line in charts[-1].axes[0].lines if line.get_linestyle() == "--"]
    assert [x[0] for x in dashed if len(x)] == [4 / 256]  # where the plain β is 1
    assert charts[-1].axes[0].lines[0].get_ydata() == pytest.approx([60, 85, 25])
    collapsed = draw_collapse({}, FOUND, SWEPT, torch.zeros(2, 1, 4, 4, dtype=torch.uint8), path)["numbers"]
    assert collapsed["information"] == 1 and collapsed["kl"] == 0.5 and collapsed["higgins_all"] == pytest.approx(0.25)
    assert panels[0].rows == ["images"]


def test_the_best_and_the_largest_beta_are_compared(dataset, monkeypatch):
    shown = []
    monkeypatch.setattr(beta_sweep_figures, "draw_collapse", lambda models, *_: shown.append(models))
    p = protocol(betas_norm=[row.beta_norm for row in SWEPT])
    models = {row.name: [build(row, p, Spec.of(dataset), 0)] for row in SWEPT}
    drawings = draw_figures(SWEPT, models, FOUND, dataset["train"], Grid(dataset.card["factors"]), CPU)
    dict(drawings)["collapse.png"](None)
    best, largest = models[SWEPT[1].name][0], models[SWEPT[2].name][0]
    assert shown == [{"β_norm = 1": best, "β_norm = 10": largest}]


def test_a_row_is_called_collapsed_only_if_all_of_its_models_are_and_scores_the_best_half(dataset):
    p = protocol()
    model = build(SWEPT[2], p, Spec.of(dataset), 0)
    assert "collapsed" not in " ".join(notes(SWEPT[2], model, FOUND[SWEPT[2].name], p))
    assert "collapsed" in notes(SWEPT[2], model, Outcome([0.2], [of(), of()]), p)[-1]
    found = Outcome([0.1, 0.9, 0.5, 0.7], [of(nll=1), of(nll=2)]).metrics()
    assert found["higgins"] == [0.9, 0.7] and found["higgins_all"] == [0.1, 0.9, 0.5, 0.7] and found["nll"] == [1, 2]


def test_every_classifier_of_the_sweep_is_of_its_seed_and_each_row_meets_the_same(dataset, monkeypatch):
    asked, p = [], protocol()

    def judged(models, grid, names, settings, steps):
        assert (names, settings, steps) == (higgins.PAPER_FACTORS, p.judging, [300])
        asked.append([(seed, classifier) for _, seed, classifier in models])
        return torch.tensor([[code[0, 0].item() for code, _, _ in models]])

    monkeypatch.setattr(higgins, "judge", judged)
    codes = [torch.full((1, width), float(i)) for i, width in enumerate((4, 4, 4, 4, 2, 2))]  # rows × seeds
    assert score(codes, Grid(dataset.card["factors"]), p).tolist() == [[i, i] for i in range(6)]
    of_a_row = [(0, 0), (0, 1), (1, 0), (1, 1)]  # seeds × classifiers
    assert asked == [2 * of_a_row, of_a_row]  # those of one width in one loop


def test_more_sizes_than_colours_are_drawn(tmp_path):
    sizes = range(1, 2 + max(len(COLOURS), len(MARKERS)))
    rows = [Row(b, m, m == 1) for m in sizes for b in (0.1, 1.0)]
    outcomes = {row.name: Outcome([0.5], [Measures(1, 1, 1, 1, 1, 1)]) for row in rows}
    draw_score(rows, outcomes, 256, tmp_path / "score.png")
    draw_rate_distortion(rows, outcomes, tmp_path / "rate_distortion.png")
