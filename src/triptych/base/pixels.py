"""Images as bytes and as numbers: every change of scale between 0 … 255 and what a network works with.

Results are compared bit by bit, so each function fixes one order of operations.
"""

from __future__ import annotations

import torch
from torch import Tensor


def signed(images: Tensor) -> Tensor:
    """Grey levels 0 … 255 (uint8, or float such as a mean of images) -> float32 in [-1, 1], the range of tanh."""
    return images.float() / 127.5 - 1


def unit(images: Tensor) -> Tensor:
    """Grey levels 0 … 255 (uint8) -> float32 in [0, 1], in one copy: some samples fill a large part of the memory."""
    return images.to(torch.float32, copy=True).div_(255)


def to_uint8(images: Tensor) -> Tensor:
    """[-1, 1] -> uint8, the inverse of `signed`. Values outside are cut off; halves go to the even level."""
    return rounded((images.float() + 1) * 127.5)


def unit_to_uint8(images: Tensor) -> Tensor:
    """[0, 1] -> uint8, the inverse of `unit`. Values outside are cut off; halves go to the even level."""
    return rounded(images.float() * 255)


def unit_to_uint8_half_up(images: Tensor) -> Tensor:
    """As `unit_to_uint8`, but halves go up. The drawn data and the traversals are made like this: one float32 in
    about 10^5 lies exactly between two levels, so the two ways of rounding give different pixels."""
    return (images.clamp(0, 1) * 255 + 0.5).to(torch.uint8)


def rounded(levels: Tensor) -> Tensor:
    """Float grey levels -> uint8: the nearest level (halves to the even one) in 0 … 255."""
    return levels.round().clamp(0, 255).to(torch.uint8)
