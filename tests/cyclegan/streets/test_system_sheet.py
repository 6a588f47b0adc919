"""The sheet across systems: which image stands where."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.sheet import TILE, draw_system_sheet, wrapped
from triptych.data.label_classes import CITYSCAPES

CPU = torch.device("cpu")


class Flat(nn.Module):
    """Every output is of one grey."""

    def __init__(self, grey, size=16):
        super().__init__()
        self.grey, self.size, self.config = grey, size, SimpleNamespace(pixels=size)

    def to_photo(self, labels):
        return torch.full((len(labels), 3, self.size, self.size), self.grey, dtype=torch.uint8)

    def to_labels(self, photos):
        return 255 - self.to_photo(photos)


def streets(n=6, size=16):
    photos = np.broadcast_to((40 * np.arange(n, dtype=np.uint8))[:, None, None, None], (n, 3, size, size))
    return StreetData(photos, np.full((n, size, size), 7, np.uint8), CITYSCAPES)


@pytest.mark.parametrize("way, of_a, truth", [("to_photo", 30, [0, 80, 160]), ("to_labels", 225, [None] * 3)])
def test_rows_are_inputs_and_columns_systems(tmp_path, panels, way, of_a, truth):
    systems = {"a": Flat(30), "b_large": Flat(90, 128)}
    drawn = draw_system_sheet(systems, streets(), way, tmp_path / "x/s.png", CPU, n=3)
    assert (tmp_path / "x/s.png").is_file()
    inputs, outputs, truths = panels
    assert [panel.columns for panel in panels] == [["input"], ["a", "b large"], ["truth"]]

    def cell(panel, row, column=0):
        assert panel.tiles.shape == (3, len(panel.columns), 3, TILE, TILE)
        return panel.tiles[row, column, :, TILE // 2, TILE // 2].tolist()

    road = [128, 64, 128]
    assert cell(inputs, 0) == (road if way == "to_photo" else [0, 0, 0])
    assert cell(outputs, 2, 0) == [of_a] * 3
    assert cell(outputs, 1, 1) == ([90] * 3 if way == "to_photo" else [165] * 3)
    assert cell(truths, 2) == ([160] * 3 if way == "to_photo" else road)
    if way == "to_photo":
        expected = np.mean([abs(30 - t) for t in truth])
        assert drawn["numbers"]["a/mean_abs_error_grey_levels"] == pytest.approx(expected, abs=0.01)
    assert "3 scenes" in drawn["caption"]
    assert not any(system.training for system in systems.values())


def test_long_names_fit_over_a_column():
    assert wrapped("feature_loss_gan") == "feature loss\nGAN"
