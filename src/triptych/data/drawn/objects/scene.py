"""A scene: a thing before a cluttered 1/f background, lit, casting a shadow, partly hidden, photographed.

Everything drawn here is drawn alike for every class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from triptych.base.config import Strict
from triptych.data.drawn.noise import Draws, blur, colour, natural_hue, one_over_f, pixel_grid, to_bytes
from triptych.data.drawn.objects.pen import Part, Pen

NUMBERS = 220  # uniforms an image may use
FIELDS = 9  # white-noise fields it uses: 3 background, 1 skin, 1 clutter, 3 sensor, 1 grey of the background
_THING_NUMBERS = 40

Thing = Callable[[Pen], list[Part]]


class Scene(Strict):
    """What makes the scenes hard. The same for every class."""

    scale_low: float = Field(default=0.62, gt=0, le=1, description="smallest thing, of the image's width")
    scale_high: float = Field(default=0.95, gt=0, le=1.5, description="largest thing, of the image's width")
    shift: float = Field(default=0.2, ge=0, le=1, description="largest shift of its centre, in half widths")
    rotation: float = Field(default=20.0, ge=0, le=180, description="largest turn, degrees either way")
    distractors: int = Field(default=4, ge=0, le=8, description="most other pieces behind the thing")
    occlusion: float = Field(default=0.5, ge=0, le=1, description="probability of a piece before the thing")
    noise: float = Field(default=0.03, ge=0, le=0.5, description="largest deviation of the sensor's noise")

    @model_validator(mode="after")
    def _scales_in_order(self) -> Self:
        if self.scale_low > self.scale_high:
            raise ValueError(f"scale_low = {self.scale_low} is over scale_high = {self.scale_high}")
        return self


class Canvas:
    """Colour and height of the topmost surface, painted back to front."""

    def __init__(self, rgb: np.ndarray):
        self.rgb = rgb  # (n, 3, h, w)
        self.height = np.zeros_like(rgb[:, 0])  # (n, h, w), in pixels
        self.cover = np.zeros_like(rgb[:, 0])  # (n, h, w), painted share since the canvas was made

    def paint(self, distance: np.ndarray, ink: np.ndarray, bevel: np.ndarray, outline: np.ndarray) -> None:
        """Lay a piece on top. `distance` and `bevel` in pixels; `outline` (n, 1, 1): how dark its edge is."""
        cover = np.clip(0.5 - distance, 0, 1)
        inside = np.clip(-distance / bevel, 0, 1)
        edge = 1 - outline * np.clip(1.6 + distance, 0, 1)
        self.rgb += cover[:, None] * (ink * edge[:, None] - self.rgb)
        self.height += cover * (bevel * np.sqrt(inside * (2 - inside)) - self.height)
        self.cover = np.maximum(self.cover, cover)


def draw_scenes(scene: Scene, things: Sequence[Thing], labels: np.ndarray, draws: Draws) -> np.ndarray:
    """(n,) labels into `things`, n streams -> (n, 3, size, size) uint8, of the size of the noise fields."""
    size = draws.noise.shape[-1]
    x, y = pixel_grid(size)
    palette = _palette(draws)
    outline, depth = draws.uniform(0, 0.5), draws.uniform(0.15, 0.6)
    ground = Canvas(_background(palette, x, y, draws))
    clutter = one_over_f(draws.noise[:, 4:5], 1.0)
    for _ in range(scene.distractors):
        far = draws.uniform(0, 2 * np.pi), draws.uniform(0.35, 1.2)
        _piece(ground, x, y, far, draws.uniform(0.12, 0.4), 0.7, clutter, outline, draws)
    thing, pose = _thing(scene, things, labels, palette, outline, x, y, draws)
    _cast_shadow(ground, thing, draws)
    mask = thing.cover[:, None]
    ground.rgb += mask * (thing.rgb - ground.rgb)
    ground.height += thing.cover * (thing.height - ground.height)
    around = draws.uniform(0, 2 * np.pi), draws.uniform(0.75, 1.1) * pose
    _piece(ground, x, y, around, draws.uniform(0.18, 0.32), scene.occlusion, clutter, outline, draws)
    return to_bytes(_photograph(scene, _lit(ground, depth, x, y, draws), draws))


def _palette(draws: Draws) -> list[np.ndarray]:
    """[background, its second colour, body, second, light, dark], each (n, 3, 1, 1).

    The body is lighter or darker than the background, one as often as the other.
    """
    light = draws.uniform(0.15, 0.85)
    back = colour(light, natural_hue(draws), draws.uniform(0, 0.6))
    back_second = colour(light + draws.uniform(-0.3, 0.3), natural_hue(draws), draws.uniform(0, 0.6))
    body_light = light + draws.uniform(0.25, 0.75)  # wraps round: at least a quarter away on either side
    body_light = 0.05 + 0.9 * (body_light % 1)
    body = colour(body_light, draws.uniform(), draws.uniform(0.1, 0.9))
    second = colour((body_light + draws.uniform(0.2, 0.8)) % 1, draws.uniform(), draws.uniform(0.1, 0.9))
    pale = colour(draws.uniform(0.8, 1), draws.uniform(), draws.uniform(0, 0.3))
    dark = colour(draws.uniform(0, 0.2), draws.uniform(), draws.uniform(0, 0.3))
    return [back, back_second, body, second, pale, dark]


def _background(palette: list[np.ndarray], x: np.ndarray, y: np.ndarray, draws: Draws) -> np.ndarray:
    """1/f noise about one colour or, beyond a tilted horizon, another."""
    horizon = draws.uniform(-0.7, 0.7) + draws.uniform(-0.4, 0.4) * x - y
    soft = 10 ** draws.uniform(-1.7, 0.5)
    beyond = draws.chance(0.6) / (1 + np.exp(-np.clip(horizon / soft, -30, 30)))
    base = palette[0] + beyond[:, None] * (palette[1] - palette[0])
    noise = draws.noise[:, :3] + draws.uniform(1, 5)[..., None] * draws.noise[:, 8:9]  # mostly grey
    field = one_over_f(noise, draws.uniform(0.8, 1.5)[..., None])
    return base + draws.uniform(0.04, 0.16)[..., None] * field


def _piece(canvas, x, y, polar, extent, probability, texture, outline, draws) -> None:
    """A box, pill, disc, frame or wedge of any colour at `polar` (angle, radius) from the middle."""
    angle, radius = polar
    pen = Pen(x - radius * np.cos(angle), y - radius * np.sin(angle), draws)
    turn, thin = pen.vary(0, np.pi), pen.vary(0.25, 1)
    corner = np.clip(pen.vary(-0.5, 1.5), 0, 1) * extent * thin
    shape = pen.box(0.0, 0.0, extent, extent * thin, corner, turn)
    shape = pen.pick(0.2, np.abs(shape + extent * 0.15) - extent * 0.15, shape)
    shape = pen.pick(0.3, np.maximum(shape, pen.above(0.0, np.tan(turn - 0.5 * np.pi + 0.3))), shape)
    ink = colour(draws.uniform(0.05, 0.95), draws.uniform(), draws.uniform(0, 0.9))
    ink = ink + draws.uniform(0, 0.12)[..., None] * texture
    half = 0.5 * x.shape[-1]
    shape = pen.absent(1 - probability, shape)
    canvas.paint(shape * half, ink, extent * pen.vary(0.2, 0.9) * half, outline)


def _thing(scene, things, labels, palette, outline, x, y, draws) -> tuple[Canvas, np.ndarray]:
    """The things on canvases of their own, and their sizes (n, 1, 1) in half widths."""
    pose = draws.uniform(scene.scale_low, scene.scale_high)
    turn = np.deg2rad(draws.uniform(-scene.rotation, scene.rotation))
    px, py = x - draws.uniform(-scene.shift, scene.shift), y - draws.uniform(-scene.shift, scene.shift)
    stretch, flip = np.exp(draws.uniform(-0.15, 0.15)), draws.sign()
    u = (px * np.cos(turn) + py * np.sin(turn)) / (pose * stretch) * flip
    v = (py * np.cos(turn) - px * np.sin(turn)) / (pose / stretch)
    inks = [_skin(palette, u, v, draws), *palette[3:]]
    purse, half = draws.part(_THING_NUMBERS), 0.5 * x.shape[-1]
    canvas = Canvas(np.zeros((len(draws), 3, *u.shape[1:]), np.float32))
    for label in np.unique(labels):
        one = np.flatnonzero(labels == label)
        same = Canvas(canvas.rgb[one])
        pixels = pose[one] * half  # in a unit of the thing
        for part in things[label](Pen(u[one], v[one], purse.rows(one))):
            same.paint(part.distance * pixels, inks[part.ink][one], part.bevel * pixels, outline[one])
        canvas.rgb[one], canvas.height[one], canvas.cover[one] = same.rgb, same.height, same.cover
    return canvas, pose


def _skin(palette, u, v, draws) -> np.ndarray:
    """The body's colour, patterned in the thing's own frame: mottled, striped, spotted, or nearly plain."""
    kind, turn, pitch = draws.integer(4), draws.uniform(0, np.pi), draws.uniform(5, 11)
    mottle = one_over_f(draws.noise[:, 3:4], 1.0)[:, 0]
    a = pitch * (u * np.cos(turn) + v * np.sin(turn)) + 0.5 * mottle
    b = pitch * (v * np.cos(turn) - u * np.sin(turn)) + 0.5 * mottle
    patterns = [mottle, 2 * np.sin(a), 2 * np.sin(a) * np.sin(b), 0.3 * mottle]
    pattern = np.select([(kind == k)[:, None, None] for k in range(4)], patterns)
    share = draws.uniform(0.05, 0.35) * np.clip(pattern, -1, 1)
    skin = palette[2] + share[:, None] * (palette[3] - palette[2]) + 0.03 * mottle[:, None]
    return skin.astype(np.float32)


def _cast_shadow(ground: Canvas, thing: Canvas, draws: Draws) -> None:
    """Darken the ground under the thing's outline, moved by up to an eighth of the image."""
    size = thing.cover.shape[-1]
    reach = size // 8
    at = np.arange(size)
    rows = np.clip(at - draws.integer(2 * reach + 1)[:, None] + reach, 0, size - 1)
    columns = np.clip(at - draws.integer(2 * reach + 1)[:, None] + reach, 0, size - 1)
    moved = thing.cover[np.arange(len(rows))[:, None, None], rows[:, :, None], columns[:, None, :]]
    ground.rgb *= 1 - (draws.uniform(0, 0.5) * moved)[:, None]


def _lit(canvas: Canvas, depth: np.ndarray, x: np.ndarray, y: np.ndarray, draws: Draws) -> np.ndarray:
    """Shade the surfaces by their slope towards a light, and the image by a gradient."""
    azimuth = draws.uniform(0, 2 * np.pi)
    rise_y, rise_x = np.gradient(canvas.height, axis=(1, 2))
    slope = np.clip(rise_y * np.sin(azimuth) - rise_x * np.cos(azimuth), -1, 1)
    gradient = draws.uniform(0, 0.35) * (x * np.cos(azimuth) + y * np.sin(azimuth))
    return canvas.rgb * (1 + depth * slope + gradient)[:, None]


def _photograph(scene: Scene, rgb: np.ndarray, draws: Draws) -> np.ndarray:
    """Defocus, exposure, contrast and sensor noise."""
    rgb = blur(rgb, draws.uniform(0.2, 0.7) * (rgb.shape[-1] / 32))
    gain, pedestal = draws.uniform(0.75, 1.15)[:, None], draws.uniform(-0.05, 0.08)[:, None]
    return rgb * gain + pedestal + scene.noise * draws.uniform()[:, None] * draws.noise[:, 5:8]
