"""A variational autoencoder with β on its KL term (Higgins et al. 2017, eq. 4)."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.beta_vae.vae.networks import NetworkConfig, decoder, encoder
from triptych.beta_vae.vae.objective import Gaussian, normalised, resolve_beta
from triptych.data.spec import Spec


class VaeConfig(NetworkConfig):
    """Give `beta` (weight on the summed KL) or `beta_norm` = β·M/N, not both; N is known once the data are.

    Batch size and steps are not in the paper; 64 and 300,000 are disentanglement_lib's. Nor is the variance of the
    Gaussian decoder, which divides the squared error: as far as the optimum goes, half the variance is half the β.

    `initial_accumulator`: from 0, Adagrad's first step moves every weight by the whole rate. With 1200 units a layer
    that sends log σ² of some models to hundreds and their gradients to infinity, and Adagrad never forgets a gradient:
    weights that saw it hardly move again. TensorFlow begins with 0.1, PyTorch with 0; what the paper had is not known.
    """

    beta: float | None = Field(None, ge=0)
    beta_norm: float | None = Field(None, ge=0)
    decoder: Literal["bernoulli", "gaussian"] = "bernoulli"
    variance: float = Field(1.0, gt=0)  # of a Gaussian decoder's pixels
    optimiser: Literal["adagrad", "adam"] = "adagrad"
    lr: float = Field(1e-2, gt=0)
    initial_accumulator: float = Field(
        0.0, ge=0, description="Adagrad's sum of squared gradients before the first step"
    )
    batch_size: int = Field(64, gt=0)
    steps: int = Field(300_000, gt=0)

    @model_validator(mode="after")
    def _one_beta(self):
        resolve_beta(self.beta, self.beta_norm, 1, 1)
        return self


class Vae(Autoencoder):
    """The networks of one model, and the β that they are trained with (vae/training.py trains)."""

    def __init__(self, config: VaeConfig, spec: Spec):
        super().__init__()
        self.config = config
        self.inputs = math.prod(spec.image_shape)  # N
        self.encoder = encoder(config, spec.image_shape)
        self.decoder = decoder(config, spec.image_shape)
        if config.decoder == "gaussian":
            self.likelihood = Gaussian(config.variance)

    @property
    def beta(self) -> float:
        """Weight on the summed KL."""
        return resolve_beta(self.config.beta, self.config.beta_norm, self.config.latents, self.inputs)

    @property
    def beta_norm(self) -> float:
        """β·M/N."""
        return normalised(self.beta, self.config.latents, self.inputs)
