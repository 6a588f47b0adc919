"""The 2D shapes in small, for all tests of the paper."""

import pytest

from triptych.data.drawn.shapes import Config, render
from triptych.data.format import write_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    splits, card = render(Config(orientation_every=8, x_every=8, y_every=8), 16)
    return write_dataset(tmp_path_factory.mktemp("data") / "shapes", splits, card)
