"""Translators that are a pair of generators, with or without critics."""

from __future__ import annotations

from torch import Tensor, nn

from triptych.base.pixels import signed, to_uint8
from triptych.cyclegan.gan.networks import Generator, PatchCritic
from triptych.cyclegan.gan.streams import enlarge
from triptych.cyclegan.gan.translation import Networks, PatchTraining
from triptych.cyclegan.streets.parts.system import Translator
from triptych.data.spec import Spec


class GeneratorPair(Translator):
    """Translation by one pass through a generator: G to photos, F to label maps; images in [-1, 1]."""

    def __init__(self, config: Networks, spec: Spec):
        super().__init__(config, spec)
        self.G = self.make_generator()
        self.F = self.make_generator()

    def make_generator(self) -> nn.Module:
        """The network of either direction: CycleGAN's."""
        return Generator(self.config.width, self.config.blocks)

    def to_photo(self, labels: Tensor) -> Tensor:
        return to_uint8(self.G(signed(enlarge(labels, self.config.pixels, "nearest"))))

    def to_labels(self, photos: Tensor) -> Tensor:
        return to_uint8(self.F(signed(enlarge(photos, self.config.pixels, "bicubic"))))


class Adversarial(GeneratorPair):
    """A generator pair with a patch critic for either domain."""

    critic_channels = 3

    def __init__(self, config: PatchTraining, spec: Spec):
        super().__init__(config, spec)
        self.D_X = PatchCritic(self.critic_channels, config.critic_width, config.critic_layers)
        self.D_Y = PatchCritic(self.critic_channels, config.critic_width, config.critic_layers)
