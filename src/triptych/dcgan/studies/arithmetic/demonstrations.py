"""Walks, sums and turns in the code space (paper, sections 6.1 and 6.3.2; figures 4, 7 and 8), each as numbers and
pictures of one generator. The first draw is shown, whatever it is."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from triptych.base.config import Strict
from triptych.base.pixels import signed, to_uint8
from triptych.dcgan.studies.arithmetic import latent
from triptych.dcgan.studies.arithmetic.code_lab import Lab, right

Numbers = dict[str, float]
Pictures = dict[str, np.ndarray]  # uint8 (…, C, H, W)


class Exemplars(Strict):
    """Exemplars are drawn `draws` times from the `candidates` best samples; `exemplars` per concept, `around` further
    images within ±`noise` of the result."""

    candidates: int = Field(ge=1)
    draws: int = Field(ge=1)
    exemplars: int = Field(default=3, ge=1)
    around: int = Field(default=8, ge=0)
    noise: float = Field(default=0.25, ge=0)


class Interpolation(Strict):
    """`series` of `points` random codes; neighbours are joined by `steps` equal steps."""

    series: int = Field(ge=1)
    points: int = Field(default=9, ge=2)
    steps: int = Field(default=8, ge=1)


class Pair(Strict):
    """A: `changed` on, B: `changed` off, both with `across` = `start`; C: `changed` off and `across` the other way.
    A − B + C should have `changed` on and `across` as C has it (smiling woman − neutral woman + neutral man)."""

    changed: str
    across: str
    start: Literal[0, 1]

    @model_validator(mode="after")
    def _two_attributes(self) -> Pair:
        if self.changed == self.across:
            raise ValueError(f"changed and across are both {self.changed!r}; a pair needs two attributes")
        return self


class Turn(Strict):
    """The direction between the means of `exemplars` samples at either end of the `factor`; `starts` random codes are
    moved along it, at `points` places from −`reach` to +`reach` of its length. factor: null if the data have none."""

    factor: str | None
    exemplars: int = Field(default=4, ge=1)
    starts: int = Field(ge=1)
    points: int = Field(default=9, ge=3)
    reach: float = Field(default=0.5, gt=0)


def interpolate(lab: Lab, config: Interpolation) -> tuple[Numbers, np.ndarray]:
    """Steps along the walks relative to the distance of two unrelated samples (1/steps where nothing jumps), and the
    distance to the nearest real image at the points and half-way between them. Pictures (rows, steps + 1, C, H, W): the
    first series."""
    _, draw = lab.random("interpolation")
    points = lab.codes(config.series * config.points, draw).unflatten(0, (config.series, config.points))
    path = latent.walk(points, config.steps)
    images = lab.generate(path.flatten(0, 1)).unflatten(0, path.shape[:2])
    steps = latent.step_distances(images) / latent.pair_distance(lab.samples)
    half_way = images[:, config.steps // 2 :: config.steps][:, : config.points - 1]
    numbers = {
        "mean_step": float(steps.mean()),
        "max_step": float(steps.amax(1).mean()),
        "distance": lab.real.median(images[:, :: config.steps].flatten(0, 1)),
        "distance_half_way": lab.real.median(half_way.flatten(0, 1)),
    }
    rows = [images[0, i * config.steps : (i + 1) * config.steps + 1] for i in range(config.points - 1)]
    return numbers, torch.stack(rows).numpy()


def add_up(lab: Lab, name: str, pair: Pair, config: Exemplars) -> tuple[Numbers, Pictures]:
    """A − B + C over many draws of exemplars.

    success: share of sums, one a draw, with both attributes as they should be; distance: to the nearest real image, in
    units of a real one's. `_around`: the sums and the images of codes around them. `_1`: single exemplars. `_pixels`:
    sums of images (one a draw, cut off at black and white). exemplars_right: share of exemplars that are read as what
    they are to be examples of. chance: success of samples as they come. Pictures: those of the first draw."""
    rng, draw = lab.random(name)
    concepts = {
        "a": {pair.changed: 1, pair.across: pair.start},
        "b": {pair.changed: 0, pair.across: pair.start},
        "c": {pair.changed: 0, pair.across: 1 - pair.start},
    }
    target = {pair.changed: 1, pair.across: 1 - pair.start}
    names = lab.reader.attributes
    rows = {
        key: latent.choose(lab.score(wanted), config.candidates, config.exemplars, config.draws, rng)
        for key, wanted in concepts.items()
    }
    numbers: Numbers = {}
    pictures: Pictures = {}
    for label, count in (("", config.exemplars), ("_1", 1)):
        parts = [rows[key][:, :count] for key in concepts]
        centres = latent.combine(*(lab.pool[part] for part in parts))
        codes = latent.around(centres, config.around, config.noise, draw)
        made = lab.generate(codes.flatten(0, 1))
        summed = to_uint8(latent.combine(*(signed(lab.samples[part]) for part in parts)))
        sums = made[:: 1 + config.around]
        for space, images in (("", sums), ("_around", made), ("_pixels", summed)):
            readings = lab.reader.read(images)
            numbers[f"success{space}{label}"] = float(right(readings, names, target).double().mean())
            numbers[f"distance{space}{label}"] = lab.real.median(images)
        pictures[f"result{label}"] = made[: 1 + config.around].numpy()
        pictures[f"pixels{label}"] = summed[:1].numpy()
    for key in concepts:
        mean = lab.generate(lab.pool[rows[key][:1]].mean(1))
        pictures[key] = torch.cat([lab.samples[rows[key][0]], mean]).numpy()
    chosen = [right(lab.readings, names, wanted)[rows[key]] for key, wanted in concepts.items()]
    numbers["exemplars_right"] = float(torch.stack(chosen).double().mean())
    numbers["chance"] = float(right(lab.readings, names, target).double().mean())
    return numbers, pictures


def turn(lab: Lab, config: Turn, exemplars: Exemplars) -> tuple[Numbers, Pictures]:
    """Random codes moved along the turn vector. rank_correlation: of place and azimuth read, mean over starts and
    draws, with the means of several exemplars, with single ones (`_1`), with a random direction of the same length
    (`_random`), and adding the difference of the images to the image (`_pixels`). range: azimuth at the last place
    less that at the first. kept: share of attributes that are read as in the middle, over the other places. distance:
    to the nearest real image, at both ends."""
    rng, draw = lab.random("turn")
    angle = lab.readings.angle
    left = latent.choose(-angle, exemplars.candidates, config.exemplars, exemplars.draws, rng)
    right_ = latent.choose(angle, exemplars.candidates, config.exemplars, exemplars.draws, rng)
    starts = lab.codes(exemplars.draws * config.starts, draw).unflatten(0, (exemplars.draws, config.starts))
    still = signed(lab.generate(starts.flatten(0, 1)).unflatten(0, starts.shape[:2]))
    places = torch.linspace(-config.reach, config.reach, config.points).tolist()

    def moved(direction: Tensor) -> Tensor:
        path = latent.along(starts, direction, places)
        return lab.generate(path.flatten(0, 2)).unflatten(0, path.shape[:3])

    vector = lab.pool[right_].mean(1) - lab.pool[left].mean(1)
    aimless = torch.randn(vector.shape, generator=draw)
    aimless = aimless * vector.norm(dim=-1, keepdim=True) / aimless.norm(dim=-1, keepdim=True)
    ends = [signed(lab.samples[rows].float().mean(1)) for rows in (left, right_)]
    difference = (ends[1] - ends[0]).flatten(1)
    summed = to_uint8(latent.along(still.flatten(2), difference, places)).unflatten(-1, still.shape[2:])
    kinds = {
        "": moved(vector),
        "_1": moved(lab.pool[right_[:, 0]] - lab.pool[left[:, 0]]),
        "_random": moved(aimless),
        "_pixels": summed,
    }
    numbers: Numbers = {}
    for label, images in kinds.items():
        for metric, value in _turned(lab, images).items():
            numbers[f"{metric}{label}"] = value
    shown = torch.cat([lab.samples[left[0]], lab.samples[right_[0]]])
    return numbers, {"ends": shown.numpy(), "result": kinds[""][0, :8].numpy(), "pixels": summed[0, :8].numpy()}


def _turned(lab: Lab, images: Tensor) -> Numbers:
    """Metrics of images (draws, starts, places, C, H, W)."""
    shape = images.shape[:3]
    readings = lab.reader.read(images.flatten(0, 2))
    angle = readings.angle.unflatten(0, shape)
    on = (readings.probabilities > 0.5).unflatten(0, shape)
    middle = shape[2] // 2
    others = [place for place in range(shape[2]) if place != middle]
    same = on[:, :, others] == on[:, :, [middle]]
    return {
        "rank_correlation": float(latent.spearman(angle).mean()),
        "range": float((angle[..., -1] - angle[..., 0]).mean()),
        "kept": float(same.double().mean()),
        "distance": lab.real.median(images[:, :, [0, -1]].flatten(0, 2)),
    }
