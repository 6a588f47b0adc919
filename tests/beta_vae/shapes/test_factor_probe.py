"""The probe on representations whose answer is known: identity, rotation, noise, a copied factor."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.preprocessing import StandardScaler

from triptych.beta_vae.shapes.judge.factor_probe import (
    accuracies,
    best_latents,
    probe,
    r_squared,
    regression_scores,
    single_latent,
    standardised,
)

RNG = np.random.default_rng(0)
N = 2400
FACTORS = RNG.integers(0, [3, 4, 4], (N, 3))


def halves(x):
    return x[: N // 2], x[N // 2 :]


def one_hot(factors):
    return np.concatenate([np.eye(4)[f] for f in factors.T], 1)


def scores(codes):
    (a, b), (fa, fb) = halves(codes), halves(FACTORS)
    return accuracies(a, fa, b, fb)


def test_a_linear_code_is_read_perfectly_and_a_rotation_or_constants_change_nothing():
    codes = one_hot(FACTORS)
    rotation = np.linalg.qr(RNG.normal(size=(12, 12)))[0]
    for same in (codes, codes @ rotation, np.concatenate([codes, np.full((N, 2), 3.0)], 1)):
        assert min(scores(same)) == 1.0
    assert scores(RNG.normal(size=(N, 6))) == pytest.approx([1 / 3, 1 / 4, 1 / 4], abs=0.06)  # noise gives chance


def test_single_latent_sees_a_copied_factor_and_the_gap_its_second_copy():
    codes = np.stack([FACTORS[:, 0] * 10.0, RNG.normal(size=N), FACTORS[:, 1] + 5.0, -FACTORS[:, 1].astype(float)], 1)
    (a, b), (fa, fb) = halves(codes), halves(FACTORS)
    best, gap = best_latents(single_latent(a, fa, b, fb))
    assert best[0] == 1.0 and gap[0] > 0.55  # one latent
    assert best[1] > 0.95 and gap[1] < 0.05  # two latents hold it
    assert best[2] < 0.35 and gap[2] < 0.1  # none does


@pytest.mark.parametrize("options", [{}, {"ridge": 25.0}])
def test_r_squared_is_scikit_learns_ridge_on_codes_standardised_by_those_of_training(options):
    x, x_test = RNG.normal(size=(40, 3)), RNG.normal(2, 1, (30, 3))
    y, y_test = (np.stack([v @ [1.0, 2.0, 0.5], v @ [0.3, 0.0, 1.0]], 1) + 1 for v in (x, x_test))
    scaler = StandardScaler().fit(x)
    model = Ridge(alpha=options.get("ridge", 1.0)).fit(scaler.transform(x), y)
    expected = r2_score(y_test, model.predict(scaler.transform(x_test)), multioutput="variance_weighted")
    assert r_squared(x, y, x_test, y_test, **options) == pytest.approx(expected, abs=1e-9)
    constant, _ = standardised(np.full((10, 2), 1000.0), np.zeros((5, 2)))
    assert (constant == 0).all()


def test_orientation_counts_up_to_the_shapes_symmetry():
    """A code that cannot tell quarter turns of a square apart still reads its pose in full."""
    shape, angle, x = RNG.integers(1, 4, N), RNG.uniform(0, 2 * np.pi, N), RNG.uniform(size=N)
    order = np.array([0, 4, 2, 1])[shape]
    codes = np.stack([np.cos(order * angle), np.sin(order * angle), x, RNG.normal(size=N)], 1)
    values = np.stack([shape, angle, x], 1)
    names = ["shape", "orientation", "x"]
    (a, b), (va, vb) = halves(codes), halves(values)
    found = regression_scores(a, va, b, vb, names)
    assert found["orientation"] > 0.999 and found["x"] > 0.999 and "shape" not in found
    heart_only = np.stack([np.cos(angle), np.sin(angle), x, RNG.normal(size=N)], 1)
    a, b = halves(heart_only)
    assert regression_scores(a, va, b, vb, names)["orientation"] < 0.5  # squares need the fourfold angle


def test_the_probe_reports_by_factor_name_what_it_reads_from_rows_it_was_not_trained_on():
    factors = np.tile(np.indices((3, 4)).reshape(2, -1).T, (60, 1))
    codes = np.concatenate([np.eye(3)[factors[:, 0]], np.eye(4)[factors[:, 1]]], 1)
    values = [np.arange(1.0, 4), np.arange(4.0)]
    out = probe(codes, factors, values, ["shape", "x"], 360, 100)
    assert out["accuracy"] == {"shape": 1.0, "x": 1.0} and out["single"].shape == (7, 2)
    assert out["r2"]["x"] > 0.999 and set(out["r2"]) == {"x"}
    codes[360:] = np.roll(codes[360:], 1, axis=1)  # of the test rows every code says something else
    out = probe(codes, factors, values, ["shape", "x"], 360, 100)
    assert out["accuracy"]["x"] < 0.5 and out["r2"]["x"] < 0.5 and out["single"].max() < 0.8


def test_r_squared_is_of_the_values_not_of_their_indices():
    indices = RNG.integers(0, 4, (200, 1))
    values = np.array([0.0, 1.0, 1.1, 50.0])
    codes = np.concatenate([values[indices], RNG.normal(size=(200, 1))], 1)
    assert probe(codes, indices, [values], ["x"], 100, 50)["r2"]["x"] > 0.99
