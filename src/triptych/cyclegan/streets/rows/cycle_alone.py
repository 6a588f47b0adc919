"""Cycle alone (CycleGAN, tables 4 and 5): nothing asks outputs to look like the target domain."""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.streets.parts.cycle import CycleSystem


class Config(CycleConfig):
    """CycleGAN's, but lambda cannot be 0."""

    cycle_weight: float = Field(10.0, gt=0, description="lambda; without it nothing would be left to learn")


class System(CycleSystem):
    """lambda (E|F(G(x)) - x| + E|G(F(y)) - y|), equation 2 alone. The critics stay untrained."""

    gan = 0.0
