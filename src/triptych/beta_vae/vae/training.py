"""Training of VAEs: the task, its noise, and many models of one configuration at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from triptych.base.pixels import unit
from triptych.beta_vae.vae.objective import kl_per_latent, reparameterise
from triptych.beta_vae.vae.stacked import Stacked
from triptych.beta_vae.vae.vae import Vae, VaeConfig
from triptych.engine import Phase, Replica, Source, Task, train
from triptych.engine.loop import Owner
from triptych.engine.optimisers import adagrad


def fit_together(models: Sequence[Vae], images: np.ndarray | Tensor, replicas: Sequence[Replica]) -> None:
    """Train `models[r]` with the seed of `replicas[r]` on `images` uint8 (N, C, H, W), in one loop if they are dense.

    Each ends as it would alone: its batches and its noise depend on its own seed only. Stacked dense networks are much
    faster on a GPU, where one of them leaves most of it idle; convolutions gain little, and train one after another.
    Raises ValueError where the configurations differ in more than β.
    """
    config = models[0].config
    if any(_without_beta(m.config) != _without_beta(config) for m in models):
        raise ValueError("models that train together may differ in beta only")
    if config.network == "dense":
        _train(models, images, replicas)
        return
    for model, replica in zip(models, replicas, strict=True):
        _train([model], images, [replica])


def _train(models: Sequence[Vae], images: np.ndarray | Tensor, replicas: Sequence[Replica]) -> None:
    config, seeds = models[0].config, [replica.seed for replica in replicas]
    streams = {
        "images": Batches(images, seeds, config.batch_size, replicas[0]),
        "noise": Noise(seeds, (config.batch_size, config.latents), replicas[0]),
    }
    task = VaeTask(models)
    leader, owner = leading(replicas)
    train(task, streams, steps=config.steps, replica=leader, log_every=100, owner=owner)
    task.write_back()


class VaeTask(Task):
    """Batches: `images` uint8 (R, B, C, H, W), `noise` (R, B, M). The models' losses are added up: they share
    no weight, so each gets its own gradient and Adagrad and Adam, being elementwise, keep them apart. Each has its
    own β."""

    def __init__(self, models: Sequence[Vae]):
        super().__init__()
        self.config, self.likelihood = models[0].config, models[0].likelihood
        self.register_buffer("beta", torch.tensor([m.beta for m in models]))  # (R,)
        self.encoders = Stacked([m.encoder for m in models])
        self.decoders = Stacked([m.decoder for m in models])
        if self.config.optimiser == "adagrad":  # from 0 its first steps are as long as the rate, however flat the loss
            self.remedy = (
                f"Lower the learning rate, raise initial_accumulator (now {self.config.initial_accumulator:g})"
            )

    def phases(self) -> list[Phase]:
        """One: all models descend the sum of their losses by the optimiser that the configuration names."""
        return [Phase("vae", [self.encoders, self.decoders], self.loss, self._optimiser)]

    def _optimiser(self, parameters, **options) -> torch.optim.Optimizer:
        config = self.config
        if config.optimiser == "adagrad":
            return adagrad(parameters, lr=config.lr, initial_accumulator_value=config.initial_accumulator, **options)
        return torch.optim.Adam(parameters, lr=config.lr, **options)

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        """Σ_r nll_r + β_r KL_r; logs each model's nll and KL in nats an image."""
        x = unit(self.batch["images"])
        mean, logvar = self.encoders(x).float().chunk(2, dim=-1)
        out = self.decoders(reparameterise(mean, logvar, self.batch["noise"]))
        nll = self.likelihood.nll(out.float(), x).mean(1)  # (R,): sums over pixels, means over the batch
        kl = kl_per_latent(mean, logvar).sum(-1).mean(1)
        logs = {}
        for r in range(len(nll)):
            logs[f"nll{_mark(r)}"], logs[f"kl{_mark(r)}"] = nll[r], kl[r]
        return (nll + self.beta * kl).sum(), logs

    def write_back(self) -> None:
        """Copy the trained weights into the models."""
        self.encoders.write_back()
        self.decoders.write_back()


class Batches(Source):
    """One stream of each seed over the same images: batch (R, B, ...)."""

    def __init__(self, images: np.ndarray | Tensor, seeds: Sequence[int], batch_size: int, replica: Replica):
        first = replica.stream(images, batch_size=batch_size, seed=seeds[0])
        self.streams = [first, *(copy(first) for _ in seeds[1:])]  # one copy of the data serves all
        for stream, seed in zip(self.streams, seeds, strict=True):
            stream.seed = seed
        self.resident = first.resident

    def rows(self, step: int) -> Tensor:
        """Row numbers (R, B)."""
        return torch.stack([s.rows(step) for s in self.streams])

    def gather(self, rows: Tensor) -> Tensor:
        """uint8 (R, B, C, H, W)."""
        return self.streams[0].gather(rows)


class Noise(Source):
    """Standard normal numbers (R, B, M). What step `s` gets depends on (seed, s) alone: there is nothing to save for
    resuming, and a model trained beside others sees what it sees alone. Each of several processes gets its own part of
    the batch, as from a `Stream`; with `whole` it gets all of it."""

    block = 256  # steps drawn at a time

    def __init__(self, seeds: Sequence[int], shape: tuple[int, int], replica: Replica, whole: bool = False):
        self.seeds, self.shape, self.device = seeds, shape, replica.device
        self._share = slice(None) if whole else slice(replica.rank, None, replica.world)
        self._at, self._drawn = -1, torch.empty(0)

    def rows(self, step: int) -> Tensor:
        """The noise itself, (R, B, M)."""
        at, within = divmod(step, self.block)
        if at != self._at:
            drawn = [_normal(seed, at, (self.block, *self.shape))[:, self._share] for seed in self.seeds]
            self._at, self._drawn = at, torch.stack(drawn, 1).to(self.device)
        return self._drawn[within]


def _normal(seed: int, block: int, shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed((seed * 1_000_003 + block + 500_000_000) % 2**63)
    return torch.randn(shape, generator=generator)


def _without_beta(config: VaeConfig) -> VaeConfig:
    return config.model_copy(update={"beta": None, "beta_norm": None})


def _mark(r: int) -> str:
    """Ends the names of the losses of model r: "nll@2" is the nll of the third model, "nll" that of the first."""
    return f"@{r}" if r else ""


def leading(replicas: Sequence[Replica]) -> tuple[Replica, Owner]:
    """The run that trains a model of each of `replicas` in one loop, and the function that finds a loss's own run and
    its name there. What the leading run logs goes to the history of each loss's own run, and stays in its own."""

    def owner(loss: str) -> tuple[Replica, str]:
        metric, _, r = loss.partition("@")
        return replicas[int(r or 0)], metric

    def route(rows: list[tuple[int, str, float]]) -> None:
        for step, loss, value in rows:
            run, metric = owner(loss)
            run.log(step, **{metric: value})

    # A checkpoint holds the models that train together, which are others where there are more or fewer processes.
    fingerprint = f"{replicas[0].fingerprint} {[(r.name, r.seed) for r in replicas]}"
    return replace(replicas[0], sink=route, history=[], fingerprint=fingerprint), owner
