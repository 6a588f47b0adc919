"""BiGAN / ALI (Donahue et al. 2017; Dumoulin et al. 2017) as the CycleGAN paper ran it.

One critic tells the pairs (x, G(x)) from the pairs (F(y), y), and either generator tries to make its pairs pass for the
other's; nothing else ties an output to its input (CycleGAN, section 5.1.2).

    D: 1/2 [ E (D(x, G(x)) - 1)^2 + E D(F(y), y)^2 ]      G: E D(x, G(x))^2      F: E (D(F(y), y) - 1)^2

In the originals one side is a latent code and the loss is the log loss. Networks, least squares and a pool for either
kind of pairs are CycleGAN's, as in its authors' code (bigan_model).
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from triptych.cyclegan.gan.losses import critic_loss, realness
from triptych.cyclegan.gan.networks import PatchCritic
from triptych.cyclegan.gan.pool import Pool
from triptych.cyclegan.gan.streams import domains
from triptych.cyclegan.gan.translation import UnpairedConfig, fit_together
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.parts.generators import GeneratorPair
from triptych.data.spec import Spec
from triptych.engine import Phase, Replica, Task

Config = UnpairedConfig


class System(GeneratorPair):
    """CycleGAN's generators, and one critic D of (label map, photo)."""

    def __init__(self, config: UnpairedConfig, spec: Spec):
        super().__init__(config, spec)
        self.D = PatchCritic(6, config.critic_width, config.critic_layers)

    def fit(self, data: StreetData, replica: Replica) -> None:
        fit_together(self.config, data, replica, partial(Pairs, self))


class Pairs(Task):
    """The generators move first, so that the critic learns from the fakes of the same step, as in our CycleGAN."""

    def __init__(self, system: System, steps: int):
        super().__init__()
        shape = (6, system.config.pixels, system.config.pixels)
        self.system, self.steps = system, steps
        self.pool_x, self.pool_y = Pool(system.config.pool, shape), Pool(system.config.pool, shape)

    def phases(self) -> list[Phase]:
        s, phase = self.system, self.system.config.phase
        return [
            phase("generators", [s.G, s.F], self.generators, self.steps),
            phase("critic", [s.D], self.critic, self.steps),
        ]

    def generators(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of G and F."""
        s, kind = self.system, self.system.config.gan_loss
        x, y = domains(self.batch)
        from_x, from_y = torch.cat([x, s.G(x)], dim=1), torch.cat([s.F(y), y], dim=1)
        self.batch["from_x"], self.batch["from_y"] = from_x.detach(), from_y.detach()
        loss_g, loss_f = realness(s.D(from_x), 0.0, kind), realness(s.D(from_y), 1.0, kind)
        return loss_g + loss_f, {"loss_gan_to_photo": loss_g, "loss_gan_to_labels": loss_f}

    def critic(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of D."""
        real = self.pool_x.exchange(self.batch["from_x"])
        fake = self.pool_y.exchange(self.batch["from_y"])
        loss = critic_loss(self.system.D, real, fake, self.system.config.gan_loss)
        return loss, {"loss_d": loss}
