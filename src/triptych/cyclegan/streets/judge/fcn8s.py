"""FCN-8s (Long, Shelhamer, Darrell 2015): the segmentation network that judges generated photos.

VGG-16's convolutions, its dense layers as convolutions, and scores from three depths added up:

    score = up8( up2( up2(score(fc7)) + score(pool4) ) + score(pool3) )

The score layers start at zero and the upsampling bilinear. Borders are padded so that every block halves its
input; the authors pad by 100 pixels once and crop.

The training is not theirs either: AdamW, batch 8 and a rate that falls linearly to 0 in the second half, where the
original is SGD with momentum 0.99, a fixed rate and batch 1. One evaluator, of one seed, judges all seeds of all
systems.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as nnf
from pydantic import Field, model_validator
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.base.pixels import signed
from triptych.cyclegan.gan.streams import augment
from triptych.data.format import DataError
from triptych.data.label_classes import IGNORE
from triptych.engine import Phase, Replica, Task, linear_decay, train

BLOCKS = (2, 2, 3, 3, 3)  # convolutions of VGG-16 between its poolings
MULTIPLES = (1, 2, 4, 8, 8)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # what VGG-16's weights expect


class Config(Strict):
    """Network and training. The original recipe starts from VGG-16 without batch norm; from scratch it needs
    one."""

    pixels: list[int] = Field([256, 512], min_length=2, max_length=2, description="height and width it sees")
    width: int = Field(64, gt=0, description="channels of the first block; 64 is VGG-16")
    dense: int = Field(4096, gt=0, description="channels of fc6 and fc7")
    norm: Literal["batch", "none"] = "batch"
    start: Literal["scratch", "vgg16"] = "scratch"
    steps: int = Field(100_000, gt=0)
    batch_size: int = Field(8, gt=0)
    lr: float = Field(1e-3, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if self.start == "vgg16" and (self.width != 64 or self.norm != "none"):
            raise ValueError("start = vgg16 needs width = 64 and norm = none, as VGG-16 has")
        if any(side < 32 or side % 32 for side in self.pixels):
            raise ValueError(f"pixels = {self.pixels}: both sides must be multiples of 32, for five halvings")
        if self.norm == "batch" and self.batch_size * self.pixels[0] * self.pixels[1] == 32 * 32:
            raise ValueError("batch_size = 1: batch norm needs more than one value a channel, 32×32 pixels end as one")
        return self

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the photos it sees."""
        return self.pixels[0], self.pixels[1]


class FCN8s(nn.Module):
    """Photos in [-1, 1], (n, 3, H, W), sides multiples of 32 -> scores (n, classes, H, W)."""

    def __init__(self, config: Config, n_classes: int):
        super().__init__()
        w, norm = config.width, config.norm == "batch"
        channels = [3, *(w * m for m in MULTIPLES)]
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)
        self.blocks = nn.ModuleList(_block(a, b, n, norm) for a, b, n in zip(channels[:-1], channels[1:], BLOCKS))
        self.dense = nn.Sequential(
            *_conv(8 * w, config.dense, 7, norm),
            nn.Dropout2d(0.5),
            *_conv(config.dense, config.dense, 1, norm),
            nn.Dropout2d(0.5),
        )
        self.score = nn.Conv2d(config.dense, n_classes, 1)
        self.score4 = nn.Conv2d(8 * w, n_classes, 1)
        self.score3 = nn.Conv2d(4 * w, n_classes, 1)
        self.up = nn.ModuleList(Upsample(n_classes, factor) for factor in (2, 2, 8))
        for layer in (self.score, self.score4, self.score3):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = ((x + 1) / 2 - self.mean) / self.std
        pools = []
        for block in self.blocks:
            x = nnf.max_pool2d(block(x), 2)
            pools.append(x)
        y = self.up[0](self.score(self.dense(x))) + self.score4(pools[3])
        y = self.up[1](y) + self.score3(pools[2])
        return self.up[2](y).float()

    @torch.inference_mode()
    def segment(self, photos: Tensor) -> Tensor:
        """uint8 (n, 3, H, W) -> train ids, uint8 (n, H, W)."""
        device = self.score.weight.device
        return self(signed(photos.to(device))).argmax(1).to(torch.uint8).cpu()

    @torch.no_grad()
    def start_from_vgg16(self) -> None:
        """Copy torchvision's ImageNet weights, which it downloads once into its cache; those of fc6 and fc7 only if
        `dense` is VGG-16's 4096.

        Raises DataError if they are not there and cannot be fetched, or are damaged.
        """
        from torchvision.models import VGG16_Weights, vgg16

        weights = VGG16_Weights.IMAGENET1K_V1
        try:
            source = vgg16(weights=weights)
        except (OSError, RuntimeError) as error:  # RuntimeError: the file is there, but its hash is another
            raise DataError(
                f"VGG-16's ImageNet weights are not at hand, or damaged ({error}): put {weights.url} into "
                f"{torch.hub.get_dir()}/checkpoints, or train the FCN from scratch (start: scratch, norm: batch)"
            ) from error
        convolutions = [m for m in source.features if isinstance(m, nn.Conv2d)]
        mine = [m for block in self.blocks for m in block if isinstance(m, nn.Conv2d)]
        for a, b in zip(mine, convolutions, strict=True):
            a.load_state_dict(b.state_dict())
        fc6, fc7 = (m for m in self.dense if isinstance(m, nn.Conv2d))
        if fc6.out_channels == 4096:
            for a, b in ((fc6, source.classifier[0]), (fc7, source.classifier[3])):
                a.weight.copy_(b.weight.view_as(a.weight))
                a.bias.copy_(b.bias)


