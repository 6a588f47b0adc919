"""The stacked what-where auto-encoder (Zhao, Mathieu, Goroshin, LeCun 2015), semi-supervised.

Each max-pooling sends "what" (the maxima) up and "where" (their positions) sideways, to the unpooling of the decoder
that mirrors it. One loss trains all of it:

    L = NLL(labelled) + λ_rec ‖x − x̃‖² + λ_M Σ_m ‖x_m − x̃_m‖²        (squares averaged over an image's
    numbers)

with m the pooled maps below the top one, in the encoder and, tilded, in the decoder."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import ParamsError, Strict
from triptych.base.pixels import signed
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts.early_stopping import SAID, train_selected
from triptych.dcgan.digits.parts.system import Choices, DigitsSystem, Labelled
from triptych.engine import Phase, Replica, Task

# (128)5c-2p-(128)3c-(256)3c-2p-(256)3c-2p-10fc: (kernel, relative width) of the convolutions by pooling
STAGES = [[(5, 1)], [(3, 1), (3, 2)], [(3, 2)]]


class SwwaeConfig(Strict):
    """The weights λ, the optimiser and normalisation are not published for SVHN.

    The paper's squares are sums over an image's numbers, ours means over them. The same weight is a larger λ here: 3072
    times for 32×32 pixels, 256 · `width` and 128 · `width` times for the two levels of maps."""

    width: int = Field(default=128, ge=1, description="filters of the first convolution; the others follow")
    batch_norm: bool = True
    reconstruction: list[float] = Field(default=[0.1, 0.3, 1.0], min_length=1, description="λ_rec, by validation")
    intermediate: list[float] = Field(default=[0.0, 0.1, 0.3], min_length=1, description="λ_M, by validation")
    steps: int = Field(default=50_000, ge=1)
    batch_size: int = Field(default=64, ge=2, description="labelled images in a step, and as many unlabelled ones")
    lr: float = Field(default=1e-3, gt=0)
    check_steps: int = Field(default=500, ge=1, description="steps between looks at the validation set")
    patience: int = Field(default=20, ge=1, description="looks without improvement before training stops")


class Swwae(nn.Module):
    """Encoder, decoder and classifier for images (n, C, S, S) in [−1, 1], S divisible by 8. Raises ParamsError."""

    def __init__(self, config: SwwaeConfig, spec: Spec, dropout: float):
        super().__init__()
        channels, side, _ = spec.image_shape
        if side % 2 ** len(STAGES):
            raise ParamsError(f"swwae halves images {len(STAGES)} times: {side} pixels cannot be")
        down, up = [], []
        n = channels
        for stage in STAGES:
            widths = [n, *(m * config.width for _, m in stage)]
            kernels = [k for k, _ in stage]
            down.append(_convolutions(widths, kernels, config.batch_norm))
            # the first layer's mirror image makes pixels, which are neither normalised nor cut off at 0
            up.append(_convolutions(widths[::-1], kernels[::-1], config.batch_norm, linear_end=not up))
            n = widths[-1]
        self.down, self.up = nn.ModuleList(down), nn.ModuleList(up)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n * (side // 2 ** len(STAGES)) ** 2, spec.n_classes)

    def encode(self, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Images -> what and where of each pooling, first to last."""
        whats, wheres = [], []
        for stage in self.down:
            x, where = F.max_pool2d(stage(x), 2, return_indices=True)
            whats.append(x)
            wheres.append(where)
        return whats, wheres

    def decode(self, top: Tensor, wheres: list[Tensor]) -> list[Tensor]:
        """The reconstructed image, then reconstructed pooled maps, first to last but one."""
        out = []
        for stage, where in zip(reversed(self.up), reversed(wheres)):
            top = stage(F.max_unpool2d(top, where, 2))
            out.append(top)
        return out[::-1]

    def logits(self, top: Tensor) -> Tensor:
        return self.head(self.dropout(top.flatten(1))).float()

    def forward(self, images: Tensor) -> Tensor:
        """uint8 images (n, C, S, S) -> logits (n, classes)."""
        return self.logits(self.encode(_pixels(images))[0][-1])


