"""Exemplar CNN (Dosovitskiy, Springenberg, Riedmiller, Brox 2014): a convolutional net that tells surrogate classes
apart, each made of one patch of an unlabelled image and random transformations of it.

Its features are those of the whole net below the softmax, the fully connected layer included, applied to an image twice
as large as it is, and max-pooled over four quadrants."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn

from triptych.base.config import ParamsError, Strict
from triptych.base.pixels import unit
from triptych.data.spec import Spec
from triptych.dcgan.gan.features import Standardizer
from triptych.dcgan.objects.parts.plateau import Plateau
from triptych.dcgan.objects.parts.surrogate_transforms import Colours, Ranges
from triptych.dcgan.objects.parts.surrogates import choose_seeds, surrogate_set
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Phase, Replica, Task, inference, train
from triptych.engine.optimisers import sgd

POOLINGS = 2  # after the first two convolutions


class Config(Strict):
    """The defaults are the paper's largest net, 92c5-256c5-512c5-1024f. Not published, and a choice: steps, batch size,
    weight decay, initial weights, padding, the scales of the seeds, and what counts as a plateau."""

    filters: list[int] = Field(default=[92, 256, 512], min_length=2, description="of the 5×5 convolutions")
    units: int = Field(default=1024, ge=1, description="of the fully connected layer")
    dropout: float = Field(default=0.5, ge=0, lt=1, description="of the fully connected layer")
    classes: int = Field(default=16_000, ge=2, description="surrogate classes, and so seed patches")
    samples: int = Field(default=100, ge=2, description="transformed patches of each class")
    validation: int = Field(default=10, ge=1, description="of these, set apart to see the plateaus")
    patch: int = Field(default=32, ge=8, multiple_of=4, description="side of the patches the net is trained on")
    upsample: int = Field(default=2, ge=1, description="factor by which images are enlarged; patches show that scale")
    seed_scale: float = Field(default=1.4, ge=1, description="seeds are from 1/x to x as large as a patch")
    candidates: int = Field(default=10, ge=1, description="places for each seed, chosen from by gradient energy")
    transforms: Ranges = Ranges()
    steps: int = Field(ge=1)
    batch_size: int = Field(default=128, ge=1)
    lr: float = Field(default=0.01, gt=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    divisions: int = Field(default=3, ge=0, description="times that the rate may be divided by 3")
    check_every: int = Field(ge=1, description="steps between looks at the validation patches")
    patience: int = Field(default=3, ge=1, description="looks without improvement that make a plateau")
    standardize: bool = Field(default=False, description="each feature to mean 0 and variance about 1")
    feature_epsilon: float = Field(default=1e-5, gt=0, description="added to a feature's variance when standardising")

    @model_validator(mode="after")
    def _some_to_train_on(self) -> Config:
        if self.validation >= self.samples:
            raise ValueError(f"validation = {self.validation}: must leave some of {self.samples} samples for training")
        return self


class Net(nn.Module):
    """NcF-NcF-…-Nf and a softmax over surrogate classes: uint8 patches (n, C, P, P) -> logits (n, classes)."""

    def __init__(self, config: Config, channels: int):
        super().__init__()
        widths = [channels, *config.filters]
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 5, padding=2) for a, b in zip(widths, widths[1:]))
        self.full = nn.Conv2d(widths[-1], config.units, config.patch // 2**POOLINGS)  # on a patch: fully connected
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.units, config.classes)
        self.register_buffer("mean", torch.zeros(channels, 1, 1))  # of the surrogate patches
        self.register_buffer("deviation", torch.ones(()))
        for layer in (*self.convolutions, self.full):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)

    def scaled(self, images: Tensor) -> Tensor:
        x = (images.float() - self.mean) / self.deviation
        return x.contiguous(memory_format=torch.channels_last)

    def layers(self, x: Tensor) -> list[Tensor]:
        """Scaled images of any size from the patch's on -> the outputs of all layers below the softmax."""
        out = []
        for depth, convolution in enumerate(self.convolutions):
            out.append(F.relu(convolution(x)))
            x = F.max_pool2d(out[-1], 2) if depth < POOLINGS else out[-1]
        return [*out, F.relu(self.full(x))]

    def forward(self, patches: Tensor) -> Tensor:
        return self.head(self.dropout(self.layers(self.scaled(patches))[-1].flatten(1)))


