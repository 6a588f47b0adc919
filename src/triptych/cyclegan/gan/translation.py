"""What translators between label maps (X) and photos (Y) share: parameters, networks, the cycle objective.

    L = L_GAN(G, D_Y) + L_GAN(F, D_X) + l_f E|F(G(x)) - x| + l_b E|G(F(y)) - y|
        + l_i (E|G(y) - y| + E|F(x) - x|)

with G: X -> Y and F: Y -> X (Zhu et al. 2017, equations 1 to 4 and section 5.2). "Forward" is labels -> photo
-> labels, "backward" photo -> labels -> photo. Switching terms off gives the paper's ablations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.base.pixels import signed, to_uint8
from triptych.cyclegan.gan.losses import GanLoss, critic_loss, distance, realness
from triptych.cyclegan.gan.networks import Generator, PatchCritic
from triptych.cyclegan.gan.pool import Pool
from triptych.cyclegan.gan.streams import StreetData, domains, enlarge
from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.data.spec import Spec
from triptych.engine import Phase, Replica, Stream, Task, linear_decay, train


class Size(Strict):
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
        """`loss` descended by Adam with this schedule over `steps`."""

        def adam(parameters, **options) -> torch.optim.Adam:
            return torch.optim.Adam(parameters, lr=self.lr, betas=(self.beta1, self.beta2), **options)

        return Phase(name, modules, loss, adam, linear_decay(steps, self.decay_from))


class PatchTraining(Training):
    """With critics of patches; the default is the paper's."""

    critic_layers: int = Field(3, ge=1, le=4, description="of stride 2: patches of 16, 34, 70 or 142 pixels")

    @model_validator(mode="after")
    def _patches_fit(self) -> PatchTraining:
        least = 3 * 2**self.critic_layers  # the last two layers take a pixel each off what the halvings leave
        if self.pixels < least:
            raise ValueError(
                f"pixels = {self.pixels}: critic_layers = {self.critic_layers} needs at least {least} pixels"
            )
        return self


class Config(Networks, PatchTraining):
    """CycleGAN's generators, critics and training."""


class UnpairedConfig(Config):
    disjoint: bool = Field(False, description="stricter: photos and label maps of different scenes")


class CycleConfig(UnpairedConfig):
    cycle_weight: float = Field(10.0, ge=0, description="lambda, of a mean over pixels and channels")
    identity_weight: float = Field(0.0, ge=0, description="a fraction of lambda (0.5 in the paper's painting tasks)")


class Translator(nn.Module):
    """Generators G: labels -> photos and F: photos -> labels; all that is needed to use a system."""

    def __init__(self, config: Size, spec: Spec):
        super().__init__()
        self.config = config
        self.G = self.make_generator()
        self.F = self.make_generator()

    def make_generator(self) -> nn.Module:
        return Generator(self.config.width, self.config.blocks)

    def to_photo(self, labels: Tensor) -> Tensor:
        """Label maps in their palette, uint8 (n, 3, H, W) -> photos, uint8 (n, 3, size, size)."""
        return to_uint8(self.G(signed(enlarge(labels, self.config.pixels, "nearest"))))

    def to_labels(self, photos: Tensor) -> Tensor:
        """Photos, uint8 (n, 3, H, W) -> label maps as images, uint8 (n, 3, size, size), in about their
        palette."""
        return to_uint8(self.F(signed(enlarge(photos, self.config.pixels, "bicubic"))))


class Adversarial(Translator):
    """A translator with a patch critic for either domain."""

    critic_channels = 3

    def __init__(self, config: PatchTraining, spec: Spec):
        super().__init__(config, spec)
        self.D_X = PatchCritic(self.critic_channels, config.critic_width, config.critic_layers)
        self.D_Y = PatchCritic(self.critic_channels, config.critic_width, config.critic_layers)


class CycleSystem(Adversarial):
    """The full objective. An ablation is a subclass that sets a switch to 0."""

    gan = 1.0
    forward_cycle = 1.0
    backward_cycle = 1.0

    def fit(self, data: StreetData | TwoDomains, replica: Replica) -> None:
        """Learn G and F between label maps and photos, or, of `TwoDomains`, between x and y."""
        c = self.config
        streams = data.unpaired(
            replica, batch_size=c.batch_size, load_size=c.load_size, size=c.pixels, disjoint=c.disjoint
        )
        steps = steps_of(c.epochs, streams)
        weights = Weights(
            gan=self.gan,
            forward=self.forward_cycle * c.cycle_weight,
            backward=self.backward_cycle * c.cycle_weight,
            identity=c.identity_weight * c.cycle_weight,
        )
        task = CycleTask(self, weights, steps)
        train(task, streams, steps=steps, replica=replica)


def steps_of(epochs: int, streams: dict[str, Stream]) -> int:
    """An epoch passes once through the larger domain."""
    return epochs * max(stream.per_epoch for stream in streams.values())


@dataclass(frozen=True)
class Weights:
    """Factors of the objective's terms; a term of weight 0 is not computed, a network without a term not
    trained."""

    gan: float
    forward: float
    backward: float
    identity: float


class CycleTask(Task):
    """G and F descend the joint objective, then D_X and D_Y learn from the same step's fakes by way of the
    pools."""

    def __init__(self, system: Adversarial, weights: Weights, steps: int):
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
        s, w, kind = self.system, self.weights, self.system.config.gan_loss
        x, y = domains(self.batch)
        fake_y, fake_x = s.G(x), s.F(y)
        self.batch["fake_x"], self.batch["fake_y"] = fake_x.detach(), fake_y.detach()
        terms: dict[str, tuple[float, Tensor]] = {}
        if w.gan:
            terms["gan_to_photo"] = w.gan, realness(s.D_Y(fake_y), 1.0, kind)
            terms["gan_to_labels"] = w.gan, realness(s.D_X(fake_x), 1.0, kind)
        if w.forward:
            terms["forward_cycle"] = w.forward, distance(s.F(fake_y), x)
        if w.backward:
            terms["backward_cycle"] = w.backward, distance(s.G(fake_x), y)
        if w.identity:
            terms["identity"] = w.identity, distance(s.G(y), y) + distance(s.F(x), x)
        loss = sum(weight * value for weight, value in terms.values())
        return loss, {"loss_g": loss, **{f"loss_{name}": value for name, (_, value) in terms.items()}}

    def critics(self) -> tuple[Tensor, dict[str, Tensor]]:
        s, kind = self.system, self.system.config.gan_loss
        x, y = domains(self.batch)
        loss_x = critic_loss(s.D_X, x, self.pool_x.exchange(self.batch["fake_x"]), kind)
        loss_y = critic_loss(s.D_Y, y, self.pool_y.exchange(self.batch["fake_y"]), kind)
        return loss_x + loss_y, {"loss_d_labels": loss_x, "loss_d_photo": loss_y}
