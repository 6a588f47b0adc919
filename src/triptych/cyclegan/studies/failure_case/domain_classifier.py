"""A small conv net that tells two domains apart: the judge of what a translation changed."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from triptych.base.pixels import signed
from triptych.common.reader_net import ReaderConfig, Reading, reader_net
from triptych.cyclegan.gan.streams import augment, enlarge
from triptych.cyclegan.gan.two_domains import TwoDomains
from triptych.engine import Replica, inference, linear_decay, train


class Config(ReaderConfig):
    """The net and its training."""

    width: int = Field(16, ge=1, description="channels of the first of three layers")
    steps: int = Field(200, ge=1)
    batch_size: int = Field(32, ge=2)
    noise: float = Field(0.25, ge=0, description="on its training images in [-1, 1]: generated ones are never clean")


class DomainClassifier(nn.Module):
    """Images in [-1, 1], (n, 3, S, S) -> scores of x and y, (n, 2)."""

    def __init__(self, width: int):
        super().__init__()
        layers = [(width, 5, 2), (2 * width, 5, 2), (4 * width, 5, 2), (4 * width, 3, 1)]
        self.net = reader_net(3, layers, 2, 2, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)

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
    return train(task, {"examples": stream}, steps=config.steps, replica=replica).net


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


class Naming(Reading):
    """Cross-entropy of the two names; the rate falls in the second half."""

    def rate(self, step: int) -> float:
        return linear_decay(self.config.steps)(step)

    def losses(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        return {"loss": nnf.cross_entropy(self.net(images).float(), targets)}
