"""Weather of a street scene: where the light comes from, its colours, and the haze.

It is always day, with direct sun or an overcast sky, and the air is clear: Cityscapes was filmed by day, from spring to
autumn, in good or medium weather, and on purpose in no other (Cordts et al. 2016, section 2.1).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np


class Light(NamedTuple):
    """Linear RGB throughout. `sun_from` is the unit vector (X, Y, Z) towards the sun."""

    sun_from: tuple[float, float, float]
    sun: np.ndarray
    ambient: np.ndarray
    zenith: np.ndarray
    horizon: np.ndarray
    clouds: float  # 0 clear … 1 covered
    cloud_at: float  # offset into the cloud texture
    haze_length: float  # metres after which 1/e of the contrast is left
    exposure: float

    @property
    def shift(self) -> tuple[float, float] | None:
        """Shadow displacement on the ground in X and Z per metre of height; None without sun."""
        if not self.sun.any():
            return None
        x, y, z = self.sun_from
        return -x / y, -z / y


def draw_light(looks: np.random.Generator, sunny: float) -> Light:
    """A light at random; direct sun with probability `sunny`, otherwise an overcast sky.

    One sees for 1.2 km and more: a fiftieth of the contrast, the limit of sight by convention, is left after 3.9 haze
    lengths. Fog is where one sees less than 1 km.
    """
    elevation = math.radians(looks.uniform(18, 62))
    azimuth = looks.uniform(0, 2 * math.pi)
    flat = math.cos(elevation)
    sun_from = (flat * math.sin(azimuth), math.sin(elevation), flat * math.cos(azimuth))
    warmth = max(0.0, 1 - math.degrees(elevation) / 45)
    cloud_at, exposure = looks.uniform(0, 256), math.exp(looks.normal(0, 0.12))
    if looks.uniform() < sunny:
        sun = np.array([2.3, 2.1 - 0.5 * warmth, 1.85 - 1.0 * warmth])
        ambient = np.array([0.42, 0.48, 0.60]) * looks.uniform(0.8, 1.15)
        zenith = np.array([0.13, 0.28, 0.62]) * looks.uniform(0.8, 1.3)
        horizon = np.array([0.62, 0.74, 0.88]) + np.array([0.25, 0.05, -0.18]) * warmth
        clouds, haze = looks.uniform(0, 0.65), looks.uniform(400, 1200)
        return Light(sun_from, sun, ambient, zenith, horizon, clouds, cloud_at, haze, exposure)
    grey = looks.uniform(0.7, 1.0)
    ambient = np.array([0.95, 0.98, 1.03]) * grey
    zenith, horizon = np.array([0.62, 0.66, 0.72]) * grey, np.array([0.84, 0.86, 0.89]) * grey
    haze = looks.uniform(300, 700)
    return Light(sun_from, np.zeros(3), ambient, zenith, horizon, 1.0, cloud_at, haze, exposure)
