"""Optimisers in the form that the device runs fastest: the same arithmetic, in one fused kernel where there is one, and
on a GPU with nothing that a recorded step (engine/graph.py) could not replay.

A `Phase` names its optimiser as a function `(parameters, **options)`; the options are those of `device_options`.
`torch.optim.Adam` takes them as they are; the optimisers below do not, each for a reason of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, Adagrad, Optimizer, RMSprop

Parameters = Iterable[nn.Parameter]

# How an optimiser computes, not what: a checkpoint that was saved on another kind of device must not change these.
OF_THE_DEVICE = ("capturable", "fused", "foreach")


def device_options(device: torch.device) -> dict[str, bool]:
    """`fused` everywhere; on CUDA also `capturable`: no step number and no rate is read by the host."""
    return {"fused": True, "capturable": True} if device.type == "cuda" else {"fused": True}


def adagrad(parameters: Parameters, *, fused: bool = False, capturable: bool = False, **own: Any) -> Adagrad:
    """Adagrad has no `capturable`; its plain form can be recorded. Before torch 2.9 its fused form is for CPUs."""
    return Adagrad(parameters, fused=fused and not capturable, **own)


def rmsprop(parameters: Parameters, *, fused: bool = False, capturable: bool = False, **own: Any) -> RMSprop:
    """RMSprop has no fused form."""
    return RMSprop(parameters, capturable=capturable, **own)


def sgd(parameters: Parameters, *, fused: bool = False, capturable: bool = False, **own: Any) -> SGD:
    """SGD has no `capturable`, but it can read its rate from the device's memory, which that key asks for."""
    optimiser = SGD(parameters, fused=fused, **own)
    optimiser.param_groups[0]["capturable"] = capturable
    return optimiser


def restore(optimiser: Optimizer, state: dict[str, Any]) -> None:
    """Load the state of an optimiser that may have run on another kind of device."""
    own = [{key: group[key] for key in OF_THE_DEVICE if key in group} for group in optimiser.param_groups]
    groups = [{**saved, **options} for saved, options in zip(state["param_groups"], own, strict=True)]
    optimiser.load_state_dict({**state, "param_groups": groups})
