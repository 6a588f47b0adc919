"""Fruit in two unpaired domains, for what CycleGAN can translate and what it cannot: skin, and shape.

    task      domain A                 domain B
    texture   apple skin               orange skin              shapes mixed alike in both
    geometry  round                    long and bent            skins mixed alike in both

Both shapes cover the same area on average and lie on the same grounds in the same light, so that only what the task
names tells the domains apart. The paper's pairs of that kind are apple <-> orange, which works, and dog <-> cat, which
does not (Zhu et al. 2017, section 6 and figure 17). Real folders of the layout trainA, trainB, testA, testB take the
same place with `source: folder`.
"""

from __future__ import annotations

import zlib
from typing import Literal

import numpy as np
from pydantic import Field

from triptych.base.config import Strict
from triptych.data.format import Split

_BATCH = 64  # images drawn together
_DRAWS = 40  # random numbers of an image

DOMAINS = {"texture": ("apple skin", "orange skin"), "geometry": ("round", "long")}


class Config(Strict):
    task: Literal["texture", "geometry"]
    train: int = Field(300, gt=0, description="images of each domain")
    test: int = Field(100, gt=0, description="images of each domain")
    seed: int = Field(0, ge=0)
    supersample: int = Field(2, gt=0, le=8, description="pixels are averages of supersample² points")


