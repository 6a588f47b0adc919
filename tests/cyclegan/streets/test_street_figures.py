"""The sheet of translations: what is where, and the numbers below it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.figures import draw_translations, sheets_during_training, translations
from triptych.data.label_classes import CITYSCAPES

CPU = torch.device("cpu")


class Negative(nn.Module):
    config = SimpleNamespace(pixels=16)

    def to_photo(self, labels):
        self.drawn_in_training = self.training
        return 255 - labels

    def to_labels(self, photos):
        return photos // 2


def streets(n=8, size=16):
    rng = np.random.default_rng(0)
    photos = rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8)
    return StreetData(photos, rng.integers(7, 20, (n, size, size), dtype=np.uint8), CITYSCAPES)


def test_input_output_way_back_truth():
    data = streets(3)
    both = translations(Negative(), data, CPU)
    labels, photos = torch.from_numpy(data.labels), torch.from_numpy(data.photos)
    expected = {
        "to_photo": [labels, 255 - labels, (255 - labels) // 2, photos],
        "to_labels": [photos, photos // 2, 255 - photos // 2, labels],
    }
    for way, images in expected.items():
        assert all(torch.equal(a, b) for a, b in zip(both[way], images))


def test_label_images_and_photos_come_at_the_size_of_the_system():
    data = streets(2, size=32)
    both = translations(Negative(), data, CPU)
    pictures = StreetData(data.photos, data.label_maps, CITYSCAPES, label_images=data.labels)
    blended = translations(Negative(), pictures, CPU)
    assert torch.equal(both["to_photo"][1], 255 - data.labels_at(16))
    assert torch.equal(blended["to_photo"][1], 255 - pictures.labels_at(16))
    assert not torch.equal(both["to_photo"][1], blended["to_photo"][1])


def test_the_sheets_numbers_are_errors(tmp_path, panels):
    data = streets()
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


def test_sheets_while_training_leave_the_mode_as_it_was(tmp_path):
    system = Negative().train()
    sheets_during_training(system, streets(), tmp_path, CPU)(500)
    assert (tmp_path / "step_000500.png").is_file() and system.training and not system.drawn_in_training


def test_a_sheet_of_a_half_trained_system_says_so(tmp_path):
    draw = sheets_during_training(Negative(), streets(), tmp_path, CPU)
    draw(500, still="to_labels untrained")
    draw(1000)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["step_000500_to_labels_untrained.png", "step_001000.png"]
