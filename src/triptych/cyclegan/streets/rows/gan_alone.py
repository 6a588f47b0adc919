"""GAN alone (CycleGAN, tables 4 and 5): no cycle, so nothing ties an output to its input."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig, CycleSystem

Config = CycleConfig


class System(CycleSystem):
    forward_cycle = 0.0
    backward_cycle = 0.0
