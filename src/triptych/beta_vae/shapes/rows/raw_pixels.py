"""Raw pixels as the representation."""

from __future__ import annotations

from torch import Tensor

from triptych.base.config import Strict
from triptych.beta_vae.shapes.parts.system import Representation
from triptych.data.spec import Spec


class Config(Strict):
    """There is nothing to set."""


class System(Representation):
    """The image itself."""

    learns = False

    def __init__(self, config: Config, spec: Spec):
        super().__init__()

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> the same as (n, C·H·W): kept as bytes, in 255ths, since all codes are held at
        once."""
        return images.flatten(1)
