"""How time and memory grow with what is made larger."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import judges
import torch
import training
from measure import Work, in_turns

from triptych.dcgan.svm.svm import fit_svm

CPU = torch.device("cpu")


def measured(
    name: str, what: str, sizes: Sequence[int], make: Callable[[int], Work], per: int, rounds: int, device: torch.device
) -> dict[str, Any]:
    timings = in_turns({str(n): (lambda n=n: make(n)) for n in sizes}, rounds, device)
    points = [
        {"size": n, "ms": t.quartiles(1e3 / per)[1], "quartiles": t.quartiles(1e3 / per)[::2], "peak_mb": t.peak_mb}
        for n, t in ((n, timings[str(n)]) for n in sizes)
    ]
    return {"name": name, "what": what, "n": rounds, "points": points}


def growth(quick: bool, device: torch.device) -> list[dict[str, Any]]:
    """With images (SVM), width (DCGAN), replicas (VAE) and resolution (CycleGAN)."""
    rounds, steps = (1, 1) if quick else (3, 4)
    x, labels = judges.features(60 if quick else 4000, 1 if quick else 8)
    scale = 40 if quick else 1000
    small = training.pictures(256, 3, 32)
    flat = training.pictures(256, 1, 32) // 128 * 255
    config = training.vae_config(16 if quick else 128, steps)

    def svm(n: int) -> Work:
        return lambda: fit_svm(x[:n], labels[:n], judges.COSTS[::3], n_classes=10)

    def dcgan(width: int) -> Work:
        return training.our_dcgan(training.gan_config(width, 16, steps), small, device)

    def vae(replicas: int) -> Work:
        return training.our_vaes(config, flat, replicas, device)

    def cyclegan(size: int) -> Work:
        pictures = training.pictures(16, 3, size)
        return training.our_cyclegan(training.cycle_config(size), pictures, steps, device)

    return [
        measured(
            "images",
            f"an SVM of {x.shape[1]:,} features, 3 values of C",
            [n * scale // 4 for n in (4, 8, 16)][: 1 if quick else 3],
            svm,
            1,
            rounds,
            CPU,
        ),
        measured(
            "width",
            "a step of DCGAN, 32 × 32 px, batch 16",
            [8] if quick else [8, 16, 32, 64],
            dcgan,
            steps,
            rounds,
            device,
        ),
        measured(
            "replicas",
            "a step of VAEs, 32 × 32 px, 128 units",
            [2] if quick else [1, 2, 5, 10, 20],
            vae,
            steps,
            rounds,
            device,
        ),
        measured(
            "resolution",
            "a step of CycleGAN, width 8",
            [32] if quick else [32, 64, 128],
            cyclegan,
            steps,
            rounds,
            device,
        ),
    ]
