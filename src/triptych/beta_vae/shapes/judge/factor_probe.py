"""Factor probe: how well a linear model reads each factor's value from the representation.

This is the plain description of disentanglement metrics that is often given of the β-VAE paper's; the paper's
own (`higgins`) asks which factor was fixed, not what value a factor has. A rotation of the code does not
change the probe. The single-latent form does ask for one latent per factor.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

SYMMETRY = {1: 4, 2: 2, 3: 1}  # shape value -> orders of rotation: square, ellipse, heart


def standardised(train: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both with the mean and standard deviation of `train`; a constant column becomes 0."""
    mean, std = train.mean(0), train.std(0)
    std = np.where(std > 1e-8 * max(1.0, float(np.abs(mean).max())), std, np.inf)
    return (train - mean) / std, (test - mean) / std


def accuracies(
    train: np.ndarray,
    train_factors: np.ndarray,
    test: np.ndarray,
    test_factors: np.ndarray,
    *,
    c: float = 1.0,
    iterations: int = 1000,
) -> list[float]:
    """Test accuracy of a multinomial logistic regression per factor, list of K.

    `train` (n, d), `test` (m, d) representations, standardised here; factors (n, K), (m, K) class indices.
    """
    x, x_test = standardised(np.float64(train), np.float64(test))
    if x.shape[1] > 64:  # pixels: constant ones get no weight anyway, and single precision halves the cost
        varying = x.any(0)
        x, x_test = np.float32(x[:, varying]), np.float32(x_test[:, varying])
    columns = range(train_factors.shape[1])
    return [_logistic(x, train_factors[:, k], x_test, test_factors[:, k], c, iterations) for k in columns]


def single_latent(
    train: np.ndarray, train_factors: np.ndarray, test: np.ndarray, test_factors: np.ndarray, *, c: float = 1.0
) -> np.ndarray:
    """A[j, k]: accuracy for factor k of a probe that sees latent j alone, (d, K)."""
    columns = [
        accuracies(train[:, [j]], train_factors, test[:, [j]], test_factors, c=c, iterations=100)
        for j in range(train.shape[1])
    ]
    return np.array(columns)


def best_latents(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per factor: the accuracy of the best latent, and how far the second best is behind it. (K,) each."""
    ordered = np.sort(a, axis=0)[::-1]
    return ordered[0], ordered[0] - ordered[1]


def r_squared(
    train: np.ndarray, train_targets: np.ndarray, test: np.ndarray, test_targets: np.ndarray, ridge: float = 1.0
) -> float:
    """Share of the variance of the targets (n, t) that ridge regression explains on the test set."""
    x, x_test = standardised(np.float64(train), np.float64(test))
    mean = train_targets.mean(0)
    gram = x.T @ x + ridge * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, x.T @ (train_targets - mean))
    residual = ((test_targets - mean - x_test @ weights) ** 2).sum()
    return float(1 - residual / ((test_targets - test_targets.mean(0)) ** 2).sum())


def regression_scores(
    train: np.ndarray, train_values: np.ndarray, test: np.ndarray, test_values: np.ndarray, names: list[str]
) -> dict[str, float]:
    """R² of each ordered factor from its values (n, K); of the orientation per shape, from the (cos, sin) of
    its angle times the shape's order of symmetry, averaged over shapes: a square turned by 90° is the same
    square."""
    scores = {}
    for k, name in enumerate(names):
        if name == "orientation" and "shape" in names:
            shapes = names.index("shape")
            scores[name] = _orientation(train, train_values[:, [shapes, k]], test, test_values[:, [shapes, k]])
        elif name != "shape":
            scores[name] = r_squared(train, train_values[:, [k]], test, test_values[:, [k]])
    return scores


def probe(
    codes: np.ndarray, factors: np.ndarray, values: list[np.ndarray], names: list[str], n_train: int, iterations: int
) -> Mapping[str, Any]:
    """All probes of a random sample: the first `n_train` rows train, the rest test.

    `codes` (n, d), `factors` (n, K) class indices, `values[k]` the values behind factor k's indices. Returns
    `accuracy` and `r2` {factor: value}, and for at most 64 latents `single` (d, K).
    """
    x, x_test, f, f_test = codes[:n_train], codes[n_train:], factors[:n_train], factors[n_train:]
    number = [np.stack([v[g[:, k]] for k, v in enumerate(values)], 1).astype(float) for g in (f, f_test)]
    out = {
        "accuracy": dict(zip(names, accuracies(x, f, x_test, f_test, iterations=iterations))),
        "r2": regression_scores(x, number[0], x_test, number[1], names),
    }
    if codes.shape[1] <= 64:
        out["single"] = single_latent(x, f, x_test, f_test)
    return out


def _logistic(x, y, x_test, y_test, c: float, iterations: int) -> float:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # The same minimum either way; Newton finds it in a few steps as long as its Hessian is small.
    small = (x.shape[1] + 1) * len(np.unique(y)) <= 1000
    solver = "newton-cholesky" if small else "lbfgs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = LogisticRegression(C=c, max_iter=iterations, solver=solver).fit(x, y)
    return float(model.score(x_test, y_test))


def _orientation(train, train_values, test, test_values) -> float:
    scores = []
    for shape in np.unique(train_values[:, 0]):
        rows, rows_test = train_values[:, 0] == shape, test_values[:, 0] == shape
        angle, angle_test = (
            SYMMETRY.get(int(shape), 1) * v for v in (train_values[rows, 1], test_values[rows_test, 1])
        )
        target, target_test = (np.stack([np.cos(a), np.sin(a)], 1) for a in (angle, angle_test))
        scores.append(r_squared(train[rows], target, test[rows_test], target_test))
    return math.fsum(scores) / len(scores)