def render(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """Splits trainA, trainB, testA, testB: images uint8 (N, 3, size, size).

    Image i of a split depends on (seed, task, split, i) alone: a larger set begins with the smaller one.
    """
    splits = {}
    for name in ("trainA", "trainB", "testA", "testB"):
        count = config.train if name.startswith("train") else config.test
        splits[name] = Split(images=draw(config, name, count, size)[0])
    card = {
        "title": f"rendered fruit, {config.task}",
        "source": "rendered",
        "licence": "drawn by this project, under its licence",
        "made_by": "triptych.data.drawn.fruit",
        "domains": list(DOMAINS[config.task]),
    }
    return splits, card


def draw(config: Config, split: str, count: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The first `count` images of a split: images uint8 (n, 3, size, size), silhouettes bool (n, size, size), and what
    they show, bool (n,): orange skin, long shape."""
    key = [config.seed, zlib.crc32(config.task.encode()), zlib.crc32(split.encode())]
    u = np.random.default_rng(key).random((count, _DRAWS), np.float32)
    of_b, coin = np.full(count, split.endswith("B")), u[:, 0] < 0.5
    orange, long = (of_b, coin) if config.task == "texture" else (coin, of_b)
    blocks = [
        _shade(u[rows], orange[rows], long[rows], size, config.supersample)
        for rows in np.split(np.arange(count), range(_BATCH, count, _BATCH))
    ]
    images, masks = (np.concatenate(x) for x in zip(*blocks))
    return images, masks, orange, long


def _shade(u: np.ndarray, orange: np.ndarray, long: np.ndarray, size: int, fine: int) -> tuple[np.ndarray, np.ndarray]:
    """Random numbers (n, _DRAWS) -> images, silhouettes."""
    n, side = len(u), size * fine
    at = ((np.arange(side, dtype=np.float32) + 0.5) / side * 2 - 1)[None, :]
    x, y = np.broadcast_to(at[:, None, :], (n, side, side)), np.broadcast_to(at[:, :, None], (n, side, side))
    p, q, inside = _surface(x, y, u, long)
    height = np.sqrt(np.clip(1 - p * p - q * q, 0, 1))
    skin, bumps, gloss = _skin(p, q, height, u, orange)
    lit = _light(p, q, height, bumps, gloss, u)
    fruit = skin * lit[0][..., None] + 255 * lit[1][..., None]
    picture = np.where(inside[..., None], fruit, _ground(x, y, u))
    cells = picture.reshape(n, size, fine, size, fine, 3).mean((2, 4))
    grain = np.stack([np.random.default_rng(zlib.crc32(row)).normal(0, 2.5, cells.shape[1:]) for row in u])
    images = np.clip(cells + grain, 0, 255).round().astype(np.uint8).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(images), inside.reshape(n, size, fine, size, fine).mean((2, 4)) >= 0.5


def _col(u: np.ndarray, k: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """The k-th random number of each image, scaled, (n, 1, 1)."""
    return (low + (high - low) * u[:, k])[:, None, None]


def _surface(x, y, u, long) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Canvas in [-1, 1]² -> place on the fruit (p, q), a unit disc, and whether it is there. Round: an ellipse that is
    nearly a circle. Long: an ellipse 2.5 times as long as wide, bent along a parabola. Both of area pi r²."""
    long = long[:, None, None]
    radius = _col(u, 1, 0.46, 0.56)
    stretch = np.where(long, 1.58, _col(u, 2, 0.95, 1.05))
    bend = np.where(long, _col(u, 3, 0.30, 0.50), 0.0)
    angle = _col(u, 4, 0, 2 * np.pi)
    x, y = x - _col(u, 5, -0.1, 0.1), y - _col(u, 6, -0.1, 0.1)
    along, across = (x * np.cos(angle) + y * np.sin(angle)) / radius, (-x * np.sin(angle) + y * np.cos(angle)) / radius
    across = across - bend * (along * along - 0.65)
    p, q = along / stretch, across * stretch
    return p, q, p * p + q * q <= 1


def _waves(p, q, u, first: int, frequency: float) -> np.ndarray:
    """Three crossed waves of about `frequency` radians a unit, random directions and phases; in [-1, 1]."""
    total = 0.0
    for k in range(3):
        angle = _col(u, first + 2 * k, 0, np.pi / 3) + k * np.pi / 3
        phase = _col(u, first + 2 * k + 1, 0, 2 * np.pi)
        total = total + np.sin(frequency * (p * np.cos(angle) + q * np.sin(angle)) + phase)
    return total / 3


def _skin(p, q, height, u, orange) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colour (n, h, w, 3) in grey levels, relief and gloss (n, h, w).

    Apple: red with a yellow-green side and streaks of both along the fruit, smooth and glossy. Orange: one colour,
    pores all over, matt. Both with the dark place of the stem.
    """
    red = np.stack(np.broadcast_arrays(_col(u, 7, 165, 205), _col(u, 8, 22, 50), _col(u, 9, 28, 50)), -1)
    green = np.stack(np.broadcast_arrays(_col(u, 10, 190, 225), _col(u, 11, 175, 205), _col(u, 12, 60, 95)), -1)
    streaks = _waves(0.6 * p, 2.2 * q, u, 13, 7.0)
    blush = _col(u, 19, -0.25, 0.25) + 0.9 * (q * np.cos(_col(u, 20, 0, 6.28)) + p * np.sin(_col(u, 20, 0, 6.28)))
    share = 1 / (1 + np.exp(-(6 * blush + 3.0 * streaks - 2.0)))[..., None]
    apple = red * (1 - share) + green * share
    pores = _waves(p, q, u, 21, 24.0) * _waves(p, q, u, 27, 15.0)
    peel = np.stack(np.broadcast_arrays(_col(u, 7, 235, 250), _col(u, 8, 125, 155), _col(u, 9, 15, 40)), -1)
    peel = peel * (1 + 0.30 * pores[..., None])
    kind = orange[:, None, None]
    colour = np.where(kind[..., None], peel, apple)
    near = (p - _col(u, 33, -0.45, 0.45)) ** 2 + (q - _col(u, 34, -0.45, 0.45)) ** 2
    stem = np.exp(-near / 0.012)[..., None]
    dark = np.where(kind[..., None], np.array([95, 105, 45]), np.array([70, 45, 30]))
    return colour * (1 - stem) + dark * stem, np.where(kind, pores, 0.0), np.where(kind, 0.12, 0.55)


def _light(p, q, height, bumps, gloss, u) -> tuple[np.ndarray, np.ndarray]:
    """Diffuse factor and highlight, (n, h, w), under a light from above the canvas at a random side."""
    side = _col(u, 35, 0, 2 * np.pi)
    lx, ly, lz = 0.5 * np.cos(side), 0.5 * np.sin(side), 0.86
    slope = np.clip(p * lx + q * ly + height * lz + 0.12 * bumps, 0, 1)
    toward = p * 0.27 * np.cos(side) + q * 0.27 * np.sin(side) + height * 0.963  # half way to the eye
    return 0.45 + 0.62 * slope, gloss * np.clip(toward, 0, 1) ** 60


def _ground(x, y, u) -> np.ndarray:
    """A pale table, a little brighter to one side."""
    tint = np.stack(np.broadcast_arrays(_col(u, 36, 212, 228), _col(u, 37, 212, 226), _col(u, 38, 206, 226)), -1)
    way = _col(u, 39, 0, 2 * np.pi)
    return tint * (1 + 0.06 * (x * np.cos(way) + y * np.sin(way)))[..., None]
