"""Does a translator hide its input in its output? (Chu, Zhmoginov, Sandler 2017: "CycleGAN, a master of steganography")

A cycle loss can be met by writing the input into the output in patterns that nobody sees. Such a way back does not
read what the picture shows: a few grey levels of noise on the picture destroy it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from triptych.base.pixels import rounded

ROUNDING = 0.5  # grey levels: errors below it are those of 8-bit images, and no base for a ratio


@torch.inference_mode()
def cycle_errors(
    outputs: Tensor, inputs: Tensor, back: Callable[[Tensor], Tensor], sigma: float
) -> tuple[float, float]:
    """Mean |back(output) - input| and mean |back(output + noise) - input|, in grey levels, for noise N(0, sigma²).

    `inputs`, `outputs`: uint8 (n, 3, S, S) of one size; `back`: uint8 -> uint8. The noisy picture is rounded to
    8 bits, as if it had been written to a file. The noise is the same for every system.
    """
    generator = torch.Generator().manual_seed(0)
    noise = sigma * torch.randn(outputs.shape, generator=generator).to(outputs.device)
    noisy = rounded(outputs.float() + noise)
    clean, disturbed = (float((back(x).float() - inputs.float()).abs().mean()) for x in (outputs, noisy))
    return clean, disturbed


def growth(clean: float, disturbed: float) -> float:
    """By what factor noise raises the error of the way back; about 1 where nothing is hidden."""
    return max(disturbed, ROUNDING) / max(clean, ROUNDING)
