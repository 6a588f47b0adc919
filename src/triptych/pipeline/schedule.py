"""In which order stages begin, and how long it will take: from the cost.json that their last runs left."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Of a stage's last run; None where it is not known."""

    seconds: float | None = None
    megabytes: float | None = None


def read_cost(outs: Iterable[Path]) -> Cost:
    """From the cost.json in one of the stage's outs."""
    for out in outs:
        try:
            cost = json.loads((out / "cost.json").read_text())
            return Cost(cost["seconds"], cost.get("peak_memory_mb"))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return Cost()


def data_first(needs: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    """Stage -> what it waits for: its needs, and the data of all stages that need it. No training begins whose judge's
    data cannot be made."""
    data = {name: {need for need in of if _prepares(need)} for name, of in needs.items()}
    for name in reversed(list(needs)):  # each comes after those that it needs
        for need in needs[name]:
            data.get(need, set()).update(data[name])
    return {name: set(of) | (set() if _prepares(name) else data[name]) for name, of in needs.items()}


def _prepares(stage: str) -> bool:
    return stage.rpartition(":")[2].partition("@")[0] == "prepare"


class Schedule:
    """`needs`: stage -> those that it needs, in an order in which each comes after them. A stage whose seconds are not
    known counts as the mean of those that are."""

    def __init__(self, needs: Mapping[str, Collection[str]], costs: Mapping[str, Cost]):
        known = [cost.seconds for cost in costs.values() if cost.seconds is not None]
        self.known = bool(known)
        mean = sum(known) / len(known) if known else 1.0
        self.seconds = {n: mean if costs[n].seconds is None else costs[n].seconds for n in needs}
        self.chain = dict(self.seconds)  # seconds from a stage's begin to the end of the longest chain after it
        for name in reversed(list(needs)):
            for need in needs[name]:
                if need in self.chain:
                    self.chain[need] = max(self.chain[need], self.seconds[need] + self.chain[name])

    def left(self, waiting: Collection[str], running: Mapping[str, float], slots: int) -> float | None:
        """Seconds to the end, if `running` tells for how long each has run; None if nothing is known."""
        if not self.known:
            return None
        rest = {name: max(0.0, self.seconds[name] - so_far) for name, so_far in running.items()}
        chains = [self.chain[name] for name in waiting]
        chains += [rest[name] + self.chain[name] - self.seconds[name] for name in running]
        return max([(sum(rest.values()) + sum(self.seconds[n] for n in waiting)) / max(1, slots), *chains])
