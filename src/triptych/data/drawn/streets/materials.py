"""How the surfaces of a street scene look: linear albedo and emitted light per pixel, from world positions.

Every function takes the pixels of one material as a `Pixels` and returns (albedo, emission), each float32 (n,
3). Fine texture fades with distance, where it would only alias.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from triptych.data.drawn.streets.world import Material

_TEXELS = 256


class Pixels(NamedTuple):
    """Flat arrays over n pixels: world position, and what the part and the light are like."""

    x: np.ndarray  # world X, Y, Z in metres
    y: np.ndarray
    z: np.ndarray
    along: np.ndarray  # horizontal coordinate within the part's plane
    colour: np.ndarray  # (n, 3) linear albedo of the part
    detail: np.ndarray  # (n, 4)
    zenith: np.ndarray  # (n, 3) of the sky
    horizon: np.ndarray
    clouds: np.ndarray
    cloud_at: np.ndarray
    rise: np.ndarray  # tangent of the elevation of the pixel's ray, for the sky
    turn: np.ndarray  # and of its azimuth


@functools.cache
def _fractal() -> np.ndarray:
    """A tile of 1/f noise, mean 0, standard deviation 1. Fixed: a texture, not a random choice."""
    rng = np.random.default_rng(7)
    fx, fy = np.meshgrid(np.fft.fftfreq(_TEXELS), np.fft.fftfreq(_TEXELS))
    frequency = np.hypot(fx, fy)
    frequency[0, 0] = np.inf
    tile = np.fft.ifft2(np.fft.fft2(rng.normal(size=(_TEXELS, _TEXELS))) / frequency).real
    return (tile / tile.std()).astype(np.float32)


@functools.cache
def _white() -> np.ndarray:
    return np.random.default_rng(8).uniform(size=(_TEXELS, _TEXELS)).astype(np.float32)


def _texture(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """1/f noise at (u, v) in texels."""
    return _fractal()[u.astype(np.int32) & 255, v.astype(np.int32) & 255]


def _grain(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Uniform noise per texel."""
    return _white()[np.floor(u).astype(np.int32) & 255, np.floor(v).astype(np.int32) & 255]


def _fade(z: np.ndarray, length: float) -> np.ndarray:
    return 1 / (1 + (z / length) ** 2)


