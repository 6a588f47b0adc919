"""What every demonstration in a generator's code space works with: images of codes, and what can be read off them."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triptych.dcgan.gan.training import Gan
from triptych.dcgan.studies.arithmetic import latent
from triptych.dcgan.studies.arithmetic.attributes import Reader, Readings
from triptych.dcgan.studies.arithmetic.nearest_real import NearestReal

AT_ONCE = 2000  # codes


class FixedGenerator:
    """A trained generator as a function of one code at a time: its normalisation uses statistics of samples from the
    prior, so that an image does not depend on what is generated along with it.

    Called with codes (n, d) it gives uint8 images, on the CPU. Layers are counted from the top: layer 1 is the input of
    the last convolution, the one that makes the image."""

    @torch.no_grad()
    def __init__(self, gan: Gan, batches: int = 20, batch_size: int = 128):
        net = copy.deepcopy(gan.generator).train()
        for layer in net.modules():
            if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
                layer.reset_running_stats()
                layer.momentum = None  # a plain mean over the batches
        draw = torch.Generator().manual_seed(0)
        for _ in range(batches):
            net(gan.codes(batch_size, draw))
        self.net = net.eval()

    def __call__(self, codes: Tensor) -> Tensor:
        return self.net.pixels(self._in_parts(self.net, codes))

    def maps(self, codes: Tensor, layer: int) -> Tensor:
        """The feature maps of a layer, after their activation: (n, k, s, s) float, on the CPU."""
        return self._in_parts(self._halves(layer)[0], codes)

    def without(self, layer: int, dropped: Tensor) -> latent.Generate:
        """The same generator with the `dropped` (k,) maps of a layer set to 0 everywhere."""
        below, above = self._halves(layer)
        left = (~dropped).to(next(self.net.parameters()).device)[:, None, None]
        return lambda codes: self.net.pixels(self._in_parts(lambda part: above(below(part) * left), codes))

    def _halves(self, layer: int) -> tuple[torch.nn.Module, torch.nn.Module]:
        net = self.net
        below = torch.nn.Sequential(net.dense, net.project, net.unflatten, *net.blocks[:-layer])
        return below, net.blocks[-layer:]

    @torch.inference_mode()
    def _in_parts(self, function: Callable[[Tensor], Tensor], codes: Tensor) -> Tensor:
        device = next(self.net.parameters()).device
        return torch.cat([function(part.to(device)).float().cpu() for part in codes.split(AT_ONCE)])


@dataclass(frozen=True)
class Lab:
    """A generator, a reader, real images to compare with, and a pool of samples with their readings."""

    generate: latent.Generate
    codes: Callable[[int, torch.Generator], Tensor]  # (n, generator) -> codes (n, d) from the prior
    reader: Reader
    real: NearestReal
    seed: int
    pool: Tensor
    samples: Tensor
    readings: Readings

    @classmethod
    def of(cls, gan: Gan, reader: Reader, real: NearestReal, size: int, seed: int) -> Lab:
        """The lab of a trained `gan`, with a pool of `size` codes that belong to `seed`."""

        def codes(n: int, generator: torch.Generator) -> Tensor:
            return gan.codes(n, generator).cpu()

        generate = FixedGenerator(gan)
        pool = codes(size, torch.Generator().manual_seed(seed + 1))
        samples = generate(pool)
        return cls(generate, codes, reader, real, seed, pool, samples, reader.read(samples))

    def random(self, name: str) -> tuple[np.random.Generator, torch.Generator]:
        """Random numbers that belong to (seed, name), whatever else is run."""
        salt = zlib.crc32(name.encode())
        return np.random.default_rng([self.seed, salt]), torch.Generator().manual_seed(self.seed * 2**32 + salt)

    def score(self, wanted: dict[str, int]) -> Tensor:
        """Log-probability (pool,) that the reader gives a sample for having all the wanted attributes."""
        p = self.readings.probabilities.clamp(1e-6, 1 - 1e-6)
        columns = [p[:, self.reader.attributes.index(name)] for name in wanted]
        return sum((c if value else 1 - c).log() for c, value in zip(columns, wanted.values()))


def right(readings: Readings, attributes: list[str], wanted: dict[str, int]) -> Tensor:
    """Which images (n,) are read as having all the `wanted` values of `attributes`."""
    columns = [(readings.probabilities[:, attributes.index(name)] > 0.5) == bool(v) for name, v in wanted.items()]
    return torch.stack(columns).all(0)
