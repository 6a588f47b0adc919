"""How many rendered digits there are, and how hard their photographs are to read."""

from __future__ import annotations

from pydantic import Field

from triptych.base.config import Strict


class Config(Strict):
    """Counts of the splits, a seed, and how hard the photographs are."""

    train: int = Field(gt=0)
    test: int = Field(gt=0)
    seed: int = Field(ge=0)
    neighbours: float = Field(default=0.75, ge=0, le=1, description="probability of a digit, on each side")
    rotation: float = Field(default=15.0, ge=0, le=90, description="largest turn, degrees either way")
    shift: float = Field(default=0.12, ge=0, le=1, description="largest shift of its centre, in half widths")
    warp: float = Field(default=0.05, ge=0, le=0.2, description="largest bend of the strokes, in digit heights")
    contrast: float = Field(default=0.18, gt=0, le=0.5, description="least difference of paint and plate")
    blur: float = Field(default=1.4, ge=0, le=1.5, description="largest blur, in pixels of a 32-pixel image")
    noise: float = Field(default=0.05, ge=0, le=0.5, description="largest deviation of the sensor's noise")
