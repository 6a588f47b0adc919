"""Learning from pairs, as pix2pix does (Isola et al. 2017, section 3.1)."""

from __future__ import annotations

from triptych.cyclegan.gan.losses import distance
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.parts.generators import Adversarial
from triptych.cyclegan.streets.parts.one_way import fit_both_ways
from triptych.engine import Replica


class Paired(Adversarial):
    """The critics judge (input, output), and an L1 term, weighted by the config's `l1_weight`, holds the generators to
    the true output."""

    critic_channels = 6

    def fit(self, data: StreetData, replica: Replica) -> None:
        c = self.config
        streams = data.paired(replica, batch_size=c.batch_size, load_size=c.load_size, pixels=c.pixels)
        fit_both_ways(
            self,
            streams,
            replica,
            content=lambda fake, inputs, truth: distance(fake, truth),
            weight=c.l1_weight,
            pairs=True,
        )
