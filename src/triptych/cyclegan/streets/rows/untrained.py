"""The floor: CycleGAN's generators as they are before any training."""

from __future__ import annotations

from triptych.cyclegan.gan.streams import StreetData
from triptych.cyclegan.gan.translation import Networks, Translator
from triptych.engine import Replica

Config = Networks


class System(Translator):
    def fit(self, data: StreetData, replica: Replica) -> None:
        """Nothing is learned."""
