"""Separated attribute predictability (Kumar et al. 2018): how much better the best single latent predicts a
factor than the second best. All factors are taken as discrete, as disentanglement_lib does: a linear SVM on
one latent alone."""

from __future__ import annotations

import warnings

import numpy as np


def sap(
    train: np.ndarray, train_factors: np.ndarray, test: np.ndarray, test_factors: np.ndarray, c: float = 0.01
) -> float:
    """mean_k (best − second best test accuracy for factor k). Codes (n, d), d ≥ 2; factors (n, K) class
    indices."""
    scores = np.sort(score_matrix(train, train_factors, test, test_factors, c), axis=0)[::-1]
    return float(np.mean(scores[0] - scores[1]))


def score_matrix(train, train_factors, test, test_factors, c: float = 0.01) -> np.ndarray:
    """S[j, k]: test accuracy for factor k of LinearSVC(C = 0.01, balanced classes) on latent j alone."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.svm import LinearSVC

    scores = np.empty((train.shape[1], train_factors.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for j, k in np.ndindex(*scores.shape):
            model = LinearSVC(C=c, class_weight="balanced", random_state=0)
            model.fit(train[:, [j]], train_factors[:, k])
            scores[j, k] = model.score(test[:, [j]], test_factors[:, k])
    return scores
