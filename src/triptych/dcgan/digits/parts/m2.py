"""M2, the generative semi-supervised model (Kingma, Rezende, Mohamed, Welling 2014, section 2.2)."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.dcgan.digits.parts.m1 import GaussianMLP, kl_to_standard, log_normal, sample, softplus_layers
from triptych.engine import Phase, Task


class M2(nn.Module):
    """A classifier that is also the inference net of a generative model; x (n, n_in) are M1's codes in M1+M2.

    p(y) uniform    p(z) = N(0, I)    p(x|y,z) Gaussian    q(y|x) categorical    q(z|x,y) Gaussian

    labelled     −L(x,y) = E_q(z|x,y)[log p(x|y,z)] + log p(y) − KL(q(z|x,y) ‖ p(z))
    unlabelled   −U(x)   = Σ_y q(y|x) (−L(x,y)) + H(q(y|x))"""

    def __init__(self, n_in: int, n_classes: int, z_dim: int, hidden: list[int]):
        super().__init__()
        self.n_classes, self.z_dim = n_classes, z_dim
        self.classify = nn.Sequential(softplus_layers(n_in, hidden), nn.Linear(hidden[-1], n_classes))
        self.encoder = GaussianMLP(n_in + n_classes, hidden, z_dim)
        self.decoder = GaussianMLP(z_dim + n_classes, hidden, n_in)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of q(y|x), (n, classes)."""
        return self.classify(x).float()

    def labelled_bound(self, x: Tensor, y: Tensor, noise: Tensor | None = None) -> Tensor:
        """−L(x, y) for one-hot `y` (n, classes), with one sample of z; (n,). `noise` (n, z_dim): N(0, 1) numbers."""
        q = self.encoder(x, y)
        z = sample(q) if noise is None else q[0] + torch.exp(0.5 * q[1]) * noise
        return log_normal(x, self.decoder(z, y)) - math.log(self.n_classes) - kl_to_standard(q)

    def unlabelled_bound(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """−U(x), (n,): the sum over all classes is computed, none is sampled. `noise` (n, classes, z_dim)."""
        k = self.n_classes
        every_y = torch.eye(k, dtype=x.dtype, device=x.device).expand(len(x), k, k)
        bounds = self.labelled_bound(x[:, None].expand(-1, k, -1), every_y, noise)
        log_q = F.log_softmax(self(x), dim=1)
        return (log_q.exp() * (bounds - log_q)).sum(1)


class M2Task(Task):
    """The objective J per image (section 3.1.2, equation 9), of `n_labelled` and `n_unlabelled` images:

        J = Σ_labelled L(x, y) + Σ_unlabelled U(x) + α (N / N_l) Σ_labelled −log q(y|x),      N = N_l + N_u

    Without the last term labelled images would not train q(y|x) at all. `batch["labelled"]`: x and classes;
    `batch["unlabelled"]`: x."""

    def __init__(self, m2: M2, n_labelled: int, n_unlabelled: int, alpha: float, lr: float):
        super().__init__()
        self.m2, self.alpha, self.lr = m2, alpha, lr
        self.labelled_share = n_labelled / (n_labelled + n_unlabelled)
        self.n_images = n_labelled + n_unlabelled

    def phases(self) -> list[Phase]:
        # a prior N(0, 1) on the weights, per image
        adam = partial(torch.optim.Adam, lr=self.lr, weight_decay=1 / self.n_images)
        return [Phase("m2", [self.m2], self.loss, adam)]

    def loss(self) -> tuple[Tensor, dict[str, Tensor]]:
        x, y = self.batch["labelled"]
        labelled = -self.m2.labelled_bound(x, F.one_hot(y, self.m2.n_classes).to(x.dtype)).mean()
        unlabelled = -self.m2.unlabelled_bound(self.batch["unlabelled"]).mean()
        cross_entropy = F.cross_entropy(self.m2(x), y)
        share = self.labelled_share
        loss = share * labelled + (1 - share) * unlabelled + self.alpha * cross_entropy
        return loss, {"labelled": labelled, "unlabelled": unlabelled, "cross_entropy": cross_entropy}
