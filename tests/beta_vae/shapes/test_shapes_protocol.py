"""The whole evaluation of a row, and the figures, at toy scale."""

import numpy as np
import pytest
import torch
from shapes_kit import build, images_of

from triptych.beta_vae.shapes import protocol as shapes_protocol
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import dci, factor_probe, higgins, mig, sap
from triptych.beta_vae.shapes.protocol import Metrics, Protocol, encode_all
from triptych.beta_vae.vae.objective import kl_per_latent

CPU = torch.device("cpu")
METRICS = {
    "pairs": 16,
    "train_points": 300,
    "test_points": 200,
    "classifier_steps": 4000,
    "classifier_curve": [500],
    "dlib_pairs": 16,
    "probe_train": 400,
    "probe_test": 200,
    "probe_iterations": 50,
    "metric_train": 300,
    "metric_test": 200,
    "dci_model": "forest",
}


def small(seeds, **changes) -> Protocol:
    return Protocol(seeds=seeds, metrics=Metrics(**{**METRICS, **changes}))


SMALL = small([0, 1])


def evaluate(*args, **options):
    return shapes_protocol.evaluate(*args, **options).metrics


def test_ground_truth_wins_every_metric_and_rows_report_every_seed(dataset):
    truth = evaluate([build("ground_truth", dataset, s) for s in SMALL.seeds], dataset, SMALL, CPU)
    random = evaluate([build("vae_untrained", dataset, s, hidden=16) for s in SMALL.seeds], dataset, SMALL, CPU)
    assert set(random) - set(truth) == {"nll", "kl"} and set(truth) < set(random)
    assert [len(truth[k]) for k in ("higgins", "higgins_all", "higgins_500", "higgins_k5", "mig")] == [3, 6, 3, 2, 2]
    assert np.mean(truth["higgins"]) > 0.97
    assert all(0 <= v <= 1 for k in truth for v in truth[k] if not k.startswith(("r2", "active", "factor_vae_l")))
    for name in ("higgins", "factor_probe", "single_latent", "mig", "sap", "dci_d", "dci_c", "dci_i", "factor_vae"):
        assert np.mean(truth[name]) > np.mean(random[name]), name
    assert truth["higgins"] == sorted(truth["higgins_all"], reverse=True)[:3]


def test_a_system_without_state_is_encoded_and_probed_once_and_scored_like_any_other(dataset, monkeypatch):
    protocol = small([0, 1], probe_iterations=5, classifier_steps=600)
    encoded = []
    original = shapes_protocol.encode_all
    monkeypatch.setattr(shapes_protocol, "encode_all", lambda *a: encoded.append(1) or original(*a))
    pixels = [build("raw_pixels", dataset, s) for s in (0, 1)]
    once = evaluate(pixels, dataset, protocol, CPU)
    assert len(encoded) == 1
    assert "factor_probe" in once and "mig" not in once and "single_latent" not in once  # made for few latents
    pixels[0].register_buffer("state", torch.zeros(1))  # the same code as one that may differ between seeds
    every = evaluate(pixels, dataset, protocol, CPU)
    assert len(encoded) == 3 and set(once) == set(every)
    for name, values in every.items():
        assert once[name] == (values if name.startswith("higgins") else values[:1])
    assert len(once["higgins_all"]) == 2 * protocol.metrics.classifier_seeds


def test_same_parameters_same_numbers_also_where_a_stage_shares_the_models_out(dataset):
    protocol = small([3, 4], classifier_seeds=1, classifier_steps=600)
    systems = [build("vae_untrained", dataset, s, hidden=16) for s in protocol.seeds]
    backwards = lambda items, work: [work(item) for item in items[::-1]][::-1]  # noqa: E731
    shared = evaluate(systems, dataset, protocol, CPU, for_each=backwards)
    assert shared == evaluate(systems, dataset, protocol, CPU)


