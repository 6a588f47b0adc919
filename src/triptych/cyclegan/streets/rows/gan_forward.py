"""GAN + forward cycle (CycleGAN, tables 4 and 5): labels -> photo -> labels only."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.streets.parts.cycle import CycleSystem

Config = CycleConfig


class System(CycleSystem):
    """L_GAN(G, D_Y) + L_GAN(F, D_X) + lambda E|F(G(x)) - x|: the first half of equation 2."""

    backward_cycle = 0.0
