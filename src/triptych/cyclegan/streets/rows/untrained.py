"""The floor: CycleGAN's generators as they are before any training. Not a row of the paper."""

from __future__ import annotations

from triptych.cyclegan.gan.translation import Networks
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.parts.generators import GeneratorPair
from triptych.engine import Replica

Config = Networks


class System(GeneratorPair):
    """G and F with their initial weights, which are those that `cyclegan` starts from with the same seed."""

    def fit(self, data: StreetData, replica: Replica) -> None:
        """Nothing is learned."""
