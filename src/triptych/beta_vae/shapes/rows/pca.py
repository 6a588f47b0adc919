"""PCA: scores on the leading principal components (Higgins et al. 2017, row "PCA")."""

from __future__ import annotations

from triptych.beta_vae.shapes.parts.principal import Pca as System
from triptych.beta_vae.shapes.parts.principal import PcaConfig as Config

__all__ = ["Config", "System"]
