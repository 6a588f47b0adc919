"""3D chairs (Aubry et al. 2014): 1,393 chair models rendered from 31 azimuths × 2 elevations, on white.

`rendered_chairs.tar` is read in place. Its authors publish no checksum: it is checked by being whole, with
every view of every model in it.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from pydantic import Field

from triptych.base import project
from triptych.base.config import Strict
from triptych.data.format import DataError, Split
from triptych.data.sources.download import fetch
from triptych.data.sources.pixels import decoded, image_wh, photo
from triptych.data.sources.trees import TarTree

URL = "https://www.di.ens.fr/willow/research/seeing3Dchairs/data/rendered_chairs.tar"
MODELS, ELEVATIONS, AZIMUTHS = 1393, 2, 31
WIDTH = 600
VIEW = re.compile(r"rendered_chairs/(?P<model>[^/]+)/renders/image_\d+_p(?P<p>\d+)_t(?P<t>\d+)_r\d+\.png")


class Config(Strict):
    """Where the archive is or goes (`<root>/chairs3d/rendered_chairs.tar`), and how it is prepared."""

    root: str = "data/raw"
    download: bool = True
    crop: int = Field(400, ge=64, le=WIDTH)  # side of the central square that is kept of 600; the same for all
    grey: bool = True
    invert: bool = False  # True: the background is 0


def load(config: Config, size: int) -> tuple[dict[str, Split], dict]:
    """One split `train`: (86366, 1 or 3, size, size), row-major over its factors (model, elevation, azimuth).

    Raises DataError: no connection, archive damaged, incomplete or laid out differently.
    """
    path = fetch(URL, project.inside(config.root) / "chairs3d" / "rendered_chairs.tar", _incomplete, config.download)
    tree = TarTree(str(path), open(path, "rb"))  # noqa: SIM115  (it lives as long as the tree)
    views, values = _grid(tree)
    files = [views[key] for key in sorted(views)]

    def image(file: str) -> np.ndarray:
        data, name = tree.read(file), tree.where(file)
        if image_wh(data, name) != (WIDTH, WIDTH):
            raise DataError(f"{name} is not {WIDTH} x {WIDTH} pixels: delete {path} and get it again")
        pixels = photo(data, name, size, config.crop, grey=config.grey)
        return 255 - pixels if config.invert else pixels

    card = {
        "title": "3D chairs",
        "source": "official",
        "licence": "none stated; cite Aubry et al. 2014",
        "made_by": f"central {config.crop} px square, {size} px, bicubic" + (", inverted" if config.invert else ""),
        "url": URL,
        "factors": [{"name": n, "values": v} for n, v in zip(("model", "elevation", "azimuth"), values)],
    }
    images = decoded(files, image, (1 if config.grey else 3, size, size))
    return {"train": Split(images, factors=np.array(sorted(views), np.int64))}, card


def _grid(tree: TarTree) -> tuple[dict[tuple[int, int, int], str], list[list]]:
    """(model, elevation, azimuth) indices -> file; and the three lists of values: names, degrees, degrees."""
    found = {f: m for f in tree.files if (m := VIEW.fullmatch(f))}
    angles = {f: (m["model"], int(m["p"]), int(m["t"])) for f, m in found.items()}
    values = [sorted({a[k] for a in angles.values()}) for k in range(3)]
    rank = [{value: i for i, value in enumerate(axis)} for axis in values]
    views = {tuple(rank[k][a[k]] for k in range(3)): f for f, a in angles.items()}
    sizes = tuple(map(len, values))
    if sizes != (MODELS, ELEVATIONS, AZIMUTHS) or len(views) != MODELS * ELEVATIONS * AZIMUTHS:
        raise DataError(
            f"{tree.name} holds {len(views)} views of {sizes[0]} models, {sizes[1]} elevations and "
            f"{sizes[2]} azimuths (rendered_chairs/<model>/renders/image_*_p*_t*_r*.png); there should be "
            f"{MODELS} x {ELEVATIONS} x {AZIMUTHS}: delete it and get it again"
        )
    return views, values


def _incomplete(path: Path) -> str | None:
    """What is wrong with the archive, or None."""
    try:
        with open(path, "rb") as stream:
            _grid(TarTree(str(path), stream))
    except DataError as error:
        return str(error)
    return None
