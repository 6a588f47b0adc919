"""From a scene's parts to its label map and its photo.

Parts are painted into a map of part numbers at a multiple of the final resolution. Labels are that map's
classes at the final pixels' centres; the photo is shaded at full resolution, from each pixel's world
position, and averaged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from triptych.data.drawn.noise import to_bytes
from triptych.data.drawn.streets.light import Light
from triptych.data.drawn.streets.materials import SHADERS, Pixels
from triptych.data.drawn.streets.world import Material, Part, Scene

# How far a material is from a flat plane: a sun behind the part still lights some of it.
_SOFT = np.zeros(len(Material), np.float32)
_SOFT[[Material.FOLIAGE, Material.CLOTH, Material.PAINT]] = 0.5, 0.3, 0.3


class Raster(NamedTuple):
    """Part number (index into `parts`), and shadow, of every pixel of an image of side S."""

    part: np.ndarray  # int32 (S, S)
    shadow: np.ndarray  # uint8 (S, S): 0 lit, 1 no direct sun, 2 under something
    parts: list[Part]
    camera: np.ndarray  # fx, fy, x0, y0, height


def rasterise(scene: Scene, side: int) -> Raster:
    """Paint a scene's parts in order on side×side pixels."""
    from PIL import Image, ImageDraw

    image = Image.new("I", (side, side))
    draw = ImageDraw.Draw(image)
    for k, part in enumerate(scene.parts):
        draw.polygon(_pixels(part.screen, side), fill=k)
    shadow = Image.new("L", (side, side))
    draw = ImageDraw.Draw(shadow)
    for level, polygons in ((1, scene.shadows), (2, scene.contacts)):
        for polygon in polygons:
            draw.polygon(_pixels(polygon, side), fill=level)
    return Raster(np.array(image, np.int32), np.array(shadow), scene.parts, np.array(scene.camera, np.float32))


def label_map(raster: Raster, size: int) -> np.ndarray:
    """Raw ids, uint8 (size, size): the class at (or next to) the centre of each pixel."""
    ids = np.array([part.class_id for part in raster.parts], np.uint8)
    step = len(raster.part) // size
    return ids[raster.part[step // 2 :: step, step // 2 :: step]]


def photo(rasters: list[Raster], lights: list[Light], size: int, noise: np.ndarray) -> np.ndarray:
    """Shade n scenes: uint8 (n, 3, size, size). `noise`, of that shape, is the sensor's, standard normal."""
    offsets = np.cumsum([0] + [len(r.parts) for r in rasters[:-1]])
    part = np.stack([r.part + offset for r, offset in zip(rasters, offsets)]).ravel()
    parts = [p for r in rasters for p in r.parts]
    image = np.repeat(np.arange(len(rasters)), rasters[0].part.size)
    table = part_table(parts)
    light = _light_table(lights)
    geometry = world_of_pixels(rasters, table, part, image)
    radiance = _shade(part, image, table, light, geometry, np.stack([r.shadow for r in rasters]).ravel())
    step = len(rasters[0].part) // size
    linear = radiance.reshape(len(rasters), size, step, size, step, 3).mean((2, 4))
    encoded = np.clip(linear, 0, None) ** (1 / 2.2)
    encoded = encoded / (1 + 0.18 * encoded**3) * 1.06  # a soft shoulder instead of burnt-out skies
    pixels = encoded.transpose(0, 3, 1, 2) + 0.012 * noise
    return to_bytes(pixels)


class PartTable(NamedTuple):
    material: np.ndarray
    axis: np.ndarray
    at: np.ndarray
    facing: np.ndarray
    colour: np.ndarray  # linear
    detail: np.ndarray


def part_table(parts: list[Part]) -> PartTable:
    return PartTable(
        np.array([p.material for p in parts], np.int8),
        np.array([p.axis for p in parts], np.int8),
        np.array([p.at for p in parts], np.float32),
        np.array([p.facing for p in parts], np.float32),
        np.array([p.colour for p in parts], np.float32) ** 2.2,
        np.array([p.detail for p in parts], np.float32),
    )


def _light_table(lights: list[Light]) -> Light:
    """The lights of a batch, field by field, as float32 arrays."""
    return Light(*(np.array(field, np.float32) for field in zip(*lights)))


def world_of_pixels(
    rasters: list[Raster], table: PartTable, part: np.ndarray, image: np.ndarray
) -> tuple[np.ndarray, ...]:
    """World X, Y, Z of each pixel on its part's plane, and the two tangents of its ray."""
    side = len(rasters[0].part)
    fx, fy, x0, y0, height = np.stack([r.camera for r in rasters])[image].T
    centre = (np.arange(side, dtype=np.float32) + 0.5) / side
    turn = (np.tile(centre, side * len(rasters)) - x0) / fx
    rise = (y0 - np.tile(np.repeat(centre, side), len(rasters))) / fy
    axis, at = table.axis[part], table.at[part]
    run = np.where(axis == 0, turn, rise)
    distance = np.where(axis == 0, at, at - height) / np.where(np.abs(run) < 1e-4, 1e-4, run)
    z = np.where(axis == 2, at, np.clip(distance, 1, 1000))
    return turn * z, height + rise * z, z, turn, rise


def _shade(part, image, table: PartTable, light: Light, geometry, shadow: np.ndarray) -> np.ndarray:
    """Linear radiance per pixel, float32 (n, 3): Lambert sun with shadows, ambient light, emission, haze."""
    x, y, z, turn, rise = geometry
    material = table.material[part]
    radiance = np.empty((len(part), 3), np.float32)
    for kind, shader in SHADERS.items():
        at = np.flatnonzero(material == int(kind))
        if len(at) == 0:
            continue
        p, i = part[at], image[at]
        along = np.where(table.axis[p] == 0, z[at], x[at])
        pixels = Pixels(
            x[at], y[at], z[at], along, table.colour[p], table.detail[p],
            light.zenith[i], light.horizon[i], light.clouds[i], light.cloud_at[i], rise[at], turn[at],
        )  # fmt: skip
        albedo, emission = shader(pixels)
        glow = emission if kind == Material.SKY else emission + albedo * _irradiance(p, i, table, light, shadow[at])
        if kind != Material.SKY:
            clear = np.exp(-z[at] / light.haze_length[i])[:, None]
            glow = glow * clear + light.horizon[i] * (1 - clear)
        radiance[at] = glow * light.exposure[i][:, None]
    return radiance


def _irradiance(p, i, table: PartTable, light: Light, shadow: np.ndarray) -> np.ndarray:
    """Light that falls on each pixel. Shadows lie on the ground only; round bodies soften the cosine."""
    axis = table.axis[p]
    cosine = light.sun_from[i, axis] * table.facing[p]
    cosine = cosine * (1 - _SOFT[table.material[p]]) + _SOFT[table.material[p]]
    ground = axis == 1
    lit = np.maximum(cosine, 0) * ~(ground & (shadow > 0))
    open_sky = np.where(ground, 1.0, 0.72) * np.where(ground & (shadow == 2), 0.35, 1.0)
    return light.sun[i] * lit[:, None] + light.ambient[i] * open_sky[:, None].astype(np.float32)


def _pixels(screen: list[tuple[float, float]], side: int) -> list[tuple[float, float]]:
    """Screen coordinates in pixels; the painter's whole numbers are pixel centres."""
    return [(x * side - 0.5, y * side - 0.5) for x, y in screen]
