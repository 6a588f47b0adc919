"""pix2pix as in its own paper (Isola et al. 2017): U-Net with dropout, log loss, L1 weight 100, no pool.

    G: -E log D(x, G(x)) + 100 E|G(x) - y|      (equation 4; section 3.3 for the form of the first term)

The row `pix2pix` is the CycleGAN paper's configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from triptych.cyclegan.gan.losses import GanLoss
from triptych.cyclegan.gan.translation import PatchTraining
from triptych.cyclegan.streets.parts.paired import Paired
from triptych.cyclegan.streets.parts.unet import UNet


class Config(PatchTraining):
    """Defaults are the paper's, at 256 px (sections 3.3 and 6.2); `width` is the U-Net's, 64 in the paper."""

    pixels: int = Field(256, ge=16, description="pixels, a power of two")
    load_size: int = Field(286, ge=16)
    gan_loss: GanLoss = "log"
    pool: int = Field(0, ge=0)
    decay_from: float = Field(1.0, ge=0, le=1)
    l1_weight: float = Field(100.0, ge=0)
    noise_seed: int = Field(0, ge=0, lt=2**32, description="of the dropout in use")

    @model_validator(mode="after")
    def _power_of_two(self) -> Config:
        if self.pixels & (self.pixels - 1):
            raise ValueError(f"pixels = {self.pixels} must be a power of two: the U-Net halves it down to 1")
        return self


class System(Paired):
    """Paired, with a U-Net each way. Its dropout is on in use too, and the same at every call."""

    def make_generator(self) -> nn.Module:
        """pix2pix's U-Net."""
        return UNet(self.config.pixels, self.config.width)

    def to_photo(self, labels: Tensor) -> Tensor:
        with seeded(self.config.noise_seed, labels.device):
            return super().to_photo(labels)

    def to_labels(self, photos: Tensor) -> Tensor:
        with seeded(self.config.noise_seed, photos.device):
            return super().to_labels(photos)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """The same random numbers at every call, without touching anyone else's."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
