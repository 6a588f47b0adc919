"""The metrics beside those of disentanglement_lib (Locatello et al. 2019), on codes between perfect and useless.

The library is installed by `make test` without its dependencies (an old TensorFlow among them); its metrics need none
but NumPy and scikit-learn. Without it these tests are skipped: pip install --no-deps disentanglement-lib==1.5
"""

import importlib
import importlib.util
import sys
import types

import numpy as np
import pytest
import torch

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import dci, higgins, mig, sap
from triptych.beta_vae.shapes.judge.factor_vae import factor_vae_score

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("disentanglement_lib") is None, reason="disentanglement-lib is not installed"
)

GRID = Grid([{"name": n, "values": list(range(v))} for n, v in zip(("shape", "scale", "x", "y"), (3, 5, 6, 7))])
FACTORS = GRID.factors(torch.arange(GRID.count))


def codes(mixing: float, noise: float) -> torch.Tensor:
    """The factors, standardised, partly mixed with each other, under noise; and a latent that says nothing."""
    generator = torch.Generator().manual_seed(3)
    truth = FACTORS.float()
    truth = (truth - truth.mean(0)) / truth.std(0)
    mixed = truth @ (torch.eye(4) + mixing * torch.randn(4, 4, generator=generator))
    mixed = mixed + noise * torch.randn(mixed.shape, generator=generator)
    return torch.cat([mixed, torch.randn(len(mixed), 1, generator=generator)], dim=1)


CODES = {"clean": codes(0.0, 0.1), "mixed": codes(0.5, 0.1), "noisy": codes(0.2, 1.0)}
BETWEEN = {"clean": (0.5, 1.0), "mixed": (0.0, 1.0), "noisy": (0.0, 0.2)}  # else agreement would mean little


class Data:
    """The grid in the library's interface; an observation is its code."""

    num_factors = 4

    def __init__(self, code):
        self.code = code.numpy()

    def sample_factors(self, num, random_state):
        return np.stack([random_state.randint(size, size=num) for size in GRID.sizes], axis=1)

    def sample_observations_from_factors(self, factors, random_state):
        return self.code[GRID.rows(torch.from_numpy(factors)).numpy()]

    def sample_observations(self, num, random_state):
        return self.sample_observations_from_factors(self.sample_factors(num, random_state), random_state)


@pytest.fixture
def library(monkeypatch):
    """`library(name)` imports a module of its metrics, with what it needs of gin and absl in their place."""
    gin, tf, absl = (types.ModuleType(name) for name in ("gin", "gin.tf", "absl"))
    gin.REQUIRED, gin.tf = None, tf
    gin.configurable = lambda *args, **kwargs: lambda function: function
    absl.logging = types.SimpleNamespace(info=lambda *args: None)
    for name, module in (("gin", gin), ("gin.tf", tf), ("absl", absl)):
        monkeypatch.setitem(sys.modules, name, module)

    def load(name):
        return importlib.import_module(f"disentanglement_lib.evaluation.metrics.{name}")

    yield load
    for name in [name for name in sys.modules if name.startswith("disentanglement_lib")]:
        del sys.modules[name]


def halves(code):
    order = np.random.default_rng(0).permutation(len(code))
    x, f = code.numpy()[order], FACTORS.numpy()[order]
    return x[:400], f[:400], x[400:], f[400:]


@pytest.mark.parametrize("name", CODES)
def test_scores_are_the_librarys(library, name, monkeypatch):
    code, parts = CODES[name], halves(CODES[name])
    theirs = library("mig")
    monkeypatch.setattr(theirs.utils, "make_discretizer", lambda x: theirs.utils._histogram_discretize(x, 20))
    x, f = code.double().numpy(), FACTORS.numpy()
    found = mig.mig(x, f)
    assert found == pytest.approx(theirs._compute_mig(x.T, f.T)["discrete_mig"], abs=1e-6)
    assert BETWEEN[name][0] < found < BETWEEN[name][1]

    expected = library("sap_score")._compute_sap(*(part.T for part in parts), continuous_factors=False)["SAP_score"]
    assert sap.sap(*parts) == pytest.approx(expected, abs=0.01)  # its machine draws without a seed

    draws = {"batch_size": 64, "num_train": 2000, "num_eval": 2000, "num_variance_estimate": 630}
    drawn = library("factor_vae").compute_factor_vae(Data(code), lambda x: x, np.random.RandomState(0), **draws)
    got = factor_vae_score(code, GRID, seed=0, train_votes=2000, test_votes=2000, threshold=0.0).score
    assert got == pytest.approx(drawn["eval_accuracy"], abs=0.05)  # the standard error is below 0.011 on either side

    draws = {"batch_size": 16, "num_train": 2000, "num_eval": 2000}
    drawn = library("beta_vae").compute_beta_vae_sklearn(Data(code), lambda x: x, np.random.RandomState(0), **draws)
    train, test = (higgins.draw_points(code, GRID, GRID.names, 2000, 16, seed) for seed in (0, 1))
    assert higgins.logistic_accuracy(train, test, 0) == pytest.approx(drawn["eval_accuracy"], abs=0.05)


@pytest.mark.parametrize("name", ["mixed", pytest.param("noisy", marks=pytest.mark.slow)])
def test_dci_is_the_librarys(library, name):
    """Of 160 codes to learn from: its trees are slow."""
    parts = [part[:160] for part in halves(CODES[name])]
    np.random.seed(0)
    expected = library("dci")._compute_dci(*(part.T for part in parts))
    got = dci.dci(*parts, model="boosting", seed=0)
    assert got.disentanglement == pytest.approx(expected["disentanglement"], abs=0.01)
    assert got.completeness == pytest.approx(expected["completeness"], abs=0.01)
    assert got.informativeness == pytest.approx(expected["informativeness_test"], abs=0.02)
