"""GAN + backward cycle (CycleGAN, tables 4 and 5): photo -> labels -> photo only."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.streets.parts.cycle import CycleSystem

Config = CycleConfig


class System(CycleSystem):
    """L_GAN(G, D_Y) + L_GAN(F, D_X) + lambda E|G(F(y)) - y|: the second half of equation 2."""

    forward_cycle = 0.0
