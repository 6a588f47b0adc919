"""Notes that rows of several tables have under them: what was chosen, and how GANs were trained."""

from __future__ import annotations

import math
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
    hit = [end for end in (low, high) if any(math.isclose(end, value, rel_tol=1e-5) for value in values)]
    ends = hit if len(tried) > 2 else []  # of two values each is an end
    said = " and ".join(f"{end:.4g}" for end in ends)
    kind = {0: "", 1: f" ({said} is an end of the grid)", 2: f" ({said} are its ends)"}[len(ends)]
    return f"{name}: {shown}, of {low:.4g} to {high:.4g}{kind}"


def updates(config: GanConfig) -> list[str]:
    """Where adversarial training departs from the authors' code (Radford et al. 2015)."""
    if config.updates == "alternate":
        return []
    return [
        "Both networks learn from each mini-batch; in the authors' code one moves the generator, the next the "
        "discriminator."
    ]
