"""The picture of the study: accuracy against images seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triptych.dcgan.studies.images_seen.protocol import Protocol
from triptych.draw.style import MUTED, PALETTE, VERMILION, chart

NAMES = {"kmeans_1layer": "1-layer K-means", "raw_pixels": "raw pixels"}
LINES = (("--", VERMILION), (":", MUTED))


def draw_curve(
    curves: Sequence[np.ndarray], flat: Mapping[str, Sequence[np.ndarray]], protocol: Protocol, path: Path
) -> dict[str, Any]:
    """The mean over trainings, a dot for each of them, and the flat lines with the spread between their trainings (of
    one that learns nothing: between draws of labels). Returns {"caption", "numbers"}."""
    means = 100 * np.stack([curve.mean(1) for curve in curves])  # (trainings, numbers of images)
    seen = np.array(protocol.images) / 1000
    with chart(path, (5.2, 3.2)) as figure:
        axis = figure.add_subplot()
        axis.plot(seen, means.mean(0), color=PALETTE[0], label="DCGAN's discriminator")
        axis.plot(seen, means.T, color=PALETTE[0], ls="none", marker="o", ms=4, alpha=0.5)
        for (name, trainings), (style, colour) in zip(flat.items(), LINES):
            of = 100 * np.array([found.mean() for found in trainings])
            each = of if len(of) > 1 else 100 * trainings[0][0]
            spread = each.std(ddof=min(1, len(each) - 1))
            axis.axhline(of.mean(), color=colour, ls=style, label=NAMES[name])
            axis.axhspan(of.mean() - spread, of.mean() + spread, color=colour, alpha=0.15, lw=0)
        axis.set(xlabel="images seen (thousands)", ylabel="accuracy, few labels (%)")
        axis.legend()
    told = {f"images_{n}": float(curve.mean()) for n, curve in zip(protocol.images, means.T / 100)}
    told |= {name: float(np.mean(trainings)) for name, trainings in flat.items()}
    return {
        "caption": f"Accuracy of an SVM on a DCGAN's features, against the images that the GAN has seen: "
        f"{len(curves)} trainings (dots) and their mean. Rows without a GAN are flat lines, with their spread.",
        "numbers": {f"accuracy_few_{row}": value for row, value in told.items()},
    }
