"""pix2pix (Isola et al. 2017) as the CycleGAN paper ran it: the upper bound, which sees the pairs.

CycleGAN's networks and training; the critic judges (input, output) pairs and the generator is also held to
the true output by an L1 term. Its weight in the paper's run is not published; the authors' code has 10 as the
default.
"""

from __future__ import annotations

from pydantic import Field

from triptych.cyclegan import translation
from triptych.cyclegan.data import StreetData
from triptych.cyclegan.losses import distance
from triptych.cyclegan.one_way import fit_both_ways
from triptych.engine import Replica


class Config(translation.Config):
    l1_weight: float = Field(10.0, ge=0)


class System(translation.Adversarial):
    critic_channels = 6

    def fit(self, data: StreetData, replica: Replica, callback=None, callback_every: int = 0) -> None:
        c = self.config
        fit_both_ways(
            self,
            lambda: data.paired(replica, batch_size=c.batch_size, load_size=c.load_size, size=c.size),
            replica,
            content=lambda fake, a, b: distance(fake, b),
            weight=c.l1_weight,
            pairs=True,
            callback=callback,
            callback_every=callback_every,
        )
