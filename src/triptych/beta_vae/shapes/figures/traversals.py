"""Sheets of traversals and of reconstructions (Higgins et al. 2017, Figures 1-4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from triptych.base.pixels import unit, unit_to_uint8
from triptych.beta_vae.shapes.figures.reports import report_latents, traverse
from triptych.beta_vae.shapes.grid import Grid
from triptych.draw.sheets import Panel, save_sheet


def draw_traversals(
    system,
    images: np.ndarray,
    grid: Grid,
    path: Path,
    device: torch.device,
    *,
    show: int = 10,
    values: int = 7,
    seed: int = 0,
) -> dict[str, Any]:
    """Sheet of traversals from one image, the latents ordered by KL, each labelled with its KL and with the
    factor that explains most of it. Returns {"caption", "numbers"}; numbers: `active_latents`,
    `mean_best_share`."""
    reports = report_latents(system, images, grid, device)
    start = grid.sample_rows(1, torch.Generator().manual_seed(seed))
    image = torch.from_numpy(np.array(images[start.numpy()]))[0].to(device)
    pictures = traverse(system, image, [r.latent for r in reports[:show]], values=values).cpu()
    labels = [f"z{report.latent + 1}   KL {report.kl:.2f}\n{report.label}" for report in reports[:show]]
    save_sheet([Panel(unit_to_uint8(pictures), rows=labels)], path)
    active = [r for r in reports if r.used]
    best = [r.shares[r.follows] for r in active]
    numbers = {"active_latents": float(len(active)), "mean_best_share": float(np.mean(best)) if best else 0.0}
    caption = (
        "Each row changes one latent from −3 to 3 and leaves the others as inferred from one image. Rows are "
        "ordered by the latent's KL (nats); the label names the factor that explains most of its variance "
        "(orientation: of what each shape's mean leaves). First seed."
    )
    return {"caption": caption, "numbers": numbers}


def draw_reconstructions(
    system, images: np.ndarray, grid: Grid, path: Path, device: torch.device, *, n: int = 10, seed: int = 0
) -> dict[str, Any]:
    """Random images above their reconstructions from posterior means. numbers: `nll` of 512 of these, in nats an
    image."""
    rows = grid.sample_rows(min(512, grid.available), torch.Generator().manual_seed(seed))
    n = min(n, len(rows))
    batch = torch.from_numpy(np.array(images[rows.numpy()])).to(device)
    truth, decoded = unit(batch), system.reconstruct(batch)
    with torch.inference_mode():
        nll = system.likelihood.nll(system.decoder(system.encode(batch)).float(), truth).mean()
    shown = torch.stack([batch[:n], unit_to_uint8(decoded[:n])]).cpu()
    save_sheet([Panel(shown, rows=("image", "reconstruction"))], path)
    return {
        "caption": "Images (above) and their reconstructions from posterior means (below). First seed.",
        "numbers": {"nll": float(nll)},
    }
