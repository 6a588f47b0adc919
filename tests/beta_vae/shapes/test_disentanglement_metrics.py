"""MIG, SAP, DCI and the FactorVAE score on representations whose scores are known."""

import numpy as np
import pytest
import torch
from shapes_kit import ROTATION
from sklearn.metrics import mutual_info_score
from sklearn.svm import LinearSVC

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import dci, mig, sap
from triptych.beta_vae.shapes.judge.factor_vae import factor_vae_score

GRID = Grid([{"name": n, "values": list(range(5))} for n in "abcd"])
FACTORS = GRID.factors(torch.arange(GRID.count))
TRUTH = FACTORS.float()
NOISE = torch.randn(GRID.count, 4, generator=torch.Generator().manual_seed(0))


def halves(codes):
    order = np.random.default_rng(0).permutation(GRID.count)
    a, b = order[:400], order[400:]
    x, f = codes.numpy(), FACTORS.numpy()
    return x[a], f[a], x[b], f[b]


def test_mig_is_1_for_the_truth_0_for_noise_and_for_two_copies():
    assert mig.mig(TRUTH.numpy(), FACTORS.numpy()) == pytest.approx(1, abs=1e-9)
    twice = torch.cat([TRUTH, -2 * TRUTH], 1)
    assert mig.mig(twice.numpy(), FACTORS.numpy()) == pytest.approx(0, abs=1e-9)
    assert mig.mig(NOISE.numpy(), FACTORS.numpy()) < 0.05
    assert mig.mig((TRUTH @ ROTATION).numpy(), FACTORS.numpy()) < 0.05


def test_mutual_information_is_scikit_learns():
    rng = np.random.default_rng(0)
    a = rng.integers(0, 7, (500, 2))
    b = (a + rng.integers(0, 3, (500, 2))) % 5
    expected = [[mutual_info_score(x, y) for y in b.T] for x in a.T]
    np.testing.assert_allclose(mig.mutual_information(a, b), expected, atol=1e-12)


def test_bins_are_of_equal_width():
    codes = np.array([[0.0, 5.0], [0.5, 5.0], [0.99, 5.0], [1.0, 5.0]])
    assert mig.discretised(codes, 2).tolist() == [[0, 0], [1, 0], [1, 0], [1, 0]]


def test_sap_is_high_for_the_truth_and_0_for_copies_and_noise():
    scores = sap.score_matrix(*halves(TRUTH))
    assert (np.argmax(scores, 0) == np.arange(4)).all()
    assert sap.sap(*halves(TRUTH)) > 0.15  # a linear machine on one number does not tell the middle values apart
    assert sap.sap(*halves(torch.cat([TRUTH, TRUTH], 1))) == pytest.approx(0, abs=1e-9)
    assert sap.sap(*halves(NOISE)) < 0.06
    assert sap.sap(*halves(TRUTH @ ROTATION)) < 0.06


def test_dci_is_1_for_the_truth_and_low_for_a_rotation_copies_noise_and_nothing():
    truth, rotated, twice, noise, nothing = (
        dci.dci(*halves(codes), model="forest")
        for codes in (TRUTH, TRUTH @ ROTATION, torch.cat([TRUTH, TRUTH], 1), NOISE, 0 * TRUTH)
    )
    for found in (truth, dci.dci(*(part[:200] for part in halves(TRUTH)), model="boosting")):
        assert found.disentanglement > 0.9 and found.completeness > 0.9 and found.informativeness > 0.95
    assert rotated.disentanglement < 0.3 and rotated.completeness < 0.3
    assert twice.disentanglement > 0.9 and twice.informativeness > 0.95
    # two latents of eight serve each factor alike: 1 − log 2 / log 8
    assert twice.completeness == pytest.approx(2 / 3, abs=0.07)
    assert noise.disentanglement < 0.1 and noise.completeness < 0.1
    assert noise.informativeness == pytest.approx(1 / 5, abs=0.07)
    assert nothing.disentanglement == nothing.completeness == 0


def test_dci_formulas_on_a_worked_example():
    """Latent 1 serves factor 1 alone; latent 2 serves both alike: D = (1·1 + 2·0)/3 with mass 1 and 2."""
    importance = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert dci.disentanglement(importance) == pytest.approx(1 / 3)
    # Factor 1 is spread evenly (0, mass 2), factor 2 has one latent (1, mass 1).
    assert dci.completeness(importance) == pytest.approx(1 / 3)
    assert dci.disentanglement(np.array([[1.0, 0.0], [0.0, 0.0]])) == pytest.approx(1)  # a dead latent weighs nothing
    h = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert dci.disentanglement(np.array([[3.0, 1.0]])) == pytest.approx(1 - h)


def test_factor_vae_score_is_1_for_the_truth_and_chance_for_an_even_rotation():
    options = {"seed": 0, "train_votes": 800, "test_votes": 500, "batch": 32, "variance_samples": 625}
    assert factor_vae_score(TRUTH * 7, GRID, **options).score == 1.0
    assert factor_vae_score(torch.cat([TRUTH, -TRUTH], 1), GRID, **options).score == 1.0  # a copy does no harm
    assert factor_vae_score(TRUTH @ ROTATION, GRID, **options).score == pytest.approx(1 / 4, abs=0.08)
    assert factor_vae_score(NOISE, GRID, **options).score == pytest.approx(1 / 4, abs=0.08)
    one_vote = factor_vae_score(NOISE, GRID, **options | {"train_votes": 1}).score
    assert one_vote == pytest.approx(1 / 4, abs=0.1)  # a table that is right about itself and knows nothing else


def test_factor_vae_score_drops_dead_latents():
    dead = torch.cat([TRUTH, 1e-3 * NOISE], 1)
    result = factor_vae_score(dead, GRID, seed=0, train_votes=800, test_votes=500)
    assert result.kept == 4 and result.score == 1.0
    assert factor_vae_score(1e-3 * NOISE, GRID, seed=0).score == 0


def test_factor_vae_score_does_not_depend_on_the_latents_scales():
    codes = TRUTH @ ROTATION[:, [0, 1, 1, 2]] + TRUTH + NOISE
    options = {"seed": 0, "train_votes": 400, "test_votes": 400, "batch": 32, "threshold": 0.0}
    scaled = factor_vae_score(codes * torch.tensor([4.0, 1.0, 0.25, 64.0]), GRID, **options)
    assert scaled == factor_vae_score(codes, GRID, **options)


def test_sap_weighs_classes_evenly_and_scores_fresh_samples():
    rng = np.random.default_rng(0)
    factors = (rng.random((400, 1)) < 0.1).astype(int)
    codes = np.concatenate([factors + 0.3 * rng.normal(size=(400, 1)), rng.normal(size=(400, 1))], 1)
    found = sap.score_matrix(codes[:200], factors[:200], codes[200:], factors[200:])
    for j in range(2):
        machine = LinearSVC(C=0.01, class_weight="balanced", random_state=0).fit(codes[:200, [j]], factors[:200, 0])
        right = machine.predict(codes[200:, [j]]) == factors[200:, 0]
        assert found[j, 0] == pytest.approx(right.mean())
    assert (sap.score_matrix(codes[:200], factors[:200], codes[:200], 1 - factors[:200]) < 0.6).all()
