"""The linear L2-SVM that judges features: one-vs-rest, squared hinge, L2 penalty (DCGAN, sections 5.1 and 5.2).

Per class, with signs sᵢ = ±1 and the bias as one more, constant feature (hence regularised, as in liblinear):

    P(w) = ½‖w‖² + C Σᵢ ξᵢ²,    ξᵢ = max(0, 1 − sᵢ w·xᵢ)

which is scikit-learn's `LinearSVC(loss="squared_hinge", penalty="l2", C=C)`, here for all classes and several C at once
(`svm.newton`), on a GPU or in blocks on a CPU, and with a certificate: w is within `error`·‖w‖ of the exact solution, P
within the fraction `error`² of the minimum (usually far nearer).

Why not LIBLINEAR: for its memory, and because it knows neither GPUs nor threads; on one thread it is the faster one.
Measured on a busy machine, one thread, 10 classes of correlated float32 features, dual LIBLINEAR; memory is the peak
above that of the features:

    images × features, C's             here              LIBLINEAR (tolerance)
    2,500 × 7,168, 3 (1e-4 to 1e-2)      6 s, 194 MB      10 s, 275 MB (1e-4)
    5,000 × 7,168, 3                    41 s,  50 MB      19 s, 546 MB (1e-4)
    5,000 × 3,584, 15 (1e-5 to 0.5)    183 s,  45 MB      52 s, 273 MB (1e-3)

LIBLINEAR holds 16 bytes a number, so that the paper's 50,000 × 28,672 would take it 23 GB beside the 5.7 GB of the
features; here these may lie in a memory map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triptych.dcgan.svm.newton import Coefficients, Rows, Weights, blocks, solve
from triptych.engine import exact_products


@dataclass(frozen=True)
class LinearSVM:
    """A fitted SVM of k classes. `error` (k,) bounds ‖w − w*‖ / ‖w‖ of each."""

    weight: Tensor  # (k, d)
    bias: Tensor  # (k,)
    error: Tensor
    cost: float

    def scores(self, x: Rows) -> Tensor:
        """(n, d) -> (n, k), one score a class, on the device of the weights."""
        with exact_products():
            return torch.cat([torch.addmm(self.bias, b, self.weight.T) for b in blocks(x, self.weight.device)])

    def predict(self, x: Rows) -> Tensor:
        """(n, d) -> class numbers (n,)."""
        return self.scores(x).argmax(1)

    def accuracy(self, x: Rows, labels: np.ndarray | Tensor) -> float:
        """The fraction of `x` (n, d) that is given its label (n,)."""
        return float((self.predict(x) == _labels(labels, self.weight.device)).double().mean())


def predict_all(machines: Sequence[LinearSVM], x: Rows) -> Tensor:
    """The predictions of m machines in one pass over `x` (n, d): class numbers (m, n)."""
    weight, bias = torch.cat([s.weight for s in machines]), torch.cat([s.bias for s in machines])
    m = len(machines)
    with exact_products():
        parts = [torch.addmm(bias, b, weight.T).view(len(b), m, -1).argmax(2) for b in blocks(x, weight.device)]
    return torch.cat(parts).T


def fit_svm(
    x: Rows,
    labels: np.ndarray | Tensor,
    costs: float | Sequence[float],
    *,
    n_classes: int | None = None,
    device: torch.device | str | None = None,
    tolerance: float = 0.03,
    group: int = 3,
) -> list[LinearSVM]:
    """One `LinearSVM` for each C of `costs`, in their order, on features `x` (n, d) with `labels` (n,) in 0 … k−1.

    A tensor is used where it lies; an array, which may be a memory map larger than the memory, goes through `device` in
    blocks at every product. `group` costs are solved together, and the largest of them starts the next group. Computes
    in float32; where rounding keeps `error` above `tolerance`, the last steps are in float64."""
    costs = [float(costs)] if isinstance(costs, (int, float)) else [float(c) for c in costs]
    if not costs or min(costs) <= 0:
        raise ValueError(f"costs must be positive numbers, got {costs}")
    at = x.device if isinstance(x, Tensor) else torch.device(device or "cpu")
    labels = _labels(labels, at)
    k = int(n_classes or labels.max() + 1)
    if len(x) != len(labels) or not 0 <= int(labels.min()) <= int(labels.max()) < k:
        raise ValueError(f"{len(x)} rows need as many labels in 0 … {k - 1}, got {len(labels)}")
    signs = torch.where(labels[:, None] == torch.arange(k, device=at), 1.0, -1.0)
    space = Coefficients(x, at) if len(x) < x.shape[1] else Weights(x, at)
    start = space.zeros(k)
    order = sorted(range(len(costs)), key=costs.__getitem__)
    fitted: dict[int, LinearSVM] = {}
    for first in range(0, len(order), group):
        chosen = order[first : first + group]
        m = len(chosen)
        c = torch.tensor([costs[i] for i in chosen], device=at).repeat_interleave(k)
        with exact_products():
            v, error = solve(space, signs.repeat(1, m), c, start.repeat(1, m), tolerance)
            w = space.weights(v)
        start = v[:, -k:]
        per_cost = zip(chosen, w.T.split(k), error.split(k))
        fitted |= {i: LinearSVM(w[:, :-1].contiguous(), w[:, -1].clone(), e, costs[i]) for i, w, e in per_cost}
    return [fitted[i] for i in range(len(costs))]


def _labels(labels: np.ndarray | Tensor, device: torch.device) -> Tensor:
    return torch.as_tensor(np.array(labels) if isinstance(labels, np.ndarray) else labels).long().to(device)
