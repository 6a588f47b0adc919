"""Scores against the length of training: the table's trainings, judged on the way, and a stop that sees no score."""

from pathlib import Path

import numpy as np
import pytest
import torch

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import higgins
from triptych.beta_vae.shapes.parts.principal import PcaConfig
from triptych.beta_vae.shapes.protocol import elbo_terms, encode_all
from triptych.beta_vae.studies.training_length.figures import draw_curves
from triptych.beta_vae.studies.training_length.protocol import (
    Followed,
    Protocol,
    build,
    evaluate,
    flat_line,
    follow,
    objectives,
    stop,
)
from triptych.beta_vae.vae.training import fit_together
from triptych.beta_vae.vae.vae import VaeConfig
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.pipeline.params import load_params
from triptych.report.studies import load_studies

CPU = torch.device("cpu")
ROOT = Path(__file__).resolve().parents[3]
PROFILES = ("params/workstation.yaml", "params/paper.yaml", "params/smoke.yaml", "params.yaml")  # the shipped one last
CONFIG = VaeConfig(hidden=16, latents=4, beta_norm=0.03, batch_size=16, steps=12, optimiser="adam", lr=3e-3)
SETTINGS = higgins.Settings(pairs=4, train_points=60, test_points=50, classifier_seeds=2, classifier_steps=40)
PROTOCOL = Protocol(seeds=[10, 11], steps=[3, 12], window=8, windows=3, least_gain=1.1)


def replicas(**options) -> list[Replica]:
    return [Replica(seed, CPU, **options) for seed in PROTOCOL.seeds]


@pytest.fixture(scope="module")
def followed(dataset) -> Followed:
    return follow(CONFIG, dataset, PROTOCOL, SETTINGS, replicas())


def test_its_seeds_are_none_of_the_tables_and_the_shipped_steps_are_among_the_looks_that_the_report_names():
    for profile in PROFILES:
        params = load_params(ROOT / profile)
        assert not set(params.studies["training_length"].seeds) & set(params.tables["shapes"].protocol.seeds)
    looks = params.studies["training_length"].looks()
    for system in ("vae", "beta_vae"):
        assert params.tables["shapes"].systems[system].steps in looks
    rows = [f"{system}_{at}" for system in ("vae", "beta_vae") for at in ("at_stop", *looks)]
    assert set(load_studies()["training_length"].rows) == {"pca", *rows}


def test_trainings_are_judged_at_the_steps_asked_for_and_at_the_ends_of_windows(followed):
    assert list(followed.judged) == [3, 8, 12, 16, 24]
    assert followed.objectives.shape == (2, 3)
    assert all(values.shape == (2, 4) for values in followed.judged.values())
    assert followed.judged[24][:, 0].mean() < followed.judged[3][:, 0].mean()  # the nll


def test_after_the_tables_number_of_steps_a_training_is_the_tables(dataset, followed):
    models, grid = [build(CONFIG, Spec.of(dataset), seed) for seed in PROTOCOL.seeds], Grid(dataset.factors)
    fit_together(models, dataset["train"].images, replicas())
    codes = [encode_all(model, dataset["train"], CPU) for model in models]
    jobs = [(code, seed, c) for code, seed in zip(codes, PROTOCOL.seeds) for c in range(2)]
    scores = higgins.judge(jobs, grid, higgins.PAPER_FACTORS, SETTINGS, [40]).view(2, 2)
    for r, (model, seed) in enumerate(zip(models, PROTOCOL.seeds)):
        terms = elbo_terms(model, dataset["train"], grid, CPU, seed)
        assert followed.judged[12][r].tolist() == pytest.approx([terms["nll"], terms["kl"], *scores[r].tolist()])