class Exemplars(Task):
    """Cross-entropy of the surrogate class. `batch["patches"]`: uint8 patches and classes."""

    def __init__(self, net: Net, config: Config):
        super().__init__()
        self.net, self.config = net, config
        self.plateau = Plateau(3.0, config.divisions, config.patience)

    def phases(self) -> list[Phase]:
        return [Phase("net", [self.net], self.loss, self._sgd, self.plateau.factor)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        patches, classes = self.batch["patches"]
        loss = F.cross_entropy(self.net(patches).float(), classes)
        return loss, {"loss": loss}

    def _sgd(self, parameters, **options) -> torch.optim.Optimizer:
        c = self.config
        return sgd(parameters, lr=c.lr, momentum=0.9, weight_decay=c.weight_decay, **options)


class System(FeatureSystem):
    """(n, C, H, W) -> (n, 4 (sum of filters + units))."""

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config = config
        channels, height, width = spec.image_shape
        if channels != 3:
            raise ParamsError(f"exemplar_cnn transforms colours: it needs images with 3 channels, not {channels}")
        if min(height, width) * config.upsample <= config.patch:
            raise ParamsError(f"exemplar_cnn.patch = {config.patch}: must be smaller than the enlarged images")
        self.net = Net(config, channels)
        self.widest_layer = max(*config.filters, config.units)
        if config.standardize:
            self.standardizer = Standardizer(4 * (sum(config.filters) + config.units), config.feature_epsilon)

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Draw the surrogate set from uint8 `images` and train the net on it."""
        c = self.config
        patches, classes = draw_surrogates(images, c, replica)
        held = torch.arange(len(classes)) % c.samples < c.validation
        task = Exemplars(self.net, c)
        some = patches[:: max(1, len(patches) // 20_000)].float()
        self.net.mean.copy_(some.mean((0, 2, 3))[:, None, None])
        self.net.deviation.copy_(some.std())
        stream = replica.stream(patches[~held], classes[~held], batch_size=c.batch_size)

        def look(step: int) -> None:
            loss, accuracy = self._validate(patches[held], classes[held], replica.device)
            task.plateau.see(loss)
            replica.log(step, validation_loss=loss, validation_accuracy=accuracy, lr=c.lr * task.plateau.factor(step))

        streams = {"patches": stream}
        train(task, streams, steps=c.steps, replica=replica, callback=look, callback_every=c.check_every)

    def _validate(self, patches: Tensor, classes: Tensor, device: torch.device) -> tuple[float, float]:
        """Mean cross-entropy and accuracy on surrogate patches."""

        def judged(rows: Tensor) -> Tensor:  # batch by batch: the logits of all would fill the memory
            logits, truth = self.net(patches[rows].to(device)), classes[rows].to(device)
            loss = F.cross_entropy(logits, truth, reduction="none")
            return torch.stack([loss, (logits.argmax(1) == truth).float()], dim=1)

        cpu = torch.device("cpu")
        loss, accuracy = inference(judged, torch.arange(len(classes)), cpu).mean(0).tolist()
        return loss, accuracy

    @torch.no_grad()
    def features(self, images: Tensor) -> Tensor:
        """The maxima of all layers over the four quadrants."""
        x = F.interpolate(self.net.scaled(images), scale_factor=self.config.upsample, mode="bilinear")
        out = torch.cat([F.adaptive_max_pool2d(h, 2).flatten(1) for h in self.net.layers(x)], dim=1)
        return out if self.standardizer is None else self.standardizer(out)


def draw_surrogates(images: np.ndarray, config: Config, replica: Replica) -> tuple[Tensor, Tensor]:
    """The surrogate set of this seed: uint8 patches (classes · samples, C, P, P) and their classes, on the CPU."""
    generator = torch.Generator().manual_seed(replica.seed)
    side = config.patch / config.upsample
    seeds = choose_seeds(
        images, config.classes, side, config.seed_scale, config.candidates, config.patch, generator
    )  # fmt: skip
    some = seeds.images[:: -(-len(seeds) // 10_000)]  # 10,000 at most, from all over the set
    colours = Colours.of(unit(some.to(replica.device)))
    return surrogate_set(
        seeds, config.samples, config.patch, config.transforms, colours, replica.device, generator
    )  # fmt: skip
