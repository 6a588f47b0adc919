"""What every row of the tables `streets` is: a translator between label maps and photos, both ways."""

from __future__ import annotations

from torch import Tensor

from triptych.base.config import Strict
from triptych.cyclegan.streets.data import StreetData
from triptych.data.spec import Spec
from triptych.engine import Replica
from triptych.engine.system import System


class Translator(System):
    """A system that learns to translate label maps into photos and photos into label maps.

    One alphabet for the two directions, that of the CycleGAN paper (section 3; its ablation, 5.1.4, calls labels ->
    photos -> labels the forward cycle): X are label maps drawn in their palette, Y are photos. G: X -> Y is behind
    `to_photo`, F: Y -> X behind `to_labels`. A critic D_Y judges photos and D_X label maps.

    Every config has `pixels`, the sides of the images that come out.
    """

    def __init__(self, config: Strict, spec: Spec):
        super().__init__()
        self.config = config

    def fit(self, data: StreetData, replica: Replica) -> None:
        """Learn both directions from the training split."""
        raise NotImplementedError

    def to_photo(self, labels: Tensor) -> Tensor:
        """Label maps in their palette, uint8 (n, 3, H, W) -> photos, uint8 (n, 3, S, S), S = `config.pixels`."""
        raise NotImplementedError

    def to_labels(self, photos: Tensor) -> Tensor:
        """Photos, uint8 (n, 3, H, W) -> label maps as images in about their palette, uint8 (n, 3, S, S)."""
        raise NotImplementedError
