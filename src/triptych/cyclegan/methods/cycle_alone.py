"""Cycle alone (CycleGAN, tables 4 and 5): both cycles, nothing that asks outputs to look like the target
domain."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import CycleConfig, CycleSystem

Config = CycleConfig


class System(CycleSystem):
    gan = 0.0
