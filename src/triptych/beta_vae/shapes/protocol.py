"""How every system of the `shapes` table is judged (Higgins et al. 2017, section 3 and appendix A.4).

Each trained model encodes the whole grid once; every metric draws from those codes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import zip_longest
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import ParamsError, ProtocolSection, Seeds
from triptych.base.results import Result, spread
from triptych.beta_vae.shapes.grid import Grid
from triptych.beta_vae.shapes.judge import dci, factor_probe, higgins, mig, sap
from triptych.beta_vae.shapes.judge.factor_vae import factor_vae_score
from triptych.beta_vae.shapes.judge.rate_distortion import measure
from triptych.beta_vae.shapes.parts.system import Iterative, Oracle, Representation
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.data.format import Dataset, Split
from triptych.engine import exact_products, prepare
from triptych.engine.parallel import one_by_one

Scores = dict[str, list[float]]


class Metrics(higgins.Settings):
    """Beside the paper's score, metrics that came later, with disentanglement_lib's numbers."""

    classifier_curve: list[Annotated[int, Field(gt=0)]] = [1000, 3000, 30_000]  # `higgins` also after so many steps
    dlib_pairs: int = Field(64, gt=0)  # L of `higgins_dlib`
    probe_train: int = Field(30_000, gt=0)
    probe_test: int = Field(10_000, gt=0)
    probe_iterations: int = Field(1000, gt=0)
    metric_train: int = Field(10_000, gt=0)  # samples of MIG, SAP, DCI; votes of FactorVAE
    metric_test: int = Field(5000, gt=0)
    dci_model: dci.Model = "boosting"
    factor_vae_threshold: float = Field(0.05, ge=0)

    def check(self, grid: Grid) -> None:
        """Raises ParamsError if the grid has fewer different images than are drawn at once."""
        for train, test in (("probe_train", "probe_test"), ("metric_train", "metric_test")):
            drawn = getattr(self, train) + getattr(self, test)
            if drawn > grid.available:
                raise ParamsError(
                    f"shapes.metrics.{train} + {test} = {drawn}: the grid has only {grid.available} different images; "
                    "lower them, or store more of it (data.shapes)"
                )


class Protocol(ProtocolSection):
    """The whole grid is trained and judged on, as in the paper."""

    dataset: str = "shapes"
    seeds: Seeds = list(range(10))
    metrics: Metrics = Metrics()

    def datasets(self) -> list[str]:
        """The prepared datasets that the table needs."""
        return [self.dataset]


def evaluate(
    systems: Sequence[Representation],
    dataset: Dataset,
    protocol: Protocol,
    device: torch.device,
    for_each: Callable[..., list] = one_by_one,
) -> Result:
    """All metrics of one row: `systems[r]` was trained with `protocol.seeds[r]`. One value per model, or per
    model and classifier; `higgins` holds the best half, `higgins_all` everything it was chosen from.

    A system without state (raw pixels) is the same for every seed: all its models are one code, encoded once. What
    then differs between seeds is the data points and the classifiers of `higgins`, so that alone is repeated; the
    other metrics are of the first seed. `for_each(items, work)` may do its items in several processes: first the
    models are encoded, then everything is measured.
    """
    grid, train = Grid(dataset.factors, merge_poses=protocol.metrics.merge_poses), dataset["train"]
    grid.check(len(train))
    protocol.metrics.check(grid)
    stateless = not systems[0].state_dict()
    models = list(systems)[:1] if stateless else list(systems)
    # Arrays, because a tensor travels between processes as an open file.
    arrays = for_each(range(len(models)), lambda r: encode_all(models[r], train, device).cpu().numpy())
    codes = [torch.from_numpy(array).to(device) for array in arrays] * (len(protocol.seeds) if stateless else 1)

    jobs = [lambda: paper_scores(codes, grid, protocol), lambda: five_factor_scores(codes, grid, protocol)]
    for seed, code, model in zip_longest(protocol.seeds, codes, models):
        jobs.append(partial(model_scores, model, code, train, grid, protocol, seed))
    _import_classifiers()
    metrics: Scores = {}
    for scores in for_each(range(len(jobs)), lambda k: jobs[k]()):  # numbers, because an error names its item
        for name, values in scores.items():
            metrics.setdefault(name, []).extend(values)
    best_halves = ["higgins", "higgins_converged", *(f"higgins_{n}" for n in protocol.metrics.classifier_curve)]
    return Result(metrics, notes(systems, metrics, protocol), pooled=best_halves)


def _import_classifiers() -> None:
    """Once, before `for_each` makes processes: it takes 2 to 3 s, which every one of them would spend anew."""
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.svm  # noqa: F401


def notes(systems: Sequence[Representation], metrics: Scores, protocol: Protocol) -> list[str]:
    """What the scores depend on beside the representation, and what their ± is made of."""
    m = protocol.metrics
    lines = [
        f"higgins: 4 factors (chance 25 %), L = {m.pairs}, {m.classifier_steps} classifier steps, "
        f"best half of {len(systems)} models × {m.classifier_seeds} classifiers"
    ]
    lines += filter(None, [spread("higgins_all", metrics["higgins_all"], len(systems), "model", "classifier")])
    lines += systems[0].notes()
    ended = [bool(system.converged) for system in systems if isinstance(system, Iterative)]
    return lines + ([f"converged: {sum(ended)} of {len(ended)} models"] if ended else [])


@torch.inference_mode()
@exact_products()
def encode_all(system: Representation, split: Split, device: torch.device, batch_size: int = 256) -> Tensor:
    """Codes (N, d) of all images on `device`: posterior means for VAEs, the factors' values for ground truth. uint8
    codes are pixels, in 255ths."""
    system = prepare(system, device).eval()
    source, encode = (
        (split.factors, system.encode_factors) if isinstance(system, Oracle) else (split.images, system.encode)
    )
    parts = (torch.from_numpy(np.array(source[i : i + batch_size])) for i in range(0, len(source), batch_size))
    return torch.cat([encode(part.to(device)) for part in parts])


def model_scores(
    model: Representation | None, code: Tensor, train: Split, grid: Grid, protocol: Protocol, seed: int
) -> Scores:
    """All scores of one model and its `code` (N, d); `higgins_dlib` alone where the model is None."""
    scores = dlib_score(code, grid, protocol, seed)
    if model is not None:
        scores |= probe_scores(code, grid, protocol, seed) | extra_scores(code, grid, protocol, seed)
    if isinstance(model, Autoencoder):
        scores |= elbo_terms(model, train, grid, code.device, seed)
    return {name: [value] for name, value in scores.items()}


def paper_scores(codes: Sequence[Tensor], grid: Grid, protocol: Protocol) -> Scores:
    """`higgins`, K = 4: the best half over models × classifier seeds; `higgins_all`; `higgins_1000`, … the best half
    after fewer or more steps of the classifiers; `higgins_converged`, of classifiers that have converged. `codes[r]`
    belongs to `protocol.seeds[r]`."""
    m = protocol.metrics
    models = [(code, r, c) for r, code in zip(protocol.seeds, codes, strict=True) for c in range(m.classifier_seeds)]
    steps = sorted({*m.classifier_curve, m.classifier_steps})
    drawn = higgins.draw_all(models, grid, higgins.PAPER_FACTORS, m)
    accuracy = higgins.judge_points(drawn, models, higgins.PAPER_FACTORS, m, steps)
    scores = dict(zip(steps, accuracy.tolist(), strict=True))
    all_scores = scores.pop(m.classifier_steps)
    halves = {f"higgins_{n}": row for n, row in scores.items()}
    halves["higgins_converged"] = [higgins.converged_accuracy(*both) for both in drawn]
    best_halves = {name: higgins.best_half(row) for name, row in halves.items()}
    return {"higgins": higgins.best_half(all_scores), "higgins_all": all_scores, **best_halves}


def five_factor_scores(codes: Sequence[Tensor], grid: Grid, protocol: Protocol) -> Scores:
    """`higgins_k5`: shape can be the fixed factor too, one classifier a model."""
    m, models = protocol.metrics, [(code, r, 0) for r, code in zip(protocol.seeds, codes, strict=True)]
    return {"higgins_k5": higgins.judge(models, grid, higgins.ALL_FACTORS, m, [m.classifier_steps])[0].tolist()}


def dlib_score(code: Tensor, grid: Grid, protocol: Protocol, seed: int) -> dict[str, float]:
    """`higgins_dlib`: K = 5 with scikit-learn's classifier."""
    m = protocol.metrics
    train, test = higgins.points(code, grid, higgins.ALL_FACTORS, m, m.dlib_pairs, seed, 0)
    return {"higgins_dlib": higgins.logistic_accuracy(train, test, seed)}


