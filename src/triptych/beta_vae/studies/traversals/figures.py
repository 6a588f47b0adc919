"""Figures and notes of the study `traversals`: all systems' traversals from one image, and what each latent follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from triptych.beta_vae.studies.traversals.protocol import Outcome, Protocol
from triptych.data.format import Dataset
from triptych.draw.sheets import Panel, save_sheet
from triptych.draw.style import chart

NAMES = {"vae": "VAE", "beta_vae": "β-VAE", "infogan": "InfoGAN", "dc_ign": "DC-IGN (told the factors)"}
ROWS = 6  # latents shown of each system
Drawings = list[tuple[str, Callable[[Path], dict[str, Any]]]]


def draw_figures(outcomes: Mapping[str, list[Outcome]], dataset: Dataset, protocol: Protocol) -> Drawings:
    """(file name, function that draws it to a path). Of several seeds the first is drawn."""
    first = {name: of_seeds[0] for name, of_seeds in outcomes.items()}
    return [
        ("traversals.png", lambda path: draw_traversals(first, dataset, protocol, path)),
        ("factors.png", lambda path: draw_factors(first, dataset, path)),
    ]


def draw_traversals(
    outcomes: Mapping[str, Outcome], dataset: Dataset, protocol: Protocol, path: Path
) -> dict[str, Any]:
    """A panel a system: a row for each of its most informative latents, labelled with its information, the factor it
    follows and that factor's share of the change."""
    panels = []
    for name, outcome in outcomes.items():
        followers = outcome.followers[:ROWS]
        labels = [f"{f.follows} {f.share:.0%}\n{f.information:.2f} nats" for f in followers]
        panels.append(Panel(outcome.traversed.pictures[0, : len(followers)], _title(name, outcome), rows=labels))
    save_sheet(panels, path, across=2)
    caption = (
        f"{dataset.card['title']}: each row changes one latent from −{protocol.reach:g} to {protocol.reach:g} "
        f"(InfoGAN: −{protocol.code_reach:g} to {protocol.code_reach:g}) and leaves the others as inferred from one "
        "image, the same for all systems. The most informative latents come first; beside each, the factor that "
        f"changes most, its share of the total change over {protocol.starts} images as a net reads it, and the "
        "latent's nats."
    )
    return {"caption": caption, "numbers": {f"best_share_{n}": o.metrics["best_share"] for n, o in outcomes.items()}}


def draw_factors(outcomes: Mapping[str, Outcome], dataset: Dataset, path: Path) -> dict[str, Any]:
    """A panel a system: each factor's share of what each active latent changes."""
    names = [f["name"] for f in dataset.factors]
    image = None
    with chart(path, (9.6, 0.6 + 0.22 * len(names))) as figure:
        panels = figure.subplots(1, len(outcomes), squeeze=False)[0]
        for at, (axis, (name, outcome)) in enumerate(zip(panels, outcomes.items())):
            followers = outcome.followers[:16]
            if followers:
                shares = np.array([[f.shares[k] for f in followers] for k in names])
                image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
            axis.set_title(NAMES.get(name, name))
            axis.set_xticks([])
            axis.set_xlabel(f"{len(followers)} latents, most nats first")
            axis.set_yticks(range(len(names)), names if at == 0 else [])
            axis.set_ylim(len(names) - 0.5, -0.5)
            axis.grid(visible=False)
        if image is not None:
            figure.colorbar(image, ax=list(panels), fraction=0.015, pad=0.01)
    caption = (
        f"{dataset.card['title']}: share of each factor in what a latent changes (columns: the active latents, at most "
        "16). One dark cell a column is a latent that changes one factor only."
    )
    return {
        "caption": caption,
        "numbers": {f"followed_{n}": o.metrics["factors_followed"] for n, o in outcomes.items()},
    }


def _title(name: str, outcome: Outcome) -> str:
    m = outcome.metrics
    if not outcome.followers:
        return f"{NAMES.get(name, name)}: no latent is used"
    return f"{NAMES.get(name, name)}: {m['active_latents']:.0f} active, mean share {m['best_share']:.0%}"
