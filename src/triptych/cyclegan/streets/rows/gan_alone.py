"""GAN alone (CycleGAN, tables 4 and 5): no cycle, so nothing ties an output to its input."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.streets.parts.cycle import CycleSystem

Config = CycleConfig


class System(CycleSystem):
    """L_GAN(G, D_Y) + L_GAN(F, D_X), equation 1 alone; `cycle_weight` then only scales the identity term."""

    forward_cycle = 0.0
    backward_cycle = 0.0
