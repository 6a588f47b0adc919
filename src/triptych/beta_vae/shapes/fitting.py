"""Training of all seeds of a system of the `shapes` table."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from triptych.data.format import Split
from triptych.engine import Replica


def learn_together(model: nn.Module) -> bool:
    """Whether models like this one, of several seeds, are trained in one loop (on stacked weights)."""
    return getattr(model, "fit_together", None) is not None


def fit_all(models: Sequence[nn.Module], train: Split, replicas: Sequence[Replica]) -> None:
    """Fit `models[r]` with `replicas[r]`: at once where their code can, else one by one."""
    if learn_together(models[0]):
        models[0].fit_together(models, train.images, replicas)
        return
    for model, replica in zip(models, replicas):
        model.fit(train.images, train.factors, replica)
