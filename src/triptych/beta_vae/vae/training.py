"""Training of VAEs: the task, its noise, and many models of one configuration at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit
from triptych.beta_vae.vae.objective import decoder_nll, kl_per_latent, reparameterise
from triptych.beta_vae.vae.stacked import Stacked
from triptych.beta_vae.vae.vae import Vae
from triptych.engine import Phase, Replica, Task, train


def train_vaes(models: Sequence[Vae], images: np.ndarray | Tensor, replicas: Sequence[Replica]) -> None:
    """Train `models[r]` with the seed of `replicas[r]` on `images` uint8 (N, C, H, W), all in one loop.

    Their configurations may differ in β alone. Raises ValueError where they differ in more.
    """
    config, leader = models[0].config, replicas[0]
    if any(_without_beta(m.config) != _without_beta(config) for m in models):
        raise ValueError("models that train together may differ in beta only")
    streams = {
        "images": Batches(images, [r.seed for r in replicas], config.batch_size, leader),
        "noise": Noise([r.seed for r in replicas], (config.batch_size, config.latents), leader),
    }
    task = VaeTask(models)
    train(task, streams, steps=config.steps, replica=_leading(replicas), log_every=100)
    task.write_back()


class VaeTask(Task):
    """Batches: `images` uint8 (R, B, C, H, W), `noise` (R, B, M). The models' losses are added up: they share
    no weight, so each gets its own gradient and Adagrad and Adam, being elementwise, keep them apart. Each has its
    own β."""

    def __init__(self, models: Sequence[Vae]):
        super().__init__()
        self.config = models[0].config
        self.register_buffer("beta", torch.tensor([m.beta for m in models]))  # (R,)
        self.encoders = Stacked([m.encoder for m in models])
        self.decoders = Stacked([m.decoder for m in models])

    def phases(self) -> list[Phase]:
        optimisers = {"adagrad": torch.optim.Adagrad, "adam": torch.optim.Adam}

        def optimiser(parameters, **options):
            if self.config.optimiser == "adagrad" and options.pop("capturable", False):
                # On a GPU. Adagrad has no such switch; the plain form can be captured, the fused one is for CPUs alone
                # before torch 2.9.
                options.pop("fused")
            if self.config.optimiser == "adagrad":
                options["initial_accumulator_value"] = self.config.initial_accumulator
            return optimisers[self.config.optimiser](parameters, lr=self.config.lr, **options)

        return [Phase("vae", [self.encoders, self.decoders], self.loss, optimiser)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        x = unit(self.batch["images"])
        mean, logvar = self.encoders(x).float().chunk(2, dim=-1)
        out = self.decoders(reparameterise(mean, logvar, self.batch["noise"]))
        nll = decoder_nll(self.config, out.float(), x).mean(1)  # (R,): sums over pixels, means over the batch
        kl = kl_per_latent(mean, logvar).sum(-1).mean(1)
        logs = {}
        for r in range(len(nll)):
            logs[f"nll{_mark(r)}"], logs[f"kl{_mark(r)}"] = nll[r], kl[r]
        return (nll + self.beta * kl).sum(), logs

    def write_back(self) -> None:
        """Copy the trained weights into the models."""
        self.encoders.write_back()
        self.decoders.write_back()


class Batches:
    """One stream of each seed over the same images: batch (R, B, ...)."""

    def __init__(self, images: np.ndarray | Tensor, seeds: Sequence[int], batch_size: int, replica: Replica):
        first = replica.stream(images, batch_size=batch_size, seed=seeds[0])
        self.streams = [first, *(copy(first) for _ in seeds[1:])]  # one copy of the data serves all
        for stream, seed in zip(self.streams, seeds):
            stream.seed = seed
        self.resident = first.resident

    def rows(self, step: int) -> Tensor:
        return torch.stack([s.rows(step) for s in self.streams])

    def gather(self, rows: Tensor) -> Tensor:
        return self.streams[0].gather(rows)


class Noise:
    """Standard normal numbers of which step `s` gets what depends on (seed, s) alone: nothing to save on
    resuming, and a model trained beside others sees what it sees alone. Of several processes each gets its own part of
    the batch, as from a `Stream`, or with `whole` all of it."""

    block = 256  # steps drawn at a time

    def __init__(self, seeds: Sequence[int], shape: tuple[int, int], replica: Replica, whole: bool = False):
        self.seeds, self.shape, self.device, self.resident = seeds, shape, replica.device, True
        self._share = slice(None) if whole else slice(replica.rank, None, replica.world)
        self._at, self._drawn = -1, torch.empty(0)

    def rows(self, step: int) -> Tensor:
        at, within = divmod(step, self.block)
        if at != self._at:
            drawn = [_normal(seed, at, (self.block, *self.shape))[:, self._share] for seed in self.seeds]
            self._at, self._drawn = at, torch.stack(drawn, 1).to(self.device)
        return self._drawn[within]

    def gather(self, rows: Tensor) -> Tensor:
        return rows


def _normal(seed: int, block: int, shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + block + 500_000_000) % 2**63)
    return torch.randn(shape, generator=generator)


def _without_beta(config):
    return config.model_copy(update={"beta": None, "beta_norm": None})


def _mark(r: int) -> str:
    return f"@{r}" if r else ""


def _leading(replicas: Sequence[Replica]) -> Replica:
    """The first replica, which runs the loop for all; what it logs of each goes to that one's history."""

    def route(rows: list[tuple[int, str, float]]) -> None:
        for step, name, value in rows:
            member, metric = leader.whose(name)
            member.log(step, **{metric: value})

    # A checkpoint holds the models that train together, which are others where there are more or fewer processes.
    fingerprint = f"{replicas[0].fingerprint} {[(r.name, r.seed) for r in replicas]}"
    leader = replace(replicas[0], sink=route, history=[], fingerprint=fingerprint, members=tuple(replicas))
    return leader
