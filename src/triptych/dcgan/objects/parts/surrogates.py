"""Surrogate classes (Dosovitskiy et al. 2014): each is one seed patch of an unlabelled image and random transformations
of it. A network that tells them apart has learned features that these transformations leave alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from triptych.base.config import ParamsError
from triptych.base.pixels import unit, unit_to_uint8
from triptych.dcgan.objects.parts.surrogate_transforms import Colours, Ranges, cut, transformed

BLOCK = 4096  # patches at a time


@dataclass(frozen=True)
class Seeds:
    """Places in images: (n, C, H, W) uint8; centre (n, 2), x and y, and side (n,), in pixels."""

    images: Tensor
    centre: Tensor
    side: Tensor

    def __len__(self) -> int:
        return len(self.side)

    def at(self, rows: Tensor, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Images (float, 0 to 1), centres and sides of `rows`, on the device."""
        return unit(self.images[rows].to(device)), self.centre[rows].to(device), self.side[rows].to(device)


def random_places(
    images: np.ndarray, n: int, side: float, zoom: float, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """n squares at random places and scales: image numbers, centres, sides from side/zoom to side·zoom, log-uniform.

    The squares lie within their images (N, C, H, W); one that is too large is as large as the image."""
    height, width = images.shape[2:]
    which = torch.randint(len(images), (n,), generator=generator)
    sides = side * zoom ** (torch.rand(n, generator=generator) * 2 - 1)
    sides = sides.clamp(max=min(height, width))
    room = torch.tensor([width, height]) - sides[:, None]
    return which, torch.rand(n, 2, generator=generator) * room + sides[:, None] / 2, sides


def choose_seeds(
    images: np.ndarray, n: int, side: float, zoom: float, candidates: int, out: int, generator: torch.Generator
) -> Seeds:
    """n different seeds out of n·candidates random places, with probability proportional to `gradient_energy`, so that
    a class is rarely made of sky. Images are uint8 (N, C, H, W). Raises ParamsError if too few places are not flat."""
    which, centre, sides = random_places(images, n * candidates, side, zoom, generator)
    energy = torch.cat([
        gradient_energy(_plain(images, which[rows], centre[rows], sides[rows], out))
        for rows in torch.arange(len(which)).split(BLOCK)
    ])  # fmt: skip
    if int((energy > 0).sum()) < n:
        raise ParamsError(f"{n} surrogate classes need as many patches that are not flat; raise `candidates`")
    chosen = torch.multinomial(energy, n, generator=generator)
    order = chosen[which[chosen].argsort()]  # read a file from front to back
    seeds = torch.from_numpy(np.array(images[which[order].numpy()]))
    return Seeds(seeds, centre[order], sides[order])


def gradient_energy(patches: Tensor) -> Tensor:
    """(n, C, H, W) -> (n,): the mean squared difference of neighbouring pixels, down plus to the right."""
    down, right = patches.diff(dim=2), patches.diff(dim=3)
    return down.square().mean((1, 2, 3)) + right.square().mean((1, 2, 3))


def surrogate_set(
    seeds: Seeds, samples: int, out: int, ranges: Ranges, colours: Colours, device: torch.device, draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """`samples` transformations of each seed: uint8 patches (n·samples, C, out, out), on the CPU, and their classes."""
    labels = torch.arange(len(seeds)).repeat_interleave(samples)
    patches = torch.empty(len(labels), seeds.images.shape[1], out, out, dtype=torch.uint8)
    for rows in torch.arange(len(labels)).split(BLOCK):
        made = transformed(*seeds.at(labels[rows], device), out, colours, ranges, draw)
        patches[rows[0] : rows[-1] + 1] = unit_to_uint8(made).cpu()
    return patches, labels


def _plain(images: np.ndarray, which: Tensor, centre: Tensor, side: Tensor, out: int) -> Tensor:
    """The squares as they are, float, 0 to 1."""
    there = unit(torch.from_numpy(np.array(images[which.numpy()])))
    return cut(there, centre, side, torch.zeros(len(side)), out)
