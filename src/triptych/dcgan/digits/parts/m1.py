"""M1, the latent-feature model (Kingma, Rezende, Mohamed, Welling 2014, section 2.1; the authors' SVHN settings).

A variational auto-encoder on whitened principal components of the pixels:

    p(z) = N(0, I)    p(x|z) = N(μ(z), diag σ²(z))    q(z|x) = N(m(x), diag s²(x))
    log p(x) ≥ E_q log p(x|z) − KL(q(z|x) ‖ p(z)),      with a prior N(0, 1) on every weight

The features of an image are the posterior means m(x)."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from triptych.base.config import Strict
from triptych.common.pca import PCA, flat
from triptych.data.spec import Spec
from triptych.engine import Phase, Replica, Task, train

Gaussian = tuple[Tensor, Tensor]  # mean and log variance, (n, d) each


class M1Config(Strict):
    """The authors' settings, but for choices: `steps`, `batch_size`, the initial weights, Xavier's (theirs are small,
    N(0, 0.001²) in M2), the PCA, fitted on the whole pool (theirs: on 10,000 images), and Adam as published (theirs
    takes the step without the correction for the first steps). The steps are 99 passes over the 604,388 images of
    `train` and `extra` that the authors learn from, or 949 over the 63,257 of `train` beside the validation set, the
    table's pool without `extra`."""

    components: int = Field(default=600, ge=1, description="principal components that the model sees")
    z_dim: int = Field(default=300, ge=1)
    hidden: list[int] = Field(default=[500, 500], min_length=1, description="softplus units, layer by layer")
    steps: int = Field(default=600_000, ge=1)
    batch_size: int = Field(default=100, ge=1)
    lr: float = Field(default=3e-4, gt=0)
    warm_up: float = Field(default=0.0, ge=0, le=1, description="part of the steps in which the KL's weight grows")


class M1(nn.Module):
    """PCA whitening, encoder and decoder for flat images of `n_pixels` numbers."""

    def __init__(self, config: M1Config, n_pixels: int):
        super().__init__()
        self.config = config
        # The authors divide by the pixels' global deviation first; whitening makes that disappear.
        self.whiten = PCA(n_pixels, config.components, whiten=True)
        self.encoder = GaussianMLP(config.components, config.hidden, config.z_dim)
        self.decoder = GaussianMLP(config.z_dim, config.hidden[::-1], config.components)

    def fit(self, images: np.ndarray, replica: Replica) -> M1:
        """Learn from uint8 images (n, C, H, W)."""
        c = self.config
        self.to(replica.device)
        rows = self.whiten.fit(images).of_images(images)
        stream = replica.stream(rows, batch_size=min(c.batch_size, len(rows)))
        train(M1Task(self, len(rows)), {"x": stream}, steps=c.steps, replica=replica)
        return self

    def forward(self, flat_images: Tensor) -> Gaussian:
        """Flat images (n, n_pixels) in [0, 1] -> mean and log variance of q(z|x), (n, z_dim) each."""
        return self.encoder(self.whiten(flat_images))


class M1Codes:
    """M1's posterior means as the features of a system; mixed into a base that learns from features, before it."""

    def __init__(self, config: M1Config, spec: Spec):
        super().__init__(config, spec, config.z_dim)
        self.m1 = M1(config, int(np.prod(spec.image_shape)))

    def learn_features(self, unlabelled: np.ndarray, replica: Replica) -> None:
        self.m1.fit(unlabelled, replica)

    def image_features(self, images: Tensor) -> Tensor:
        return self.m1(flat(images))[0]


class M1Task(Task):
    """−ELBO per image. `batch["x"]`: whitened components (n, d).

    On whitened data a code that copies a component gains as much likelihood as it costs in KL, so short trainings may
    end with codes that say nothing. With a warm-up the KL's weight grows from 0 to 1 (Sønderby et al. 2016)."""

    def __init__(self, m1: M1, n_images: int):
        super().__init__()
        self.m1, self.n_images = m1, n_images
        self.register_buffer("steps_done", torch.tensor(0.0))

    def phases(self) -> list[Phase]:
        # the weights' prior: −log N(w; 0, 1) per image of the data set has the gradient w / n_images
        adam = partial(torch.optim.Adam, lr=self.m1.config.lr, weight_decay=1 / self.n_images)
        return [Phase("vae", [self.m1.encoder, self.m1.decoder], self.loss, adam)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        x = self.batch["x"]
        q = self.m1.encoder(x)
        reconstruction = log_normal(x, self.m1.decoder(sample(q))).mean()
        divergence = kl_to_standard(q).mean()
        self.steps_done += 1
        weight = (self.steps_done / max(1.0, self.m1.config.warm_up * self.m1.config.steps)).clamp(max=1)
        return weight * divergence - reconstruction, {"elbo": reconstruction - divergence, "kl": divergence}


class GaussianMLP(nn.Module):
    """A softplus network (n, n_in) -> mean and log variance (n, n_out) of a diagonal Gaussian."""

    def __init__(self, n_in: int, hidden: list[int], n_out: int):
        super().__init__()
        self.layers = softplus_layers(n_in, hidden)
        self.head = nn.Linear(hidden[-1], 2 * n_out)
        nn.init.xavier_normal_(self.head.weight[:n_out])
        nn.init.normal_(self.head.weight[n_out:], std=1e-3)  # variances start at 1
        nn.init.zeros_(self.head.bias)

    def forward(self, *inputs: Tensor) -> Gaussian:
        return self.head(self.layers(torch.cat(inputs, dim=-1))).float().chunk(2, dim=-1)


def softplus_layers(n_in: int, hidden: list[int]) -> nn.Sequential:
    """Linear layers with softplus after each; (n, n_in) -> (n, hidden[-1]).

    The slope of softplus at 0 is 1/2: a gain of 2 lets signals through at their strength."""
    widths = [n_in, *hidden]
    layers = nn.Sequential(*(m for a, b in zip(widths, hidden) for m in (nn.Linear(a, b), nn.Softplus())))
    for layer in layers[::2]:
        nn.init.xavier_normal_(layer.weight, gain=2.0)
        nn.init.zeros_(layer.bias)
    return layers


def sample(q: Gaussian) -> Tensor:
    """A draw from the Gaussian, differentiable in its parameters."""
    mean, log_variance = q
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)


def log_normal(x: Tensor, p: Gaussian) -> Tensor:
    """log N(x; mean, variance), summed over the last axis."""
    mean, log_variance = p
    return -0.5 * (math.log(2 * math.pi) + log_variance + (x - mean).square() / log_variance.exp()).sum(-1)


def kl_to_standard(q: Gaussian) -> Tensor:
    """KL(q ‖ N(0, I)), summed over the last axis."""
    mean, log_variance = q
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)
