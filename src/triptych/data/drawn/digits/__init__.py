"""House numbers. See dataset.py."""

from triptych.data.drawn.digits.dataset import Config, render

__all__ = ["Config", "render"]
