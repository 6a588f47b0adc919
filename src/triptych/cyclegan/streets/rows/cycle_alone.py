"""Cycle alone (CycleGAN, tables 4 and 5): both cycles, nothing that asks outputs to look like the target
domain."""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan.gan.translation import CycleConfig, CycleSystem


class Config(CycleConfig):
    cycle_weight: float = Field(10.0, gt=0, description="lambda; without it nothing would be left to learn")


class System(CycleSystem):
    gan = 0.0
