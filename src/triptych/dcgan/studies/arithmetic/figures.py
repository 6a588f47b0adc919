"""The pictures of the study of a DCGAN's inside: walks, sums, turns, filters; first seed, none of them picked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triptych.dcgan.studies.arithmetic.forgetting import Forgetting
from triptych.dcgan.studies.arithmetic.protocol import Outcome, Pair, Protocol
from triptych.draw import style
from triptych.draw.sheets import Panel, grid, save_sheet

Drawing = tuple[str, Callable[[Path], dict[str, Any]]]


def drawings(outcomes: Sequence[Outcome], protocol: Protocol) -> list[Drawing]:
    """(file name, function that draws it to a path) of every row that has pictures."""
    first = outcomes[0]
    found: list[Drawing] = [("interpolation.png", lambda path: draw_walk(first, path))]
    for name, pair in protocol.pairs.items():
        found.append((f"{name}.png", lambda path, name=name, pair=pair: draw_sum(first, name, pair, path)))
    if "turn" in first.numbers:
        found.append(("turn.png", lambda path: draw_turn(first, path)))
    found.append(("filters.png", lambda path: draw_filters(first, path)))
    found.append(("filters_explained.png", lambda path: draw_explained(outcomes, path)))
    found.append(("forgetting.png", lambda path: draw_forgetting(first, protocol.forgetting, path)))
    return found


def draw_walk(outcome: Outcome, path: Path) -> dict[str, Any]:
    """One series of random codes: a row leads from one to the next, which begins the row below."""
    rows = outcome.pictures["interpolation"]
    save_sheet([Panel(rows)], path)
    numbers = outcome.numbers["interpolation"]
    return {
        "caption": f"Straight lines between {len(rows) + 1} random codes; each row ends where the next one begins. "
        "First seed.",
        "numbers": {name: round(numbers[name], 4) for name in ("mean_step", "max_step")},
    }


def draw_sum(outcome: Outcome, name: str, pair: Pair, path: Path) -> dict[str, Any]:
    """The exemplars over the image of their mean code, the sum of codes with its neighbourhood, the sum of pixels."""
    shown = {key: outcome.pictures[f"{name}/{key}"] for key in ("a", "b", "c", "result", "pixels")}
    other = 1 - pair.start
    above = {
        "a": _words(pair, 1, pair.start),
        "b": "− " + _words(pair, 0, pair.start),
        "c": "+ " + _words(pair, 0, other),
    }
    panels = [Panel(grid(shown[key], 1), text) for key, text in above.items()]
    result = shown["result"]
    side = int(np.ceil(np.sqrt(len(result))))
    centre_in_the_middle = np.roll(result, len(result) // 2, axis=0)
    panels += [
        Panel(grid(centre_in_the_middle, side), "= sum of codes"),
        Panel(grid(shown["pixels"], 1), "sum of pixels"),
    ]
    save_sheet(panels, path)
    numbers = outcome.numbers[name]
    return {
        "caption": f"{name}: columns of exemplars, the last image being that of their mean code; the sum of the means "
        "(in the middle) among codes close to it; the same sum of the exemplars' pixels. The first seed's first draw; "
        "its numbers are over all draws.",
        "numbers": {key: round(numbers[key], 4) for key in ("success", "success_1", "success_pixels")},
    }


def draw_turn(outcome: Outcome, path: Path) -> dict[str, Any]:
    """The exemplars of both ends, and random samples moved along the direction between their means."""
    ends, result, pixels = (outcome.pictures[f"turn/{key}"] for key in ("ends", "result", "pixels"))
    panels = [Panel(ends.reshape(2, -1, *ends.shape[1:]).swapaxes(0, 1), "left, right")]
    panels += [Panel(result, "along the turn vector"), Panel(pixels, "along the difference of pixels")]
    save_sheet(panels, path)
    numbers = outcome.numbers["turn"]
    return {
        "caption": "Left: the exemplars, facing left and right. Middle: a random sample a row (centre), moved along "
        "the turn vector. Right: the same with the difference of the exemplars' pixels. The first seed's first draw; "
        "its numbers are over all draws.",
        "numbers": {key: round(numbers[key], 4) for key in ("rank_correlation", "range", "rank_correlation_pixels")},
    }


def draw_filters(outcome: Outcome, path: Path) -> dict[str, Any]:
    """A map a row: the images that excite it most, and what in them does; of random filters and of the trained ones."""
    panels = []
    for key, text in {
        "images_random": "random filters:\nimages that excite them",
        "guided_random": "what in them does",
        "images": "trained filters:\nimages that excite them",
        "guided": "what in them does",
    }.items():
        shown = outcome.pictures[f"filters/{key}"]
        panels.append(Panel(shown, text))
    save_sheet(panels, path, tile=48)
    return {
        "caption": f"The first {len(shown)} maps of the discriminator's last convolution, a row each: the held-out "
        "images with the strongest responses, and their guided gradients (grey is 0, each picture scaled to its own "
        "largest). Left before training, right after it. First seed.",
        "numbers": {},
    }


def draw_explained(outcomes: Sequence[Outcome], path: Path) -> dict[str, Any]:
    """A bar for each factor of the data: what it explains of the filters' responses, trained and random."""
    found = [outcome.numbers["filters"] for outcome in outcomes]
    names = [key.removeprefix("explained_") for key in found[0] if not key.endswith("_random")]
    with style.chart(path, (5.2, 0.5 + 0.26 * len(names))) as figure:
        axes = figure.add_subplot()
        for offset, ending, label, colour in (
            (-0.2, "", "trained", style.BLUE),
            (0.2, "_random", "random", style.MUTED),
        ):
            values = 100 * np.array([[numbers[f"explained_{name}{ending}"] for name in names] for numbers in found])
            places = np.arange(len(names)) + offset
            axes.barh(places, values.mean(0), 0.38, color=colour, label=label)
            for value in values:
                axes.plot(value, places, ".", color=style.INK, markersize=3)
        axes.set_yticks(range(len(names)), [name.replace("_", " ").lower() for name in names])
        axes.invert_yaxis()
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("variance of a filter's strongest response that the factor explains (%)")
        axes.legend(loc="lower right")
    return {
        "caption": "What in a face the filters of the discriminator's last convolution respond to, after training and "
        f"before it: mean over the filters; bars are means, points single runs (n = {len(found)}).",
        "numbers": {},
    }


