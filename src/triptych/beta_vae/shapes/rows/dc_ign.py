"""DC-IGN (Kulkarni, Whitney, Kohli, Tenenbaum 2015): a VAE told, batch by batch, which factor varies.

In a batch one factor varies and all others stand still. The latents that belong to that factor pass; every
other latent is clamped to its mean over the batch before decoding, so that only the active ones can explain
what varies. A clamped latent gets no gradient from the reconstruction: it is pulled to the batch mean
instead. The row is weakly supervised, as no other row of its table is.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import ParamsError, Strict
from triptych.base.pixels import unit
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.parts.system import Decoder, Representation
from triptych.beta_vae.shapes.parts.upsampling import UpsampledConvolution
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.beta_vae.vae.objective import bernoulli_nll, kl_per_latent, reparameterise
from triptych.beta_vae.vae.training import Noise
from triptych.data.spec import Spec
from triptych.engine import Phase, Replica, Source, Task, train
from triptych.engine.optimisers import rmsprop


class Config(Strict):
    """Channels, batch and optimiser are recalled from the two papers. Which latents belong to which factor,
    and how often each factor is the active one, is in neither: here shape has what the other four leave, all
    equally often. Nor is it said whether the KL holds for a clamped latent too. Here it does, in every batch: without
    it nothing but the pull would act there. It is taken before the clamp, so its gradient is beside the pull, not
    through it."""

    channels: list[int] = Field([96, 48, 48], min_length=1)
    latents: int = Field(10, ge=5)
    single: list[str] = ["x", "y", "scale", "orientation"]  # one latent each, in this order
    shared: str = "shape"  # has the other latents
    pull: float = Field(0.01, ge=0)  # gradient of a clamped latent: pull · (z − batch mean)
    beta: float = Field(1.0, ge=0)  # weight on the summed KL, of clamped latents too; 1 in the paper, at 64×64
    batch_size: int = Field(20, gt=1)
    lr: float = Field(1e-3, gt=0)
    steps: int = Field(300_000, gt=0)


class System(Autoencoder, Representation, Decoder):
    """Encoder and decoder; their outputs are those of a Bernoulli VAE."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config, self.factors = config, spec.factors
        if config.latents <= len(config.single):
            raise ParamsError(f"latents = {config.latents}: {config.shared} needs one beside those of {config.single}")
        self.encoder, self.decoder = _encoder(config, spec.image_shape), _decoder(config, spec.image_shape)

    def fit(self, images: np.ndarray, factors, replica: Replica) -> None:
        """`images` uint8 (N, C, H, W) of the complete grid: batches are drawn from it by factor. Of several processes
        each does the whole batch, since clamping takes the mean of it: they end as one would."""
        grid, config = Grid(self.factors), self.config
        grid.check(len(images))
        groups = latent_groups(config, grid)
        streams = {
            "images": FactorBatches(images, grid, list(groups), config.batch_size, replica),
            "active": ActiveMask(grid, groups, config.latents, replica),
            "noise": Noise([replica.seed], (config.batch_size, config.latents), replica, whole=True),
        }
        train(DcIgnTask(self), streams, steps=config.steps, replica=replica, log_every=100)


class Clamp(torch.autograd.Function):
    """Forward: clamped latents become their batch mean. Backward: active latents get the gradient as it
    comes, clamped ones pull · (z − mean) / B, whatever the reconstruction says (the loss is a mean over the
    batch of B)."""

    @staticmethod
    def forward(ctx, z: Tensor, active: Tensor, pull: float) -> Tensor:
        mean = z.mean(0, keepdim=True)
        ctx.save_for_backward(z - mean, active)
        ctx.pull = pull
        return torch.where(active, z, mean)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        deviation, active = ctx.saved_tensors
        return torch.where(active, gradient, ctx.pull / len(deviation) * deviation), None, None


