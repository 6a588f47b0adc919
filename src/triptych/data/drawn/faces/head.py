"""The head as a solid: a stack of horizontal ellipses that turns about the vertical axis, seen from far away.

At height t in [-1, 1] the slice has the half axes (width, depth)·√g(t), with g(t) = 1 − |t|^p above the middle and
(1 − |t|^p)(1 + k·t)² below, where p and k shape the jaw. Because it turns about the axis of the slices, each line of
sight meets one slice, and the point that it meets is the root of a quadratic.

The camera's frame: x to the right, y up, z to the viewer, the picture is [-1, 1]² / ZOOM. The head's own frame: X to
its left (the picture's right when it faces the viewer), Z out of its face; x = X cos θ + Z sin θ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from triptych.data.drawn.noise import pixel_grid

DEPTH = 1.08  # of the head, in half widths
ZOOM = 1.15  # a face fills the picture about as CelebA's do


@dataclass(frozen=True)
class Surface:
    """What each pixel sees, arrays (n, h, w) over some rows of the picture: the point in the head's frame (X; Y from
    the middle; Z as a share of the depth), the unit normal in the camera's frame, and the share of the pixel that it
    fills."""

    X: np.ndarray
    Y: np.ndarray
    Z: np.ndarray
    normal: tuple[np.ndarray, np.ndarray, np.ndarray]
    cover: np.ndarray

    def rows(self, rows: slice) -> Surface:
        """The same, of some rows of the picture only."""
        part = (slice(None), rows)
        normal = tuple(c[part] for c in self.normal)
        return Surface(self.X[part], self.Y[part], self.Z[part], normal, self.cover[part])


@dataclass(frozen=True)
class Head:
    """Place, half width and half height, azimuth in radians, squareness of the jaw (0 … 1): (n, 1, 1) each."""

    x: np.ndarray
    y: np.ndarray
    width: np.ndarray
    height: np.ndarray
    azimuth: np.ndarray
    jaw: np.ndarray
    canvas: int  # pixels a side

    @property
    def pixel(self) -> float:
        return 2 / (ZOOM * self.canvas)

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixel centres from the middle of the head: x (n, 1, w) and y (n, h, 1)."""
        x, y = pixel_grid(self.canvas)
        return x[:, :1] / ZOOM - self.x, y[:, :, :1] / ZOOM - self.y

    def place(self, X: np.ndarray | float, Z: np.ndarray | float) -> np.ndarray:
        """Camera's x, from the middle of the head, of a point in the head's frame: (n, 1, 1)."""
        return X * np.cos(self.azimuth) + Z * np.sin(self.azimuth)

    def window(self, low: float, high: float) -> slice:
        """Rows of the picture that can lie between the heights `low` and `high` of any head's frame."""
        top = int((1 / ZOOM - high - float(self.y.max())) / self.pixel) - 1
        bottom = int((1 / ZOOM - low - float(self.y.min())) / self.pixel) + 2
        return slice(max(0, top), min(self.canvas, bottom))

    def shell(self, across: float, up: float) -> Head:
        """A larger solid about the same middle, for hair."""
        return replace(self, width=self.width * across, height=self.height * up)

    def surface(self) -> Surface:
        """What the pixels see of it."""
        x, y = self.grid()
        a, c = self.width, self.width * DEPTH
        cos, sin = np.cos(self.azimuth), np.sin(self.azimuth)
        g, slope = self._profile(y)
        reach = (a * cos) ** 2 + (c * sin) ** 2  # squared half width of the outline of a slice of g = 1
        inside = reach * g - x * x
        steepness = np.sqrt((2 * x) ** 2 + (reach * slope) ** 2) + 1e-6
        cover = np.clip(inside / steepness / self.pixel + 0.5, 0, 1)
        # (X/a)² + (Z/c)² = g with X = x cos − z sin, Z = x sin + z cos, solved for the larger z
        A = (sin / a) ** 2 + (cos / c) ** 2
        B = x * (sin * cos * (1 / c**2 - 1 / a**2))
        z = (np.sqrt(np.maximum(inside, 0) / (a * c) ** 2) - B) / A
        X, Z = x * cos - z * sin, x * sin + z * cos
        nX, nZ = X / a**2, Z / c**2
        nx, nz = nX * cos + nZ * sin, nZ * cos - nX * sin
        ny = np.broadcast_to(-0.5 * slope, nx.shape)
        length = 1 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-6)
        Y = np.broadcast_to(y, X.shape)
        return Surface(X, Y, Z / c, (nx * length, ny * length, nz * length), cover)

    def _profile(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """g and dg/dy at the heights y."""
        t = np.clip(y / self.height, -1.2, 1.2)
        power = np.where(t > 0, 2.3, 2.0 + 0.9 * self.jaw)
        taper = np.where(t > 0, 0, 0.24 - 0.1 * self.jaw)
        size = np.abs(t)
        round_, narrow = 1 - size**power, 1 + taper * t
        slope = -np.sign(t) * power * size ** (power - 1) * narrow**2 + 2 * taper * narrow * round_
        return (round_ * narrow**2).astype(np.float32), (slope / self.height).astype(np.float32)