def _tint(p: Pixels, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return p.colour * np.maximum(factor, 0.02)[:, None], np.zeros_like(p.colour)


def _sky(p: Pixels):
    up = np.maximum(p.rise, 0)
    blue = (1 - np.exp(-3.5 * up))[:, None]
    glow = p.horizon * (1 - blue) + p.zenith * blue
    depth = 1 / (up + 0.09)
    cloud = _texture(p.turn * depth * 14 + p.cloud_at, depth * 22 + 0.7 * p.cloud_at)
    cover = np.clip(0.55 * cloud + 2.2 * p.clouds - 1.1, 0, 1)[:, None] * 0.8
    white = p.horizon.mean(1, keepdims=True) * (1.12 - 0.16 * np.clip(cloud, -1, 2)[:, None])
    return np.zeros_like(p.colour), glow * (1 - cover) + white * cover


def _asphalt(p: Pixels):
    fine = (_grain(p.x * 14, p.z * 5) - 0.5) * 0.4 * _fade(p.z, 14)
    worn = 0.09 * _texture(p.x * 6, p.z * 1.2) + 0.05 * np.sin(p.x * (2 * np.pi / 1.65))
    return _tint(p, 1 + fine + worn)


def _paving(p: Pixels):
    joint = ((p.x % 0.75 < 0.1) | (p.z % 1.0 < 0.14)) * _fade(p.z, 11)
    slab = (_grain(p.x / 0.75, p.z) - 0.5) * 0.25 * _fade(p.z, 20)
    return _tint(p, 1 - 0.35 * joint + slab + 0.07 * _texture(p.x * 5, p.z * 2))


def _grass(p: Pixels):
    blades = (_grain(p.x * 9, p.z * 4) - 0.5) * 0.6 * _fade(p.z, 18)
    return _tint(p, 1 + blades + 0.16 * _texture(p.x * 5, p.z * 2))


def _facade(p: Pixels):
    """Rows of windows between plaster, and shop windows along the ground in some houses."""
    bay, floor, shop, seed = p.detail.T
    column, storey = p.along / bay, p.y / floor
    u, v = column % 1, storey % 1
    street_level = (storey < 1) & (shop > 0)
    wide = np.where(street_level, 0.44, 0.26)
    window = (np.abs(u - 0.5) < wide) & (v > np.where(street_level, 0.1, 0.28)) & (v < 0.8)
    frame = (np.abs(u - 0.5) < wide + 0.05) & (v > 0.2) & (v < 0.86) & ~window
    chance = _grain(column + seed, storey + 3 * seed)
    crisp = _fade(p.z, 60)  # far windows blend into the wall
    stain = 1 + 0.06 * _texture(p.along * 4 + seed, p.y * 5) - 0.12 * np.exp(-p.y / 0.8)
    wall = p.colour * (stain + 0.16 * frame - 0.1 * ((v < 0.06) & (storey > 0.5)))[:, None]
    sky = p.horizon * (0.05 + 0.22 * chance * np.clip(p.y / 12, 0.2, 1))[:, None]
    pane = np.array([0.05, 0.055, 0.065], np.float32) + 0.3 * p.colour * (chance > 0.72)[:, None]
    awning = street_level & (v >= 0.8) & (v < 0.95)
    stripe = _grain(np.full_like(seed, 5) + seed, 2 * seed)[:, None]
    cloth = np.concatenate([stripe, 0.6 - 0.5 * stripe, (3 * stripe) % 0.7], 1) * 0.6
    wall = np.where(awning[:, None], cloth, wall)
    mix = (window * (0.35 + 0.65 * crisp))[:, None]
    return wall * (1 - mix) + pane * mix, sky * mix


def _foliage(p: Pixels):
    clumps = _texture(p.along * 7, p.y * 7 + p.z)
    leaves = (_grain(p.along * 6, p.y * 6) - 0.5) * 0.7 * _fade(p.z, 25)
    return _tint(p, 0.85 + 0.3 * clumps + leaves)


def _paint(p: Pixels):
    """Lacquered metal: darker below, and above it mirrors the sky."""
    height = np.clip((p.y - 0.3) / 1.4, 0, 1)
    albedo, _ = _tint(p, 0.78 + 0.3 * height)
    return albedo, p.horizon * (0.05 * height)[:, None]


def _glass(p: Pixels):
    streak = 0.5 + 0.25 * _texture(p.along * 9, p.y * 9)
    mirrored = p.horizon * 0.6 + p.zenith * 0.4
    return p.colour, mirrored * (0.22 * np.clip(streak, 0, 1))[:, None]


def _cloth(p: Pixels):
    return _tint(p, 1 + 0.1 * _texture(p.along * 30, p.y * 30))


def _fence(p: Pixels):
    """Pickets with the dark of what lies behind showing between them."""
    pitch = p.detail[:, 0]
    gap = (p.along / pitch % 1 > 0.62) & (p.y % 1.0 > 0.16)
    crisp = _fade(p.z, 22)
    through = np.where(gap, 0.30 + 0.35 * (1 - crisp), 1 - 0.25 * (1 - crisp))
    return _tint(p, through + 0.06 * _texture(p.along * 20, p.y * 8))


def _masonry(p: Pixels):
    """Courses of stone or tiles; on walls (detail 0 = 1) weather stains."""
    course = ((p.y % 0.3 < 0.05) | ((p.along + 0.4 * (p.y // 0.3)) % 0.8 < 0.06)) * _fade(p.z, 14)
    stone = (_grain(p.along / 0.8 + 0.5 * (p.y // 0.3), p.y / 0.3) - 0.5) * 0.3 * _fade(p.z, 25)
    stains = 0.12 * p.detail[:, 0] * _texture(p.along * 10, p.y * 25)
    return _tint(p, 1 - 0.3 * course + stone + stains)


def _lamp(p: Pixels):
    return p.colour, p.colour * 0.9


def _line(p: Pixels):
    return _tint(p, 0.95 - 0.12 * np.clip(_texture(p.x * 30, p.z * 8), 0, 3))


SHADERS = {
    Material.SKY: _sky, Material.ASPHALT: _asphalt, Material.PAVING: _paving, Material.GRASS: _grass,
    Material.FACADE: _facade, Material.FOLIAGE: _foliage, Material.PAINT: _paint, Material.GLASS: _glass,
    Material.CLOTH: _cloth, Material.FENCE: _fence, Material.MASONRY: _masonry, Material.LAMP: _lamp,
    Material.LINE: _line,
}  # fmt: skip