class DcIgnTask(Task):
    """Batches: `images` uint8 (B, C, H, W), `active` bool (M,), `noise` (1, B, M). The KL is of all M latents."""

    def __init__(self, system: System):
        super().__init__()
        self.encoder, self.decoder, self.config = system.encoder, system.decoder, system.config

    def phases(self) -> list[Phase]:
        """One: encoder and decoder descend the loss by RMSprop."""
        optimiser = partial(rmsprop, lr=self.config.lr)
        return [Phase("vae", [self.encoder, self.decoder], self.loss, optimiser)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        """nll of the images decoded from clamped codes, and β times the KL before the clamp; nats an image."""
        x = unit(self.batch["images"])
        mean, logvar = self.encoder(x).float().chunk(2, dim=1)
        z = Clamp.apply(reparameterise(mean, logvar, self.batch["noise"][0]), self.batch["active"], self.config.pull)
        nll = bernoulli_nll(self.decoder(z).float(), x).mean()
        kl = kl_per_latent(mean, logvar).sum(1).mean()
        return nll + self.config.beta * kl, {"nll": nll, "kl": kl}


def latent_groups(config: Config, grid: Grid) -> dict[int, list[int]]:
    """Factor number -> the latents that belong to it."""
    single = grid.numbers(config.single)
    (shared,) = grid.numbers([config.shared])
    return {**{k: [j] for j, k in enumerate(single)}, shared: list(range(len(single), config.latents))}


class _Choice(Source):
    """Which factor is active in step `s`, and which images: of (seed, s) alone, so nothing is saved for resuming."""

    def __init__(self, factors: list[int], replica: Replica):
        self.factors, self.seed, self.device = factors, replica.seed, replica.device

    def active(self, step: int) -> tuple[int, torch.Generator]:
        """The active factor, and the generator for what else is drawn in this step."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step + 700_000_000) % 2**63)
        return self.factors[int(torch.randint(len(self.factors), (), generator=generator))], generator


class FactorBatches(_Choice):
    """Batches (B, C, H, W) in which the active factor varies and the others do not."""

    def __init__(self, images: np.ndarray | Tensor, grid: Grid, factors: list[int], batch: int, replica: Replica):
        super().__init__(factors, replica)
        images = torch.from_numpy(np.array(images)) if isinstance(images, np.ndarray) else images
        self.images, self.grid, self.size = images.to(replica.device), grid, batch

    def rows(self, step: int) -> Tensor:
        """Row numbers (B,) of the grid's images."""
        k, generator = self.active(step)
        factors = self.grid.draw((1,), generator).repeat(self.size, 1)
        factors[:, k] = self.grid.draw((self.size,), generator)[:, k]
        return self.grid.rows(factors).to(self.device)

    def gather(self, rows: Tensor) -> Tensor:
        """uint8 (B, C, H, W)."""
        return self.images[rows]


class ActiveMask(_Choice):
    """The latents (M,) that belong to the active factor of the step, as bool."""

    def __init__(self, grid: Grid, groups: dict[int, list[int]], latents: int, replica: Replica):
        super().__init__(list(groups), replica)
        self.masks = torch.zeros(len(grid.names), latents, dtype=torch.bool)
        for k, members in groups.items():
            self.masks[k, members] = True
        self.masks = self.masks.to(replica.device)

    def rows(self, step: int) -> Tensor:
        """The mask itself."""
        return self.masks[self.active(step)[0]]


def _encoder(config: Config, image_shape: tuple[int, int, int]) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in zip([image_shape[0], *config.channels], config.channels):
        # ReLU of the largest is the largest ReLU, and of a quarter of the numbers
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
    width = config.channels[-1] * _smallest(config, image_shape) ** 2
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(width, 2 * config.latents))


def _decoder(config: Config, image_shape: tuple[int, int, int]) -> nn.Module:
    side, channels = _smallest(config, image_shape), config.channels[::-1]
    layers: list[nn.Module] = [nn.Linear(config.latents, channels[0] * side**2), nn.ReLU()]
    layers.append(nn.Unflatten(1, (channels[0], side, side)))
    for before, after in zip(channels, [*channels[1:], image_shape[0]]):
        layers += [UpsampledConvolution(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])  # the last convolution gives logits


def _smallest(config: Config, image_shape: tuple[int, int, int]) -> int:
    _, height, width = image_shape
    times = 2 ** len(config.channels)
    if height != width or height % times:
        raise ParamsError(f"{len(config.channels)} poolings need a square image of a multiple of {times} pixels")
    return height // times
