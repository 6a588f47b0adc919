"""What is seen of a face, painted from back to front: wall, hair behind, shoulders, skin, features, hair, glasses.

Lengths are in the camera's units; heights of features are from the middle of the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from triptych.data.drawn.faces.head import DEPTH, Head, Surface
from triptych.data.drawn.noise import colour

EYE_Y, EYE_X = 0.09, 0.215
EYES = (-0.16, 0.36)  # heights that eyes, brows and glasses stay between
MOUTH_Y = -0.385


@dataclass(frozen=True)
class Face:
    """Everything that a picture depends on; (n, 1, 1) arrays, 0 … 1 (angles in radians)."""

    head: Head
    light: np.ndarray
    skin: np.ndarray
    hair_colour: np.ndarray
    hair_length: np.ndarray
    background: np.ndarray
    male: np.ndarray
    smile: np.ndarray
    glasses: np.ndarray
    bangs: np.ndarray
    own: list[np.ndarray]  # numbers in [0, 1): beard, eyes, clothes (2), parting, frame, spare

    @property
    def n(self) -> int:
        return len(self.skin)


def paint(face: Face) -> np.ndarray:
    """(n, 3, canvas, canvas) in [0, 1]."""
    head = face.head
    picture = _background(face)
    hair = _ramp(face.hair_colour, _HAIR)
    skin = _ramp(face.skin, _SKIN)
    _hair_behind(picture, face, hair)
    _body(picture, face, skin)
    _ears(picture, face, skin)
    surface = head.surface()
    over(picture, skin * _lit(surface.normal, face.light)[:, None], surface.cover)
    _beard(picture, face, surface, hair)
    _nose(picture, face, surface, skin)
    _mouth(picture, face, surface, skin)
    _eyes(picture, face, surface, hair)
    _hair(picture, face, hair)
    _glasses(picture, face, surface)
    return picture


def over(picture: np.ndarray, paint: np.ndarray, alpha: np.ndarray) -> None:
    """Lay `paint` (n, 3, h or 1, w or 1) over `picture` (n, 3, h, w), in place, as far as `alpha` (n, h, w) says."""
    difference = paint - picture
    difference *= alpha[:, None]
    picture += difference


# -- colours and light -----------------------------------------------------------------------------------------

_SKIN = ((0.0, (0.30, 0.18, 0.12)), (0.5, (0.71, 0.48, 0.34)), (1.0, (0.98, 0.82, 0.72)))
_HAIR = ((0.0, (0.07, 0.06, 0.07)), (0.5, (0.42, 0.23, 0.11)), (1.0, (0.95, 0.80, 0.42)))


def _rgb(red: float, green: float, blue: float) -> np.ndarray:
    return np.array([red, green, blue], np.float32).reshape(1, 3, 1, 1)


def _ramp(at: np.ndarray, stops: tuple) -> np.ndarray:
    """(n, 1, 1) in [0, 1] -> colours (n, 3, 1, 1), linear between the stops."""
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [rgb[k] for _, rgb in stops]) for k in range(3)]
    return np.stack(channels, axis=1).astype(np.float32)


def _lit(normal: tuple[np.ndarray, np.ndarray, np.ndarray], light: np.ndarray) -> np.ndarray:
    """Brightness (n, h, w): wrapped Lambert light from above on one side, and some from everywhere."""
    nx, ny, nz = normal
    up, level = 0.42, 0.91  # a unit vector
    lambert = nx * (level * np.sin(light)) + ny * up + nz * (level * np.cos(light))
    return 0.36 + 0.76 * np.maximum((lambert + 0.15) / 1.15, 0)


def _soft(inside: np.ndarray, width: float) -> np.ndarray:
    """Signed distance to an edge (positive inside) -> share of a pixel of that width that is inside."""
    return np.clip(inside / width + 0.5, 0, 1)


def _background(face: Face) -> np.ndarray:
    n, canvas = face.n, face.head.canvas
    tone = (0.4 + 0.5 * face.background)[:, None] * _rgb(0.92, 0.97, 1.05)
    fall = np.linspace(1.12, 0.8, canvas, dtype=np.float32)[:, None]
    side = 1 + 0.12 * np.sin(face.light) * np.linspace(-1, 1, canvas, dtype=np.float32)
    picture = np.empty((n, 3, canvas, canvas), np.float32)
    np.multiply(tone, (fall * side)[:, None], out=picture)
    return np.minimum(picture, 1, out=picture)


# -- behind the face -------------------------------------------------------------------------------------------


def _hair_behind(picture: np.ndarray, face: Face, hair: np.ndarray) -> None:
    """Long hair: a rounded curtain from the crown down to the chin or the shoulders."""
    x, y = face.head.grid()
    end = -0.42 - 0.42 * face.hair_length
    half, middle = 0.5 * (0.3 - end), 0.5 * (0.3 + end)
    bend = 0.22
    across = np.abs(x - face.head.place(0, -0.16)) - (face.head.width * 1.2 - bend)
    down = np.abs(y - middle) - (half - bend)
    outside = np.hypot(np.maximum(across, 0), np.maximum(down, 0)) + np.minimum(np.maximum(across, down), 0) - bend
    shade = 0.62 + 0.12 * np.sin(face.light) * np.sign(x) + 0.1 * np.cos(38 * x)
    over(picture, hair * shade[:, None], _soft(-outside, face.head.pixel) * (1 - face.male))


def _body(picture: np.ndarray, face: Face, skin: np.ndarray) -> None:
    rows = face.head.window(-1.2, -0.45)
    x, y = face.head.grid()
    y = y[:, rows]
    picture = picture[:, :, rows]
    pixel = face.head.pixel
    neck = _soft(0.24 + 0.07 * face.male - np.abs(x), pixel) * np.ones_like(y)
    side = 1 + 0.35 * np.sin(face.light) * np.clip(x / 0.3, -1, 1)
    over(picture, skin * (0.62 * side)[:, None], neck)
    top = -0.78 - 0.16 * np.minimum(np.abs(x), 1.2) ** 2 - 0.12 * np.exp(-((x / 0.2) ** 2))
    clothes = colour(0.2 + 0.3 * face.own[2], face.own[3], np.full_like(face.skin, 0.3))
    over(picture, clothes * (0.85 + 0.5 * (side - 1))[:, None], _soft(y - top, -pixel))


def _ears(picture: np.ndarray, face: Face, skin: np.ndarray) -> None:
    x, y = face.head.grid()
    rows = face.head.window(-0.2, 0.25)
    for side in (-1, 1):
        at = face.head.place(side * face.head.width * 1.0, -0.06)
        inside = 1 - np.hypot((x - at) / 0.10, (y[:, rows] - 0.02) / 0.17)
        shade = 0.8 + 0.2 * side * np.sin(face.light)
        over(picture[:, :, rows], skin * shade[:, None], _soft(inside * 0.1, face.head.pixel) * face.male)


# -- on the face -----------------------------------------------------------------------------------------------


def _beard(picture: np.ndarray, face: Face, surface: Surface, hair: np.ndarray) -> None:
    rows = face.head.window(-0.8, -0.05)
    s = surface.rows(rows)
    # from the sideburns down the cheek and over the lip
    edge = -0.27 + 0.22 * np.clip((np.abs(s.X) / face.head.width - 0.35) / 0.6, 0, 1) ** 1.5
    strength = (0.45 + 0.4 * face.own[0]) * face.male
    shade = _lit(s.normal, face.light) * 0.75
    over(picture[:, :, rows], hair * shade[:, None], _soft(edge - s.Y, 0.07) * s.cover * strength)


def _nose(picture: np.ndarray, face: Face, surface: Surface, skin: np.ndarray) -> None:
    """A ridge that leans out of the face: the side away from the light is darker, and there is shade under the tip."""
    rows = face.head.window(-0.32, 0.22)
    x, y = face.head.grid()
    y = y[:, rows]
    cover = surface.cover[:, rows]
    length = np.clip((0.16 - y) / 0.3, 0, 1)  # 0 between the eyes, 1 at the tip
    depth = face.head.width * DEPTH
    at = face.head.place(0, depth * (0.98 + 0.16 * length))
    d = (x - at) / (0.055 + 0.045 * length)
    ridge = np.exp(-d * d) * np.minimum(length * 3, 1) * _soft(y + 0.16, 0.05)
    across = 1.9 * d * ridge * np.sin(face.light - face.head.azimuth * 0.4)
    lift = 0.16 * ridge
    over(picture[:, :, rows], skin * 1.12, np.clip(lift + across * 0.3, 0, 0.6) * cover)
    over(picture[:, :, rows], skin * 0.45, np.clip(-across * 0.32, 0, 0.55) * cover)
    under = np.exp(-(((x - face.head.place(0, depth * 1.1)) / 0.10) ** 2) - ((y + 0.185) / 0.035) ** 2)
    over(picture[:, :, rows], skin * 0.35, 0.65 * under * cover)


def _mouth(picture: np.ndarray, face: Face, surface: Surface, skin: np.ndarray) -> None:
    rows = face.head.window(-0.62, -0.2)
    s = surface.rows(rows)
    half = 0.18 + 0.11 * face.smile
    k = np.minimum(np.abs(s.X) / half, 1.3) ** 2
    front = (s.Z > 0) * s.cover
    lips = 0.5 * skin + 0.5 * _rgb(0.66, 0.16, 0.2)
    lips = lips * (1 - 0.12 * face.male[:, None])
    middle = MOUTH_Y + 0.105 * face.smile * (k - 0.35)  # the corners rise
    thick = (0.052 - 0.014 * face.male + 0.06 * face.smile) * (1 - k)
    away = np.abs(s.Y - middle)
    over(picture[:, :, rows], lips, _soft(thick - away, 0.025) * front)
    teeth = (0.075 * (1 - 1.15 * k)) * face.smile
    white = _rgb(0.97, 0.96, 0.93)
    over(picture[:, :, rows], white, _soft(teeth - away, 0.025) * front * (face.smile > 0))
    line = _soft(0.012 - away, 0.02) * _soft(1 - k, 0.2) * (face.smile == 0)
    over(picture[:, :, rows], lips * 0.4, line * front * 0.9)


def _eyes(picture: np.ndarray, face: Face, surface: Surface, hair: np.ndarray) -> None:
    rows = face.head.window(*EYES)
    s = surface.rows(rows)
    view = picture[:, :, rows]
    front = (s.Z > 0) * s.cover
    away = np.abs(s.X) - EYE_X  # both eyes at once, mirrored
    up = s.Y - EYE_Y
    squint = 1 - 0.25 * face.smile
    rim = np.hypot(away / 0.125, up / (0.078 * squint))
    white = _rgb(0.95, 0.95, 0.96)
    over(view, np.float32(0.12), _soft(1.05 + np.float32(0.23) * (up > 0) - rim, 0.3) * front * 0.8)
    ball = _soft(1 - rim, 0.25) * front
    over(view, white, ball)
    iris = colour(0.22 + 0.2 * face.own[1], 0.08 + 0.5 * (face.own[1] > 0.6), np.full_like(face.skin, 0.35))
    from_middle = np.hypot(away, up)
    over(view, iris, _soft(0.066 - from_middle, 0.025) * ball)
    over(view, np.float32(0.03), _soft(0.034 - from_middle, 0.025) * ball)
    arch = 0.245 + 0.02 * (1 - face.male) - 0.9 * (away - 0.02) ** 2
    thick = (0.024 + 0.018 * face.male) * (1 - (away / 0.2) ** 2)
    over(view, hair * 0.5, _soft(thick - np.abs(s.Y - arch), 0.025) * front * 0.9)


def _hair(picture: np.ndarray, face: Face, hair: np.ndarray) -> None:
    """A shell about the skull, from the hairline up; at the sides it comes down to the ears, or past them."""
    full = 1.05 + 0.07 * face.hair_length * face.male + 0.06 * (1 - face.male)
    shell = face.head.shell(full, full)
    rows = shell.window(-0.55, 1.2)
    s = shell.surface().rows(rows)
    parting = 0.10 * (face.own[4] - 0.5)
    front = 0.44 + parting * np.sign(face.own[4] - 0.5) - 0.17 * face.bangs + 0.25 * (s.X - parting) ** 2
    front = front - 0.03 * face.bangs * np.cos(30 * s.X)  # strands of the fringe
    nape = 0.4 * np.clip(-2 * s.Z, 0, 1)
    side = face.male * (0.59 - 0.16 * face.hair_length - nape) - 0.45
    towards = np.clip((s.Z - 0.28 + 0.18 * face.male) / 0.42, 0, 1)  # 0 at the side, 1 in front
    line = side + (front - side) * towards * towards * (3 - 2 * towards)
    shade = _lit(s.normal, face.light) * (0.96 + 0.1 * np.cos(40 * s.X))
    gloss = np.maximum(s.normal[1] - 0.45, 0) * 0.25
    over(picture[:, :, rows], hair * shade[:, None] + gloss[:, None], _soft(s.Y - line, 0.05) * s.cover)


def _glasses(picture: np.ndarray, face: Face, surface: Surface) -> None:
    rows = face.head.window(*EYES)
    s = surface.rows(rows)
    view = picture[:, :, rows]
    worn = face.glasses * s.cover
    away, up = np.abs(s.X) - EYE_X, s.Y - EYE_Y + 0.01
    out = np.hypot(away, up * 1.12)
    radius = 0.178
    lens = _soft(radius - out, 0.03) * worn * (s.Z > 0)
    over(view, _rgb(0.75, 0.86, 0.95), 0.16 * lens)
    frame = _rgb(0.06, 0.05, 0.07) + (face.own[5] > 0.7)[:, None] * _rgb(0.25, 0.03, 0)
    ring = _soft(0.028 - np.abs(out - radius), 0.03) * (s.Z > 0)
    bar = _soft(0.025 - np.abs(up - 0.03), 0.03)
    outer = EYE_X + radius
    bridge = bar * (np.abs(s.X) < EYE_X - radius + 0.02) * (s.Z > 0)
    arm = bar * (np.abs(s.X) > outer - 0.02) * (s.Z > -0.2)
    over(view, frame, np.maximum(ring, np.maximum(bridge, arm)) * worn)
