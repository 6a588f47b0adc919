"""Raw pixels as the representation."""

from __future__ import annotations

from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.data.spec import Spec


class Config(Strict):
    pass


class System(nn.Module):
    def __init__(self, config: Config, spec: Spec):
        super().__init__()

    def fit(self, images, factors, replica) -> None:
        pass

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> the same as (n, C·H·W): kept as bytes, in 255ths, since all codes are held at
        once."""
        return images.flatten(1)
