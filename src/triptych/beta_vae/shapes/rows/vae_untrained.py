"""The VAE's encoder with fresh random weights: what the architecture gives before any learning."""

from __future__ import annotations

from triptych.beta_vae.vae.networks import NetworkConfig as Config
from triptych.beta_vae.vae.vae import Vae


class System(Vae):
    """`fit` does nothing."""

    is_trained = False
    fit_together = None

    def fit(self, images, factors, replica) -> None:
        pass


__all__ = ["Config", "System"]
