"""The sheet of translations: what is where, and the numbers below it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_streets import CPU, noise
from torch import nn

from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.figures import draw_translations, sheets_during_training, translations
from triptych.data.label_classes import CITYSCAPES


class Negative(nn.Module):
    config = SimpleNamespace(pixels=16)

    def to_photo(self, labels):
        self.drawn_in_training = self.training
        return 255 - labels

    def to_labels(self, photos):
        return photos // 2


def test_label_images_and_photos_come_at_the_size_of_the_system():
    data = noise(2, size=32)
    both = translations(Negative(), data, CPU)
    pictures = StreetData(data.photos, data.label_maps, CITYSCAPES, label_images=data.labels)
    blended = translations(Negative(), pictures, CPU)
    assert torch.equal(both["to_photo"][1], 255 - data.labels_at(16))
    assert torch.equal(blended["to_photo"][1], 255 - pictures.labels_at(16))
    assert not torch.equal(both["to_photo"][1], blended["to_photo"][1])


def test_the_sheets_numbers_are_errors(tmp_path, panels):
    data = noise(8)
    drawn = draw_translations(Negative(), data, tmp_path / "a/sheet.png", CPU, n=4)
    error = np.abs(255.0 - data.labels[::2] - data.photos[::2]).mean()  # four of eight, evenly spread
    assert drawn["numbers"]["to_photo/mean_abs_error_grey_levels"] == pytest.approx(error, abs=0.01)
    error = np.abs(data.photos[::2] // 2 - 1.0 * data.labels[::2]).mean()
    assert drawn["numbers"]["to_labels/mean_abs_error_grey_levels"] == pytest.approx(error, abs=0.01)
    assert "4 scenes" in drawn["caption"]
    assert np.array_equal(panels[0].tiles[:, 0], data.labels[::2]) and (tmp_path / "a/sheet.png").is_file()


def test_every_panel_is_in_its_place(tmp_path, panels):
    road = np.array([128, 64, 128])
    data = StreetData(np.full((1, 3, 16, 16), 100, np.uint8), np.full((1, 16, 16), 7, np.uint8), CITYSCAPES)
    draw_translations(Negative(), data, tmp_path / "sheet.png", CPU)
    assert [panel.title for panel in panels] == ["labels → photo", "photo → labels"]
    assert all(panel.columns == ("input", "output", "way back", "truth") for panel in panels)
    found = [panel.tiles[0, k, :, 8, 8].tolist() for panel in panels for k in range(4)]
    to_photo = [road, 255 - road, (255 - road) // 2, [100] * 3]
    to_labels = [[100] * 3, [50] * 3, [205] * 3, road]
    assert found == [list(map(int, colour)) for colour in to_photo + to_labels]


def test_sheets_while_training_leave_the_mode_as_it_was_and_say_what_is_half_trained(tmp_path):
    system = Negative().train()
    draw = sheets_during_training(system, noise(8), tmp_path, CPU)
    draw(500, still="to_labels untrained")
    assert system.training and not system.drawn_in_training
    draw(1000)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["step_000500_to_labels_untrained.png", "step_001000.png"]
