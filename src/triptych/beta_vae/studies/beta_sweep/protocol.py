"""How β trades reconstruction for disentanglement (Higgins et al. 2017, section 4.2 and Figure 6, right).

VAEs that differ in β, seed and number of latents are trained on the 2D shapes: those of one size together, in one
loop. Statement of the paper that is tested: with growing β_norm = β·M/N the disentanglement score rises, then falls;
where it is best depends on the number of latents M. The largest β shows the end of the curve, posterior collapse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from triptych.base.config import ProtocolSection, Seeds, Strict
from triptych.base.pixels import unit
from triptych.base.results import Result
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import higgins
from triptych.beta_vae.shapes.judge.rate_distortion import Measures, measure
from triptych.beta_vae.vae.training import fit_together
from triptych.beta_vae.vae.vae import Vae, VaeConfig
from triptych.data.format import Split
from triptych.data.spec import Spec
from triptych.engine import Replica, exact_products


class Training(Strict):
    """Of every model; the rest of its configuration is what the sweep varies. As in the table's `beta_vae`."""

    network: Literal["dense", "conv", "conv_2x2"] = "dense"
    hidden: int = Field(1200, gt=0)
    init: Literal["torch", "glorot"] = "glorot"
    decoder: Literal["bernoulli", "gaussian"] = "bernoulli"
    optimiser: Literal["adagrad", "adam"] = "adagrad"
    lr: float = Field(1e-2, gt=0)
    initial_accumulator: float = Field(0.0, ge=0)
    batch_size: int = Field(64, gt=0)
    steps: int = Field(300_000, gt=0)


class Judging(higgins.Settings):
    """Settings of the `higgins` score, as the table's, and the number of images for everything else."""

    images: int = Field(2000, gt=1)


class Protocol(ProtocolSection):
    """`betas_norm` at `latents` latents; `other_betas_norm` at each of `other_latents`. The paper does not list its
    values."""

    dataset: str = "shapes"
    seeds: Seeds
    latents: int = Field(10, ge=2)
    betas_norm: list[float] = Field(min_length=2)
    other_latents: list[Annotated[int, Field(ge=2)]] = []
    other_betas_norm: list[float] = []
    training: Training = Training()
    judging: Judging = Judging()

    def datasets(self) -> list[str]:
        """The prepared datasets that the study needs."""
        return [self.dataset]

    @model_validator(mode="after")
    def _names_are_unique(self):
        if min([*self.betas_norm, *self.other_betas_norm, *self.other_latents]) <= 0:
            raise ValueError("every β_norm and every number of latents must be greater than 0")
        names = [row.name for row in self.rows()]
        if len(set(names)) < len(names):
            raise ValueError(f"a row is named twice: {', '.join(sorted({n for n in names if names.count(n) > 1}))}")
        return self

    def rows(self) -> list[Row]:
        """Every combination of β and size, the smaller β first."""
        main = [Row(beta, self.latents) for beta in sorted(self.betas_norm)]
        return main + [Row(b, m, False) for m in sorted(self.other_latents) for b in sorted(self.other_betas_norm)]


@dataclass(frozen=True)
class Row:
    """One combination; its models differ in their seeds."""

    beta_norm: float
    latents: int
    main: bool = True  # of the size that the whole range of β is tried at

    @property
    def name(self) -> str:
        """beta_norm_0.00977, latents_4_beta_norm_0.00977."""
        return ("" if self.main else f"latents_{self.latents}_") + f"beta_norm_{self.beta_norm:.3g}"


def build(row: Row, protocol: Protocol, spec: Spec, seed: int) -> Vae:
    """A fresh model: its first weights depend on seed and size, not on β."""
    config = VaeConfig(**protocol.training.model_dump(), latents=row.latents, beta_norm=row.beta_norm)
    torch.manual_seed(seed)
    return Vae(config, spec)


def train_rows(
    rows: Sequence[Row], protocol: Protocol, spec: Spec, images: np.ndarray | Tensor, replicas: Sequence[Replica]
) -> dict[str, list[Vae]]:
    """Row's name -> its trained models, one for each of `replicas`, whose seeds are the protocol's.

    The models of one size are one stack: all β and all seeds in one loop.
    """
    trained: dict[str, list[Vae]] = {}
    for latents in dict.fromkeys(row.latents for row in rows):
        of_size = [row for row in rows if row.latents == latents]
        models = {row.name: [build(row, protocol, spec, r.seed).to(r.device) for r in replicas] for row in of_size}
        parts = [replica.part(row.name) for row in of_size for replica in replicas]
        fit_together([m for row in of_size for m in models[row.name]], images, parts)
        trained |= models
    return {row.name: trained[row.name] for row in rows}


