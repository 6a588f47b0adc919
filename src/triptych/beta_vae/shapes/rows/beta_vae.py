"""β-VAE (Higgins et al. 2017): a VAE whose KL term weighs β > 1 times as much. Nothing else differs from `vae`."""

from __future__ import annotations

from triptych.beta_vae.shapes.parts.trained_vae import TrainedVae as System
from triptych.beta_vae.vae.vae import VaeConfig as Config

__all__ = ["Config", "System"]
