"""A linear transductive SVM, trained by switching labels (Joachims 1999, section 4; in the primal and with the squared
hinge of the table's L2-SVM, after Sindhwani & Keerthi 2006).

For each class against the rest, with y = ±1 and w including the bias:

    J(w, y*) = ½‖w‖² + C Σ_labelled h(y wᵀx) + C* Σ_unlabelled h(y* wᵀx),      h(m) = max(0, 1 − m)²

The labels y* of the unlabelled rows start as those of the supervised SVM, in the labelled rows' class proportions. Then
C* grows from 10⁻⁵ C to its full value, and at each value pairs of opposite labels are swapped as long as that lowers J.
Swaps keep the class proportions: without that constraint all rows may end on one side.

`solve` is not that of `svm.newton`: here every row has a cost of its own, each of hundreds of problems starts from the
one before and is done in a few steps, and the rule that ends it bounds J, not w. A swap hangs on single scores, so that
another iteration, as exact as this one, ends with other labels.

A column of a matrix is a class: w (d, k), y (n, k) = ±1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triptych.engine import exact_products

FIRST_WEIGHT = 1e-5  # of C, where C* starts
SWAP_ROUNDS = 100  # at one C*; J falls in every round, so this only ends a creep at the limit of float32
NEWTON_STEPS, CG_STEPS, HALVINGS = 50, 60, 20


class TransductiveSVM(nn.Module):
    """One-vs-rest: rows (n, d) -> the class (n,) of the largest score."""

    def __init__(self, n_features: int, n_classes: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(n_features + 1, n_classes))

    def fit(
        self, rows: Tensor, labels: Tensor, unlabelled: Tensor, C: float, unlabelled_weight: float = 1.0,
        growth: float = 2.0,
    ) -> TransductiveSVM:  # fmt: skip
        """Learn from `rows` (n, d) with `labels` (n,) and rows without labels (m, d).

        `unlabelled_weight` is the final C*/C; C* grows to it by the factor `growth`."""
        y = self._signs(labels)
        self.weight.copy_(transduce(_with_one(rows), y, _with_one(unlabelled), C, unlabelled_weight * C, growth)[0])
        return self

    def fit_supervised(self, rows: Tensor, labels: Tensor, C: float) -> TransductiveSVM:
        """The SVM that the transductive one starts from: the labelled rows alone."""
        x = _with_one(rows)
        self.weight.copy_(solve(x, self._signs(labels), x.new_full((len(x),), C)))
        return self

    @exact_products()
    def scores(self, rows: Tensor) -> Tensor:
        return _with_one(rows) @ self.weight

    def forward(self, rows: Tensor) -> Tensor:
        return self.scores(rows).argmax(1)

    def _signs(self, labels: Tensor) -> Tensor:
        classes = torch.arange(self.weight.shape[1], device=labels.device)
        return torch.where(labels[:, None] == classes, 1.0, -1.0)


@exact_products()
def transduce(x: Tensor, y: Tensor, u: Tensor, C: float, C_star: float, growth: float = 2.0) -> tuple[Tensor, Tensor]:
    """Labelled rows `x` (n, d) with `y` (n, k), unlabelled rows `u` (m, d) -> w (d, k) and the labels (m, k) of `u`."""
    w = solve(x, y, x.new_full((len(x),), C))
    y_star = _most_positive(u @ w, ((y > 0).double().mean(0) * len(u)).round().long())
    rows = torch.cat([x, u])
    weight = min(FIRST_WEIGHT * C, C_star)
    while True:
        costs = torch.cat([x.new_full((len(x),), C), u.new_full((len(u),), weight)])
        w = solve(rows, torch.cat([y, y_star]), costs, w)
        for _ in range(SWAP_ROUNDS):
            if not swap_pairs(y_star, u @ w):
                break
            w = solve(rows, torch.cat([y, y_star]), costs, w)
        if weight >= C_star:
            return w, y_star
        weight = min(growth * weight, C_star)


def swap_pairs(y: Tensor, f: Tensor, least_gain: float = 1e-3) -> int:
    """Swap, in place, the labels of all pairs for which that lowers the loss; how many pairs there were.

    `y`, `f` (m, k): labels and scores. Pairs are the worst positive with the worst negative, then the second worst, and
    so on: a positive p and a negative n gain h(f_p) + h(−f_n) − h(−f_p) − h(f_n) by changing labels."""
    swapped = 0
    gains = _hinge2(f) - _hinge2(-f)  # of a positive row; of a negative one it is minus this
    for labels, gain in zip(y.T, gains.T):
        positive, negative = (labels > 0).nonzero()[:, 0], (labels < 0).nonzero()[:, 0]
        positive = positive[gain[positive].argsort(descending=True, stable=True)]
        negative = negative[gain[negative].argsort(stable=True)]
        n = min(len(positive), len(negative))
        pair_gain = gain[positive[:n]] - gain[negative[:n]]  # decreasing
        n = int((pair_gain > least_gain).sum())
        labels[positive[:n]], labels[negative[:n]] = -1.0, 1.0
        swapped += n
    return swapped


def objective(w: Tensor, x: Tensor, y: Tensor, costs: Tensor) -> Tensor:
    """½‖w‖² + Σ c max(0, 1 − y wᵀx)² of each class, (k,); `costs` (n,)."""
    return _value(w, y * (x @ w), costs)


@exact_products()
def solve(x: Tensor, y: Tensor, costs: Tensor, w: Tensor | None = None, tolerance: float = 1e-5) -> Tensor:
    """Minimise `objective` from `w` on, by Newton's method with conjugate gradients and step halving.

    J is convex, so the minimum lies at most ½‖∇J‖² below; that bound, relative to J, ends the search."""
    w = x.new_zeros(x.shape[1], y.shape[1]) if w is None else w.clone()
    c = costs[:, None]
    margin = y * (x @ w)
    value = _value(w, margin, costs)
    for _ in range(NEWTON_STEPS):
        gradient = w - x.T @ (2 * c * y * (1 - margin).clamp_min(0))
        if bool((gradient.square().sum(0) / 2 <= tolerance * value).all()):
            break
        p = _conjugate_gradients(x, 2 * c * (margin < 1), -gradient)
        slope = y * (x @ p)
        size = torch.ones_like(value)
        for _ in range(HALVINGS):
            new = _value(w + size * p, margin + size * slope, costs)
            if not bool((worse := new > value).any()):
                break
            size = torch.where(worse, size / 2, size)
        size = torch.where(new > value, 0.0, size)
        if not bool(size.any()):
            break
        w, margin = w + size * p, margin + size * slope
        value = _value(w, margin, costs)
    return w


def _conjugate_gradients(x: Tensor, curvature: Tensor, goal: Tensor) -> Tensor:
    """p with (I + xᵀ diag(curvature) x) p = goal, to a tenth of the goal's length, column by column."""
    p, residual = torch.zeros_like(goal), goal
    direction, square = residual, residual.square().sum(0)
    enough = 0.01 * square
    for _ in range(CG_STEPS):
        image = direction + x.T @ (curvature * (x @ direction))
        size = torch.where(square > enough, square / (direction * image).sum(0), 0.0)
        p, residual = p + size * direction, residual - size * image
        before, square = square, residual.square().sum(0)
        if not bool((square > enough).any()):
            break
        direction = residual + torch.where(before > 0, square / before, 0.0) * direction
    return p


def _value(w: Tensor, margin: Tensor, costs: Tensor) -> Tensor:
    return 0.5 * w.square().sum(0) + (costs[:, None] * _hinge2(margin)).sum(0)


def _hinge2(margin: Tensor) -> Tensor:
    return (1 - margin).clamp_min(0).square()


def _most_positive(scores: Tensor, counts: Tensor) -> Tensor:
    """+1 for the `counts` (k,) largest scores of each column, −1 for the rest."""
    rank = scores.argsort(dim=0, descending=True, stable=True).argsort(dim=0)
    return torch.where(rank < counts, 1.0, -1.0).to(scores)


def _with_one(rows: Tensor) -> Tensor:
    """A last column of ones: the bias, regularised like the other weights, as LIBLINEAR has it."""
    return torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
