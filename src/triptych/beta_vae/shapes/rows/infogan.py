"""InfoGAN (Chen et al. 2016): a GAN that keeps the mutual information between a part of its input, the code,
and its pictures high. A head Q beside the discriminator infers the code; on real images, its mean is the
representation.

    min_{G,Q} max_D V(D, G) − λ L_I,   L_I = E[log Q(c | G(z, c))] + H(c)

G's own loss is the non-saturating one. The codes are uniform on (−1, 1); Q is a Gaussian of fixed variance,
so that −log Q is a squared error up to a constant. As in the authors' code, the discriminator's trunk
descends −λ L_I too.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import ParamsError, Strict
from triptych.base.pixels import signed
from triptych.beta_vae.shapes.parts.system import Decoder, Representation
from triptych.beta_vae.shapes.parts.upsampling import Deconvolution
from triptych.data.spec import Spec
from triptych.engine import Phase, Replica, Task, train


class Config(Strict):
    """Sizes of the β-VAE paper's 2D-shapes model as far as they are recalled; its spatial sizes are not
    known. Here G is dense 256, dense to side/8, then three deconvolutions of stride 2, and D its mirror
    image."""

    codes: int = Field(5, ge=2)  # scored
    noise: int = Field(5, ge=0)
    channels: list[int] = Field([64, 128], min_length=2, max_length=2)  # D's; G's in the opposite order
    dense: int = Field(256, gt=0)
    head: int = Field(128, gt=0)  # hidden units of Q
    weight: float = Field(1.0, ge=0)  # λ
    code_std: float = Field(1.0, gt=0)  # of Q
    instance_noise: float = Field(0.0, ge=0)  # std of noise on D's input; 0 in the paper
    lr_g: float = Field(1e-3, gt=0)
    lr_d: float = Field(2e-4, gt=0)
    batch_size: int = Field(64, gt=1)
    steps: int = Field(100_000, gt=0)


class System(Representation, Decoder):
    """Generator, discriminator (`trunk` and `judge`) and Q (`trunk` and `inference`)."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config = config
        self.generator = _generator(config, spec.image_shape)
        self.trunk = _trunk(config, spec.image_shape)
        self.judge = nn.Linear(config.dense, 1)
        self.inference = nn.Sequential(
            nn.Linear(config.dense, config.head), nn.LeakyReLU(0.2), nn.Linear(config.head, config.codes)
        )

    def fit(self, images: np.ndarray, factors, replica: Replica) -> None:
        """Train on `images` uint8 (N, C, H, W); `factors` are not looked at."""
        stream = replica.stream(images, batch_size=self.config.batch_size)
        train(InfoGanTask(self), {"images": stream}, steps=self.config.steps, replica=replica, log_every=100)

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> Q's means of the codes, (n, codes)."""
        return self.inference(self.trunk(signed(images))).float()

    def decode(self, latents: Tensor) -> Tensor:
        """Codes (n, codes) -> images (n, C, H, W) in [0, 1], with the noise at its mean."""
        noise = torch.zeros(len(latents), self.config.noise, device=latents.device)
        return self.generator(torch.cat([noise, latents], 1)).float() / 2 + 0.5


class InfoGanTask(Task):
    """D, its trunk and Q descend one loss; G another, on fakes drawn anew."""

    def __init__(self, system: System):
        super().__init__()
        self.config = system.config
        self.generator, self.trunk = system.generator, system.trunk
        self.judge, self.inference = system.judge, system.inference

    def phases(self) -> list[Phase]:
        """First the discriminator and Q, then the generator; both by Adam."""

        def adam(lr):
            return lambda parameters, **options: torch.optim.Adam(parameters, lr=lr, betas=(0.5, 0.999), **options)

        judge = [self.trunk, self.judge, self.inference]
        return [
            Phase("discriminator", judge, self.discriminator_loss, adam(self.config.lr_d)),
            Phase("generator", [self.generator], self.generator_loss, adam(self.config.lr_g)),
        ]

    def discriminator_loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        """−log D(real) − log(1 − D(fake)) − λ L_I, means over the batch."""
        real = signed(self.batch["images"])
        codes, fake = self.imagine(len(real))
        features = self.trunk(self.disturbed(torch.cat([real, fake.detach()])))
        logits = self.judge(features).float()[:, 0]
        truth = torch.zeros_like(logits)  # made where it is used: a CUDA graph cannot hold a copy from the host
        truth[: len(real)] = 1
        loss = 2 * F.binary_cross_entropy_with_logits(logits, truth)
        information = self.surprise(features[len(real) :], codes)
        return loss + self.config.weight * information, {"loss_d": loss, "code_error": information}

    def generator_loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        """−log D(fake) − λ L_I, means over the batch."""
        codes, fake = self.imagine(len(self.batch["images"]))
        features = self.trunk(self.disturbed(fake))
        loss = F.softplus(-self.judge(features).float()).mean()
        return loss + self.config.weight * self.surprise(features, codes), {"loss_g": loss}

    def imagine(self, n: int) -> tuple[Tensor, Tensor]:
        """Codes (n, codes) and the images made from them and fresh noise."""
        device = self.judge.weight.device
        z = torch.rand(n, self.config.noise + self.config.codes, device=device) * 2 - 1
        return z[:, self.config.noise :], self.generator(z)

    def disturbed(self, images: Tensor) -> Tensor:
        """`images` with the instance noise on them."""
        if self.config.instance_noise == 0:
            return images
        return images + self.config.instance_noise * torch.randn_like(images)

    def surprise(self, features: Tensor, codes: Tensor) -> Tensor:
        """−log Q(c | x) less its constant: ½ ‖c − Q's mean‖² / std², summed over codes, averaged over the
        batch."""
        error = self.inference(features).float() - codes
        return 0.5 * error.square().sum(1).mean() / self.config.code_std**2


def _generator(config: Config, image_shape: tuple[int, int, int]) -> nn.Module:
    side, (small, large) = _side(image_shape), config.channels
    return nn.Sequential(
        *(nn.Linear(config.noise + config.codes, config.dense), nn.BatchNorm1d(config.dense), nn.ReLU()),
        *(nn.Linear(config.dense, large * side**2), nn.BatchNorm1d(large * side**2), nn.ReLU()),
        nn.Unflatten(1, (large, side, side)),
        *(Deconvolution(large, large), nn.BatchNorm2d(large), nn.ReLU()),
        *(Deconvolution(large, small), nn.BatchNorm2d(small), nn.ReLU()),
        *(Deconvolution(small, image_shape[0]), nn.Tanh()),
    )


def _trunk(config: Config, image_shape: tuple[int, int, int]) -> nn.Module:
    """No batch norm: the code inferred from an image must not depend on the other images of its batch."""
    side, (small, large) = _side(image_shape), config.channels
    return nn.Sequential(
        *(nn.Conv2d(image_shape[0], small, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(small, large, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(large, large, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten()),
        *(nn.Linear(large * side**2, config.dense), nn.LeakyReLU(0.2)),
    )


def _side(image_shape: tuple[int, int, int]) -> int:
    _, height, width = image_shape
    if height != width or height % 8:
        raise ParamsError(f"three strides of 2 need a square image of a multiple of 8 pixels, not {height}×{width}")
    return height // 8
