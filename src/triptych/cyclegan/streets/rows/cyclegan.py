"""CycleGAN (Zhu, Park, Isola, Efros 2017): unpaired translation held together by both cycles."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.streets.parts.cycle import CycleSystem

Config = CycleConfig


class System(CycleSystem):
    """GAN + forward cycle + backward cycle (equation 3), lambda = 10 (section 4), no identity term (section 5.2)."""