def test_every_classifier_has_points_and_a_seed_of_its_own_and_the_settings_asked_for(dataset, monkeypatch):
    """K = 4 with shape never fixed: models × classifiers; K = 5: one classifier a model; dlib's: K = 5, its own L."""
    settings = {"classifier_lr": 0.5, "classifier_batch": 7, "dlib_pairs": 9, "classifier_curve": [9000, 500, 4000]}
    protocol = small([3, 4], classifier_seeds=2, **settings)
    drawn, trained, told = [], [], []

    def draw_points(code, grid, names, n, pairs, seed):
        drawn.append((float(code), tuple(names), n, pairs, seed))
        return drawn[-1]

    def train_classifiers(train, test, seeds, *, steps, **options):
        trained.append((train, test, seeds, steps, options))
        return torch.tensor(steps)[:, None] + torch.arange(len(seeds)) / 10

    monkeypatch.setattr(higgins, "draw_points", draw_points)
    monkeypatch.setattr(higgins, "train_classifiers", train_classifiers)
    monkeypatch.setattr(higgins, "logistic_accuracy", lambda *points_and_seed: told.append(points_and_seed) or 0.5)
    monkeypatch.setattr(higgins, "converged_accuracy", lambda train, test: train[4] / 1e9)
    codes = [torch.tensor(30.0), torch.tensor(40.0)]
    grid = Grid(dataset.card["factors"])
    scores = shapes_protocol.paper_scores(codes, grid, protocol)
    scores |= shapes_protocol.five_factor_scores(codes, grid, protocol)
    dlib = [shapes_protocol.dlib_score(code, grid, protocol, seed) for code, seed in zip(codes, protocol.seeds)]
    (four, five), sklearn_ = trained, told
    assert [job[0] for job in four[0]] == [30, 30, 40, 40] and [job[0] for job in five[0]] == [30, 40]
    for (train, test, seeds, _, options), names in ((four, higgins.PAPER_FACTORS), (five, higgins.ALL_FACTORS)):
        assert {job[1:4] for job in train} == {(names, 300, 16)} and {job[1:4] for job in test} == {(names, 200, 16)}
        everything = [*(job[4] for job in train), *(job[4] for job in test), *seeds]
        assert len(set(everything)) == 3 * len(train) == 3 * len(test) == len(everything)
        assert options == {"classes": len(names), "batch_size": 7, "lr": 0.5}
    assert four[3] == [500, 4000, 9000] and five[3] == [4000]
    assert [train[:4] for train, _, _ in sklearn_] == [(code, higgins.ALL_FACTORS, 300, 9) for code in (30, 40)]
    assert [test[:4] for _, test, _ in sklearn_] == [(code, higgins.ALL_FACTORS, 200, 9) for code in (30, 40)]
    assert len({points[4] for train, test, _ in sklearn_ for points in (train, test)}) == 4
    assert scores["higgins_500"] == pytest.approx([500.3, 500.2])
    assert scores["higgins_9000"] == pytest.approx([9000.3, 9000.2]) and "higgins_4000" not in scores
    assert scores["higgins_all"] == pytest.approx([4000, 4000.1, 4000.2, 4000.3])
    assert scores["higgins"] == pytest.approx([4000.3, 4000.2])
    assert scores["higgins_converged"] == sorted((job[4] / 1e9 for job in four[0]), reverse=True)[:2]
    assert scores["higgins_k5"] == pytest.approx([4000, 4000.1]) and dlib == [{"higgins_dlib": 0.5}] * 2


def test_trained_metrics_are_tested_on_other_images_under_their_own_names(dataset, monkeypatch):
    grid, given = Grid(dataset.card["factors"]), {}
    monkeypatch.setattr(mig, "mig", lambda *parts: given.update(mig=parts) or 0.1)
    monkeypatch.setattr(sap, "sap", lambda *parts: given.update(sap=parts) or 0.2)
    monkeypatch.setattr(dci, "dci", lambda *parts, **options: given.update(dci=parts) or dci.Dci(0.3, 0.4, 0.5))
    code = torch.arange(grid.count)[:, None].float().repeat(1, 2)  # each image's number
    scores = shapes_protocol.extra_scores(code, grid, SMALL, 0)
    assert [scores[k] for k in ("mig", "sap", "dci_d", "dci_c", "dci_i")] == [0.1, 0.2, 0.3, 0.4, 0.5]
    for name, parts in given.items():
        numbers = [set(x[:, 0].astype(int).tolist()) for x in parts[::2]]
        assert [len(n) for n in numbers] == ([300] if name == "mig" else [300, 200])
        assert not set.intersection(*numbers) or name == "mig"
        for x, factors in zip(parts[::2], parts[1::2]):
            assert np.array_equal(grid.factors(torch.from_numpy(x[:, 0]).long()).numpy(), factors)


