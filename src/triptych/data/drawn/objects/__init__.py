"""Ten classes of things on cluttered backgrounds. See dataset.py."""

from triptych.data.drawn.objects.dataset import Config, render

__all__ = ["Config", "render"]
