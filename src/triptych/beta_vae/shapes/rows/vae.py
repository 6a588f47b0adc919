"""VAE: the β-VAE with β = 1 (Kingma & Welling 2014; Higgins et al. 2017, row "VAE")."""

from __future__ import annotations

from triptych.beta_vae.shapes.parts.trained_vae import TrainedVae as System
from triptych.beta_vae.vae.vae import VaeConfig as Config

__all__ = ["Config", "System"]
