"""The 2D shapes against what was measured on dSprites' published animation, and the grid's order."""

import numpy as np
import pytest
import torch

from triptych.beta_vae.shapes.grid import Grid
from triptych.data.checks.shapes import LIMITS, measure
from triptych.data.drawn import shapes
from triptych.data.drawn.shapes import SIZES, Config, draw, factors_of, index_of, render
from triptych.data.format import Split, write_dataset

# Sprite areas in the animation at angle 0, position 0, scales 0.5 … 1.0.
AREAS = {
    "square": [100, 144, 196, 256, 324, 400],
    "ellipse": [76, 104, 144, 184, 228, 288],
    "heart": [58, 84, 108, 140, 182, 222],
}


def areas(images):
    return (images > 0).flatten(1).sum(1)


def sample(n, seed=0):
    index = torch.randint(0, 737_280, (n,), generator=torch.Generator().manual_seed(seed))
    return factors_of(index)


@pytest.mark.parametrize("shape", range(3))
def test_areas_match_the_published_animation(shape):
    name = shapes.SHAPES[shape]
    drawn = areas(draw(torch.tensor([[shape, s, 0, 0, 0] for s in range(6)])))
    tolerance = 0 if name == "square" else 4
    assert (drawn - torch.tensor(AREAS[name])).abs().max() <= tolerance


def test_the_hearts_outline_has_no_dent():
    """Radii at neighbouring angles, measured one by one: a slip of the pen in one would stand out from both sides."""
    radii = np.array(shapes.HEART_RADII)
    bends = np.abs(radii[1:-1] - (radii[:-2] + radii[2:]) / 2)
    assert len(radii) == 37 and bends[3:-2].max() < 0.2


def test_images_are_binary_and_stay_off_the_border():
    ends = torch.tensor([0, 31])
    corners = torch.cartesian_prod(torch.arange(3), torch.tensor([5]), torch.arange(40), ends, ends)
    images = draw(corners)[:, 0]
    assert images.dtype == torch.uint8
    assert set(images.unique().tolist()) == {0, 255}
    rows = torch.nonzero(images.amax((0, 2)))[:, 0]
    columns = torch.nonzero(images.amax((0, 1)))[:, 0]
    assert rows.min() >= 3 and rows.max() <= 60 and columns.min() >= 3 and columns.max() <= 60


def test_angles_0_and_two_pi_are_the_same_picture():
    first = sample(500)
    last = first.clone()
    first[:, 2], last[:, 2] = 0, 39
    assert torch.equal(draw(first), draw(last))
    last[:, 2] = 38
    assert not torch.equal(draw(first), draw(last))


def test_positive_angles_turn_counter_clockwise_and_x_runs_right():
    """A heart has its lobes up; a quarter turn counter-clockwise brings them to the left."""
    upright, turned = draw(torch.tensor([[2, 5, 0, 0, 0], [2, 5, 10, 0, 0]]))[:, 0] > 0  # centre (16, 16)
    assert upright[:11].sum() > 3 * upright[21:].sum() > 0
    assert turned[:, :11].sum() > 3 * turned[:, 21:].sum() > 0
    right, down = draw(torch.tensor([[0, 0, 0, 31, 0], [0, 0, 0, 0, 31]]))[:, 0]
    assert right[:, 32:].any() and not right[32:].any()
    assert down[32:].any() and not down[:, 32:].any()


def test_against_a_plain_evaluation_of_every_pixel():
    """The windowed drawing equals the defining inequality, evaluated over the whole canvas in float64."""
    factors = sample(60, seed=3)
    values = shapes.factor_values()
    drawn = draw(factors)[:, 0].numpy() > 0
    wrong = 0
    for row, image in zip(factors.tolist(), drawn):
        s, angle, x, y = (values[k][row[k]] for k in range(1, 5))
        j, i = np.meshgrid(np.arange(64) + 0.5, np.arange(64) + 0.5)
        dx, dy = j - 16 - 32 * x, i - 16 - 32 * y
        u, v = (np.cos(angle) * dx - np.sin(angle) * dy) / s, (np.sin(angle) * dx + np.cos(angle) * dy) / s
        if row[0] == 0:
            inside = np.maximum(abs(u), abs(v)) <= 9.6
        elif row[0] == 1:
            inside = (u / 12.8) ** 2 + (v / 7.2) ** 2 <= 1
        else:
            inside = _in_polygon(np.abs(u), v)
        wrong += (inside != image).sum()
    assert wrong <= 2  # float32 on an edge


