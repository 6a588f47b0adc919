"""Turned chairs of several makes, on white. See dataset.py."""

from triptych.data.drawn.chairs.dataset import Config, render

__all__ = ["Config", "render"]