@dataclass(frozen=True)
class Outcome:
    """Of one row: scores of models × classifiers, and the other measures of each model."""

    higgins: list[float]
    models: list[Measures]

    def metrics(self) -> dict[str, list[float]]:
        """`higgins`: the best half, as in the table; `higgins_all`; the fields of `Measures`."""
        out = {"higgins": higgins.best_half(self.higgins), "higgins_all": self.higgins}
        names = [field.name for field in fields(Measures)]
        return out | {name: [getattr(measures, name) for measures in self.models] for name in names}


def judge(
    models: dict[str, list[Vae]], train: Split, grid: Grid, protocol: Protocol, device: torch.device
) -> dict[str, Outcome]:
    """Row's name -> its outcome. Every row meets the same images, pairs of images and classifiers."""
    grid.check(len(train))
    flat = [model.to(device).eval() for row in models.values() for model in row]
    scores = score([encode.float() for encode in encode_together(flat, train, device)], grid, protocol)
    rows = grid.sample_rows(min(protocol.judging.images, grid.available), torch.Generator().manual_seed(0))
    sample = torch.from_numpy(np.array(train.images[rows.sort()[0].numpy()])).to(device)
    each, outcomes = len(protocol.seeds), {}
    for at, (name, row) in enumerate(models.items()):
        part = scores[at * each : (at + 1) * each].flatten().tolist()
        outcomes[name] = Outcome(part, [measure(m, sample, seed) for m, seed in zip(row, protocol.seeds)])
    return outcomes


def evaluate(models: dict[str, list[Vae]], outcomes: dict[str, Outcome], protocol: Protocol) -> dict[str, Result]:
    """Row's name -> its line of the study's table."""
    return {
        row.name: Result(
            outcomes[row.name].metrics(),
            notes(row, models[row.name][0], outcomes[row.name], protocol),
            pooled=["higgins"],
        )
        for row in protocol.rows()
    }


def notes(row: Row, model: Vae, outcome: Outcome, protocol: Protocol) -> list[str]:
    """What the numbers of a row depend on, and what became of its models."""
    j = protocol.judging
    lines = [
        f"β = {model.beta:.4g}, β_norm = {row.beta_norm:.4g}, {row.latents} latents",
        f"higgins: 4 factors (chance 25 %), L = {j.pairs}, {j.classifier_steps} classifier steps, best half of "
        f"{len(protocol.seeds)} models × {j.classifier_seeds} classifiers",
    ]
    if all(measures.active_units == 0 for measures in outcome.models):
        lines.append("collapsed: no latent carries anything, the decoder draws one picture for every code")
    return lines


@torch.inference_mode()
@exact_products()
def encode_together(models: Sequence[Vae], split: Split, device: torch.device, batch_size: int = 1024) -> list[Tensor]:
    """Posterior means (N, M) of all images under each model. Every image is read and made a number once."""
    parts: list[list[Tensor]] = [[] for _ in models]
    for at in range(0, len(split), batch_size):
        x = unit(torch.from_numpy(np.array(split.images[at : at + batch_size])).to(device))
        for part, model in zip(parts, models):
            part.append(model.encoder(x).float().chunk(2, dim=1)[0].clone())
    return [torch.cat(part) for part in parts]


def score(codes: Sequence[Tensor], grid: Grid, protocol: Protocol) -> Tensor:
    """`higgins` with K = 4 of every model and classifier seed: (models, classifiers). `codes[i]` belongs to seed number
    i modulo the number of seeds. All classifiers of one width train in one loop."""
    j, seeds = protocol.judging, protocol.seeds
    out = torch.empty(len(codes), j.classifier_seeds)
    for width in dict.fromkeys(code.shape[1] for code in codes):
        chosen = [i for i, code in enumerate(codes) if code.shape[1] == width]
        models = [(codes[i], seeds[i % len(seeds)], c) for i in chosen for c in range(j.classifier_seeds)]
        out[chosen] = higgins.judge(models, grid, higgins.PAPER_FACTORS, j, [j.classifier_steps]).view(len(chosen), -1)
    return out
