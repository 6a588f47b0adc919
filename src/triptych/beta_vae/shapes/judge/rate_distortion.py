"""What a VAE's code costs and what it is good for: rate, distortion, active units, and whether the decoder looks at it.

Under the objective nll + β·kl a model chooses a point on the curve of distortion (nll) against rate (kl). At the end of
the curve the rate is 0: the posterior has collapsed onto the prior, and the decoder draws the same picture for every
code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from triptych.base.pixels import unit
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.beta_vae.vae.objective import kl_per_latent, reparameterise


@dataclass(frozen=True)
class Measures:
    """In nats an image, unless said otherwise."""

    nll: float  # distortion: −log p(x|z), z drawn from the posterior
    kl: float  # rate: KL of the posterior to the prior, summed over latents
    information: float  # I(x; z), estimated; between 0 and the logarithm of the number of images
    active_units: float  # latents whose mean varies over images: variance > 0.01 (Burda et al. 2016)
    reconstruction_spread: float  # variance of the reconstructions over images, as a share of the images' own
    decoder_spread: float  # the same of pictures decoded from codes of the prior: 0 for a decoder that ignores z


@torch.inference_mode()
def measure(system: Autoencoder, images: Tensor, seed: int = 0) -> Measures:
    """`images` uint8 (n, C, H, W), on the system's device. Noise depends on `seed` alone."""
    mean, logvar = system.posterior(images)
    generator = torch.Generator().manual_seed(seed)
    noise, prior = (torch.randn(mean.shape, generator=generator).to(mean.device) for _ in range(2))
    z = reparameterise(mean, logvar, noise)
    x = unit(images)
    spread = _spread(x).clamp(min=1e-12)
    return Measures(
        nll=float(distortion(system, z, x).mean()),
        kl=float(kl_per_latent(mean, logvar).sum(1).mean()),
        information=information(z, mean, logvar),
        active_units=float((mean.var(0) > 0.01).sum()),
        reconstruction_spread=float(_spread(system.decode(mean)) / spread),
        decoder_spread=float(_spread(system.decode(prior)) / spread),
    )


def distortion(system: Autoencoder, z: Tensor, x: Tensor) -> Tensor:
    """−log p(x|z) of images (n, C, H, W) in [0, 1] under codes (n, M), in nats an image: (n,)."""
    return system.likelihood.nll(system.decoder(z).float(), x)


def information(z: Tensor, mean: Tensor, logvar: Tensor) -> float:
    """I(x; z) = E log q(z|x) − log q(z) in nats, q(z) estimated as the mean of the n posteriors at hand: z (n, M) drawn
    from them. At most log n, which a model with a higher rate than that comes up against."""
    n, total = len(z), 0.0
    logvar = logvar.clamp(min=-60)  # float32 cannot tell a narrower posterior from its mean; 1/variance would overflow
    for at in range(0, n, 256):
        log = torch.zeros(len(z[at : at + 256]), n, device=z.device)  # log q(z_i | x_j), less its constant
        for j in range(z.shape[1]):
            log -= 0.5 * ((z[at : at + 256, None, j] - mean[:, j]).square() * torch.exp(-logvar[:, j]) + logvar[:, j])
        own = log[torch.arange(len(log)), torch.arange(at, at + len(log))]
        total += float((own - log.logsumexp(1) + math.log(n)).sum())
    return total / n


def _spread(images: Tensor) -> Tensor:
    """Variance over images, averaged over pixels."""
    return images.flatten(1).var(0).mean()
