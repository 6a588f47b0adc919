"""How far pictures are from real ones: root mean squared difference of the pixels to the nearest of many real images.

In units of what it is for real images that are not among the many: 1 is as near as real images are to each other, more
is farther off, and near 0 is a copy. A blurred picture is near to many; so a mean of images has the smaller distance,
not the larger one, and is not punished for being a mean."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit
from triptych.engine import exact_products

AT_ONCE = 256


class NearestReal:
    """`bank` (m, C, H, W) and `held_out` (k, C, H, W): real images, uint8, none in both."""

    def __init__(self, bank: np.ndarray | Tensor, held_out: np.ndarray | Tensor, device: torch.device | str = "cpu"):
        self.bank = _rows(bank).to(device)
        self.unit = 1.0
        self.unit = float(self.distances(held_out).median())

    @torch.inference_mode()
    @exact_products()  # squared distances are small differences of large products
    def distances(self, images: np.ndarray | Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> (n,), on the CPU."""
        parts = _rows(images).split(AT_ONCE)
        nearest = [torch.cdist(part.to(self.bank.device), self.bank).amin(1).cpu() for part in parts]
        return torch.cat(nearest) / self.unit

    def median(self, images: np.ndarray | Tensor) -> float:
        """Of the `distances`."""
        return float(self.distances(images).median())


def _rows(images: np.ndarray | Tensor) -> Tensor:
    images = torch.from_numpy(np.array(images)) if isinstance(images, np.ndarray) else images
    return unit(images.flatten(1))
