"""Initial weights that more than one paper uses."""

from __future__ import annotations

import torch
from torch import nn

WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@torch.no_grad()
def normal_init(module: nn.Module, std: float = 0.02, gain_std: float = 0.02) -> nn.Module:
    """Weights of convolutions and linear maps ~ N(0, std²), their biases 0; normalisation gains ~ N(1,
    gain_std²), shifts 0. In place; returns `module`.

    DCGAN (Radford et al. 2015, section 4, and the authors' code, which draws the gains too) and CycleGAN (Zhu
    et al. 2017, section 7.1) start like this.
    """
    for layer in module.modules():
        if isinstance(layer, WEIGHTED):
            nn.init.normal_(layer.weight, 0.0, std)
        elif getattr(layer, "affine", False):  # the batch and instance normalisations
            nn.init.normal_(layer.weight, 1.0, gain_std)
        if getattr(layer, "bias", None) is not None:
            nn.init.zeros_(layer.bias)
    return module
