"""CycleGAN (Zhu, Park, Isola, Efros 2017): unpaired translation held together by both cycles."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig, CycleSystem

Config = CycleConfig


class System(CycleSystem):
    """GAN + forward cycle + backward cycle."""
