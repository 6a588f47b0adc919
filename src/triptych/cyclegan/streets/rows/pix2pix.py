"""pix2pix (Isola et al. 2017) as the CycleGAN paper ran it: the upper bound, which sees the pairs.

    G: E (D(x, G(x)) - 1)^2 + l E|G(x) - y|      (equation 4 of Isola et al. with the least-squares loss)

CycleGAN's networks and training, but of pairs (CycleGAN, section 5.1.2). The weight of the L1 term in the paper's run
is not published; the authors' code has 10 as the default.
"""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan.gan import translation
from triptych.cyclegan.streets.parts.paired import Paired


class Config(translation.Config):
    """CycleGAN's, and the weight of the L1 term."""

    l1_weight: float = Field(10.0, ge=0)


class System(Paired):
    """Residual generators and critics of (input, output), one training each way."""

    def notes(self) -> list[str]:
        return [
            f"weight of the L1 term {self.config.l1_weight:g}: not published, the default of the authors' code is 10"
        ]
