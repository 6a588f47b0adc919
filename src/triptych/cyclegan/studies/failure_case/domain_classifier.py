"""A small conv net that tells two domains apart: the judge of what a translation changed."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.base.pixels import signed
from triptych.cyclegan.gan.streams import augment, enlarge
from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.engine import Phase, Replica, Task, inference, linear_decay, train


class Config(Strict):
    width: int = Field(16, gt=0, description="channels of the first of three layers")
    steps: int = Field(200, gt=0)
    batch_size: int = Field(32, gt=1)
    lr: float = Field(2e-3, gt=0)
    noise: float = Field(0.25, ge=0, description="on its training images in [-1, 1]: generated ones are never clean")


class DomainClassifier(nn.Sequential):
    """Images in [-1, 1], (n, 3, S, S) -> scores of x and y, (n, 2)."""

    def __init__(self, width: int):
        super().__init__()
        channels = [3, width, 2 * width, 4 * width]
        for a, b in zip(channels[:-1], channels[1:]):
            self.extend([nn.Conv2d(a, b, 5, 2, 2), nn.BatchNorm2d(b), nn.ReLU()])
        self.extend([nn.Conv2d(4 * width, 4 * width, 3, 1, 1), nn.BatchNorm2d(4 * width), nn.ReLU()])
        self.extend([nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16 * width, 2)])

    def named(self, images: np.ndarray | Tensor, device: torch.device) -> np.ndarray:
        """uint8 (n, 3, S, S) -> bool (n,): taken for y."""
        return inference(lambda x: self(signed(x)).argmax(1), images, device).numpy() > 0


def train_classifier(data: TwoDomains, size: int, config: Config, replica: Replica) -> DomainClassifier:
    """On images of `size`, shifted by up to an eighth, mirrored and `soiled`."""
    torch.manual_seed(replica.seed)
    images = torch.cat([enlarge(part, size, "bicubic") for part in (data.x, data.y)])
    of_y = torch.arange(len(images)) >= len(data.x)

    def transform(pictures: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        shifted = augment(nnf.pad(pictures.float(), (size // 8,) * 4, mode="replicate"), size)
        return soiled(signed(shifted), config.noise), labels.long()

    stream = replica.stream(images, of_y, batch_size=config.batch_size, transform=transform)
    task = Naming(DomainClassifier(config.width), config)
    return train(task, {"named": stream}, steps=config.steps, replica=replica).net


def soiled(images: Tensor, amount: float) -> Tensor:
    """With noise of std `amount` in grains, spots and clouds (1, 4 and 12 pixels wide), and each image with a contrast
    and a brightness of its own: a judge that names by small traces would be fooled by a generator's artefacts."""
    n, channels, size, _ = images.shape
    noise = torch.randn_like(images)
    for parts in (4, 12):
        coarse = torch.randn(n, channels, max(1, size // parts), max(1, size // parts), device=images.device)
        noise = noise + nnf.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)
    contrast, brightness = (torch.randn(n, 1, 1, 1, device=images.device) for _ in range(2))
    return images * (1 + amount * contrast) + amount * (brightness + noise)


class Naming(Task):
    def __init__(self, net: DomainClassifier, config: Config):
        super().__init__()
        self.net, self.config = net, config

    def phases(self) -> list[Phase]:
        def adam(parameters, **options) -> torch.optim.Optimizer:
            return torch.optim.Adam(parameters, lr=self.config.lr, **options)

        return [Phase("classifier", [self.net], self.loss, adam, linear_decay(self.config.steps))]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        images, of_y = self.batch["named"]
        loss = nnf.cross_entropy(self.net(images).float(), of_y)
        return loss, {"loss": loss}
