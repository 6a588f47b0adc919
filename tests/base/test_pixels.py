"""Changes of scale between bytes and numbers, on all 256 bytes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from triptych.base.pixels import rounded, signed, to_uint8, unit, unit_to_uint8, unit_to_uint8_half_up

EVERY = torch.arange(256, dtype=torch.uint8)
WAYS = [(signed, to_uint8, -1), (unit, unit_to_uint8, 0), (unit, unit_to_uint8_half_up, 0)]


@pytest.mark.parametrize("there, back, low", WAYS)
def test_every_byte_survives_the_way_there_and_back_and_what_is_outside_is_cut_off(there, back, low):
    numbers = there(EVERY)
    assert numbers.dtype == torch.float32 and numbers.min() == low and numbers.max() == 1
    assert back(numbers).dtype == torch.uint8 and torch.equal(back(numbers), EVERY)
    assert back(torch.tensor([low - 3.0, 4.0])).tolist() == [0, 255]


def test_the_order_of_operations_is_fixed_to_the_bit_and_leaves_the_input_alone():
    levels = np.arange(256, dtype=np.float32)
    for images in (EVERY, torch.from_numpy(levels.copy())):
        assert np.array_equal(signed(images).numpy(), levels / np.float32(127.5) - np.float32(1))
        assert np.array_equal(unit(images).numpy(), levels / np.float32(255))
        assert np.array_equal(images.numpy(), levels)


def test_halves_go_to_the_even_level_or_up():
    halves = torch.tensor([0.5, 1.5, 2.5])
    assert rounded(halves).tolist() == [0, 2, 2]
    tie = torch.tensor([0.5])  # 127.5 levels
    assert unit_to_uint8(tie - 2 / 255).item() == 126 and unit_to_uint8_half_up(tie).item() == 128
