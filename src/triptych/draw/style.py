"""How every figure of the report looks: one palette (Okabe-Ito, safe for colour-blind readers), one set of
rules."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9"
PALETTE = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
INK, MUTED, GRID = "#222222", "#8a8a8a", "#e4e4e4"

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
}
DPI = 130
COLOURS = 64  # enough for lines and their smoothed edges, at a third of the bytes


def to_png(figure: Any, colours: int = COLOURS) -> bytes:
    """A matplotlib figure -> PNG bytes that depend on the figure alone (no date, no version). Pictures need more
    `colours` than lines do (256 at most)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure.set_dpi(DPI)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    image = Image.frombuffer("RGBA", (width, height), canvas.buffer_rgba()).convert("RGB")
    out = io.BytesIO()
    image.quantize(colours, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


@contextmanager
def chart(path: Path, size: tuple[float, float], colours: int = COLOURS) -> Iterator[Figure]:
    """A matplotlib figure of `size` inches in this style, written to `path` (`to_png`) at the end of the block."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(RC):
        figure = Figure(figsize=size, facecolor="white", layout="constrained")
        yield figure
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_png(figure, colours))
