"""CycleGAN between two domains X and Y: parameters, and the cycle objective.

    L = L_GAN(G, D_Y) + L_GAN(F, D_X) + l_f E|F(G(x)) - x| + l_b E|G(F(y)) - y|
        + l_i (E|G(y) - y| + E|F(x) - x|)

with G: X -> Y and F: Y -> X; D_X judges images of X and D_Y those of Y (Zhu et al. 2017, equations 1 to 4 and section
5.2). "Forward" is x -> G(x) -> F(G(x)), "backward" y -> F(y) -> G(F(y)). Without some of the terms this is one of the
paper's ablations. Of streets, X are label maps and Y photos.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.cyclegan.gan.losses import GanLoss, distance, realness, scored_loss
from triptych.cyclegan.gan.pair import both
from triptych.cyclegan.gan.pool import Pool
from triptych.cyclegan.gan.streams import Unpaired, domains
from triptych.engine import Phase, Replica, Stream, Task, linear_decay, train


class Size(Strict):
    """What every network of a translator needs."""

    pixels: int = Field(128, ge=16, multiple_of=4, description="pixels: images are square, resized where they are not")
    width: int = Field(64, gt=0, description="channels after the generator's first layer")


class Networks(Size):
    """The generators' parameters; defaults are the paper's for 128 px (section 7)."""

    blocks: int = Field(6, ge=0, description="residual blocks")


class Training(Size):
    """Critics of any kind and training; defaults are the paper's."""

    load_size: int = Field(143, ge=16, description="images are enlarged to this before the random cut")
    critic_width: int = Field(64, gt=0)
    gan_loss: GanLoss = "lsgan"
    pool: int = Field(50, ge=0, description="past fakes kept for each critic; 0: none")
    lr: float = Field(2e-4, gt=0)
    beta1: float = Field(0.5, ge=0, lt=1)
    beta2: float = Field(0.999, ge=0, lt=1)
    batch_size: int = Field(1, gt=0)
    epochs: int = Field(200, gt=0)
    decay_from: float = Field(0.5, ge=0, le=1, description="share of the steps at the full rate; then linearly to 0")

    @model_validator(mode="after")
    def _cut_fits(self) -> Training:
        if self.load_size < self.pixels:
            raise ValueError(f"load_size = {self.load_size} must be at least pixels = {self.pixels}")
        return self

    def phase(self, name: str, modules: list[nn.Module], loss: Callable, steps: int) -> Phase:
        """`modules` descend `loss` by Adam with this schedule over `steps`."""

        def adam(parameters, **options) -> torch.optim.Adam:
            return torch.optim.Adam(parameters, lr=self.lr, betas=(self.beta1, self.beta2), **options)

        return Phase(name, modules, loss, adam, linear_decay(steps, self.decay_from))


class PatchTraining(Training):
    """With critics of patches; the default is the paper's (70 x 70, section 4)."""

    critic_layers: int = Field(3, ge=1, le=4, description="of stride 2: patches of 16, 34, 70 or 142 pixels")

    @model_validator(mode="after")
    def _patches_fit(self) -> PatchTraining:
        least = 3 * 2**self.critic_layers  # the last two layers take a pixel each off what the halvings leave
        if self.pixels < least:
            raise ValueError(
                f"pixels = {self.pixels}: critic_layers = {self.critic_layers} needs at least {least} pixels"
            )
        return self


class UnpairedTraining(Training):
    """Training on two domains without pairs."""

    disjoint: bool = Field(False, description="stricter: photos and label maps of different scenes")

    def streams(self, data: Unpaired, replica: Replica) -> dict[str, Stream]:
        """Streams "x" and "y" of `data`."""
        sizes = {"batch_size": self.batch_size, "load_size": self.load_size, "pixels": self.pixels}
        return data.unpaired(replica, **sizes, disjoint=self.disjoint)


class Config(Networks, PatchTraining):
    """CycleGAN's generators, critics and training."""


