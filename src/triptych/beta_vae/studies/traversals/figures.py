"""Figures and notes of the study `traversals`: all systems' traversals from one image, and what each latent follows."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from triptych.beta_vae.studies.traversals.protocol import Outcome, Protocol, config_of
from triptych.data.format import Dataset

NAMES = {"vae": "VAE", "beta_vae": "β-VAE", "infogan": "InfoGAN", "dc_ign": "DC-IGN (told the factors)"}
ROWS = 6  # latents shown of each system
Drawings = list[tuple[str, Callable[[Any], dict[str, Any]]]]


def draw_figures(outcomes: Mapping[str, list[Outcome]], dataset: Dataset, protocol: Protocol) -> Drawings:
    """(file name, function that draws it to a path). Of several seeds the first is drawn."""
    first = {name: of_seeds[0] for name, of_seeds in outcomes.items()}
    return [
        ("traversals.png", lambda path: draw_traversals(first, dataset, protocol, path)),
        ("factors.png", lambda path: draw_factors(first, dataset, path)),
    ]


def draw_traversals(outcomes: Mapping[str, Outcome], dataset: Dataset, protocol: Protocol, path) -> dict[str, Any]:
    """A panel a system: a row for each of its most informative latents, labelled with its information, the factor it
    follows and that factor's share of the change."""
    figure, panels = _panels(len(outcomes), 2, 2.9)
    for axis, (name, outcome) in zip(panels, outcomes.items()):
        axis.set_title(_title(name, outcome), fontsize=9, loc="left")
        axis.axis("off")
        followers = outcome.followers[:ROWS]
        if not followers:
            axis.text(0.5, 0.5, "no latent is used", ha="center", va="center", transform=axis.transAxes)
            continue
        sheet, height = _sheet(outcome.traversed.pictures[0, : len(followers)])
        width = sheet.shape[1]
        axis.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_xlim(-0.42 * width, width)
        axis.set_ylim(ROWS * height, 0)
        for row, f in enumerate(followers):
            label = f"{f.follows} {f.share:.0%}\n{f.information:.2f} nats"
            axis.text(-0.02 * width, (row + 0.5) * height, label, ha="right", va="center", fontsize=7.5)
    _save(figure, path)
    caption = (
        f"{dataset.card['title']}: each row changes one latent from −{protocol.reach:g} to {protocol.reach:g} "
        f"(InfoGAN: −{protocol.code_reach:g} to {protocol.code_reach:g}) and leaves the others as inferred from one "
        "image, the same for all systems. The most informative latents come first; beside each, the factor that "
        f"changes most, its share of the total change over {protocol.starts} images as a net reads it, and the "
        "latent's nats."
    )
    return {"caption": caption, "numbers": {f"best_share_{n}": o.metrics["best_share"] for n, o in outcomes.items()}}


def draw_factors(outcomes: Mapping[str, Outcome], dataset: Dataset, path) -> dict[str, Any]:
    """A panel a system: each factor's share of what each active latent changes."""
    names = [f["name"] for f in dataset.factors]
    figure, panels = _panels(len(outcomes), len(outcomes), 0.5 + 0.22 * len(names))
    image = None
    for at, (axis, (name, outcome)) in enumerate(zip(panels, outcomes.items())):
        followers = outcome.followers[:16]
        if followers:
            shares = np.array([[f.shares[k] for f in followers] for k in names])
            image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        axis.set_title(NAMES.get(name, name), fontsize=8, loc="left")
        axis.set_xticks([])
        axis.set_xlabel(f"{len(followers)} latents, most nats first", fontsize=7)
        axis.set_yticks(range(len(names)), names if at == 0 else [], fontsize=7.5)
        axis.set_ylim(len(names) - 0.5, -0.5)
    if image is not None:
        bar = figure.colorbar(image, ax=panels, fraction=0.015, pad=0.01)
        bar.ax.tick_params(labelsize=7)
    _save(figure, path)
    caption = (
        f"{dataset.card['title']}: share of each factor in what a latent changes (columns: the active latents, at most "
        "16). One dark cell a column is a latent that changes one factor only."
    )
    return {
        "caption": caption,
        "numbers": {f"followed_{n}": o.metrics["factors_followed"] for n, o in outcomes.items()},
    }


def notes(
    of_seeds: Sequence[Outcome], r2: Mapping[str, list[float]], dataset: Dataset, name: str, protocol: Protocol
) -> list[str]:
    """What a reader of the numbers should know: the judge's R², what is followed, β as it was used."""
    judged = ", ".join(f"{k} {np.mean(v):.2f}" for k, v in r2.items())
    strong = (protocol.least_share, protocol.least_change)
    found = {f.follows for o in of_seeds for f in o.followers if f.share >= strong[0] and f.change >= strong[1]}
    out = [f"R² of the net that reads the factors, on images that it was not trained on: {judged}"]
    out.append(f"followed by some latent: {', '.join(sorted(found)) or 'no factor'}")
    config = config_of(name, protocol.sets[dataset.path.name].systems[name])
    if getattr(config, "beta_norm", None) is not None:
        beta = config.beta_norm * int(np.prod(dataset.image_shape)) / config.latents
        out.append(f"β_norm = {config.beta_norm:g}: β = {beta:.3g} for {config.latents} latents on these images")
    return out


def _title(name: str, outcome: Outcome) -> str:
    m = outcome.metrics
    return f"{NAMES.get(name, name)}: {m['active_latents']:.0f} active, mean share {m['best_share']:.0%}"


def _panels(n: int, columns: int, height: float):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    rows = -(-n // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(9.6, rows * height + 0.1), squeeze=False, layout="constrained")
    for axis in axes.flat[n:]:
        axis.axis("off")
    return figure, list(axes.flat[:n])


def _sheet(pictures: np.ndarray, gap: int = 2) -> tuple[np.ndarray, int]:
    """uint8 (rows, columns, C, H, W) -> one picture, (·, ·) or (·, ·, 3), white between; and a row's height in it."""
    rows, columns, channels, height, width = pictures.shape
    sheet = np.full((rows, columns, height + gap, width + gap, channels), 255, np.uint8)
    sheet[:, :, :height, :width] = pictures.transpose(0, 1, 3, 4, 2)
    flat = sheet.transpose(0, 2, 1, 3, 4).reshape(rows * (height + gap), columns * (width + gap), channels)
    return (flat[..., 0] if channels == 1 else flat), height + gap


def _save(figure, path) -> None:
    """As a PNG of 256 colours: a third of the bytes, and nothing of the machine or the clock in it."""
    from matplotlib import pyplot as plt
    from PIL import Image

    out = io.BytesIO()
    figure.savefig(out, dpi=140)
    plt.close(figure)
    picture = Image.open(out).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, "PNG", optimize=True)
