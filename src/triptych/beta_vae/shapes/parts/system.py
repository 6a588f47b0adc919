"""What the table `shapes` asks of a row, and what only some rows can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from triptych.engine import Replica
from triptych.engine.system import System


class Representation(System, ABC):
    """One row of `shapes`: images in, codes out. A row that also has a Gaussian posterior is an `Autoencoder`."""

    def fit(self, images: np.ndarray, factors: np.ndarray, replica: Replica) -> None:
        """Learn from `images` uint8 (N, C, H, W); `factors` (N, K) class indices are for supervised rows alone.
        Nothing happens if the system does not learn."""
        if self.learns:
            raise NotImplementedError(f"{type(self).__qualname__} learns, but has no `fit`")

    @abstractmethod
    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> codes (n, d): what every metric judges."""


class Oracle(Representation):
    """A row that looks at the true factors in place of the images."""

    learns = False

    @abstractmethod
    def encode_factors(self, factors: Tensor) -> Tensor:
        """Factor indices (n, K) -> codes (n, d)."""

    def encode(self, images: Tensor) -> Tensor:
        """Raises TypeError: there is nothing to read off an image."""
        raise TypeError("an oracle encodes factors, not images: call encode_factors")


class Decoder(ABC):
    """The ability to draw the image of a code."""

    @abstractmethod
    def decode(self, latents: Tensor) -> Tensor:
        """Codes (n, d) -> images (n, C, H, W) in [0, 1]."""


class FitsTogether(ABC):
    """The ability to train several seeds in one loop."""

    @staticmethod
    @abstractmethod
    def fit_together(systems: Sequence[Representation], images: np.ndarray, replicas: Sequence[Replica]) -> None:
        """As `systems[r].fit(images, ..., replicas[r])` for every r."""


class Iterative:
    """A row whose `fit` may end before it has converged."""

    converged: Tensor  # bool, ()
