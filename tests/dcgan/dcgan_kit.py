"""What several tests of the DCGAN paper need."""

import hashlib

import numpy as np
import torch

from triptych.dcgan.gan.training import Gan, GanConfig

# Ranges of the surrogate classes' transformations that change nothing.
STILL = dict.fromkeys(("shift", "rotation", "plus", "hue"), 0.0) | dict.fromkeys(
    ("scale", "contrast", "power", "times"), 1.0
)


def random_images(n, *, shape=(3, 32, 32), seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def smooth_images(n, seed=0):
    return random_images(n, shape=(3, 4, 4), seed=seed).repeat(8, 2).repeat(8, 3)


def grainy_images(n=24):
    """Blocks of one colour, under noise."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (n, 3, 8, 8), dtype=np.uint8)
    return coarse.repeat(4, axis=2).repeat(4, axis=3) // 2 + rng.integers(0, 100, (n, 3, 32, 32), dtype=np.uint8)


def small_gan():
    torch.manual_seed(0)
    return Gan(GanConfig(net="svhn32", width=4, z_dim=8, steps=1), (3, 32, 32))


def released_array(rng, shape):
    """Numbers such as the authors' files have: small weights, gains and shifts around 1."""
    return (0.05 * rng.normal(size=shape) + (len(shape) == 1)).astype(np.float32)


def git_blob(file):
    content = file.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def damage(file):
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
