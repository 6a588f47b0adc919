"""Disentanglement, completeness, informativeness (Eastwood & Williams 2018) from importances R[j, k] of
latent j for predicting factor k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Model = Literal["boosting", "forest"]


@dataclass(frozen=True)
class Dci:
    """The three scores, each in [0, 1]."""

    disentanglement: float  # does each latent serve one factor?
    completeness: float  # is each factor served by one latent?
    informativeness: float  # mean test accuracy over the factors


def dci(
    train: np.ndarray,
    train_factors: np.ndarray,
    test: np.ndarray,
    test_factors: np.ndarray,
    *,
    model: Model = "boosting",
    seed: int = 0,
) -> Dci:
    """Codes (n, d), d ≥ 2; factors (n, K) class indices, K ≥ 2.

    `boosting` is disentanglement_lib's choice (scikit-learn's defaults; minutes for 40 classes), `forest` the
    random forest of the original paper, which handles many classes at once.
    """
    fitted = [_model(model, seed).fit(train, f) for f in train_factors.T]
    importance = np.stack([m.feature_importances_ for m in fitted], axis=1)
    accuracy = np.mean([m.score(test, f) for m, f in zip(fitted, test_factors.T)])
    return Dci(disentanglement(importance), completeness(importance), float(accuracy))


def disentanglement(importance: np.ndarray) -> float:
    """Σ_j ρ_j (1 − H_K(R[j, ·] / Σ_k R[j, k])), ρ_j the share of latent j in all importance; entropies to
    base K."""
    rows = importance.sum(1)
    return float(rows @ (1 - _entropy(importance)) / max(rows.sum(), 1e-12))


def completeness(importance: np.ndarray) -> float:
    """The same over columns: Σ_k ρ_k (1 − H_d(R[·, k] / Σ_j R[j, k])), entropies to base d."""
    return disentanglement(importance.T)


def _entropy(importance: np.ndarray) -> np.ndarray:
    share = importance / np.maximum(importance.sum(1, keepdims=True), 1e-12)
    return -(share * np.log(np.where(share > 0, share, 1))).sum(1) / np.log(importance.shape[1])


def _model(model: Model, seed: int):
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if model == "boosting":
        return GradientBoostingClassifier(random_state=seed)
    # Every split sees all latents: a random few of them at a time would spread the importance of any code.
    return RandomForestClassifier(20, max_depth=12, max_features=None, random_state=seed)
