"""Adversarial training as every DCGAN of the project does it (Radford et al. 2015, section 4; authors' code).

With the discriminator's logit s(x), D = σ(s) and sp(u) = log(1 + eᵘ), both nets descend a cross-entropy:

    L_D = E_x sp(−s(x)) + E_z sp(s(G(z)))        = −E log D(x) − E log(1 − D(G(z)))
    L_G = E_z sp(−s(G(z)))                       = −E log D(G(z)), the non-saturating form

At the optimum D = 1/2 everywhere: L_D = 2 log 2 and L_G = log 2."""

from __future__ import annotations

import copy
from functools import partial
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.dcgan.gan.networks import (
    Discriminator,
    DiscriminatorActivation,
    FamilyName,
    Generator,
    GeneratorActivation,
    Norm,
    Output,
    Sampling,
    family_for,
)
from triptych.engine import Phase, Replica, Stream, Task, train

Prior = Literal["uniform", "gaussian"]


class GanConfig(Strict):
    """A pair of nets and how they are trained. The defaults are the paper's common settings (section 4), and its
    guidelines for the nets (section 3): `sampling` to `activation_d`."""

    net: FamilyName
    width: int = Field(ge=1, description="filters of the discriminator's first convolution; the others follow")
    z_dim: int = Field(ge=1)
    z: Prior = "uniform"
    sampling: Sampling = Field(default="strided", description="or pooling in D and repeated pixels in G")
    norm: Norm = "batch"
    hidden_dense: int = Field(default=0, ge=0, description="units of a hidden fully connected layer in both nets")
    activation_g: GeneratorActivation = "relu"
    output_g: Output = Field(default="tanh", description="with sigmoid the data are scaled to [0, 1]")
    activation_d: DiscriminatorActivation = "leaky"
    steps: int = Field(ge=1, description="mini-batches of real images; with `alternate` each updates one net only")
    batch_size: int = Field(default=128, ge=2)
    lr: float = Field(default=2e-4, gt=0)
    beta1: float = Field(default=0.5, ge=0, lt=1)
    weight_decay: float = Field(default=1e-5, ge=0, description="L2, added to the gradient")
    updates: Literal["both", "alternate"] = "both"


class Gan(nn.Module):
    """Generator and discriminator. Raises ParamsError if the net does not fit the images (C, H, W)."""

    def __init__(self, config: GanConfig, image_shape: tuple[int, int, int]):
        super().__init__()
        family = family_for(config.net, image_shape)
        self.prior = config.z
        both = {"sampling": config.sampling, "hidden": config.hidden_dense, "output": config.output_g}
        nets = (family, image_shape[0], config.width)
        self.generator = Generator(*nets, config.z_dim, config.norm, activation=config.activation_g, **both)
        self.discriminator = Discriminator(*nets, config.norm, activation=config.activation_d, **both)

    def codes(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """n codes from the prior, (n, z_dim): uniform in [−1, 1] or standard normal, on the nets' device.

        With a (CPU) `generator` they do not depend on the device."""
        device = next(self.parameters()).device
        z = torch.empty(n, self.generator.z_dim, device=device if generator is None else "cpu")
        z = z.uniform_(-1, 1, generator=generator) if self.prior == "uniform" else z.normal_(generator=generator)
        return z.to(device)

    @torch.no_grad()
    def sample(self, n: int, seed: int = 0) -> Tensor:
        """uint8 images (n, C, S, S) from the n codes that belong to `seed`, normalised by the statistics of this very
        batch, as the authors' samples are; one image by those of 64."""
        codes = self.codes(n if n > 1 else 64, torch.Generator().manual_seed(seed))
        images = copy.deepcopy(self.generator).train()(codes)  # of a copy: the running averages stay
        return self.generator.pixels(images)[:n]


class Adversarial(Task):
    """One discriminator update and one generator update a step. `batch["real"]` holds images scaled as the generator's
    are.

    updates="both": both nets learn from each mini-batch; the generator moves first and the discriminator sees the very
    fakes the generator was judged by. updates="alternate": the authors' order; a step takes two mini-batches, the first
    moves the generator alone (which looks at no real image), the second the discriminator alone, with fakes of its
    own."""

    def __init__(self, gan: Gan, config: GanConfig):
        super().__init__()
        self.gan, self.config = gan, config
        self.adam = partial(
            torch.optim.Adam, lr=config.lr, betas=(config.beta1, 0.999), weight_decay=config.weight_decay
        )

    def phases(self) -> list[Phase]:
        return [
            Phase("generator", [self.gan.generator], self.generator_loss, self.adam),
            Phase("discriminator", [self.gan.discriminator], self.discriminator_loss, self.adam),
        ]

    def generator_loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        fake = self.gan.generator(self.gan.codes(self._batch_size))
        self.batch["fake"] = fake.detach()
        loss = F.softplus(-self.gan.discriminator(fake).float()).mean()
        return loss, {"loss_g": loss}

    def discriminator_loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        if self.config.updates == "alternate":
            real = self.batch["real"][self._batch_size :]
            with torch.no_grad():
                fake = self.gan.generator(self.gan.codes(self._batch_size))
        else:
            real, fake = self.batch["real"], self.batch["fake"]
        # two calls, never one on the concatenation: each batch is normalised by its own statistics
        s_real, s_fake = self.gan.discriminator(real).float(), self.gan.discriminator(fake).float()
        loss = F.softplus(-s_real).mean() + F.softplus(s_fake).mean()
        return loss, {"loss_d": loss, "d_real": s_real.sigmoid().mean(), "d_fake": s_fake.sigmoid().mean()}

    @property
    def _batch_size(self) -> int:
        """Images a net sees in one update, in this process."""
        rows = len(self.batch["real"])
        return rows // 2 if self.config.updates == "alternate" else rows


def adversarial(
    gan: Gan, images: np.ndarray, config: GanConfig, replica: Replica
) -> tuple[Adversarial, dict[str, Stream], int]:
    """The task that trains `gan` on uint8 `images` (N, C, H, W), its streams, and its number of steps, each of them one
    mini-batch or, with `alternate`, two.

    The only preprocessing is the scaling to the range of the generator's output; there is no augmentation."""
    pair = batches_in_a_step(config)
    stream = replica.stream(images, batch_size=pair * config.batch_size, transform=gan.discriminator.scaled)
    return Adversarial(gan, config), {"real": stream}, max(1, config.steps // pair)


def batches_in_a_step(config: GanConfig) -> int:
    """Mini-batches of real images in one step of the engine."""
    return 2 if config.updates == "alternate" else 1


def train_gan(gan: Gan, images: np.ndarray, config: GanConfig, replica: Replica, **options) -> None:
    """Train `gan` in place on uint8 `images` (N, C, H, W); `options` go to `engine.train` (callback, …)."""
    task, streams, steps = adversarial(gan, images, config, replica)
    train(task, streams, steps=steps, replica=replica, **options)


def notes_on_updates(config: GanConfig) -> list[str]:
    """Where adversarial training departs from the authors' code (Radford et al. 2015): a row's note, or none."""
    if config.updates == "alternate":
        return []
    return [
        "Both networks learn from each mini-batch; in the authors' code one moves the generator, the next the "
        "discriminator."
    ]
