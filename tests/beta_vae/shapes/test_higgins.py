"""The metric on representations whose score is known, and its batched classifier against PyTorch's own
training."""

import pytest
import torch
from scipy.optimize import minimize
from shapes_kit import ROTATION

from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import higgins
from triptych.beta_vae.shapes.judge.higgins import ALL_FACTORS, PAPER_FACTORS, Points, draw_points, train_classifiers
from triptych.data.format import DataError

GRID = Grid(
    [
        {"name": "shape", "values": [1, 2, 3]},
        {"name": "scale", "values": [0.5, 0.7, 0.9, 1.0]},
        {"name": "orientation", "values": [i * 0.7 for i in range(8)]},
        {"name": "x", "values": [i / 7 for i in range(8)]},
        {"name": "y", "values": [i / 7 for i in range(8)]},
    ]
)
FACTORS = GRID.factors(torch.arange(GRID.count))
TRUTH = torch.stack([v[FACTORS[:, k]] for k, v in enumerate(GRID.values)], dim=1).float()


def score(codes, names=PAPER_FACTORS, seeds=(0, 1), steps=10_000):
    train = [draw_points(codes, GRID, names, 800, 32, 2 * s) for s in seeds]
    test = [draw_points(codes, GRID, names, 500, 32, 2 * s + 1) for s in seeds]
    return train_classifiers(train, test, seeds, classes=len(names), steps=[steps])[0].tolist()


@pytest.mark.parametrize("names", [PAPER_FACTORS, ALL_FACTORS])
def test_ground_truth_scores_100_percent(names):
    assert min(score(TRUTH, names, steps=20_000)) >= 0.998
    train, test = (draw_points(TRUTH, GRID, names, 800, 32, s) for s in (0, 1))
    assert higgins.logistic_accuracy(train, test, 0) >= 0.998


EVEN = Grid([{"name": name, "values": list(range(6))} for name in PAPER_FACTORS])
EVEN_TRUTH = EVEN.factors(torch.arange(EVEN.count)).float()


def both_classifiers(codes):
    train, test = (draw_points(codes, EVEN, PAPER_FACTORS, n, 32, seed) for seed, n in ((0, 800), (1, 500)))
    paper = train_classifiers([train], [test], [0], classes=4, steps=[8000])[0, 0]
    return float(paper), higgins.logistic_accuracy(train, test, 0)


def test_both_classifiers_on_the_factors_copies_of_them_a_rotation_noise_and_nothing():
    assert min(both_classifiers(EVEN_TRUTH)) > 0.99
    assert min(both_classifiers(torch.cat([EVEN_TRUTH, -EVEN_TRUTH], 1))) > 0.99  # a factor held twice is no worse
    noise = torch.randn(EVEN.count, 6, generator=torch.Generator().manual_seed(0))
    for codes in (EVEN_TRUTH @ ROTATION, noise, 0 * noise):
        assert both_classifiers(codes) == pytest.approx([1 / 4, 1 / 4], abs=0.07)


def test_a_factor_that_is_not_encoded_at_all_can_still_be_told_by_the_others():
    """The metric's known weakness (Kim & Mnih 2018): K − 1 disentangled factors are enough."""
    scaled = TRUTH * torch.tensor([1.0, 2.0, 0.0, 1.0, 1.0])  # no orientation
    assert min(score(scaled)) > 0.95


def test_the_fixed_factor_alone_agrees():
    """With the codes = indices, dimension y of a point is 0 and every other one is not."""
    points = draw_points(FACTORS.float(), GRID, ALL_FACTORS, 300, 32, seed=5)
    fixed = points.x.gather(1, points.y[:, None])
    assert fixed.abs().max() == 0
    others = torch.ones_like(points.x, dtype=torch.bool).scatter(1, points.y[:, None], False)
    assert points.x[others].min() > 0
    assert torch.bincount(points.y).min() > 30
    of_the_paper = draw_points(FACTORS.float(), GRID, PAPER_FACTORS, 300, 32, seed=5)
    never = (of_the_paper.x > 0).all(0)
    assert [name for name, varies in zip(GRID.names, never) if varies] == ["shape"]
    with pytest.raises(DataError, match="complete grid"):
        draw_points(TRUTH[:100], GRID, PAPER_FACTORS, 10, 4, 0)


def test_points_are_mean_absolute_differences_of_the_drawn_pairs():
    points = draw_points(FACTORS.float(), GRID, ["x"], 400, 64, seed=0)
    sizes = torch.tensor(GRID.sizes).float()
    expected = (sizes**2 - 1) / (3 * sizes)  # E|i − j| of two uniform indices
    expected[3] = 0
    torch.testing.assert_close(points.x.mean(0), expected, atol=0.03, rtol=0)


