"""Where a training step's batches come from; above all, shuffled mini-batches of a dataset on the device."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from triptych.base.errors import UserError


class BatchError(UserError, ValueError):
    """A batch size that the data, or the number of processes, does not allow."""


class Source(Protocol):
    """What a step needs to get a batch: a function of the step alone, so that a resumed run sees the same batches.

    The work is in two halves because a recorded step (engine/graph.py) replays the second one: `rows` is called by the
    host and may draw random numbers there; `gather` runs on the device and must not wait for it.
    """

    resident: bool = True  # whether the data lie on the device; if not, no step can be recorded

    @abstractmethod
    def rows(self, step: int) -> Tensor:
        """What identifies the batch of `step`, of the same shape at every step: row numbers, or the batch itself."""

    def gather(self, rows: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The batch that belongs to `rows`. By default `rows` is the batch."""
        return rows


class Stream(Source):
    """Rows of `arrays` in a fresh random order every epoch; the last incomplete batch of an epoch is dropped.

    What step `s` gets depends on (seed, s) alone, so a resumed run sees the same batches and no state is saved.
    Rows stay as they are stored (uint8 images) until they are gathered on the device; `transform` (normalisation,
    augmentation with torch's global generator) is applied to the gathered batch there.
    If the arrays do not fit the device they stay in host memory and batches are copied over.

    With several processes (torch.distributed, or `rank` of `world`) each gets its own part of every batch:
    `batch_size` is that of all of them together. Raises BatchError.
    """

    def __init__(
        self,
        *arrays: np.ndarray | Tensor,
        batch_size: int,
        seed: int,
        device: torch.device,
        transform: Callable[..., Tensor | tuple[Tensor, ...]] | None = None,
        rank: int | None = None,
        world: int | None = None,
    ):
        several = dist.is_initialized()
        rank = rank if rank is not None else dist.get_rank() if several else 0
        world = world if world is not None else dist.get_world_size() if several else 1
        n = len(arrays[0])
        if n < batch_size:
            raise BatchError(f"batch_size = {batch_size}: needs at least as many images; there are {n}")
        if batch_size % world:
            raise BatchError(f"batch_size = {batch_size}: cannot be shared evenly by {world} processes")
        self.device, self.seed, self.n, self.batch_size = device, seed, n, batch_size
        self.per_epoch = n // batch_size
        self.transform = transform
        self._share = slice(rank, None, world)
        self._epoch, self._order = -1, torch.empty(0)
        # A copy in memory: a read-only file map cannot be a tensor, and reading it at random would be slow.
        tensors = [torch.from_numpy(np.array(a)) if isinstance(a, np.ndarray) else a for a in arrays]
        bytes_needed = sum(t.numel() * t.element_size() for t in tensors)
        self._home = device if _fits(bytes_needed, device) else torch.device("cpu")
        self._tensors = [t.to(self._home) for t in tensors]

    @property
    def resident(self) -> bool:
        """Whether the data lie on the device (else every batch is copied over)."""
        return self._home == self.device

    def rows(self, step: int) -> Tensor:
        """Row numbers of this process's part of the batch of `step`, on the device that holds the data."""
        epoch, batch = divmod(step, self.per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self.seed * 1_000_003 + epoch) % 2**63)
            self._order, self._epoch = torch.randperm(self.n, generator=generator).to(self._home), epoch
        return self._order[batch * self.batch_size : (batch + 1) * self.batch_size][self._share]

    def gather(self, rows: Tensor) -> Tensor | tuple[Tensor, ...]:
        """The rows, on the device, transformed: a tensor, or a tuple if there are several arrays."""
        batch = [t[rows].to(self.device, non_blocking=True) for t in self._tensors]
        if self.transform is not None:
            return self.transform(*batch)
        return batch[0] if len(batch) == 1 else tuple(batch)

    def at(self, step: int) -> Tensor | tuple[Tensor, ...]:
        """The batch of `step`."""
        return self.gather(self.rows(step))


def _fits(bytes_needed: int, device: torch.device) -> bool:
    if device.type != "cuda":
        return True
    free, _ = torch.cuda.mem_get_info(device)
    return bytes_needed < 0.5 * free
