"""What rendered sets share: a random stream for each image, 1/f fields, blur, colour, rows in blocks."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from triptych.data.format import Chunks

BLOCK = 256  # images drawn at once: enough to amortise numpy's overhead, few enough to stay in the cache
IN_MEMORY_BYTES = 2**30  # larger sets are written block by block


class Draws:
    """The random numbers of some images, a row each: uniforms, taken column by column, and white noise."""

    def __init__(self, uniforms: np.ndarray, noise: np.ndarray):
        self._uniforms = uniforms
        self._taken = 0
        self.noise = noise

    @classmethod
    def of(cls, name: str, seed: int, rows: range, *, numbers: int, fields: int, size: int) -> Draws:
        """Streams of images `rows` of the set `name`: (n, numbers) uniforms, (n, fields, size, size) normals.

        Image i depends on (name, seed, i) alone, so that a larger set begins with the smaller one's images.
        """
        uniforms = np.empty((len(rows), numbers), np.float32)
        noise = np.empty((len(rows), fields, size, size), np.float32)
        salt = zlib.crc32(name.encode())
        for at, i in enumerate(rows):
            rng = np.random.default_rng([seed, salt, i])
            rng.random(out=uniforms[at], dtype=np.float32)
            rng.standard_normal(out=noise[at], dtype=np.float32)
        return cls(uniforms, noise)

    def __len__(self) -> int:
        return len(self._uniforms)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """(n, 1, 1) numbers, uniform in [low, high)."""
        column = self._columns(1)[:, :, None]
        return low + (high - low) * column

    def chance(self, probability: float) -> np.ndarray:
        """(n, 1, 1) bool, True with `probability`."""
        return self.uniform() < probability

    def sign(self) -> np.ndarray:
        """(n, 1, 1) of -1 or +1."""
        return np.where(self.chance(0.5), np.float32(1), np.float32(-1))

    def integer(self, n: int) -> np.ndarray:
        """(n_images,) integers in 0 … n-1."""
        return np.minimum((self._columns(1)[:, 0] * n).astype(np.int64), n - 1)

    def part(self, numbers: int) -> Draws:
        """The next `numbers` columns as a purse of their own, which rows may spend differently."""
        return Draws(self._columns(numbers), self.noise)

    def rows(self, index: np.ndarray) -> Draws:
        """The same purse for the images `index` only."""
        return Draws(self._uniforms[index], self.noise[index])

    def _columns(self, n: int) -> np.ndarray:
        self._taken += n
        if self._taken > self._uniforms.shape[1]:
            raise IndexError(f"an image has only {self._uniforms.shape[1]} numbers; give Draws.of more")
        return self._uniforms[:, self._taken - n : self._taken]


def pixel_grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel centres (x to the right, y up), each (1, size, size), in [-1, 1]."""
    at = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    return np.broadcast_to(at, (1, size, size)), np.broadcast_to(-at[:, None], (1, size, size))


def one_over_f(noise: np.ndarray, exponent: np.ndarray | float) -> np.ndarray:
    """White noise (n, c, s, s) -> fields of amplitude spectrum 1/f^exponent, mean 0 and variance 1 in each.

    Natural images have an exponent near 1 (Field 1987, amplitude spectra of natural scenes).
    """
    size = noise.shape[-1]
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)).astype(np.float32)
    f[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(noise) * f ** -np.asarray(exponent, np.float32), s=(size, size))
    return (field / field.std(axis=(-2, -1), keepdims=True)).astype(np.float32)


def colour(light: np.ndarray, hue: np.ndarray, saturation: np.ndarray) -> np.ndarray:
    """Lightness, hue in turns and saturation, each (n, 1, 1) in [0, 1] -> (n, 3, 1, 1) RGB in [0, 1]."""
    phase = 2 * np.pi * (hue - np.array([0, 1 / 3, 2 / 3], np.float32).reshape(1, 3, 1))
    return np.clip(light + 0.5 * saturation * np.cos(phase), 0, 1)[..., None].astype(np.float32)


def natural_hue(draws: Draws) -> np.ndarray:
    """(n, 1, 1) hues about the axis from blue to orange, along which daylight and most materials lie."""
    return (0.08 + 0.5 * draws.chance(0.5) + draws.uniform(-0.14, 0.14)).astype(np.float32)


def blur(images: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Gaussian blur of (n, c, h, w) with a width of `sigma` (n, 1, 1) pixels each, up to about 1.5."""
    taps = np.exp(-(np.arange(4, dtype=np.float32) ** 2) / (2 * np.maximum(sigma, 1e-3)[..., None] ** 2))
    taps = taps / (taps[..., :1] + 2 * taps[..., 1:].sum(-1, keepdims=True))
    for _ in range(2):  # along the rows, then, transposed, along the columns
        width = images.shape[3]
        padded = np.pad(images, [(0, 0), (0, 0), (0, 0), (3, 3)], mode="edge")
        shifted = [padded[..., k : k + width] for k in range(7)]
        images = taps[..., :1] * shifted[3]
        for k in range(1, 4):
            images += taps[..., k : k + 1] * (shifted[3 - k] + shifted[3 + k])
        images = images.swapaxes(2, 3)
    return images


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Values in [0, 1] -> uint8, rounded and clipped."""
    return (np.clip(images, 0, 1) * 255 + 0.5).astype(np.uint8)


def balanced_labels(name: str, seed: int, n: int, classes: int) -> np.ndarray:
    """(n,) int64; every run of `classes` is a permutation, and a longer list begins with the shorter one."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    runs = np.tile(np.arange(classes), (-(-n // classes), 1))
    return rng.permuted(runs, axis=1).reshape(-1)[:n].astype(np.int64)


@dataclass(frozen=True)
class _Blocks:
    """Images of `draw(rows)` in order; may be iterated any number of times."""

    draw: Callable[[range], np.ndarray]
    n: int

    def __iter__(self) -> Iterator[np.ndarray]:
        for start in range(0, self.n, BLOCK):
            yield self.draw(range(start, min(start + BLOCK, self.n)))


def drawn(draw: Callable[[range], np.ndarray], n: int, size: int) -> np.ndarray | Chunks:
    """RGB images 0 … n-1 of `draw(rows) -> (len(rows), 3, size, size)` uint8; as Chunks when over 1 GiB."""
    shape = (n, 3, size, size)
    blocks = _Blocks(draw, n)
    if np.prod(shape, dtype=np.int64) > IN_MEMORY_BYTES:
        return Chunks(shape, "uint8", blocks)
    images = np.empty(shape, np.uint8)
    at = 0
    for block in blocks:
        images[at : at + len(block)] = block
        at += len(block)
    return images