def test_pixels_as_bytes_count_as_fractions_of_255():
    pixels = torch.randint(0, 256, (GRID.count, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    bytes_ = draw_points(pixels, GRID, PAPER_FACTORS, 20, 16, seed=1)
    floats = draw_points(pixels.float() / 255, GRID, PAPER_FACTORS, 20, 16, seed=1)
    torch.testing.assert_close(bytes_.x, floats.x)
    assert torch.equal(bytes_.y, floats.y)


def test_classifiers_trained_together_end_as_one_by_one_whatever_the_order_of_the_steps():
    codes = TRUTH @ torch.randn(5, 6, generator=torch.Generator().manual_seed(3))
    seeds = [3, 4, 5]
    train = [draw_points(codes, GRID, PAPER_FACTORS, 300, 16, s) for s in seeds]
    test = [draw_points(codes, GRID, PAPER_FACTORS, 300, 16, s + 10) for s in seeds]
    together = train_classifiers(train, test, seeds, classes=4, steps=[1500, 10, 1500])
    assert torch.equal(together[0], together[2]) and together[0].min() > together[1].max()
    alone = [train_classifiers([a], [b], [s], classes=4, steps=[10, 1500]) for a, b, s in zip(train, test, seeds)]
    torch.testing.assert_close(together[[1, 2]], torch.cat(alone, 1), atol=0.004, rtol=0)
    assert len(set(together[0].tolist())) > 1


def test_the_classifier_is_pytorchs_adagrad_on_a_linear_layer():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(200, 6, generator=generator), torch.randint(0, 3, (200,), generator=generator)
    weight, order = higgins._start([7], 7, 3, 400 * 10, 200)
    layer = torch.nn.Linear(6, 3)
    with torch.no_grad():
        layer.weight.copy_(weight[0, :6].T)
        layer.bias.copy_(weight[0, 6])
    optimiser = torch.optim.Adagrad(layer.parameters(), lr=1e-2)
    for rows in order[0].view(400, 10):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(layer(x[rows]), y[rows]).backward()
        optimiser.step()
    expected = (layer(x).argmax(1) == y).float().mean()
    ours = train_classifiers([Points(x, y)], [Points(x, y)], [7], classes=3, steps=[400])[0, 0]
    assert abs(ours - expected) <= 0.01
    assert expected > 0.36
    fresh = torch.randn(5000, 6, generator=generator)  # the same decision nearly everywhere, so the same weights
    told = Points(fresh, layer(fresh).argmax(1))
    assert train_classifiers([Points(x, y)], [told], [7], classes=3, steps=[400])[0, 0] > 0.999


def test_the_classifier_starts_like_pytorchs_linear_layer():
    weight, order = higgins._start([7, 8], 401, 50, 1000, 30)
    linear = torch.nn.Linear(400, 5000).weight
    assert weight.abs().max().item() == pytest.approx(linear.abs().max().item(), rel=1e-2)
    assert weight.std().item() == pytest.approx(linear.std().item(), rel=2e-2)
    assert not torch.equal(weight[0], weight[1]) and not torch.equal(order[0], order[1] - 30)
    assert sorted(set(order[0].tolist())) == list(range(30)) and order[1].min() == 30


def test_scikit_learns_classifier_is_judged_on_the_test_points():
    x = torch.eye(3).repeat(20, 1)
    y = torch.arange(3).repeat(20)
    assert higgins.logistic_accuracy(Points(x, y), Points(x, y), 0) == 1
    assert higgins.logistic_accuracy(Points(x, y), Points(x, (y + 1) % 3), 0) == 0


def test_the_converged_classifier_is_the_minimum_of_its_objective_whatever_the_scale_of_a_latent():
    generator = torch.Generator().manual_seed(0)
    mixed = TRUTH @ torch.randn(5, 6, generator=generator) + torch.randn(GRID.count, 6, generator=generator)
    train, test = (draw_points(mixed, GRID, PAPER_FACTORS, 300, 8, seed) for seed in (0, 1))
    x = (train.x / train.x.std(0)).double()

    def objective(flat):
        w = torch.tensor(flat).view(-1, 4).requires_grad_()
        loss = torch.nn.functional.cross_entropy(x @ w[:-1] + w[-1], train.y, reduction="sum")
        loss = loss + w[:-1].square().sum() / (2 * higgins.CONVERGED_C)
        loss.backward()
        return loss.item(), w.grad.flatten().numpy()

    found = torch.tensor(minimize(objective, torch.zeros(4 * (x.shape[1] + 1)).double().numpy(), jac=True).x).view(
        -1, 4
    )
    accuracy = ((test.x / train.x.std(0)).double() @ found[:-1] + found[-1]).argmax(1).eq(test.y).double().mean().item()
    assert 0.3 < accuracy < 0.999
    assert higgins.converged_accuracy(train, test) == pytest.approx(accuracy, abs=0.01)
    scale = torch.logspace(-4, 4, x.shape[1])
    scaled = [Points(p.x * scale, p.y) for p in (train, test)]
    assert higgins.converged_accuracy(*scaled) == pytest.approx(accuracy, abs=0.01)
