"""What every system with a Gaussian posterior and a decoder does: encode, decode, reconstruct."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from triptych.base.pixels import unit
from triptych.beta_vae.vae.objective import Bernoulli, Gaussian


class Autoencoder(nn.Module):
    """Subclasses set `encoder`, images (n, C, H, W) in [0, 1] -> (n, 2M) posterior means and log variances; `decoder`,
    codes (n, M) -> (n, C, H, W); and `likelihood`, which says what the decoder gives: logits by default."""

    encoder: nn.Module
    decoder: nn.Module
    likelihood: Bernoulli | Gaussian = Bernoulli()

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """uint8 (n, C, H, W) -> mean and log variance of q(z|x), (n, M) each."""
        mean, logvar = self.encoder(unit(images)).float().chunk(2, dim=1)
        return mean, logvar

    def encode(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> posterior means (n, M), which every metric judges."""
        return self.posterior(images)[0]

    def decode(self, latents: Tensor) -> Tensor:
        """(n, M) -> mean images (n, C, H, W) in [0, 1]."""
        return self.likelihood.mean(self.decoder(latents).float())

    @torch.inference_mode()
    def reconstruct(self, images: Tensor) -> Tensor:
        """uint8 (n, C, H, W) -> decoded posterior means, in [0, 1]."""
        return self.decode(self.encode(images))
