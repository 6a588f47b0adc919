"""The disentanglement metric of the β-VAE paper (Higgins et al. 2017, section 3 and appendix A.4).

One data point: choose a factor y; draw L pairs of images that agree in factor y and in nothing else on
purpose; encode both images of a pair to posterior means; average |z₁ − z₂| over the L pairs. A linear
classifier with softmax must then tell y from the averaged difference; its accuracy on fresh points is the
score.

The score depends on how the classifier is trained and for how long, so a score is only a score with its
number of steps. Chance is 1/K. A representation can reach 100 % with K − 1 factors disentangled (Kim & Mnih
2018), so other metrics belong beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import Strict
from triptych.beta_vae.shapes.grid import Grid
from triptych.engine import exact_products

PAPER_FACTORS = ("scale", "orientation", "x", "y")  # shape varies, but is never the fixed factor: K = 4
ALL_FACTORS = ("shape", *PAPER_FACTORS)  # disentanglement_lib: K = 5
CONVERGED_C, CONVERGED_ITERATIONS = 1e3, 1000
_CHUNK = 2**23  # numbers gathered at a time


class Settings(Strict):
    """The paper's classifier, and three of its seeds per model. Pairs per point and points are not in the paper: 200 is
    Kim & Mnih's, the rest disentanglement_lib's."""

    merge_poses: bool = True  # orientations 0 and 2π are one pose, drawn once
    pairs: int = Field(200, gt=0)  # L
    train_points: int = Field(10_000, gt=0)
    test_points: int = Field(5000, gt=0)
    classifier_seeds: int = Field(3, gt=0)
    classifier_steps: int = Field(10_000, gt=0)
    classifier_batch: int = Field(10, gt=0)
    classifier_lr: float = Field(1e-2, gt=0)


@dataclass(frozen=True)
class Points:
    """Averaged differences x (P, d) float32 and fixed factors y (P,), positions in the list of names."""

    x: Tensor
    y: Tensor


def judge(
    models: Sequence[tuple[Tensor, int, int]],
    grid: Grid,
    names: Sequence[str],
    settings: Settings,
    steps: Sequence[int],
) -> Tensor:
    """Accuracy (len(steps), len(models)) after each number of steps, all classifiers in one loop. A model is its codes
    (N, d), its seed and the number of its classifier; each has data points of its own."""
    return judge_points(draw_all(models, grid, names, settings), models, names, settings, steps)


def draw_all(
    models: Sequence[tuple[Tensor, int, int]], grid: Grid, names: Sequence[str], settings: Settings
) -> list[tuple[Points, Points]]:
    """Each classifier's data points, to train and to test it."""
    return [points(code, grid, names, settings, settings.pairs, r, c) for code, r, c in models]


def judge_points(
    drawn: Sequence[tuple[Points, Points]],
    models: Sequence[tuple[Tensor, int, int]],
    names: Sequence[str],
    settings: Settings,
    steps: Sequence[int],
) -> Tensor:
    """`judge` on points that are drawn already."""
    train, test = zip(*drawn, strict=True)
    return train_classifiers(
        train,
        test,
        [_seed(r, c, 2) for _, r, c in models],
        classes=len(names),
        steps=steps,
        batch_size=settings.classifier_batch,
        lr=settings.classifier_lr,
    )


def points(
    codes: Tensor, grid: Grid, names: Sequence[str], settings: Settings, pairs: int, model: int, classifier: int
) -> tuple[Points, Points]:
    """Data points to train and to test a classifier with."""
    train = draw_points(codes, grid, names, settings.train_points, pairs, _seed(model, classifier, 0))
    return train, draw_points(codes, grid, names, settings.test_points, pairs, _seed(model, classifier, 1))


def _seed(model: int, classifier: int, purpose: int) -> int:
    return 1_000_003 * model + 1009 * classifier + purpose