def probe_scores(code: Tensor, grid: Grid, protocol: Protocol, seed: int) -> dict[str, float]:
    """`factor_probe` (mean accuracy over factors), `factor_probe_<factor>`, `r2_<factor>`; for codes of up to 64
    numbers `single_latent` (accuracy of the best latent alone, mean over factors), `single_gap` (lead over the second
    best)."""
    x, factors = _sample(code, grid, protocol.metrics.probe_train, protocol.metrics.probe_test, seed)
    values = [v.numpy() for v in grid.values]
    probe = factor_probe.probe(
        x, factors, values, grid.names, protocol.metrics.probe_train, protocol.metrics.probe_iterations
    )
    accuracy = probe["accuracy"]
    out = {"factor_probe": float(np.mean(list(accuracy.values())))}
    out |= {f"factor_probe_{name}": value for name, value in accuracy.items()}
    out |= {f"r2_{name}": value for name, value in probe["r2"].items()}
    if "single" in probe:
        best, gap = factor_probe.best_latents(probe["single"])
        out |= {"single_latent": float(best.mean()), "single_gap": float(gap.mean())}
    return out


def extra_scores(code: Tensor, grid: Grid, protocol: Protocol, seed: int) -> dict[str, float]:
    """`mig`, `sap`, `dci_d`, `dci_c`, `dci_i`, `factor_vae`, `factor_vae_latents` (those that it did not drop as
    constant), `active_latents` (variance over images > 0.01, as the active units of Burda et al. 2016); nothing for
    codes of more than 64 numbers (pixels), which these metrics are not made for."""
    if code.shape[1] > 64:
        return {}
    n = protocol.metrics.metric_train
    x, factors = _sample(code, grid, n, protocol.metrics.metric_test, seed + 500_000)
    train, test = (x[:n], factors[:n]), (x[n:], factors[n:])
    trees = dci.dci(*train, *test, model=protocol.metrics.dci_model, seed=seed)
    votes = factor_vae_score(
        code,
        grid,
        seed=1_000_003 * seed + 3,
        train_votes=n,
        test_votes=protocol.metrics.metric_test,
        variance_samples=n,
        threshold=protocol.metrics.factor_vae_threshold,
    )
    return {
        "mig": mig.mig(*train),
        "sap": sap.sap(*train, *test),
        "dci_d": trees.disentanglement,
        "dci_c": trees.completeness,
        "dci_i": trees.informativeness,
        "factor_vae": votes.score,
        "factor_vae_latents": float(votes.kept),
        "active_latents": float((code.var(0) > 0.01).sum()),
    }


def elbo_terms(system: Autoencoder, train: Split, grid: Grid, device: torch.device, seed: int) -> dict[str, float]:
    """`nll` and `kl` in nats an image, z drawn from the posterior, means over 1000 images."""
    rows = grid.sample_rows(min(1000, grid.available), torch.Generator().manual_seed(0)).sort()[0]
    images = torch.from_numpy(np.array(train.images[rows.numpy()])).to(device)
    measures = measure(prepare(system, device).eval(), images, seed)
    return {"nll": measures.nll, "kl": measures.kl}


def _sample(code: Tensor, grid: Grid, n_train: int, n_test: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes and factor classes of different random images. Raises DataError where the grid has too few."""
    rows = grid.sample_rows(n_train + n_test, torch.Generator().manual_seed(seed))
    return code[rows.to(code.device)].float().cpu().numpy(), grid.factors(rows).numpy()