def _in_polygon(x, y):
    """Even-odd rule over the heart's right half, closed along the axis of symmetry."""
    angle = np.radians(np.arange(37) * 5)
    corners = np.stack([np.sin(angle), -np.cos(angle)], 1) * np.array(shapes.HEART_RADII)[:, None]
    corners[0, 0] = corners[-1, 0] = -1e-9
    inside = np.zeros(x.shape, bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0)):
        spans = (y0 > y) != (y1 > y)
        with np.errstate(divide="ignore", invalid="ignore"):
            inside ^= spans & (x < x0 + (y - y0) / (y1 - y0) * (x1 - x0))
    return inside


def test_indices_are_row_major_over_dsprites_sizes():
    index = torch.tensor([0, 1, 32, 1024, 40_960, 245_760, 737_279])
    factors = factors_of(index)
    assert torch.equal(factors[1:6].flip(0), torch.eye(5, dtype=torch.int64)) and not factors[0].any()
    assert factors[6].tolist() == [s - 1 for s in SIZES]
    assert torch.equal(index_of(factors), index)
    many = torch.randint(0, 92_160, (1000,))
    assert torch.equal(index_of(factors_of(many, (3, 6, 20, 16, 16)), (3, 6, 20, 16, 16)), many)


def test_size_scales_all_lengths():
    factors = sample(300, seed=1)
    small, large = areas(draw(factors, 32)).float(), areas(draw(factors, 128)).float()
    assert abs(small.mean() * 4 / 175 - 1) < 0.1
    assert abs(large.mean() / 4 / 175 - 1) < 0.1
    for size in (8, 16, 48, 63):
        assert draw(factors[:20], size).shape == (20, 1, size, size)


def test_wrong_factors_are_refused():
    for bad in ([[0, 0, 40, 0, 0]], [[-1, 0, 0, 0, 0]], [[0, 0, 0, 0]]):
        with pytest.raises(ValueError, match="factors must be"):
            draw(torch.tensor(bad))


def test_stored_grid_is_the_drawn_sub_grid_in_order(tmp_path):
    config = Config(scale_every=3, orientation_every=10, x_every=16, y_every=8)
    splits, card = render(config, 32)
    dataset = write_dataset(tmp_path / "shapes", splits, card)
    train = dataset["train"]
    sizes = [len(f["values"]) for f in dataset.card["factors"]]
    assert sizes == [3, 2, 4, 2, 4]
    assert [f["name"] for f in dataset.card["factors"]] == ["shape", "scale", "orientation", "x", "y"]
    assert dataset.card["factors"][1]["values"] == [0.5, 0.8]
    assert dataset.card["title"] == "dSprites (re-rendered)"
    assert np.array_equal(train.factors, np.indices(sizes).reshape(5, -1).T)
    full = torch.from_numpy(np.array(train.factors)) * torch.tensor([1, 3, 10, 16, 8])
    assert np.array_equal(train.images, draw(full, 32).numpy())


@pytest.mark.parametrize("factor, every", [("scale", 5), ("orientation", 38), ("x", 31), ("y", 31)])
def test_every_factor_that_is_stored_varies(factor, every):
    grid = Grid(render(Config(**{f"{factor}_every": every}), 32)[1]["factors"])
    assert min(map(len, grid.distinct)) == 2
    with pytest.raises(ValueError, match=f"{factor}_every"):
        Config(**{f"{factor}_every": every + 1})


def test_standard_measures_what_is_known_of_dsprites(tmp_path):
    """Mean area about 175 pixels; 10 principal components explain about 61 % of the variance."""
    images = draw(sample(6_000)).numpy()
    card = {key: "-" for key in ("title", "source", "licence", "made_by")}
    measures = measure(write_dataset(tmp_path / "all", {"train": Split(images=images)}, card), seed=0)
    assert all(low <= measures[metric] <= high for metric, (low, high) in LIMITS.items()), measures
