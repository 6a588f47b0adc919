"""The metric of the β-VAE paper beside disentanglement_lib's, and the SVM of the DCGAN paper beside LIBLINEAR."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import warnings
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from measure import compared, in_turns
from torch import Tensor

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import higgins
from triptych.data.spec import Spec
from triptych.dcgan.objects.rows.dcgan import Config, System
from triptych.dcgan.svm.svm import fit_svm

CPU = torch.device("cpu")
COSTS = [5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2]  # the laptop profile's


# -- the Higgins metric --------------------------------------------------------------------------------------------


def disentanglement_lib() -> types.ModuleType | None:
    """Its metric, without the old TensorFlow that the package asks for; None if it is not installed."""
    if importlib.util.find_spec("disentanglement_lib") is None:
        return None
    gin, tf, absl = (types.ModuleType(name) for name in ("gin", "gin.tf", "absl"))
    gin.REQUIRED, gin.tf = None, tf
    gin.configurable = lambda *args, **kwargs: lambda function: function
    absl.logging = types.SimpleNamespace(info=lambda *args: None)
    sys.modules |= {"gin": gin, "gin.tf": tf, "absl": absl}
    return importlib.import_module("disentanglement_lib.evaluation.metrics.beta_vae")


class Codes:
    """A grid of codes as disentanglement_lib wants its data; an observation is its code, so no encoder is timed."""

    def __init__(self, codes: Tensor, grid: Grid):
        self.codes, self.grid, self.num_factors = codes.numpy(), grid, len(grid.names)

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        return np.stack([random_state.randint(size, size=num) for size in self.grid.sizes], axis=1)

    def sample_observations_from_factors(self, factors: np.ndarray, random_state: object) -> np.ndarray:
        return self.codes[self.grid.rows(torch.from_numpy(factors)).numpy()]


def metric(train_points: int, rounds: int) -> dict[str, Any] | None:
    """The same number of points, pairs and latents, and the same classifier: scikit-learn's logistic regression."""
    theirs = disentanglement_lib()
    if theirs is None:
        return None
    sizes = {"shape": 3, "scale": 6, "orientation": 40, "x": 32, "y": 32}
    grid = Grid([{"name": n, "values": list(range(k))} for n, k in sizes.items()], merge_poses=False)
    factors = grid.factors(torch.arange(grid.count)).float()
    noise = torch.randn(grid.count, 10, generator=torch.Generator().manual_seed(0))
    codes = noise + F.pad((factors - factors.mean(0)) / factors.std(0), (0, 5))
    pairs, test_points = 64, train_points // 2
    scores: dict[str, float] = {}

    def ours() -> None:
        train, test = (
            higgins.draw_points(codes, grid, grid.names, n, pairs, seed)
            for seed, n in enumerate((train_points, test_points))
        )
        scores["ours"] = higgins.logistic_accuracy(train, test, 0)

    def other() -> None:
        random = np.random.RandomState(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores["other"] = theirs.compute_beta_vae_sklearn(
                Codes(codes, grid), lambda x: x, random, batch_size=pairs, num_train=train_points, num_eval=test_points
            )["eval_accuracy"]

    timings = in_turns({"ours": lambda: ours, "other": lambda: other}, rounds, CPU)
    what = f"the Higgins metric, {train_points:,} + {test_points:,} points of {pairs} pairs, 10 latents"
    row = compared("higgins", what, "disentanglement_lib 1.5", **timings, device="cpu", unit="s")
    return row | {"note": f"accuracies {scores['ours']:.3f} and {scores['other']:.3f}"}


# -- the SVM -------------------------------------------------------------------------------------------------------


def features(n: int, width: int = 32) -> tuple[Tensor, Tensor]:
    """Of `n` blurred pictures of ten classes, by a discriminator as it is drawn: (n, 224 · width), as correlated as
    those of a trained one, and labels (n,)."""
    torch.manual_seed(0)
    labels = torch.randint(10, (n,))
    blobs = 0.4 * torch.randn(10, 3, 4, 4)[labels] + torch.randn(n, 3, 4, 4)
    images = (128 + 40 * F.interpolate(blobs, size=32, mode="bilinear") + 10 * torch.randn(n, 3, 32, 32)).clamp(0, 255)
    system = System(Config(width=width, steps=1), Spec((3, 32, 32)))
    images = images.to(torch.uint8)
    system.adapt(images.numpy(), CPU)
    with torch.inference_mode():
        return torch.cat([system.features(part) for part in images.split(250)]).clone(), labels


def objective(weight: Tensor, bias: Tensor, cost: float, x: Tensor, labels: Tensor) -> float:
    """Σ over classes of ½ ‖w‖² + C Σ ξ²."""
    signs = torch.where(labels[:, None] == torch.arange(len(weight)), 1.0, -1.0)
    slack = (1 - signs * (x @ weight.T + bias)).clamp(min=0).double()
    return float(0.5 * (weight.double().square().sum() + bias.double().square().sum()) + cost * slack.square().sum())


def svm(n: int, width: int, rounds: int) -> dict[str, Any]:
    """The whole grid of C. LIBLINEAR stops at the loosest of three tolerances at which its objective is, at every C, at
    most a thousandth above ours."""
    from sklearn.svm import LinearSVC

    x, labels = features(n, width)
    array, targets, fitted = x.numpy(), labels.numpy(), {}

    def ours() -> None:
        fitted["ours"] = [(m.weight, m.bias) for m in fit_svm(x, labels, COSTS, n_classes=10)]

    def liblinear(tolerance: float) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            models = [LinearSVC(C=c, tol=tolerance, dual=True, random_state=0).fit(array, targets) for c in COSTS]
        fitted["other"] = [(torch.tensor(m.coef_).float(), torch.tensor(m.intercept_).float()) for m in models]

    def excess() -> float:
        """How far LIBLINEAR's objective is above ours, relative, at the C where it is most."""
        both = [[objective(*m, c, x, labels) for m, c in zip(fitted[who], COSTS)] for who in ("ours", "other")]
        return max(theirs / mine - 1 for mine, theirs in zip(*both))

    for tolerance in (1e-1, 1e-2, 1e-3):
        timings = in_turns({"ours": lambda: ours, "other": lambda: lambda: liblinear(tolerance)}, rounds, CPU)  # noqa: B023
        if excess() <= 1e-3:
            break
    what = f"an L2-SVM, {n:,} × {x.shape[1]:,}, 10 classes, {len(COSTS)} values of C"
    row = compared("svm", what, f"LinearSVC, tolerance {tolerance:g}", **timings, device="cpu", unit="s")
    return row | {"note": f"LinearSVC's objective is at most {excess():.1e} of ours above it"}
