"""GANs on points of the plane, in the two forms that papers on mode collapse use.

`pacgan` (ALI's, as in Lin et al. 2018): G of 4 layers of 400 ReLU with batch normalisation, D of 3 layers of 200 maxout
units of 5 pieces. `unrolled` (Metz et al. 2017): both nets of 2 layers of 128 tanh units, orthogonal weights of gain
1.4. Unrolling, for either: the generator's loss is that of a discriminator `unroll` Adam steps ahead, and its gradient
goes through these steps."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.func import functional_call

from triptych.base.config import Strict
from triptych.dcgan.gan.networks import Maxout
from triptych.dcgan.studies.pathologies.objectives import Loss, discriminator_loss, generator_loss
from triptych.engine import Phase, Task

NetName = Literal["pacgan", "unrolled"]
Losses = tuple[Tensor, dict[str, Tensor]]
PIECES = 5  # of a maxout unit
TINY = 1e-20  # keeps the slope of a root at 0 finite


class ToyGanConfig(Strict):
    """Nets and training. Published: pacgan: widths 400 and 200, z of 2, both rates 1e-4, β₁ 0.8, batch 100, 400,000
    steps, non-saturating; unrolled: widths 128, z of 256, D 1e-4, G 1e-3, β₁ 0.5, batch 512, 25,000 steps, minimax."""

    net: NetName = "pacgan"
    width_g: int = Field(default=400, ge=1)
    width_d: int = Field(default=200, ge=1)
    z_dim: int = Field(default=2, ge=1)
    loss: Loss = "nonsaturating"
    unroll: int = Field(default=0, ge=0, description="steps that D is ahead of the generator's loss")
    steps: int = Field(default=400_000, ge=1)
    batch_size: int = Field(default=100, ge=2)
    lr_g: float = Field(default=1e-4, gt=0)
    lr_d: float = Field(default=1e-4, gt=0)
    beta1: float = Field(default=0.8, ge=0, lt=1)


def generator(config: ToyGanConfig) -> nn.Sequential:
    """(n, z_dim) -> (n, 2)."""
    w = config.width_g
    if config.net == "unrolled":
        return _orthogonal(nn.Sequential(*_tanh(config.z_dim, w), *_tanh(w, w), nn.Linear(w, 2)))
    layers: list[nn.Module] = []
    for inputs in (config.z_dim, w, w, w):
        layers += [nn.Linear(inputs, w), nn.BatchNorm1d(w), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(w, 2))


def discriminator(config: ToyGanConfig) -> nn.Sequential:
    """(n, 2) -> logits (n, 1)."""
    w = config.width_d
    if config.net == "unrolled":
        return _orthogonal(nn.Sequential(*_tanh(2, w), *_tanh(w, w), nn.Linear(w, 1)))
    layers: list[nn.Module] = []
    for inputs in (2, w, w):
        layers += [nn.Linear(inputs, PIECES * w), Maxout(PIECES)]
    return nn.Sequential(*layers, nn.Linear(w, 1))


def _tanh(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Linear(inputs, outputs), nn.Tanh()]


def _orthogonal(net: nn.Sequential, gain: float = 1.4) -> nn.Sequential:
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, gain)
            nn.init.zeros_(layer.bias)
    return net


def single_precision(loss: Callable[[ToyGan], Losses]) -> Callable[[ToyGan], Losses]:
    """Points are judged by thousandths, which bfloat16 does not have (nor TF32: `mode_collapse.run` is without it)."""

    @functools.wraps(loss)
    def wrapped(self: ToyGan) -> Losses:
        with torch.autocast(self.batch["real"].device.type, enabled=False):
            return loss(self)

    return wrapped


class ToyGan(Task):
    """`batch["real"]`: (n, 2) points. `snapshots`: what was generated on the way, kept with the weights so that a run
    that was killed goes on with it."""

    def __init__(self, config: ToyGanConfig, snapshots: tuple[int, ...] = (0,)):
        super().__init__()
        self.config = config
        self.register_buffer("snapshots", torch.zeros(snapshots))
        self.generator, self.discriminator = generator(config), discriminator(config)

    def phases(self) -> list[Phase]:
        return [
            Phase("generator", [self.generator], self.generator_loss, self._adam_g),
            Phase("discriminator", [self.discriminator], self.discriminator_loss, self._adam_d),
        ]

    def codes(self, n: int) -> Tensor:
        """Standard normal, from torch's default generator."""
        return torch.randn(n, self.config.z_dim, device=next(self.parameters()).device)

    @single_precision
    def generator_loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        fake = self.generator(self.codes(len(self.batch["real"])))
        self.batch["fake"] = fake.detach()
        logits = self.unrolled(fake) if self.config.unroll else self.discriminator(fake)
        loss = generator_loss(logits, self.config.loss)
        return loss, {"loss_g": loss}

    @single_precision
    def discriminator_loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        # in one go: no layer of D looks at other points than its own
        real, fake = self.discriminator(torch.cat([self.batch["real"], self.batch["fake"]])).chunk(2)
        loss = discriminator_loss(real, fake)
        return loss, {"loss_d": loss, "d_real": real.sigmoid().mean(), "d_fake": fake.sigmoid().mean()}

    def unrolled(self, fake: Tensor) -> Tensor:
        """Logits of `fake` by a copy of the discriminator that has made `unroll` Adam steps on this batch.

        The steps are differentiable in `fake`, and start from the moments that the discriminator's optimiser has."""
        phi = {n: p.detach().requires_grad_() for n, p in self.discriminator.named_parameters()}
        moments = {n: self._moments(p) for n, p in self.discriminator.named_parameters()}
        beta1, beta2, epsilon = self.config.beta1, 0.999, 1e-8
        for _ in range(self.config.unroll):
            real = functional_call(self.discriminator, phi, (self.batch["real"],))
            loss = discriminator_loss(real, functional_call(self.discriminator, phi, (fake,)))
            gradients = torch.autograd.grad(loss, list(phi.values()), create_graph=True)
            for (name, p), g in zip(phi.items(), gradients):
                m, v, t = moments[name]
                m, v, t = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g, t + 1
                moments[name] = m, v, t
                scale = (v / (1 - beta2**t) + TINY).sqrt() + epsilon
                phi = {**phi, name: p - self.config.lr_d * (m / (1 - beta1**t)) / scale}
        return functional_call(self.discriminator, phi, (fake,))

    def _moments(self, p: nn.Parameter) -> tuple[Tensor, Tensor, Tensor]:
        state = self._optimiser_d.state.get(p)
        if not state:
            return torch.zeros_like(p), torch.zeros_like(p), torch.zeros((), device=p.device).double()
        # the count in double precision: 1 − β₂ᵗ has few digits left in single
        return state["exp_avg"].clone(), state["exp_avg_sq"].clone(), state["step"].double()

    def _adam_g(self, parameters, **options) -> torch.optim.Optimizer:
        return torch.optim.Adam(parameters, self.config.lr_g, (self.config.beta1, 0.999), **options)

    def _adam_d(self, parameters, **options) -> torch.optim.Optimizer:
        self._optimiser_d = torch.optim.Adam(parameters, self.config.lr_d, (self.config.beta1, 0.999), **options)
        return self._optimiser_d
