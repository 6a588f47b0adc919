"""GAN + forward cycle (CycleGAN, tables 4 and 5): labels -> photo -> labels only."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig, CycleSystem

Config = CycleConfig


class System(CycleSystem):
    backward_cycle = 0.0
