import pytest
from torch import nn


@pytest.fixture
def receptive_field():
    """Of a patch critic: the width in pixels of what one score sees."""

    def width(critic):
        field = 1
        for layer in reversed(list(critic)):
            if isinstance(layer, nn.Conv2d):
                field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
        return field

    return width
