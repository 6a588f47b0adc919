"""Cartoon heads that turn, with known attributes. See dataset.py."""

from triptych.data.drawn.faces.dataset import Config, render

__all__ = ["Config", "render"]
