"""Notes that rows of several tables have under them: what was chosen, and what their ± is made of."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from triptych.dcgan.gan.training import GanConfig


def chosen(name: str, values: Sequence[float], tried: Sequence[float]) -> str:
    """What validation chose for each seed, and what from: values, or the two bounds of a range. A choice at an end of
    what was tried is called one: beyond it there may be a better one.

        C: 0.001, 0.01, of 0.0001 to 0.01 (0.01 is an end of the grid)
    """
    shown = ", ".join(f"{value:.4g}" for value in values)
    low, high = min(tried), max(tried)
    if low == high:
        return f"{name}: {low:.4g}, given"
    ends = [end for end in (low, high) if any(math.isclose(end, value, rel_tol=1e-5) for value in values)]
    said = " and ".join(f"{end:.4g}" for end in ends)
    kind = {0: "", 1: f" ({said} is an end of the grid)", 2: f" ({said} are its ends)"}[len(ends)]
    return f"{name}: {shown}, of {low:.4g} to {high:.4g}{kind}"


def spread(metric: str, values: Sequence[float], trainings: int, kind: str) -> str:
    """What the standard deviation of a metric pools, if it pools: `values` are fractions, as many for each of the
    `trainings` (or what else `kind` calls them), one after the other. Empty if there is one of either.

    Draws of labels for one network share its luck, so that the ± of all values is not that of a mean over them.
    """
    draws = len(values) // trainings
    if trainings < 2 or draws < 2:
        return ""
    groups = [values[i * draws : (i + 1) * draws] for i in range(trainings)]
    between = statistics.stdev(map(statistics.fmean, groups))
    within = math.sqrt(statistics.fmean(map(statistics.variance, groups)))
    return (
        f"{metric}: {len(values)} values, {trainings} {kind}s × {draws} draws; standard deviation between the {kind}s' "
        f"means {100 * between:.2g} %, within one {100 * within:.2g} %"
    )


def updates(config: GanConfig) -> list[str]:
    """Where adversarial training departs from the authors' code (Radford et al. 2015)."""
    if config.updates == "alternate":
        return []
    return [
        "Both networks learn from each mini-batch; in the authors' code one moves the generator, the next the "
        "discriminator."
    ]
