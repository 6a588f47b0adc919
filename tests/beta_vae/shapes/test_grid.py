import math

import pytest
import torch

from triptych.beta_vae.shapes.grid import Grid
from triptych.data.drawn.shapes import NAMES, factor_values
from triptych.data.format import DataError

FULL = [{"name": n, "values": v} for n, v in zip(NAMES, factor_values())]


def test_zero_and_two_pi_are_one_pose_unless_told_otherwise():
    merged, apart = Grid(FULL), Grid(FULL, merge_poses=False)
    assert len(merged.distinct[2]) == 39 and len(apart.distinct[2]) == 40
    assert merged.canonical[2][39] == 0 and merged.canonical[2][38] == 38
    drawn = merged.draw((20_000,), torch.Generator().manual_seed(0))
    assert drawn[:, 2].max() == 38
    assert apart.draw((20_000,), torch.Generator().manual_seed(0))[:, 2].max() == 39
    assert (torch.bincount(drawn[:, 0]) / 20_000 - 1 / 3).abs().max() < 0.02


def test_rows_and_factors_are_inverse_and_row_major():
    grid = Grid(FULL)
    rows = torch.randint(0, grid.count, (1000,))
    assert torch.equal(grid.rows(grid.factors(rows)), rows)
    assert grid.rows(torch.tensor([1, 2, 3, 4, 5])) == 245_760 + 2 * 40_960 + 3 * 1024 + 4 * 32 + 5


def test_sampled_rows_are_different_images():
    grid = Grid([{"name": "scale", "values": [1, 2, 3]}, {"name": "orientation", "values": [0, 1, 2 * math.pi]}])
    assert grid.available == 6
    rows = grid.sample_rows(6, torch.Generator().manual_seed(0))
    assert sorted(rows.tolist()) == [0, 1, 3, 4, 6, 7]  # not those at 2π
    half_turn = Grid([{"name": "shape", "values": [1, 2]}, {"name": "orientation", "values": [0, 1, math.pi]}])
    assert half_turn.distinct[1].tolist() == [0, 1, 2]  # less than a turn apart: no pose twice
    for message, wrong in (
        ("7 different images", lambda: grid.sample_rows(7, torch.Generator())),
        ("complete grid of 737280", lambda: Grid(FULL).check(1000)),
        ("no factor colour", lambda: Grid(FULL).numbers(["x", "colour"])),
    ):
        with pytest.raises(DataError, match=message):
            wrong()
