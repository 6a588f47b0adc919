"""Training of all seeds of a system of the `shapes` table."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from triptych.data.format import Split
from triptych.engine import Replica


def fit_all(systems: Sequence[nn.Module], train: Split, replicas: Sequence[Replica]) -> None:
    """Fit `systems[r]` with `replicas[r]`: at once where their code can (stacked weights), else one by one."""
    together = getattr(systems[0], "fit_together", None)
    if together is not None:
        together(systems, train.images, replicas)
        return
    for system, replica in zip(systems, replicas):
        system.fit(train.images, train.factors, replica)
