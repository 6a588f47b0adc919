"""A matplotlib figure as SVG for the page: text stays text, ink and grid follow the page's colours."""

from __future__ import annotations

import io
import re
from typing import Any

from triptych.draw.style import GRID, INK

SVG: dict[str, Any] = {"svg.fonttype": "none", "font.family": "sans-serif"}


def to_svg(figure: Any, key: str) -> str:
    """`key` names the figure on its page: the ids within it begin with it. The same figure gives the same text."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    out = io.StringIO()
    with matplotlib.rc_context({**SVG, "svg.hashsalt": key}):
        metadata = dict.fromkeys(["Date", "Creator", "Format", "Type"])
        FigureCanvasSVG(figure).print_svg(out, metadata=metadata)
    text = out.getvalue()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' id="[\w.]+_\d+"', "", text)  # names of matplotlib's parts: nothing refers to them
    in_a_tag = r"\d+\.\d{3,}(?=[^<>]*>)"  # coordinates; what is written stays as it is
    text = re.sub(in_a_tag, lambda match: f"{float(match.group()):.2f}".rstrip("0").rstrip("."), text)
    for old, new in {INK: "currentColor", "#000000": "currentColor", GRID: f"var(--line, {GRID})"}.items():
        text = text.replace(old, new)
    width, height = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', text).groups()
    start = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
    start += f'viewBox="0 0 {width} {height}" width="{width}pt" height="{height}pt">'
    text = start + text[text.index(">", text.index("<svg")) + 1 :]
    return re.sub(r"\n\s*", "\n", text).strip() + "\n"
