"""Rendered faces: shaded cartoon heads that turn, with known attributes (in place of CelebA).

A face is a function of its factors and of a few numbers of its own (place, proportions, strength of beard and smile,
colours of eyes and clothes). Factors are drawn independently of each other and uniformly, so no attribute tells
anything about another one. Binary attributes have CelebA's names and the values 0 and 1, as CelebA's have; factors that
CelebA does not know have names of their own.
"""

from __future__ import annotations

import zlib

import numpy as np
from pydantic import Field

from triptych.base.config import Strict
from triptych.data.drawn.faces.head import Head
from triptych.data.drawn.faces.paint import Face, paint
from triptych.data.drawn.noise import drawn, to_bytes
from triptych.data.format import Split

VALUES: dict[str, list[float]] = {
    "azimuth": [3.0 * k for k in range(-15, 16)],  # degrees; positive: the nose points to the right of the picture
    "lighting": [10.0 * k for k in range(-6, 7)],  # degrees; positive: light from the right
    "skin": [k / 6 for k in range(7)],  # 0 dark, 1 light
    "hair_colour": [k / 6 for k in range(7)],  # 0 black, through brown, 1 blond
    "hair_length": [k / 4 for k in range(5)],  # cropped to full on a Male, chin to shoulder otherwise
    "background": [k / 6 for k in range(7)],  # brightness of a plain wall
    "Male": [0, 1],  # jaw, brows, beard, hair above the ears
    "Smiling": [0, 1],
    "Eyeglasses": [0, 1],
    "Bangs": [0, 1],
}
NAMES = tuple(VALUES)
OWN = 12  # numbers in [0, 1) that are a face's own
_BLOCK = 2**15  # pixels worked on at a time: their arrays stay in a CPU's second-level cache


class Config(Strict):
    """Counts of the splits, a seed, and how many sub-pixels a side each pixel is the mean of."""

    train: int = Field(gt=0)
    test: int = Field(gt=0)
    seed: int = Field(ge=0)
    supersampling: int = Field(2, ge=1, le=4)


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits `train` and `test` of (n, 3, `size`, `size`) images with factors (n, 10), and the card.

    `factors.npy` holds indices into the values that the card lists. Image i of a split depends on (seed, split, i)
    only. Images over 1 GiB come as Chunks.
    """
    splits = {}
    for name in ("train", "test"):
        factors, own = draw_factors(name, config.seed, getattr(config, name))

        def block(rows: range, factors=factors, own=own) -> np.ndarray:
            part = slice(rows.start, rows.stop)
            return draw(factors[part], own[part], size, config.supersampling)

        splits[name] = Split(drawn(block, len(factors), size), factors=factors)
    card = {
        "title": "rendered faces",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.faces",
        "parameters": config.model_dump(),
        "factors": [{"name": name, "values": values} for name, values in VALUES.items()],
    }
    return splits, card


def draw_factors(split: str, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Factor indices, int64 (n, 10), and the faces' own numbers, float32 (n, OWN). Longer sets begin with shorter."""
    rng = np.random.default_rng([seed, zlib.crc32(f"faces/{split}".encode())])
    uniform = rng.random((n, len(NAMES) + OWN), dtype=np.float32)
    levels = np.array([len(values) for values in VALUES.values()])
    factors = np.minimum((uniform[:, : len(NAMES)] * levels).astype(np.int64), levels - 1)
    return factors, uniform[:, len(NAMES) :]


def draw(factors: np.ndarray, own: np.ndarray, size: int = 64, supersampling: int = 2) -> np.ndarray:
    """Factor indices (n, 10) and own numbers (n, OWN) -> images uint8 (n, 3, size, size).

    Raises ValueError where an index is out of range.
    """
    levels = np.array([len(values) for values in VALUES.values()])
    if factors.shape != (len(own), len(NAMES)) or ((factors < 0) | (factors >= levels)).any():
        raise ValueError(f"factors must be (n, {len(NAMES)}) indices below {levels.tolist()}")
    canvas = size * supersampling
    step = max(1, _BLOCK // canvas**2)
    out = np.empty((len(factors), 3, size, size), np.uint8)
    for at in range(0, len(factors), step):
        part = slice(at, at + step)
        out[part] = to_bytes(_shrunk(_draw(factors[part], own[part], canvas), supersampling))
    return out


def _shrunk(pictures: np.ndarray, by: int) -> np.ndarray:
    """Means over squares of `by` x `by` pixels of (n, 3, h, w)."""
    rows = sum(pictures[:, :, i::by] for i in range(by))
    return sum(rows[..., j::by] for j in range(by)) / by**2


def _draw(factors: np.ndarray, own: np.ndarray, canvas: int) -> np.ndarray:
    """Images (n, 3, canvas, canvas) in [0, 1]."""
    columns = {}
    for k, (name, values) in enumerate(VALUES.items()):
        columns[name] = np.array(values, np.float32)[factors[:, k], None, None]
    u = [own[:, k, None, None] for k in range(OWN)]
    male = columns["Male"]
    head = Head(
        x=0.07 * (u[0] - 0.5),
        y=0.02 + 0.06 * (u[1] - 0.5),
        width=(0.52 + 0.04 * male) * (1 + 0.1 * (u[2] - 0.5)),
        height=0.74 * (1 + 0.06 * (u[3] - 0.5)),
        azimuth=np.deg2rad(columns["azimuth"]),
        jaw=male,
        canvas=canvas,
    )
    smile = np.where(columns["Smiling"] > 0, 0.75 + 0.25 * u[4], 0.0).astype(np.float32)
    face = Face(
        head=head,
        light=np.deg2rad(columns["lighting"]),
        skin=columns["skin"],
        hair_colour=columns["hair_colour"],
        hair_length=columns["hair_length"],
        background=columns["background"],
        male=male,
        smile=smile,
        glasses=columns["Eyeglasses"],
        bangs=columns["Bangs"],
        own=u[5:],
    )
    return paint(face)
