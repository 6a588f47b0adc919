"""Photographs of house numbers: a plate on a wall, digits of many fonts on it, light and camera."""

from __future__ import annotations

import numpy as np

from triptych.data.drawn.digits.config import Config
from triptych.data.drawn.digits.glyphs import FONTS, glyphs, sample
from triptych.data.drawn.noise import Draws, blur, colour, natural_hue, one_over_f, pixel_grid, to_bytes

NUMBERS = 64  # uniforms an image uses, at most
FIELDS = 9  # white-noise fields an image uses: 3 wall, 1 grey of the wall, 1 plate, 1 paint, 3 sensor


def house_numbers(config: Config, labels: np.ndarray, draws: Draws) -> np.ndarray:
    """(n,) labels, n streams -> (n, 3, size, size) uint8."""
    size = draws.noise.shape[-1]
    x, y = pixel_grid(size)
    u, v, pixels = _plate_frame(config, x, y, draws)
    digits = number(config, labels, u, v, draws) * pixels
    wall, plate, paint = colours(config, draws)
    grey = one_over_f(draws.noise[:, 3:6], 1.0)
    grain = one_over_f(draws.noise[:, :3] + draws.uniform(1, 5)[..., None] * draws.noise[:, 3:4], 1.0)
    image = wall + draws.uniform(0.02, 0.12)[..., None] * grain
    edge = _plate_edge(u, v, draws) * pixels
    rim = draws.uniform(0, 0.35) * (np.abs(edge) < 1)
    plate = plate + (draws.uniform(0, 0.06) * grey[:, 1] - rim)[:, None]
    image = _over(image, edge, plate)
    drop_x, drop_y = draws.integer(3) - 1, draws.integer(3) - 1
    shadow = np.clip(0.5 - _moved(digits, drop_y, drop_x), 0, 1) * draws.uniform(-0.1, 0.45)
    image = image * (1 - shadow)[:, None]
    rise_y, rise_x = np.gradient(digits, axis=(1, 2))
    bevel = np.clip(rise_x - rise_y, -1, 1) * draws.uniform(-0.1, 0.1)
    paint = paint + (draws.uniform(0, 0.08) * grey[:, 2] + bevel)[:, None]
    image = _over(image, digits, paint)
    return to_bytes(_photographed(config, image, x, y, draws))


def _plate_frame(config: Config, x, y, draws: Draws) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pixel centres in the plate's frame, where the digit has height 1 about (0, 0); pixels in a unit of it.

    Turned, sheared, foreshortened, stretched (SVHN's crops are squeezed to a square), a little off centre.
    """
    turn = np.deg2rad(draws.uniform(-config.rotation, config.rotation))
    px, py = x - draws.uniform(-config.shift, config.shift), y - draws.uniform(-config.shift, config.shift)
    tilt_x, tilt_y = draws.uniform(-0.2, 0.2), draws.uniform(-0.2, 0.2)
    depth = 1 + tilt_x * px + tilt_y * py
    px, py = px / depth, py / depth
    height, stretch = draws.uniform(1.05, 1.8), np.exp(draws.uniform(-0.2, 0.35))
    u = (px * np.cos(turn) + py * np.sin(turn)) / (height * stretch)
    v = (py * np.cos(turn) - px * np.sin(turn)) / height
    u = u + draws.uniform(-0.25, 0.25) * v
    return u, v, height * (0.5 * x.shape[-1]) * np.ones_like(u)


def number(config: Config, labels: np.ndarray, u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """Distance, in digit heights, to the number: the labelled digit and perhaps one on each side of it."""
    font, weight = draws.integer(len(FONTS)), draws.uniform(-0.015, 0.035)
    gap, slip = draws.uniform(0.1, 0.35), draws.uniform(-0.1, 0.1)
    u = u + draws.uniform(0, config.warp) * np.sin(draws.uniform(4, 8) * v + draws.uniform(0, 2 * np.pi))
    v = v + draws.uniform(0, config.warp) * np.sin(draws.uniform(4, 8) * u + draws.uniform(0, 2 * np.pi))
    width = glyphs().width
    ink = sample(font, labels, u, v)
    for side in (-1, 1):
        beside = draws.integer(10)
        step = 0.5 * (width[font, labels] + width[font, beside])[:, None, None] + gap
        neighbour = sample(font, beside, u - side * step, v - side * slip)
        absent = ~draws.chance(config.neighbours)
        ink = np.minimum(ink, np.where(absent, np.float32(9), neighbour))
    return ink - weight


def colours(config: Config, draws: Draws) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wall, plate and paint, (n, 3, 1, 1) each. Plate and paint differ in lightness, either way round."""
    difference = config.contrast + (1 - config.contrast) * 0.85 * draws.uniform() ** 1.5
    low = draws.uniform() * (0.95 - difference)
    dark_plate = draws.chance(0.5)
    plate_light = np.where(dark_plate, low, low + difference)
    paint_light = np.where(dark_plate, low + difference, low)
    plate = colour(plate_light, draws.uniform(), 0.7 * draws.uniform() ** 2)
    paint = colour(paint_light, draws.uniform(), 0.7 * draws.uniform() ** 2)
    # A wall of the paint's lightness would let the plate's edge pass for a stroke: it is like the plate.
    wall = colour(plate_light + draws.uniform(-0.2, 0.2), natural_hue(draws), 0.6 * draws.uniform())
    return wall, plate, paint


def _plate_edge(u: np.ndarray, v: np.ndarray, draws: Draws) -> np.ndarray:
    """Distance, in digit heights, to a rounded plate about the number, its ends in the image or beyond it."""
    middle_u, middle_v = draws.uniform(-0.3, 0.3), draws.uniform(-0.1, 0.1)
    half_u, half_v, corner = draws.uniform(0.6, 2.5), draws.uniform(0.55, 1), draws.uniform(0, 0.3)
    a, b = np.abs(u - middle_u) - half_u + corner, np.abs(v - middle_v) - half_v + corner
    return np.hypot(np.maximum(a, 0), np.maximum(b, 0)) + np.minimum(np.maximum(a, b), 0) - corner


def _over(image: np.ndarray, distance: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """`ink` laid where `distance` (pixels) is negative, with a soft edge of a pixel."""
    return image + np.clip(0.5 - distance, 0, 1)[:, None] * (ink - image)


def _moved(fields: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n, h, w) moved by whole pixels, (n,) each; the border repeats."""
    n, height, width = fields.shape
    rows = np.clip(np.arange(height) - down[:, None], 0, height - 1)
    columns = np.clip(np.arange(width) - right[:, None], 0, width - 1)
    return fields[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def _photographed(config: Config, image: np.ndarray, x, y, draws: Draws) -> np.ndarray:
    """Uneven light, the edge of a cast shadow, defocus, exposure, haze and sensor noise."""
    angle = draws.uniform(0, 2 * np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    light = 1 + draws.uniform(0, 0.45) * across
    shade_edge, shade = draws.uniform(-0.8, 0.8), draws.uniform(0, 0.5) * draws.chance(0.3)
    light = light * (1 - shade * np.clip((across - shade_edge) * 6, 0, 1))
    image = blur(image * light[:, None], config.blur * draws.uniform() * (image.shape[-1] / 32))
    gain, pedestal = draws.uniform(0.7, 1.15)[:, None], draws.uniform(-0.05, 0.2)[:, None]
    return image * gain + pedestal + config.noise * draws.uniform()[:, None] * draws.noise[:, 6:9]
