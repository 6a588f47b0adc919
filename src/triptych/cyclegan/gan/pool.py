"""The pool of past fakes that a critic learns from (Shrivastava et al. 2017; CycleGAN, section 4)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Pool(nn.Module):
    """Exchanges fresh fakes for older ones.

    While it fills, every image is stored and returned. When full, an image is with probability 1/2 returned
    as it is, else swapped with a stored one drawn at random. A pool of size 0 returns what it gets.

    The images and their count are buffers, so they are part of a checkpoint, and no decision is a Python
    branch on a value, so the whole step can be captured as a CUDA graph.
    """

    def __init__(self, size: int, image_shape: tuple[int, ...]):
        super().__init__()
        self.size = size
        self.register_buffer("images", torch.zeros(size, *image_shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def exchange(self, fakes: Tensor) -> Tensor:
        """(n, *image_shape) -> the same shape, detached; images are exchanged one after another."""
        if self.size == 0:
            return fakes.detach()
        fakes = fakes.detach().to(self.images.dtype)
        return torch.cat([self._exchange_one(fake) for fake in fakes.split(1)])

    def _exchange_one(self, fake: Tensor) -> Tensor:
        """(1, *image_shape) -> (1, *image_shape)."""
        filling = self.count < self.size
        slot = torch.where(filling, self.count, torch.randint(self.size, (), device=fake.device)).reshape(1)
        swap = ~filling & (torch.rand((), device=fake.device) < 0.5)
        old = self.images.index_select(0, slot)
        self.images.index_copy_(0, slot, torch.where(filling | swap, fake, old))
        self.count.add_(filling)
        return torch.where(swap, old, fake)