class SwwaeTask(Task):
    """`batch["labelled"]`: uint8 images and classes; `batch["unlabelled"]`: uint8 images."""

    def __init__(self, net: Swwae, reconstruction: float, intermediate: float, lr: float):
        super().__init__()
        self.net, self.reconstruction, self.intermediate, self.lr = net, reconstruction, intermediate, lr

    def phases(self) -> list[Phase]:
        return [Phase("swwae", [self.net], self.loss, partial(torch.optim.Adam, lr=self.lr))]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        images, labels = self.batch["labelled"]
        x = _pixels(torch.cat([images, self.batch["unlabelled"]]))
        whats, wheres = self.net.encode(x)
        image, *maps = self.net.decode(whats[-1], wheres)
        nll = F.cross_entropy(self.net.logits(whats[-1][: len(labels)]), labels)
        pixels = F.mse_loss(image.float(), x)
        middle = sum(F.mse_loss(ours.float(), theirs.float()) for ours, theirs in zip(maps, whats))
        loss = nll + self.reconstruction * pixels + self.intermediate * middle
        return loss, {"nll": nll, "reconstruction": pixels, "intermediate": middle}


class SwwaeSystem(DigitsSystem):
    """One net per draw of labels, trained on it and the pool together; early stopping on the validation set."""

    retrains = True
    most_tuning_draws = 1  # a net is trained for each pair of weights

    def __init__(self, config: SwwaeConfig, spec: Spec, dropout: float):
        super().__init__()
        self.config, self.spec, self.p = config, spec, dropout
        self.net = Swwae(config, spec, dropout)
        self.register_buffer("weights", torch.tensor([config.reconstruction[0], config.intermediate[0]]))

    def pretrain(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.pool = unlabelled  # it trains with the labels, in one go

    def tune(self, draws: list[Labelled], validation: Labelled, replica: Replica) -> None:
        """Choose λ_rec and λ_M, if there is a choice."""
        self.validation = validation
        c = self.config
        pairs = [(rec, mid) for rec in c.reconstruction for mid in c.intermediate]
        if len(pairs) == 1:
            return
        errors = []
        for i, pair in enumerate(pairs):
            parts = [replica.part(f"tune{i}_{j}") for j in range(len(draws))]
            errors.append(np.mean([self._train(*draw, pair, part) for draw, part in zip(draws, parts)]))
            replica.log(i, lambda_rec=pair[0], lambda_m=pair[1], lambda_error=errors[-1])
        self.weights.copy_(torch.tensor(pairs[int(np.argmin(errors))]))

    def choices(self) -> Choices:
        rec, mid = self.weights.tolist()
        return {"λ_rec": (rec, self.config.reconstruction), "λ_M": (mid, self.config.intermediate)}

    def notes(self) -> list[str]:
        return [SAID]

    def fit(self, images: np.ndarray, labels: np.ndarray, replica: Replica) -> None:
        self._train(images, labels, tuple(self.weights.tolist()), replica)

    def classes(self, images: Tensor) -> Tensor:
        return self.net(images).argmax(1)

    def _train(self, images: np.ndarray, labels: np.ndarray, weights: tuple[float, float], replica: Replica) -> float:
        c = self.config
        torch.manual_seed(replica.seed)
        self.net = Swwae(c, self.spec, self.p)
        return train_selected(
            SwwaeTask(self.net, *weights, c.lr),
            self.net,
            lambda: self.error(self.validation),
            {
                "labelled": replica.stream(images, labels, batch_size=min(c.batch_size, len(labels))),
                "unlabelled": replica.stream(self.pool, batch_size=c.batch_size),
            },
            steps=c.steps,
            every=c.check_steps,
            patience=c.patience,
            replica=replica,
        )


def _pixels(images: Tensor) -> Tensor:
    return signed(images).contiguous(memory_format=torch.channels_last)


def _convolutions(widths: list[int], kernels: list[int], batch_norm: bool, linear_end: bool = False) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i, kernel in enumerate(kernels):
        layers.append(nn.Conv2d(widths[i], widths[i + 1], kernel, padding=kernel // 2))
        if linear_end and i == len(kernels) - 1:
            break
        layers += [nn.BatchNorm2d(widths[i + 1])] if batch_norm else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
