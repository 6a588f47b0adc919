"""Traversals on faces, 3-D heads and chairs (Higgins et al. 2017, Figures 1 to 4), judged by numbers.

The paper shows them and lets the reader judge. Here a net that was trained on the known factors reads them off the
traversed images: a latent of a disentangled code changes one factor and leaves the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from triptych.base.config import ProtocolSection, Seeds, Strict, validate
from triptych.base.pixels import unit_to_uint8_half_up
from triptych.base.results import Result
from triptych.beta_vae.shapes.figures.reports import traverse
from triptych.beta_vae.shapes.parts.system import Decoder
from triptych.beta_vae.studies.traversals.factor_net import Factor, FactorNet, NetConfig, describe, train_net
from triptych.beta_vae.studies.traversals.following import Follower, follow, summarise
from triptych.beta_vae.vae.autoencoder import Autoencoder
from triptych.beta_vae.vae.objective import beta_of, kl_per_latent
from triptych.beta_vae.vae.vae import VaeConfig
from triptych.common.rows import build_row, row_module
from triptych.data.format import Dataset
from triptych.data.spec import Spec
from triptych.engine import Replica, inference

COUNTED = 1024  # images (or codes) that a latent's information is measured on


class Set(Strict):
    """One dataset. `periods`: its factors that are angles, with what once around is; `classes`: factors whose numbers
    are names only; `systems`: parameters of systems of the table `shapes`."""

    periods: dict[str, float] = {}
    classes: list[str] = []
    systems: dict[str, dict[str, Any]] = Field(min_length=1)

    @field_validator("systems")
    @classmethod
    def _systems_are_valid(cls, sections: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, section in sections.items():
            config_of(name, section)
            if not issubclass(row_module(ROWS, name).System, Decoder):
                raise ValueError(f"{name} draws no pictures, so that its latents cannot be traversed")
        return sections


class Protocol(ProtocolSection):
    """A latent is active from `active` nats on. It follows its strongest factor if that has `least_share` of the total
    change and changes by `least_change` of its variance over the data. The latter three are this project's choices, as
    is the net."""

    seeds: Seeds
    values: int = Field(7, ge=3)  # of a traversed latent
    reach: float = Field(3.0, gt=0)  # a VAE's latents go from −reach to reach; the paper's
    code_reach: float = Field(1.0, gt=0)  # InfoGAN's codes; the paper's
    starts: int = Field(16, gt=0)  # images that traversals start from
    active: float = Field(0.1, ge=0)
    least_share: float = Field(0.5, ge=0, le=1)
    least_change: float = Field(0.1, ge=0)
    net: NetConfig = NetConfig()
    sets: dict[str, Set] = Field(min_length=1)

    def datasets(self) -> list[str]:
        """The prepared datasets that the study needs."""
        return list(self.sets)


@dataclass(frozen=True)
class Job:
    """One training: of the system called `name`, or of the judge."""

    name: str
    seed: int


@dataclass(frozen=True)
class Traversed:
    """Latents in falling order of information, and what was decoded: uint8 (starts, latents, values, C, H, W)."""

    latents: list[int]
    information: list[float]  # nats
    pictures: np.ndarray


@dataclass(frozen=True)
class Judge:
    """Weights of the net, and its R² by factor."""

    weights: dict[str, np.ndarray]
    r2: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """One trained system: its traversals, and what each of its active latents does."""

    traversed: Traversed
    followers: list[Follower]
    metrics: dict[str, float]


ROWS = "triptych.beta_vae.shapes.rows"
JUDGE = "factor_net"


def config_of(name: str, section: dict[str, Any]) -> Strict:
    """The parameters of the row `name` of `shapes`. Raises ParamsError."""
    return validate(row_module(ROWS, name).Config, section, f"systems.{name}")


def jobs(protocol: Protocol, dataset: str) -> list[Job]:
    """The judge and every system, with every seed."""
    return [Job(name, seed) for seed in protocol.seeds for name in (JUDGE, *protocol.sets[dataset].systems)]


def run(job: Job, protocol: Protocol, dataset: Dataset, replica: Replica) -> Traversed | Judge:
    """Do one job; jobs do not depend on each other. What it returns holds numbers and numpy arrays only."""
    train, factors = dataset["train"], factors_of(protocol, dataset)
    if job.name == JUDGE:
        net, r2 = train_net(train.images, train.factors, factors, protocol.net, replica)
        return Judge({k: v.cpu().numpy() for k, v in net.state_dict().items()}, r2)
    config = config_of(job.name, protocol.sets[dataset.path.name].systems[job.name])
    system = build_row(ROWS, job.name, config, numbered(Spec.of(dataset)), job.seed).to(replica.device)
    system.fit(train.images, train.factors, replica)
    return traversals(system.eval(), train.images, protocol, replica.device)


def judge(
    jobs: Sequence[Job], results: Sequence[Traversed | Judge], protocol: Protocol, dataset: Dataset
) -> tuple[dict[str, list[Outcome]], dict[str, list[float]]]:
    """`results[i]` is that of `jobs[i]`. -> {system: [an Outcome a seed]}, {factor: [the net's R² a seed]}."""
    factors = factors_of(protocol, dataset)
    judges = {job.seed: result for job, result in zip(jobs, results) if job.name == JUDGE}
    nets = {seed: _net(made, factors, dataset, protocol) for seed, made in judges.items()}
    outcomes: dict[str, list[Outcome]] = {}
    for job, result in zip(jobs, results):
        if job.name != JUDGE:
            outcomes.setdefault(job.name, []).append(_outcome(result, nets[job.seed], factors, protocol))
    return outcomes, {f.name: [made.r2[f.name] for made in judges.values()] for f in factors}


def evaluate(
    outcomes: Mapping[str, list[Outcome]], r2: Mapping[str, list[float]], dataset: Dataset, protocol: Protocol
) -> dict[str, Result]:
    """System -> its line of the study's table, from what `judge` found: one value a seed of each metric."""
    return {
        name: Result(
            {key: [outcome.metrics[key] for outcome in of_seeds] for key in of_seeds[0].metrics},
            notes(of_seeds, r2, dataset, name, protocol),
        )
        for name, of_seeds in outcomes.items()
    }


def notes(
    of_seeds: Sequence[Outcome], r2: Mapping[str, list[float]], dataset: Dataset, name: str, protocol: Protocol
) -> list[str]:
    """What a reader of the numbers should know: the judge's R², what is followed, β as it was used."""
    judged = ", ".join(f"{k} {np.mean(v):.2f}" for k, v in r2.items())
    least = (protocol.least_share, protocol.least_change)
    found = {f.follows for o in of_seeds for f in o.followers if f.share >= least[0] and f.change >= least[1]}
    out = [f"R² of the net that reads the factors, on images that it was not trained on: {judged}"]
    out.append(f"followed by some latent: {', '.join(sorted(found)) or 'no factor'}")
    config = config_of(name, protocol.sets[dataset.path.name].systems[name])
    if isinstance(config, VaeConfig) and config.beta_norm is not None:
        beta = beta_of(config.beta_norm, config.latents, int(np.prod(dataset.image_shape)))
        out.append(f"β_norm = {config.beta_norm:g}: β = {beta:.3g} for {config.latents} latents on these images")
    return out


def factors_of(protocol: Protocol, dataset: Dataset) -> list[Factor]:
    """The factors of `dataset`, as its set in `protocol` describes them."""
    own = protocol.sets[dataset.path.name]
    return describe(dataset.factors, dataset["train"].factors, own.periods, own.classes)


def numbered(spec: Spec) -> Spec:
    """With numbers in place of factor values that are texts, for systems that know grids of numbers only."""
    factors = [
        {**f, "values": list(range(len(f["values"])))} if any(isinstance(v, str) for v in f["values"]) else f
        for f in spec.factors
    ]
    return Spec(spec.image_shape, spec.n_classes, spec.classes, factors)


@torch.inference_mode()
def traversals(system: nn.Module, images: np.ndarray, protocol: Protocol, device: torch.device) -> Traversed:
    """Traverse every active latent from the same random images, whatever the system and its seed."""
    nats = information(system, images, device)
    order = [j for j in nats.argsort(descending=True).tolist() if nats[j] >= protocol.active]
    rows = np.random.default_rng(0).choice(len(images), protocol.starts, replace=False)
    starts = torch.from_numpy(np.array(images[rows])).to(device)
    reach = protocol.reach if isinstance(system, Autoencoder) else protocol.code_reach
    shape = (len(rows), len(order), protocol.values, *images.shape[1:])
    pictures = np.zeros(shape, np.uint8)
    for at, start in enumerate(starts if order else []):
        decoded = traverse(system, start, order, -reach, reach, protocol.values)
        pictures[at] = unit_to_uint8_half_up(decoded).cpu().numpy()
    return Traversed(order, [float(nats[j]) for j in order], pictures)


@torch.inference_mode()
def information(system: nn.Module, images: np.ndarray, device: torch.device) -> Tensor:
    """Nats that each latent carries, (M,): the mean KL of its posterior to the prior.

    For a GAN's codes c, uniform on (−1, 1): what its inference net's error e tells, ½ log(var c / mean e²), a lower
    bound on the information were both Gaussian.
    """
    if isinstance(system, Autoencoder):
        rows = np.sort(np.random.default_rng(0).permutation(len(images))[:COUNTED])
        sample = torch.from_numpy(np.array(images[rows]))
        both = inference(lambda x: torch.stack(system.posterior(x), 1), sample, device)
        return kl_per_latent(both[:, 0], both[:, 1]).mean(0)
    codes = torch.rand(COUNTED, system.config.codes, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def recovered(codes: Tensor) -> Tensor:
        return system.encode(unit_to_uint8_half_up(system.decode(codes)))

    error = (inference(recovered, codes, device) - codes).square().mean(0)
    return (0.5 * torch.log(codes.var(0) / error.clamp(min=1e-9))).clamp(min=0)


def _net(made: Judge, factors: Sequence[Factor], dataset: Dataset, protocol: Protocol) -> FactorNet:
    net = FactorNet(dataset.image_shape, sum(f.points.shape[1] for f in factors), protocol.net.width)
    net.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in made.weights.items()})
    return net.eval()


def _outcome(made: Traversed, net: FactorNet, factors: Sequence[Factor], protocol: Protocol) -> Outcome:
    pictures = made.pictures
    followers = []
    if made.latents:
        points = inference(net, pictures.reshape(-1, *pictures.shape[3:]), torch.device("cpu"))
        points = points.unflatten(0, pictures.shape[:3])
        for at, (latent, nats) in enumerate(zip(made.latents, made.information)):
            followers.append(follow(points[:, at], factors, latent, nats))
    return Outcome(made, followers, summarise(followers, factors, protocol.least_share, protocol.least_change))
