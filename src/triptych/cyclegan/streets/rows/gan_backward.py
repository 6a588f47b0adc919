"""GAN + backward cycle (CycleGAN, tables 4 and 5): photo -> labels -> photo only."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig, CycleSystem

Config = CycleConfig


class System(CycleSystem):
    forward_cycle = 0.0
