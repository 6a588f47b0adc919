import warnings

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from triptych.dcgan.svm.svm import fit_svm, predict_all
from triptych.engine import Divergence

K = 4


def data(n, d, seed=0):
    """Correlated, shifted, partly overlapping classes: as features are."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, K, n + 300)
    code = rng.normal(size=(K, 8))[labels] * 0.6 + rng.normal(size=(n + 300, 8))
    x = np.maximum(code @ rng.normal(size=(8, d)) / 3 + rng.normal(size=(n + 300, d)) * 0.5, -0.2) + 0.3
    x = x.astype(np.float32)
    return x[:n], labels[:n], x[n:], labels[n:]


def objectives(weight, bias, cost, x, labels):
    signs = np.where(labels[:, None] == np.arange(K), 1.0, -1.0)
    weight, bias = np.asarray(weight, dtype=np.float64), np.asarray(bias, dtype=np.float64)
    slack = np.maximum(0, 1 - signs * (x.astype(np.float64) @ weight.T + bias))
    return ((weight**2).sum(1) + bias**2) / 2 + cost * (slack**2).sum(0)


def reference(x, labels, cost):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return LinearSVC(loss="squared_hinge", penalty="l2", C=cost, tol=1e-6, max_iter=50_000).fit(x, labels)


@pytest.mark.parametrize("n,d", [(600, 40), (120, 300)])
@pytest.mark.parametrize("cost", [1e-4, 1e-2, 0.5])
def test_equals_linear_svc(n, d, cost):
    x, labels, x_test, _ = data(n, d)
    ours, theirs = fit_svm(torch.from_numpy(x), labels, cost)[0], reference(x, labels, cost)
    a = objectives(ours.weight, ours.bias, cost, x, labels)
    b = objectives(theirs.coef_, theirs.intercept_, cost, x, labels)
    np.testing.assert_allclose(a, b, rtol=1e-3)
    assert (ours.predict(torch.from_numpy(x_test)).numpy() == theirs.predict(x_test)).mean() > 0.985


@pytest.mark.parametrize("n,d", [(600, 40), (120, 300)])
@pytest.mark.parametrize("cost", [1e-3, 0.1])
def test_the_certificate_holds(n, d, cost):
    x, labels, *_ = data(n, d)
    exact = fit_svm(torch.from_numpy(x), labels, cost, tolerance=1e-4)[0]
    rough = fit_svm(torch.from_numpy(x), labels, cost, tolerance=0.5)[0]
    best, value = (objectives(*_weights(m), cost, x, labels) for m in (exact, rough))
    error = rough.error.numpy()
    assert (error <= 0.5).all() and (exact.error <= 1e-4).all() and (error > 1e-3).any()
    assert (value / best - 1 <= error**2 + 1e-6).all() and (value / best - 1 >= -1e-5).all()
    distance = (rough.weight - exact.weight).norm(dim=1) / rough.weight.norm(dim=1)
    assert (distance.numpy() <= 1.1 * error + 1e-3).all()


def test_what_float32_cannot_reach_is_finished_in_float64():
    x, labels, *_ = data(150, 400)
    x = x * 30 + 100
    tight = fit_svm(torch.from_numpy(x), labels, 0.1, tolerance=1e-6)[0]
    assert tight.error.max() <= 1e-6
    b = reference(x, labels, 0.1)
    ours, theirs = (objectives(w, v, 0.1, x, labels) for w, v in (_weights(tight), (b.coef_, b.intercept_)))
    assert (ours <= theirs * (1 + 1e-3)).all()


@pytest.mark.parametrize("n,d", [(200, 40), (60, 300)])
def test_the_path_gives_each_cost_its_own_solution(n, d):
    x, labels, x_test, y_test = data(n, d)
    costs = [0.1, 1e-4, 1e-2, 1e-3]
    path = fit_svm(torch.from_numpy(x), labels, costs)
    assert [m.cost for m in path] == costs
    for machine in path:
        alone = fit_svm(torch.from_numpy(x), labels, machine.cost, tolerance=1e-3)[0]
        a, b = (objectives(*_weights(m), machine.cost, x, labels) for m in (machine, alone))
        np.testing.assert_allclose(a, b, rtol=1e-3)
    together = predict_all(path, torch.from_numpy(x_test))
    assert all(torch.equal(row, m.predict(torch.from_numpy(x_test))) for row, m in zip(together, path))
    assert path[3].accuracy(torch.from_numpy(x_test), y_test) > 0.5


@pytest.mark.parametrize("n,d", [(200, 40), (60, 300)])
def test_blocks_of_a_memory_map_give_the_same(n, d, tmp_path, monkeypatch):
    x, labels, *_ = data(n, d)
    np.save(tmp_path / "x.npy", x)
    monkeypatch.setattr("triptych.dcgan.svm.newton.BLOCK_BYTES", 4 * d * 17)
    mapped = fit_svm(np.load(tmp_path / "x.npy", mmap_mode="r"), labels, 1e-2, tolerance=1e-3)[0]
    whole = fit_svm(torch.from_numpy(x), labels, 1e-2, tolerance=1e-3)[0]
    torch.testing.assert_close(mapped.weight, whole.weight, rtol=1e-2, atol=1e-4)


def test_features_that_do_not_vary_and_classes_that_do_not_occur():
    x = torch.ones(10, 3)
    machine = fit_svm(x, torch.tensor([0, 1] * 5), 1.0, n_classes=3)[0]
    assert machine.weight.shape == (3, 3) and machine.predict(x).max() < 2


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="costs"):
        fit_svm(torch.ones(4, 2), torch.tensor([0, 1, 0, 1]), [0.1, 0.0])
    with pytest.raises(ValueError, match="labels"):
        fit_svm(torch.ones(4, 2), torch.tensor([0, 1, 0, 5]), 0.1, n_classes=2)


@pytest.mark.parametrize("n,d", [(20, 3), (4, 6)])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_features_that_are_not_finite_are_refused(n, d, value):
    x = torch.ones(n, d)
    x[2, 1] = value
    with pytest.raises(Divergence, match="features are not finite"):
        fit_svm(x, torch.arange(n) % 2, 0.1)


def _weights(machine):
    return machine.weight.numpy(), machine.bias.numpy()
