"""A translator that learns from pairs, as pix2pix does (Isola et al. 2017): the critics judge (input, output), and the
generators are also held to the true output by an L1 term."""

from __future__ import annotations

from triptych.cyclegan.gan.losses import distance
from triptych.cyclegan.gan.streams import StreetData
from triptych.cyclegan.gan.translation import Adversarial
from triptych.cyclegan.streets.parts.one_way import fit_both_ways
from triptych.engine import Replica


class Paired(Adversarial):
    """The config has an `l1_weight`."""

    critic_channels = 6

    def fit(self, data: StreetData, replica: Replica) -> None:
        c = self.config
        fit_both_ways(
            self,
            lambda: data.paired(replica, batch_size=c.batch_size, load_size=c.load_size, size=c.pixels),
            replica,
            content=lambda fake, a, b: distance(fake, b),
            weight=c.l1_weight,
            pairs=True,
        )
