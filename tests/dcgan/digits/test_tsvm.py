import copy

import numpy as np
import pytest
import torch
from sklearn.svm import LinearSVC

from triptych.base.config import ParamsError, validate
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts import tsvm_solver as tsvm
from triptych.dcgan.digits.parts.kernel_map import NystromMap
from triptych.dcgan.digits.parts.tsvm_solver import TransductiveSVM, objective, solve, swap_pairs, transduce
from triptych.dcgan.digits.rows import tsvm as tsvm_row
from triptych.engine import Replica


def two_clusters(seed: int, d: int = 20, n: int = 400, distance: float = 4.0):
    """Two Gaussian clusters, apart along one axis; labels 0 and 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    rows = rng.normal(size=(n, d))
    rows[:, 0] += distance * (labels - 0.5)
    return torch.tensor(rows).float(), torch.tensor(labels)


def two_moons(seed: int, n: int = 400):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n)
    upper = np.stack([np.cos(angle), np.sin(angle)], 1)
    rows = np.where(labels[:, None], [1, 0.5] - upper, upper) + 0.05 * rng.normal(size=(n, 2))
    return torch.tensor(rows).float(), torch.tensor(labels)


def error(machine, rows, labels) -> float:
    return float((machine(rows) != labels).float().mean())


def test_solver_agrees_with_liblinear():
    rng = np.random.default_rng(0)
    labels = np.arange(150) % 3
    rows = rng.normal(size=(150, 6)) + 2 * np.eye(6)[labels]
    theirs = LinearSVC(C=0.5, tol=1e-8, max_iter=100_000).fit(rows, labels)
    ours = TransductiveSVM(6, 3).fit_supervised(torch.tensor(rows).float(), torch.tensor(labels), 0.5)
    np.testing.assert_allclose(ours.scores(torch.tensor(rows).float()), theirs.decision_function(rows), atol=2e-2)


def test_solver_finds_the_minimum_for_costs_of_each_row():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(80, 5, generator=generator).double()
    y = torch.where(torch.randn(80, 2, generator=generator) > 0, 1.0, -1.0).double()
    costs = torch.rand(80, generator=generator).double()
    w = solve(x, y, costs, tolerance=1e-12).requires_grad_()
    objective(w, x, y, costs).sum().backward()
    assert float(w.grad.abs().max()) < 1e-4
    assert bool((objective(w, x, y, costs) < objective(torch.zeros_like(w), x, y, costs)).all())


@pytest.mark.parametrize("seed", range(3))
def test_better_than_the_svm_it_starts_from(seed):
    rows, labels = two_clusters(seed)
    few = slice(0, 8)  # 4 labels per class in 20 dimensions
    machine = TransductiveSVM(20, 2)
    before = error(machine.fit_supervised(rows[few], labels[few], C=1.0), rows, labels)
    after = error(machine.fit(rows[few], labels[few], rows, C=1.0), rows, labels)
    assert after < 0.6 * before
    assert after < 0.06  # the two clusters overlap by 2.3 %


def test_follows_two_moons_through_a_kernel():
    before, after = [], []
    for seed in range(4):
        rows, labels = two_moons(seed)
        features = NystromMap(2, 60).fit(rows, 8.0, seed=0)(rows)
        few = slice(0, 4)  # two labels per moon
        machine = TransductiveSVM(60, 2)
        before.append(error(machine.fit_supervised(features[few], labels[few], C=1.0), features, labels))
        after.append(error(machine.fit(features[few], labels[few], features, C=1.0), features, labels))
    assert np.mean(after) < 0.5 * np.mean(before)


def test_the_weight_of_unlabelled_rows_grows_from_nearly_nothing_to_its_share(monkeypatch):
    rows, labels = two_clusters(0)
    weights, real = [], tsvm.solve

    def recorded(x, y, costs, *rest, **options):
        if len(costs) > 8:
            assert costs[:8].eq(3.0).all() and costs[8:].eq(costs[8]).all()
            weights.append(costs[8].item())
        return real(x, y, costs, *rest, **options)

    monkeypatch.setattr(tsvm, "solve", recorded)
    TransductiveSVM(20, 2).fit(rows[:8], labels[:8], rows, C=3.0, unlabelled_weight=0.5, growth=4.0)
    expected = [3e-5 * 4**k for k in range(8)] + [1.5]
    assert list(dict.fromkeys(weights)) == pytest.approx(expected)


def test_class_proportions_are_those_of_the_labelled_rows():
    rows, labels = two_clusters(0)
    y = (2.0 * labels - 1)[:, None]
    some = [0, 1, 2, 4]  # one of four is positive
    _, y_star = transduce(rows[some], y[some], rows, C=1.0, C_star=1.0)
    assert int((y_star > 0).sum()) == 100


def test_swaps_lower_the_objective_and_keep_the_balance():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(60, 5, generator=generator)
    y = torch.where(torch.randn(60, 3, generator=generator) > 0, 1.0, -1.0)
    w, costs = torch.randn(5, 3, generator=generator), torch.full((60,), 0.3)
    before, positives = objective(w, x, y, costs), (y > 0).sum(0)
    assert swap_pairs(y, x @ w) > 0
    assert bool((objective(w, x, y, costs) < before).all())
    assert torch.equal((y > 0).sum(0), positives)
    assert swap_pairs(y, x @ w) == 0


def test_kernel_map_is_exact_between_landmarks_and_close_elsewhere():
    rows, _ = two_moons(0, 200)
    kernel_map = NystromMap(2, 100).fit(rows, 1.0, seed=0)
    scale = (rows - rows.mean(0)).square().sum(1).mean()
    expected = torch.exp(-torch.cdist(rows, rows).square() / scale)
    features = kernel_map(rows)
    torch.testing.assert_close(features @ features.T, expected, atol=1e-2, rtol=0)
    with pytest.raises(ParamsError, match="landmarks = 50: must be at most 20"):
        NystromMap(2, 50).fit(torch.zeros(20, 2), 1.0, seed=0)


def test_the_solver_is_exact_where_training_is_not(monkeypatch, tf32):
    """TF32 products, which training on a GPU allows, have three digits: too few for a line search."""
    seen, value = [], tsvm._value
    record = lambda *args: seen.append(torch.backends.cuda.matmul.allow_tf32) or value(*args)  # noqa: E731
    monkeypatch.setattr(tsvm, "_value", record)
    rows, labels = two_clusters(0)
    TransductiveSVM(20, 2).fit(rows[:8], labels[:8], rows, C=1.0)
    assert seen and not any(seen)
    assert torch.backends.cuda.matmul.allow_tf32


CPU = Replica(0, torch.device("cpu"))


def row(shape, images, **values):
    system = tsvm_row.System(validate(tsvm_row.Config, values, "tsvm"), Spec(shape, n_classes=2))
    system.pretrain(images, CPU)
    return system


def images_of_two_kinds(n: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(n) % 2
    images = np.random.default_rng(0).integers(0, 120, (n, 3, 4, 4), dtype=np.uint8)
    images[labels == 1] += 20
    return images, labels


@pytest.mark.parametrize("weights, transductions", [([0.1], 0), ([0.1, 1.0], 2 * 3)])
def test_tuning_learns_from_every_draw(weights, transductions, monkeypatch):
    calls = {"fit": 0, "fit_supervised": 0}
    for name in calls:
        real = getattr(TransductiveSVM, name)

        def counted(self, *args, name=name, real=real):
            calls[name] += 1
            return real(self, *args)

        monkeypatch.setattr(TransductiveSVM, name, counted)
    images, labels = images_of_two_kinds(80)
    system = row((3, 4, 4), images, components=5, costs=[0.1, 1.0], unlabelled_weights=weights, growth=100.0)
    # the machine sees features of one size whatever their unit
    assert system.pool.square().mean().item() == pytest.approx(1, rel=1e-4)
    torch.testing.assert_close(system.features(images).sort(0).values, system.pool.sort(0).values)
    draws = [(images[i : i + 10], labels[i : i + 10]) for i in (0, 10, 20)]
    system.tune(draws, (images[40:], labels[40:]), CPU)
    assert calls == {"fit": transductions, "fit_supervised": 2 * 3}
    assert system.choices()["C"][0] == pytest.approx(float(system.cost)) and system.choices()["C*/C"][1] == weights


def test_tuning_chooses_the_kernels_width_and_what_it_chose_is_saved():
    """The class is whether a point is near one of many centres: only a narrow kernel can tell."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (240, 1, 1, 2), dtype=np.uint8)
    labels = ((images[:, 0, 0] // 64).sum(1) % 2).astype(np.int64)  # a chessboard of 4×4 fields
    kernel = {"components": 2, "kernel": "rbf", "gamma": [0.01, 30.0], "landmarks": 100}
    system = row((1, 1, 2), images, **kernel, costs=[10.0], growth=100.0, unlabelled_weights=[0.01])
    again = copy.deepcopy(system)
    system.tune([(images[:120], labels[:120])], (images[160:], labels[160:]), CPU)
    assert system.choices()["γ"] == (pytest.approx(30.0), [0.01, 30.0])
    system.fit(images[:120], labels[:120], CPU)
    assert system.error((images[160:], labels[160:])) == pytest.approx(float(system.gained[1]), abs=1e-6)
    assert f"{100 * float(system.gained[0]):.1f} % before transduction" in system.notes()[0]
    again.load_state_dict(system.state_dict())
    assert np.array_equal(again.predict(images), system.predict(images)) and again.choices() == system.choices()


def test_tuning_takes_what_errs_least_on_all_draws(monkeypatch):
    """Each draw for itself would choose otherwise: the second value is best in the mean."""
    costs, weights = [0.1, 1.0, 10.0], [0.5, 0.2, 2.0]
    images, labels = images_of_two_kinds(80)
    system = row((3, 4, 4), images, components=5, costs=costs, unlabelled_weights=weights)
    truth = torch.from_numpy(labels[40:])
    wrong = {0: [0, 20], 1: [8, 8], 2: [20, 0]}  # of 40 answers, after each draw

    def machine(x, choice):
        draw = 0 if torch.equal(x, first) else 1
        return lambda rows: torch.where(torch.arange(40) < wrong[choice][draw], 1 - truth, truth)

    monkeypatch.setattr(TransductiveSVM, "fit_supervised", lambda self, x, y, C: machine(x, costs.index(C)))
    monkeypatch.setattr(TransductiveSVM, "fit", lambda self, x, y, u, C, w, growth: machine(x, weights.index(w)))
    draws = [(images[i : i + 10], labels[i : i + 10]) for i in (0, 10)]
    first = system.features(draws[0][0])
    system.tune(draws, (images[40:], labels[40:]), CPU)
    chosen = {name: value for name, (value, _) in system.choices().items()}
    assert chosen == pytest.approx({"C": 1.0, "C*/C": 0.2})
