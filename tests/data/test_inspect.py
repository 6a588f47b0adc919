"""Contact sheets of sets that are smaller than a sheet."""

import numpy as np
import pytest
from PIL import Image

from triptych.data.format import write_dataset
from triptych.data.inspect import contact_sheet
from triptych.data.render.streets import Config, render


@pytest.mark.parametrize("scenes", [1, 5, 20])
def test_a_sheet_of_few_scenes(tmp_path, scenes):
    dataset = write_dataset(tmp_path / "streets", *render(Config(train=scenes, val=1), 32))
    contact_sheet(dataset, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png"))
    assert sheet.shape[0] * min(8, scenes) % sheet.shape[1] == 0 and sheet.std() > 5