class UnpairedConfig(Config, UnpairedTraining):
    """CycleGAN's networks, trained without pairs."""


class CycleConfig(UnpairedConfig):
    """The full objective; defaults are the paper's."""

    cycle_weight: float = Field(10.0, ge=0, description="lambda, of a mean over pixels and channels")
    identity_weight: float = Field(0.0, ge=0, description="a fraction of lambda (0.5 in the paper's painting tasks)")


def steps_of(epochs: int, streams: dict[str, Stream]) -> int:
    """An epoch passes once through the larger domain."""
    return epochs * max(stream.per_epoch for stream in streams.values())


def fit_together(config: UnpairedTraining, data: Unpaired, replica: Replica, task: Callable[[int], Task]) -> None:
    """Train `task(steps)`, which learns both directions at once, on `data`."""
    streams = config.streams(data, replica)
    steps = steps_of(config.epochs, streams)
    train(task(steps), streams, steps=steps, replica=replica)


@dataclass(frozen=True)
class Weights:
    """Factors of the objective's terms. A term of weight 0 is not computed, and a network without a term is not
    trained."""

    gan: float
    forward: float
    backward: float
    identity: float


class CycleTask(Task):
    """G and F descend the joint objective, then D_X and D_Y learn from the same step's fakes by way of the pools.

    `system` has the networks G, F, D_X, D_Y and its `config`.
    """

    def __init__(self, system: nn.Module, weights: Weights, steps: int):
        super().__init__()
        shape = (3, system.config.pixels, system.config.pixels)
        self.system, self.weights, self.steps = system, weights, steps
        self.pool_x, self.pool_y = Pool(system.config.pool, shape), Pool(system.config.pool, shape)

    def phases(self) -> list[Phase]:
        s, phase = self.system, self.system.config.phase
        phases = [phase("generators", [s.G, s.F], self.generators, self.steps)]
        if self.weights.gan:
            phases.append(phase("critics", [s.D_X, s.D_Y], self.critics, self.steps))
        return phases

    def generators(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of G and F."""
        s, w, kind = self.system, self.weights, self.system.config.gan_loss
        x, y = domains(self.batch)
        translate = both(s.G, s.F)
        fake_y, fake_x = translate(x, y)
        self.batch["fake_x"], self.batch["fake_y"] = fake_x.detach(), fake_y.detach()
        terms: dict[str, tuple[float, Tensor]] = {}
        if w.gan:
            on_y, on_x = both(s.D_Y, s.D_X)(fake_y, fake_x)
            terms["gan_to_photo"] = w.gan, realness(on_y, 1.0, kind)
            terms["gan_to_labels"] = w.gan, realness(on_x, 1.0, kind)
        if w.forward and w.backward:
            back_y, back_x = translate(fake_x, fake_y)
        elif w.forward:
            back_x = s.F(fake_y)
        elif w.backward:
            back_y = s.G(fake_x)
        if w.forward:
            terms["forward_cycle"] = w.forward, distance(back_x, x)
        if w.backward:
            terms["backward_cycle"] = w.backward, distance(back_y, y)
        if w.identity:
            same_y, same_x = translate(y, x)
            terms["identity"] = w.identity, distance(same_y, y) + distance(same_x, x)
        loss = sum(weight * value for weight, value in terms.values())
        return loss, {"loss_g": loss, **{f"loss_{name}": value for name, (_, value) in terms.items()}}

    def critics(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of D_X and D_Y."""
        s, kind = self.system, self.system.config.gan_loss
        x, y = domains(self.batch)
        fake_x, fake_y = self.pool_x.exchange(self.batch["fake_x"]), self.pool_y.exchange(self.batch["fake_y"])
        on_x, on_y = both(s.D_X, s.D_Y)(torch.cat([x, fake_x]), torch.cat([y, fake_y]))
        loss_x, loss_y = scored_loss(on_x, kind), scored_loss(on_y, kind)
        return loss_x + loss_y, {"loss_d_labels": loss_x, "loss_d_photo": loss_y}
