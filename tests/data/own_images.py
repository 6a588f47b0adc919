"""Small folders of images, as users have them, for the tests of `source: folder`."""

import numpy as np
from PIL import Image

from triptych.data.format import write_dataset
from triptych.data.sources import folder

RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def picture(path, colour=RED, wh=(20, 10), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", wh, colour).save(path, **options)


def pairs(root, n=3, splits=("train", "val"), wh=(24, 12), ids=(0, 3, 11)):
    """Red photos, and label maps with the `ids` from left to right."""
    for split in splits:
        for i in range(n):
            picture(root / split / f"photo/{i}.jpg", RED, wh)
            labels = np.array(ids, np.uint8)[np.arange(wh[0]) * len(ids) // wh[0]]
            (root / split / "label").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.tile(labels, (wh[1], 1))).save(root / split / f"label/{i}.png")
    return root


def load(path, size=8, **options):
    return folder.load(folder.Config(path=str(path), **options), size)


def written(tmp_path, path, size=8, **options):
    return write_dataset(tmp_path / "out", *load(path, size, **options))
