"""SimGAN (Shrivastava et al. 2017), "pixel loss + GAN": look real and stay close to the input.

    G: E (D_Y(G(x)) - 1)^2 + lambda E|G(x) - x|      F: the same with x and y exchanged

One training each way with CycleGAN's networks and details, unpaired (CycleGAN, section 5.1.2). lambda = 10 is the
default of its authors' code; that of the paper's run is not published.
"""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan.gan.losses import distance
from triptych.cyclegan.gan.translation import UnpairedConfig
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.parts.generators import Adversarial
from triptych.cyclegan.streets.parts.one_way import fit_both_ways
from triptych.engine import Replica


class Config(UnpairedConfig):
    """CycleGAN's, and the weight of the pixel term."""

    pixel_weight: float = Field(10.0, ge=0)


class System(Adversarial):
    """Unpaired; what ties an output to its input is that pixels should not change."""

    def fit(self, data: StreetData, replica: Replica) -> None:
        c = self.config
        fit_both_ways(
            self,
            c.streams(data, replica),
            replica,
            content=lambda fake, inputs, _: distance(fake, inputs),
            weight=c.pixel_weight,
        )
