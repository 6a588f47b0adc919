"""SimGAN (Shrivastava et al. 2017), "pixel loss + GAN": look real and stay close to the input.

One training each way with CycleGAN's networks, unpaired; the weight of the pixel term is the authors' lambda
= 10.
"""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan.gan import translation
from triptych.cyclegan.gan.losses import distance
from triptych.cyclegan.gan.streams import StreetData
from triptych.cyclegan.streets.parts.one_way import fit_both_ways
from triptych.engine import Replica


class Config(translation.UnpairedConfig):
    pixel_weight: float = Field(10.0, ge=0)


class System(translation.Adversarial):
    def fit(self, data: StreetData, replica: Replica) -> None:
        c = self.config
        fit_both_ways(
            self,
            lambda: data.unpaired(
                replica, batch_size=c.batch_size, load_size=c.load_size, size=c.pixels, disjoint=c.disjoint
            ),
            replica,
            content=lambda fake, a, b: distance(fake, a),
            weight=c.pixel_weight,
        )
