"""The VAE's encoder with fresh random weights: what the architecture gives before any learning."""

from __future__ import annotations

from triptych.beta_vae.shapes.parts.system import Decoder, Representation
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.beta_vae.vae.networks import NetworkConfig as Config
from triptych.beta_vae.vae.networks import decoder, encoder
from triptych.data.spec import Spec

__all__ = ["Config", "System"]


class System(Autoencoder, Representation, Decoder):
    """The networks of `vae` as they are before training."""

    learns = False

    def __init__(self, config: Config, spec: Spec):
        super().__init__()
        self.config = config
        self.encoder = encoder(config, spec.image_shape)
        self.decoder = decoder(config, spec.image_shape)
