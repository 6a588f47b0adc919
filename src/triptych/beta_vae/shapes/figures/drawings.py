"""Which figures fit a system of the table `shapes`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from triptych.beta_vae.shapes.figures.maps import draw_latent_maps, fits
from triptych.beta_vae.shapes.figures.traversals import draw_reconstructions, draw_traversals
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.parts.system import Representation
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.data.format import Dataset


def draw_figures(
    system: Representation, dataset: Dataset, device: torch.device
) -> list[tuple[str, Callable[[Path], dict[str, Any]]]]:
    """(file name, function that draws it to a path) of each figure that fits the system: none if it only encodes,
    traversals, reconstructions and, on the 2D shapes, maps of the latents for a trained one that decodes."""
    if not system.learns or not isinstance(system, Autoencoder):
        return []
    images, grid = dataset["train"].images, Grid(dataset.factors)
    system = system.to(device).eval()
    drawings = [
        ("traversals.png", lambda path: draw_traversals(system, images, grid, path, device)),
        ("reconstructions.png", lambda path: draw_reconstructions(system, images, grid, path, device)),
    ]
    if fits(grid):
        drawings.append(("latent_maps.png", lambda path: draw_latent_maps(system, images, grid, path, device)))
    return drawings