def test_a_killed_training_ends_as_an_undisturbed_one(dataset, followed, tmp_path, killed):
    runs = replicas(checkpoint=tmp_path / "seed.pt")
    with killed(at=14):
        follow(CONFIG, dataset, PROTOCOL, SETTINGS, runs)
    again = follow(CONFIG, dataset, PROTOCOL, SETTINGS, runs)  # from step 14 on: two looks are behind it
    for step, values in followed.judged.items():
        assert again.judged[step].tolist() == values.tolist()
    assert again.objectives.tolist() == followed.objectives.tolist()


def test_the_rule_sees_the_means_of_the_objective_over_windows():
    losses = {"nll": [30, 20, 10, 10, 9, 9], "kl": [1, 1, 2, 2, 4, 4]}
    history = [(4 * (i + 1), name, v) for name, of in losses.items() for i, v in enumerate(of)]
    history += [(step, f"{name}@1", 2 * v) for step, name, v in history]
    found = objectives(history, [4.0, 0.0], PROTOCOL)
    assert found.tolist() == [[25 + 4, 10 + 8, 9 + 16], [50, 20, 18]]


def test_a_training_stops_at_the_end_of_the_first_window_that_gains_too_little():
    assert stop([50.0, 40.0, 39.0, 20.0], PROTOCOL) == (24, True)
    assert stop([50.0, 48.8, 47.6], PROTOCOL) == (24, False)  # 1.2 nats each: never
    assert stop([50.0, 51.0, 20.0], PROTOCOL) == (16, True)  # it may rise


def test_each_training_counts_with_its_own_stop():
    judged = {step: np.array([[step, 1, 0.1, 0.2], [10 * step, 2, 0.3, 0.4]]) for step in PROTOCOL.looks()}
    of = Followed(judged, np.array([[50.0, 49.0, 30.0], [50.0, 40.0, 39.0]]))
    results = evaluate({"vae": of}, np.array([[0.5, 0.7], [0.6, 0.6]]), PROTOCOL)
    assert list(results) == ["pca", "vae_at_stop", *(f"vae_{step}" for step in PROTOCOL.looks())]
    at = results["vae_at_stop"].metrics
    assert at["stopped_at"] == [16, 24] and at["nll"] == [16, 240] and at["kl"] == [1, 2]
    assert at["higgins_all"] == [0.1, 0.2, 0.3, 0.4] and at["higgins"] == [0.4, 0.3]
    assert "2 of 2 trainings" in results["vae_at_stop"].notes[0]
    assert results["pca"].metrics == {"higgins": [0.7, 0.6], "higgins_all": [0.5, 0.7, 0.6, 0.6]}
    assert results["vae_12"].metrics["nll"] == [12, 120]


def test_pca_is_fitted_and_judged_with_each_seed(dataset):
    found = flat_line(PcaConfig(components=4, sample=200), dataset, PROTOCOL, SETTINGS, replicas())
    assert found.shape == (2, 2) and (found > 0).all() and found[0].tolist() != found[1].tolist()


def test_the_figure_shows_every_training_and_where_it_stops(followed, charts, tmp_path):
    flat = np.array([[0.5, 0.7], [0.6, 0.6]])
    both = {"vae": followed, "beta_vae": followed}
    drawn = draw_curves(both, flat, evaluate(both, flat, PROTOCOL), PROTOCOL, tmp_path / "score.png")
    assert (tmp_path / "score.png").is_file()
    assert drawn["numbers"]["higgins_pca"] == pytest.approx(0.65)
    assert set(drawn["numbers"]) == {"higgins_pca", "higgins_vae_at_stop", "higgins_beta_vae_at_stop"}
    best, every, losses = charts[0].axes
    stars = [line.get_xydata().tolist()[0] for line in every.lines if line.get_marker() == "*"]
    expected = [stop(row, PROTOCOL)[0] for row in followed.objectives]
    assert [x for x, _ in stars] == 2 * expected
    assert losses.lines[0].get_ydata() == pytest.approx([v[:, 0].mean() for v in followed.judged.values()])
