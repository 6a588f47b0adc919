"""CoGAN (Liu and Tuzel 2016): a joint model of labels and photos; translation by search of the latent code.

    min_G max_D  sum over both domains of E log D_i(x_i) + E log(1 - D_i(g_i(z)))
    translation  z* = argmin_z |x - g_x(z)|^2,  y = g_y(z*)

The generator's part is the usual -E log D_i(g_i(z)). The search is by Adam from several random starts, of which the
best is kept; the authors', as recalled, is by L-BFGS, with a number of steps and starts that they do not state.
"""

from __future__ import annotations

from functools import partial

import torch
from pydantic import Field, model_validator
from torch import Tensor

from triptych.base.pixels import signed, to_uint8
from triptych.cyclegan.gan.losses import GanLoss, realness
from triptych.cyclegan.gan.streams import domains, enlarge
from triptych.cyclegan.gan.translation import UnpairedTraining, fit_together
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.parts.coupled import CoupledCritics, CoupledGenerators
from triptych.cyclegan.streets.parts.system import Translator
from triptych.data.spec import Spec
from triptych.engine import Phase, Replica, Task


class Config(UnpairedTraining):
    """Networks, training and search; `width` and `critic_width` are the channels at the largest size."""

    z_dim: int = Field(100, gt=0)
    batch_size: int = Field(64, gt=1)
    gan_loss: GanLoss = "log"
    pool: int = Field(0, ge=0, le=0, description="CoGAN has none")
    search_steps: int = Field(500, gt=0)
    search_starts: int = Field(4, gt=0)
    search_lr: float = Field(0.05, gt=0)
    search_seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _pyramid(self) -> Config:
        if self.pixels & (self.pixels - 1):
            raise ValueError(f"pixels = {self.pixels} must be a power of two")
        return self


class System(Translator):
    """A GAN of pairs: it has no generator of one domain from the other, so translation is a search in its codes."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__(config, spec)
        self.G = CoupledGenerators(config.pixels, config.z_dim, config.width)
        self.D = CoupledCritics(config.pixels, config.critic_width)

    def notes(self) -> list[str]:
        c = self.config
        return [
            f"our reconstruction: the authors' networks are for 28×28 images, ours are DCGAN's pyramid at "
            f"{c.pixels}×{c.pixels}; translation by Adam, {c.search_steps} steps × {c.search_starts} starts"
        ]

    def fit(self, data: StreetData, replica: Replica) -> None:
        fit_together(self.config, data, replica, partial(Coupled, self))

    def to_photo(self, labels: Tensor) -> Tensor:
        return self._search(enlarge(labels, self.config.pixels, "nearest"), source=0)

    def to_labels(self, photos: Tensor) -> Tensor:
        return self._search(enlarge(photos, self.config.pixels, "bicubic"), source=1)

    def _search(self, images: Tensor, source: int) -> Tensor:
        """The other domain's image of the code whose image in domain `source` is nearest."""
        c, n = self.config, len(images)
        with torch.inference_mode(False), torch.enable_grad():
            target = signed(images.clone()).repeat(c.search_starts, 1, 1, 1)
            generator = torch.Generator().manual_seed(c.search_seed)
            # The starts are the same for every image, so that its translation does not depend on its batch.
            starts = torch.randn(c.search_starts, 1, c.z_dim, generator=generator)
            z = starts.expand(-1, n, -1).flatten(0, 1).clone().to(target.device).requires_grad_(True)
            optimiser = torch.optim.Adam([z], lr=c.search_lr)
            for _ in range(c.search_steps):
                error = (self.G(z)[source] - target).square().mean((1, 2, 3))
                (z.grad,) = torch.autograd.grad(error.sum(), [z])
                optimiser.step()
        with torch.no_grad():
            both = self.G(z.detach())
            error = (both[source] - target).square().mean((1, 2, 3)).view(c.search_starts, n)
            found = both[1 - source].unflatten(0, (c.search_starts, n))
            return to_uint8(found[error.argmin(0), torch.arange(n, device=found.device)])


class Coupled(Task):
    """Both domains' GANs at once: the generators descend the sum of their losses, the critics that of theirs."""

    def __init__(self, system: System, steps: int):
        super().__init__()
        self.system, self.steps = system, steps

    def phases(self) -> list[Phase]:
        s, phase = self.system, self.system.config.phase
        return [
            phase("generators", [s.G], self.generators, self.steps),
            phase("critics", [s.D], self.critics, self.steps),
        ]

    def generators(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The generators' loss, of fresh codes."""
        x, _ = domains(self.batch)
        z = torch.randn(len(x), self.system.config.z_dim, device=x.device)
        fakes = self.system.G(z)
        self.batch["fakes"] = tuple(f.detach() for f in fakes)
        loss = sum(realness(scores, 1.0, self.system.config.gan_loss) for scores in self.system.D(*fakes))
        return loss, {"loss_g": loss}

    def critics(self) -> tuple[Tensor, dict[str, Tensor]]:
        """The critics' loss, without the factor 1/2 that CycleGAN's has."""
        kind = self.system.config.gan_loss
        on_real, on_fake = self.system.D(*domains(self.batch)), self.system.D(*self.batch["fakes"])
        loss = sum(realness(r, 1.0, kind) + realness(f, 0.0, kind) for r, f in zip(on_real, on_fake))
        return loss, {"loss_d": loss}
