"""Fruit that differ in geometry: see _fruit.py."""

from triptych.data.standards._fruit import measure

__all__ = ["measure"]