class Upsample(nn.ConvTranspose2d):
    """Learned upsampling by an even `factor`, bilinear at first; every class on its own."""

    def __init__(self, channels: int, factor: int):
        super().__init__(channels, channels, 2 * factor, factor, padding=factor // 2, groups=channels, bias=False)
        ramp = 1 - (torch.arange(2 * factor) - factor + 0.5).abs() / factor
        with torch.no_grad():
            self.weight.copy_(torch.outer(ramp, ramp).expand_as(self.weight))


class Segmentation(Task):
    """Cross-entropy per pixel over scored pixels. Batch: `pair` = (photos in [-1, 1], train ids)."""

    def __init__(self, net: FCN8s, config: Config):
        super().__init__()
        self.net, self.config = net, config

    def phases(self) -> list[Phase]:
        return [Phase("fcn", [self.net], self.loss, self.optimiser, linear_decay(self.config.steps))]

    def optimiser(self, parameters, **options) -> torch.optim.Optimizer:
        c = self.config
        return torch.optim.AdamW(parameters, lr=c.lr, weight_decay=c.weight_decay, **options)

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        photos, truth = self.batch["pair"]
        # a batch without a scored pixel has no mean: it counts as any class, times 0
        some = (truth != IGNORE).any()
        loss = nnf.cross_entropy(self.net(photos), torch.where(some, truth, 0), ignore_index=IGNORE) * some
        return loss, {"loss": loss}


def train_fcn(net: FCN8s, photos: Tensor, truth: Tensor, config: Config, replica: Replica) -> FCN8s:
    """`photos` uint8 (N, 3, H, W) and train ids `truth` uint8 (N, H, W), both of the size the network sees.

    Augmented by mirroring, and where they are square by shifts of up to an eighth of the size.
    """
    height, width = config.pixels
    margin = height // 8

    def transform(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.cat([images, labels[:, None]], dim=1).float()
        if height == width:
            both = augment(nnf.pad(both, (margin,) * 4, mode="replicate"), height)
        else:
            mirrored = torch.rand(len(both), 1, 1, 1, device=both.device) < 0.5
            both = torch.where(mirrored, both.flip(3), both)
        return signed(both[:, :3]), both[:, 3].long()

    stream = replica.stream(photos, truth, batch_size=config.batch_size, seed=config.seed, transform=transform)
    task = train(Segmentation(net, config), {"pair": stream}, steps=config.steps, replica=replica)
    return task.net


def _conv(a: int, b: int, kernel: int, norm: bool) -> list[nn.Module]:
    layer = nn.Conv2d(a, b, kernel, padding=kernel // 2)
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return [layer, *([nn.BatchNorm2d(b)] if norm else []), nn.ReLU()]


def _block(a: int, b: int, convolutions: int, norm: bool) -> nn.Sequential:
    return nn.Sequential(*(m for i in range(convolutions) for m in _conv(a if i == 0 else b, b, 3, norm)))
