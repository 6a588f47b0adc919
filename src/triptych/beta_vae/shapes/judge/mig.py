"""Mutual information gap (Chen et al. 2018): is there one latent, and only one, that knows a factor?

Estimated from a histogram of the posterior means with equal-width bins, as in disentanglement_lib; the paper
itself uses the aggregate posterior q(z|x), which gives other numbers.

A factor of more values than bins shares bins between values, so that no code reaches 1: with 20 bins, on the full grid
of 40 orientations and 32 positions, the factors themselves get 0.897.
"""

from __future__ import annotations

import numpy as np


def mig(codes: np.ndarray, factors: np.ndarray, bins: int = 20) -> float:
    """mean_k [ I(z_(1); v_k) − I(z_(2); v_k) ] / H(v_k), the two latents that know most of factor k. In [0,
    1].

    `codes` (n, d), d ≥ 2; `factors` (n, K) class indices.
    """
    information = np.sort(mutual_information(discretised(codes, bins), factors), axis=0)[::-1]
    return float(np.mean((information[0] - information[1]) / entropies(factors)))


def discretised(codes: np.ndarray, bins: int) -> np.ndarray:
    """Number of the equal-width bin between each latent's extremes, (n, d) in 0…bins−1."""
    low, high = codes.min(0), codes.max(0)
    width = np.where(high > low, high - low, 1.0)
    return np.minimum((bins * (codes - low) / width).astype(int), bins - 1)


def mutual_information(classes: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """I[j, k] in nats between column j of `classes` (n, d) and column k of `factors` (n, K)."""
    return np.array([[_information(c, f) for f in factors.T] for c in classes.T])


def entropies(factors: np.ndarray) -> np.ndarray:
    """H(v_k) in nats, (K,)."""
    return np.array([_information(f, f) for f in factors.T])


def _information(a: np.ndarray, b: np.ndarray) -> float:
    joint = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(joint, (a, b), 1 / len(a))
    product = joint.sum(1, keepdims=True) * joint.sum(0)
    seen = joint > 0
    return float((joint[seen] * np.log(joint[seen] / product[seen])).sum())
