"""Initial weights that differ from a row's own in their last digits (pipeline/replicate.py says what for)."""

from __future__ import annotations

import sys

import torch
from torch import nn

from triptych.base.errors import UserError, number_from_environment

PERTURB = "TRIPTYCH_PERTURB"
"""The relative size of the perturbation. Set by `replicate` for the stages that it runs, and by nobody else."""


def perturb(system: nn.Module, seed: int) -> None:
    """Multiply every initial weight by 1 ± $TRIPTYCH_PERTURB, with signs drawn from `seed`; do nothing if it is not set
    or 0. No other random number moves. Raises UserError for a system without initial weights."""
    relative = number_from_environment(PERTURB, 0)
    if not relative:
        return
    weights = [p for p in system.parameters() if p.numel()]
    if not weights:
        raise UserError(f"{type(system).__module__} has no initial weights: there is nothing to perturb")
    print(f"warning: {PERTURB} = {relative:g}: the initial weights are perturbed: not the row", file=sys.stderr)
    signs = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in weights:
            drawn = torch.randint(0, 2, weight.shape, generator=signs).to(weight) * 2 - 1
            weight.mul_(1 + relative * drawn)
