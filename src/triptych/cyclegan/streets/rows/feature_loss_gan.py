"""Feature loss + GAN: SimGAN with the distance taken between deep features (layer relu4_2) instead of pixels.

    G: E (D_Y(G(x)) - 1)^2 + l E|phi(G(x)) - phi(x)|      F: the same with x and y exchanged

A variant that the CycleGAN paper made (section 5.1.2). Which VGG weights and which l its run had is not published; the
authors' code has l = 10 as the default.

Which features (`features`):

    vgg16   VGG-16's of ImageNet, as in the CycleGAN paper, but torchvision's, which sees standardised RGB. The authors'
            is Caffe's, which sees BGR of 0 to 255 less the mean: a weight of 10 is not the same as theirs
    random  those of the same topology, `random_width` channels wide, with random weights: distances in them follow
            structure at several scales (Ulyanov et al. 2018; He, Wang, Hopcroft 2016), and they have seen nothing. For
            where VGG's weights are not to be had, or are too large for the images
    fcn     those of a small FCN-8s that is first trained on the training photos with their labels. That gives this
            rival the pairs in disguise, by a network of the evaluator's own kind: its row says so
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as nnf
from pydantic import Field
from torch import Tensor, nn

from triptych.cyclegan.gan.losses import distance
from triptych.cyclegan.gan.translation import UnpairedConfig
from triptych.cyclegan.streets.data import StreetData
from triptych.cyclegan.streets.judge import fcn8s
from triptych.cyclegan.streets.judge.evaluator import train_evaluator
from triptych.cyclegan.streets.parts.generators import Adversarial
from triptych.cyclegan.streets.parts.one_way import fit_both_ways
from triptych.engine import Replica


class Config(UnpairedConfig):
    """CycleGAN's, and whose features are compared at which size."""

    feature_weight: float = Field(10.0, ge=0)
    features: Literal["vgg16", "random", "fcn"] = "vgg16"
    feature_size: int = Field(224, ge=32, description="pixels: images are enlarged to this before the features")
    random_width: int = Field(16, gt=0, description="channels of the first block of `features: random`; VGG-16 has 64")
    fcn: fcn8s.Config = Field(fcn8s.Config(), description="the network behind `features: fcn`")


NOTES = {
    "vgg16": "features: VGG-16 of ImageNet, torchvision's, which sees standardised RGB; the authors' is Caffe's, BGR "
    "of 0 to 255, so the same weight does not mean the same",
    "random": "features: VGG-16's topology with random weights; not the paper's, but they have seen no labels",
    "fcn": "features: an FCN trained on the photos' labels. Not unpaired: read the row with that in mind",
}


class System(Adversarial):
    """Unpaired; what ties an output to its input is that its features should not change."""

    def notes(self) -> list[str]:
        return [NOTES[self.config.features]]

    def fit(self, data: StreetData, replica: Replica) -> None:
        c = self.config
        features = Features(feature_network(c, data, replica), c.feature_size).to(replica.device)
        fit_both_ways(
            self,
            c.streams(data, replica),
            replica,
            content=lambda fake, inputs, _: distance(features(fake), features(inputs)),
            weight=c.feature_weight,
            frozen=features,
        )


def feature_network(config: Config, data: StreetData, replica: Replica) -> fcn8s.FCN8s:
    """The network whose features `config` asks for; `fcn` is trained here."""
    if config.features == "fcn":
        return train_evaluator(data, config.fcn, replica.part("features"))
    # The dense layers are not used.
    if config.features == "random":
        torch.manual_seed(replica.seed)
        return fcn8s.FCN8s(fcn8s.Config(norm="none", width=config.random_width, dense=1), 1)
    vgg = fcn8s.FCN8s(fcn8s.Config(norm="none", start="vgg16", dense=64), 1)
    vgg.start_from_vgg16()
    return vgg


class Features(nn.Module):
    """Images in [-1, 1], (n, 3, H, W) -> relu4_2, (n, 8 * width, size / 8, size / 8). Always in eval mode."""

    def __init__(self, network: fcn8s.FCN8s, size: int):
        super().__init__()
        self.blocks = nn.ModuleList(network.blocks[:3])
        per_convolution = len(network.blocks[3]) // 3
        self.last = network.blocks[3][: 2 * per_convolution]
        self.size = size
        for name in ("mean", "std"):
            self.register_buffer(name, getattr(network, name), persistent=False)

    def train(self, mode: bool = True) -> Features:
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        x = nnf.interpolate((images + 1) / 2, (self.size, self.size), mode="bilinear", align_corners=False)
        x = (x - self.mean) / self.std
        for block in self.blocks:
            x = nnf.max_pool2d(block(x), 2)
        return self.last(x).float()