def test_the_probes_numbers_are_reported_under_their_names(dataset, monkeypatch):
    grid = Grid(dataset.card["factors"])
    single = np.array([[0.9, 0.2], [0.4, 0.5], [0.1, 0.3]])
    found = {"accuracy": {"x": 0.2, "y": 0.6}, "r2": {"x": 0.7}, "single": single}
    monkeypatch.setattr(factor_probe, "probe", lambda *args: found)
    scores = shapes_protocol.probe_scores(torch.zeros(grid.count, 3), grid, SMALL, 0)
    expected = {"factor_probe": 0.4, "factor_probe_x": 0.2, "factor_probe_y": 0.6, "r2_x": 0.7}
    assert scores == pytest.approx(expected | {"single_latent": 0.7, "single_gap": (0.5 + 0.2) / 2})


@pytest.mark.parametrize("merged", [True, False])
def test_poses_are_merged_if_the_protocol_says_so(dataset, monkeypatch, merged):
    seen = []

    class Stop(Exception):
        pass

    def grid(factors, *, merge_poses):
        seen.append(merge_poses)
        raise Stop

    monkeypatch.setattr(shapes_protocol, "Grid", grid)
    with pytest.raises(Stop):
        evaluate([build("raw_pixels", dataset, 0)], dataset, small([0], merge_poses=merged), CPU)
    assert seen == [merged]


def test_active_latents_vary_over_images_and_others_may_still_pass_factor_vaes_threshold(dataset):
    grid = Grid(dataset.card["factors"])
    codes = encode_all(build("ground_truth", dataset, 0), dataset["train"], CPU)[:, :2]
    weak = 0.07 * torch.randn(len(codes), 3, generator=torch.Generator().manual_seed(0))  # variance 0.005
    scores = shapes_protocol.extra_scores(torch.cat([codes, weak], 1), grid, SMALL, 0)
    assert scores["active_latents"] == 2 and scores["factor_vae_latents"] == 5
    strict = small([0], factor_vae_threshold=0.1)
    assert shapes_protocol.extra_scores(torch.cat([codes, weak], 1), grid, strict, 0)["factor_vae_latents"] == 2


def test_the_terms_of_the_objective_are_those_of_the_model(dataset):
    model = build("vae_untrained", dataset, 0, hidden=16)
    terms = shapes_protocol.elbo_terms(model, dataset["train"], Grid(dataset.card["factors"]), CPU, 0)
    images = torch.from_numpy(images_of(dataset))
    with torch.inference_mode():
        kl = kl_per_latent(*model.posterior(images)).sum(1).mean()
    assert terms["kl"] == pytest.approx(float(kl), rel=0.1) and terms["nll"] == pytest.approx(256 * 0.69, rel=0.1)


def test_a_row_says_how_many_of_its_models_converged(dataset):
    models = [build("ica", dataset, s, components=3) for s in SMALL.seeds]
    models[0].converged.fill_(True)
    scores = {"higgins_all": [0.5, 0.6, 0.8, 0.9]}
    lines = shapes_protocol.notes(models, scores, SMALL)
    assert lines[-1] == "converged: 1 of 2 models"
    assert any(line.startswith("higgins_all: 4 values, 2 models × 2 classifiers; ") for line in lines)


def test_codes_are_in_the_order_of_the_grid(dataset):
    grid = Grid(dataset.card["factors"])
    codes = encode_all(build("ground_truth", dataset, 0), dataset["train"], CPU, batch_size=100)
    rows = torch.arange(grid.count)
    expected = torch.stack([v[grid.factors(rows)[:, k]] for k, v in enumerate(grid.values)], 1).float()
    torch.testing.assert_close(codes, expected)