def draw_points(codes: Tensor, grid: Grid, names: Sequence[str], n: int, pairs: int, seed: int) -> Points:
    """`n` data points of `pairs` pairs each.

    `codes` (N, d): the representation of every image of the grid, in its order; uint8 codes are pixels, in
    255ths.
    `names`: the factors that can be fixed.
    """
    grid.check(len(codes))
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.tensor(grid.numbers(names))
    y = torch.randint(len(names), (n,), generator=generator)
    x = torch.empty(n, codes.shape[1], device=codes.device)
    step = max(1, _CHUNK // (pairs * codes.shape[1]))
    for at in range(0, n, step):
        fixed = numbers[y[at : at + step]][:, None, None].expand(-1, pairs, 1)
        first = grid.draw(fixed.shape[:2], generator)
        second = grid.draw(fixed.shape[:2], generator).scatter(2, fixed, first.gather(2, fixed))
        one, two = (_gather(codes, grid.rows(v)) for v in (first, second))
        x[at : at + step] = _mean_difference(one, two)
    return Points(x, y.to(codes.device))


def _gather(codes: Tensor, rows: Tensor) -> Tensor:
    """codes[rows], row by row, which is some ten times faster on a CPU than element by element."""
    return codes.index_select(0, rows.flatten().to(codes.device)).unflatten(0, rows.shape)


def _mean_difference(one: Tensor, two: Tensor) -> Tensor:
    """mean_l |z₁ − z₂| over dimension 1. Pixels stay bytes as long as they can: it is most of their cost."""
    if one.dtype != torch.uint8:
        return (one - two).abs_().mean(1)
    difference = torch.maximum(one, two) - torch.minimum(one, two)
    if difference.device.type == "cpu":  # NumPy adds bytes up without a wide copy of them
        total = torch.from_numpy(difference.numpy().sum(1, dtype=np.int32))
    else:
        total = difference.sum(1, dtype=torch.int32)
    return total / (255 * one.shape[1])


@torch.inference_mode()
@exact_products()
def train_classifiers(
    train: Sequence[Points],
    test: Sequence[Points],
    seeds: Sequence[int],
    *,
    classes: int,
    steps: Sequence[int] = (10_000,),
    batch_size: int = 10,
    lr: float = 1e-2,
) -> Tensor:
    """Accuracy (len(steps), R) on `test[r]` of R linear softmax classifiers after each number of steps.

    Classifier r is trained on `train[r]` with Adagrad, its weights and batches drawn with `seeds[r]`; R of
    them run in one loop on stacked weights, and each ends as it would alone.
    """
    x, y = _stack(train, classes)
    x_test = torch.stack([_with_one(p.x) for p in test])
    y_test = torch.stack([p.y for p in test])
    count, points, width = x.shape
    x, y = x.flatten(0, 1), y.flatten(0, 1)
    weight, order = _start(seeds, width, classes, max(steps) * batch_size, points)
    weight, order = weight.to(x.device), order.to(x.device).view(count, -1, batch_size)
    squares = torch.zeros_like(weight)
    scores = {}
    for step in range(max(steps)):
        rows = order[:, step].flatten()
        batch = x[rows].view(count, batch_size, width)
        # Gradient of the mean negative log-likelihood: xᵀ (softmax(x W) − y) / B
        error = torch.bmm(batch, weight).softmax(-1).sub_(y[rows].view(count, batch_size, classes))
        gradient = torch.bmm(batch.mT, error).div_(batch_size)
        squares.addcmul_(gradient, gradient)
        weight.addcdiv_(gradient, squares.sqrt().add_(1e-10), value=-lr)
        if step + 1 in steps:
            scores[step + 1] = (torch.bmm(x_test, weight).argmax(-1) == y_test).float().mean(1).cpu()
    return torch.stack([scores[n] for n in steps])


def converged_accuracy(train: Points, test: Points) -> float:
    """The score of the linear classifier that its training tends to, whatever its rate and steps: the minimum of

        Σ −log softmax(x W)_y + |W|² / (2 C),   C = CONVERGED_C,

    convex, found by L-BFGS. Each difference is divided by its standard deviation over the points, so that the penalty,
    which only keeps the weights of separable points finite, weighs on none for its scale."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    scale = train.x.std(0).clamp_min(1e-12)
    x, x_test = ((p.x / scale).double().cpu().numpy() for p in (train, test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the accuracy stands long before the last digit of W
        model = LogisticRegression(C=CONVERGED_C, max_iter=CONVERGED_ITERATIONS).fit(x, train.y.cpu().numpy())
    return float(model.score(x_test, test.y.cpu().numpy()))


def logistic_accuracy(train: Points, test: Points, seed: int) -> float:
    """The same score with scikit-learn's LogisticRegression and its defaults (disentanglement_lib's
    classifier)."""
    import warnings

    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the defaults stop after 100 iterations; so it is there
        model = LogisticRegression(random_state=seed).fit(train.x.cpu().numpy(), train.y.cpu().numpy())
    return float(model.score(test.x.cpu().numpy(), test.y.cpu().numpy()))


def best_half(scores: Sequence[float]) -> list[float]:
    """The upper half, best first: 15 of 30, 5 of 9 (paper, appendix A.4: the lower half is discarded)."""
    return sorted(scores, reverse=True)[: math.ceil(len(scores) / 2)]


def _start(seeds: Sequence[int], width: int, classes: int, draws: int, points: int) -> tuple[Tensor, Tensor]:
    """Weights (R, width, classes) as in PyTorch's Linear, the bias in the last row; row numbers (R, draws)
    into the points of all classifiers one after another."""
    weights, orders = [], []
    for r, seed in enumerate(seeds):
        generator = torch.Generator().manual_seed(seed)
        bound = 1 / math.sqrt(width - 1)
        weights.append(torch.empty(width, classes).uniform_(-bound, bound, generator=generator))
        orders.append(torch.randint(points, (draws,), generator=generator) + r * points)
    return torch.stack(weights), torch.stack(orders)


def _stack(points: Sequence[Points], classes: int) -> tuple[Tensor, Tensor]:
    x = torch.stack([_with_one(p.x) for p in points])
    return x, torch.nn.functional.one_hot(torch.stack([p.y for p in points]), classes).float()


def _with_one(x: Tensor) -> Tensor:
    return torch.cat([x, torch.ones_like(x[:, :1])], dim=1)
