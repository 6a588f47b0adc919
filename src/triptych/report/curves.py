"""Charts that the report draws itself, as SVG: loss curves of a system, and a table as dots."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from triptych.draw import style
from triptych.published import Column
from triptych.report.svg import SVG, to_svg
from triptych.report.table import heading

MAX_PANELS, ACROSS = 9, 3
MARKERS = "osD^vP"  # of the series of a dot chart: each data set its own, in its own colour
Point = tuple[float, float, Sequence[float]]  # mean, spread, means of the single trainings


@dataclass(frozen=True)
class Chart:
    """`svg`: the whole of it."""

    name: str
    title: str
    svg: str = field(repr=False)

    @property
    def file(self) -> str:
        return f"{self.name}.svg"


def loss_curves(histories: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> str | None:
    """Stage -> rows {"seed", "step", "metric", "value"} -> SVG: a panel a metric (the first nine), a thin line
    a seed, a thick one for their mean. None if there is no curve of two points. `key`: see `to_svg`."""
    panels = _panels(histories)
    if not panels:
        return None
    import matplotlib
    from matplotlib.figure import Figure

    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    with matplotlib.rc_context(style.RC | SVG):
        width, height = (2.3 * across, 1.8 * down)  # inches; margins by hand: a layout engine draws everything twice
        figure = Figure(figsize=(width, height))
        for n, (title, seeds) in enumerate(panels.items()):
            _panel(figure.add_subplot(down, across, n + 1), title, seeds, style.PALETTE[n % len(style.PALETTE)])
        figure.subplots_adjust(
            left=0.5 / width,
            right=1 - 0.1 / width,
            bottom=0.42 / height,
            top=1 - 0.25 / height,
            wspace=0.3,
            hspace=0.55,
        )
        return to_svg(figure, key)


def dot_chart(
    columns: Sequence[Column],
    systems: Mapping[str, str],
    series: Mapping[str, Mapping[str, Mapping[str, Point]]],
    key: str,
) -> str:
    """A table as dots. `systems`: name -> display name; `series`: label ("paper, CIFAR-10", ...) -> metric ->
    system -> point. Returns an SVG; `key`: see `to_svg`."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(style.RC | SVG):
        size = (2.2 + 1.7 * len(columns), 1.1 + 0.26 * len(systems))
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
        places = dict(zip(systems, range(len(systems))))
        for axes, column in zip(grid, columns):
            for n, (label, metrics) in enumerate(series.items()):
                points = metrics.get(column.metric, {})
                _dots(axes, {places[s]: p for s, p in points.items() if s in places}, column.scale, n, label)
            axes.set_title(textwrap.fill(heading(column), 22))
            axes.set_yticks(list(places.values()), list(systems.values()))
            axes.set_ylim(len(systems) - 0.5, -0.5)
            axes.tick_params(length=0)
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=1)
        return to_svg(figure, key)


def _panels(histories: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[int, np.ndarray]]:
    """Title -> seed -> (n, 2) array of steps and values; curves with fewer than two steps are left out."""
    curves: dict[str, dict[int, list[tuple[float, float]]]] = {}
    for stage, rows in histories.items():
        for row in rows:
            if "trial_" in row["metric"]:  # what a random search tried, one value a trial: no curve
                continue
            title = f"{stage}: {row['metric']}" if len(histories) > 1 else str(row["metric"])
            curves.setdefault(title, {}).setdefault(row["seed"], []).append((row["step"], row["value"]))
    panels = {}
    for title, seeds in curves.items():
        arrays = {seed: np.array(sorted(points), float) for seed, points in seeds.items()}
        arrays = {seed: a[np.isfinite(a[:, 1])] for seed, a in arrays.items()}
        if any(len(np.unique(a[:, 0])) > 1 for a in arrays.values()):
            panels[title] = arrays
    return dict(list(panels.items())[:MAX_PANELS])


def _panel(axes: Any, title: str, seeds: Mapping[int, np.ndarray], colour: str) -> None:
    from matplotlib.ticker import MaxNLocator, NullLocator

    for points in seeds.values():
        axes.plot(points[:, 0], points[:, 1], color=colour, alpha=0.35, linewidth=0.6)
    axes.plot(*_mean(seeds), color=colour)
    values = np.concatenate([points[:, 1] for points in seeds.values()])
    if values.min() > 0 and values.max() / values.min() > 100:
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_title(title.replace("_", " "))
    axes.set_xlabel("step")


def _mean(seeds: Mapping[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The mean over seeds at the steps that all of them have: steps, values."""
    points = np.concatenate(list(seeds.values()))
    steps, where, counts = np.unique(points[:, 0], return_inverse=True, return_counts=True)
    sums = np.bincount(where.ravel(), weights=points[:, 1])
    shared = counts == len(seeds)
    return steps[shared], sums[shared] / counts[shared]


def _dots(axes: Any, points: Mapping[int, Point], scale: float, n: int, label: str) -> None:
    """The first series (the paper) is hollow, with its ±. The others are filled, each at its own height in the row, in
    its own colour and form; small dots are the single trainings."""
    colour = style.PALETTE[(n - 1) % len(style.PALETTE)] if n else style.INK
    marker = MARKERS[n % len(MARKERS)]
    y = [place + 0.2 * (n - 0.5) for place in points]
    x = [mean * scale for mean, *_ in points.values()]
    spread = [spread * scale for _, spread, _ in points.values()] if n == 0 else None
    for height, (_, _, single) in zip(y, points.values()):
        axes.plot(
            [value * scale for value in single], [height] * len(single), linestyle="none", marker="o", markersize=3,
            color=colour, alpha=0.35, markeredgewidth=0,
        )  # fmt: skip
    axes.errorbar(
        x, y, xerr=spread, linestyle="none", marker=marker, markersize=4.5, color=colour, elinewidth=0.9,
        markerfacecolor="none" if n == 0 else colour, markeredgewidth=1.0, label=label,
    )  # fmt: skip
