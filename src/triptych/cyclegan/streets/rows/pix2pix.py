"""pix2pix (Isola et al. 2017) as the CycleGAN paper ran it: the upper bound, which sees the pairs.

CycleGAN's networks and training, but of pairs and with an L1 term (see `paired`). The term's weight in the paper's run
is not published; the authors' code has 10 as the default.
"""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan.gan import translation
from triptych.cyclegan.streets.parts.paired import Paired


class Config(translation.Config):
    l1_weight: float = Field(10.0, ge=0)


class System(Paired):
    @property
    def notes(self) -> list[str]:
        return [
            f"weight of the L1 term {self.config.l1_weight:g}: not published, the default of the authors' code is 10"
        ]
