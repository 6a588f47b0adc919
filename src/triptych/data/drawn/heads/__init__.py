"""Lit heads, turned and tipped. See dataset.py."""

from triptych.data.drawn.heads.dataset import Config, render

__all__ = ["Config", "render"]
