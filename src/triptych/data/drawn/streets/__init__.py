"""Street scenes with pixel labels. See dataset.py."""

from triptych.data.drawn.streets.dataset import Config, render

__all__ = ["Config", "render"]