def draw_forgetting(outcome: Outcome, config: Forgetting, path: Path) -> dict[str, Any]:
    """Boxes around the attribute; then the same samples with all maps and without those of each rule."""
    panels = [
        Panel(grid(outcome.pictures[f"forgetting/{key}"], 2), text)
        for key, text in {
            "boxes": f"boxes:\n{_word(config.attribute, 1)}",
            "before": "samples with it",
            "after": "without the maps\nof the boxes",
            "after_same_place": "without the maps of the\nsame place, with it or not",
            "after_random": "without as many\nrandom maps",
        }.items()
    ]
    save_sheet(panels, path)
    numbers = outcome.numbers["forgetting"]
    return {
        "caption": f"Left: where covering takes most from the classifier's belief in {_word(config.attribute, 1)}. "
        "Then the first samples that have it, and the same without the maps that tell the boxes from elsewhere in "
        "their samples (the paper's rule), without those that tell them from the same place in samples that lack it, "
        "and without as many random maps (the last choice). First seed; the numbers are over its whole pool.",
        "numbers": {k: round(numbers[k], 4) for k in ("has", "has_after", "has_after_same_place", "has_after_random")},
    }


def _words(pair: Pair, changed: int, across: int) -> str:
    return f"{_word(pair.changed, changed)},\n{_word(pair.across, across)}"


def _word(attribute: str, value: int) -> str:
    return ("" if value else "not ") + attribute.replace("_", " ").lower()
