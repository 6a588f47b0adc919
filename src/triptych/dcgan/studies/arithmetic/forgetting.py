"""Forgetting to draw a thing (paper, section 6.3.1 and figure 6, where bedrooms lose their windows).

A logistic regression tells the activations of a layer inside boxes around the thing from those at random places of the
same samples; the maps with a positive weight are set to 0 everywhere, and new pictures are drawn without them.

The paper has 52 boxes, drawn by hand on 150 samples. Here a box is put where covering the picture takes most from the
reader's belief in the thing. The paper shows pictures and no control; here stand beside its rule, with as many maps
dropped: maps drawn at random, and a sharper rule, the maps that tell the boxes of samples with the thing from the same
boxes in samples without it."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from triptych.base.config import Strict
from triptych.dcgan.studies.arithmetic.code_lab import Lab

SHOWN = 8  # samples in each picture


class Forgetting(Strict):
    """`attribute` is to be forgotten: boxes of `height` × `width` pixels in the `boxes` samples that are surest to
    have it; maps of the `layer`-th layer of features from the top (the paper's "second highest"; 200 maps dropped are
    too many for the one above it); `controls` random choices of maps."""

    attribute: str
    height: int = Field(ge=1)
    width: int = Field(ge=1)
    boxes: int = Field(default=52, ge=1)
    layer: int = Field(default=2, ge=1)
    controls: int = Field(default=10, ge=1)

    @property
    def box(self) -> tuple[int, int]:
        return self.height, self.width


def forget(lab: Lab, config: Forgetting) -> tuple[dict[str, float], dict[str, np.ndarray]]:
    """Numbers: has, has_after: share of the pool's samples that are read as having the attribute, with and without the
    maps; kept: share of the other attributes that are read as before; both also by the sharper rule (`_same_place`) and
    for random maps (`_random`). distance: by the paper's rule, to the nearest real image. dropped: share of the layer's
    maps; box_accuracy: of the regression, on what it was fitted to; covered: share of boxes that hide the attribute.

    Pictures, uint8 (SHOWN, C, H, W): `boxes`, and the pool's first samples that have the attribute (where too few have
    it, others) `before` and `after`."""
    column = lab.reader.attributes.index(config.attribute)
    had = lab.readings.probabilities > 0.5
    others = [k for k in range(had.shape[1]) if k != column]
    chosen, numbers, boxes = maps_to_drop(lab, config)
    numbers["has"] = float(had[:, column].double().mean())
    shown = (~had[:, column]).to(torch.int8).argsort(stable=True)[:SHOWN]
    pictures = {"boxes": boxes.numpy(), "before": lab.samples[shown].numpy()}
    for rule, choices in chosen.items():
        measured = []
        for dropped in choices:
            images = lab.generate.without(config.layer, dropped)(lab.pool)
            has = lab.reader.read(images).probabilities > 0.5
            measured.append((has[:, column].double().mean(), (has == had)[:, others].double().mean()))
        has_after, kept = torch.tensor(measured).mean(0).tolist()
        numbers |= {f"has_after{rule}": has_after, f"kept{rule}": kept}
        pictures[f"after{rule}"] = images[shown].numpy()
        if rule == "":
            numbers["distance"] = lab.real.median(images)
    return numbers, pictures


def maps_to_drop(lab: Lab, config: Forgetting) -> tuple[dict[str, list[Tensor]], dict[str, float], Tensor]:
    """By each rule ("" is the paper's) the choices of maps, bool (k,), true where a map is to be dropped; dropped,
    box_accuracy and covered as in `forget`; the first boxes, drawn."""
    rng, _ = lab.random("forgetting")
    column = lab.reader.attributes.index(config.attribute)
    sure = lab.score({config.attribute: 1}).topk(config.boxes).indices
    unsure = lab.score({config.attribute: 0}).topk(config.boxes).indices

    maps = lab.generate.maps(lab.pool[sure], config.layer)
    cell = lab.samples.shape[-1] // maps.shape[-1]
    corners, belief = find_boxes(
        lab.samples[sure], config.box, cell, lambda x: lab.reader.read(x).probabilities[:, column]
    )
    inside = cells_inside(corners, config.box, cell, maps.shape[-1])
    positives, elsewhere = at(maps, inside), at(maps, ~inside)
    negatives = elsewhere[torch.from_numpy(rng.permutation(len(elsewhere))[: len(positives)])]
    weights, accuracy = telling_apart(positives, negatives)
    sharper, _ = telling_apart(positives, at(lab.generate.maps(lab.pool[unsure], config.layer), inside))

    count, total = int((weights > 0).sum()), len(weights)
    chosen = {
        "": [weights > 0],
        "_same_place": [largest(sharper, count)],
        "_random": [largest(torch.from_numpy(rng.random(total)), count) for _ in range(config.controls)],
    }
    numbers = {
        "dropped": count / total,
        "box_accuracy": accuracy,
        "covered": float((belief < 0.5).double().mean()),
    }
    return chosen, numbers, framed(lab.samples[sure], corners, config.box)


def find_boxes(images: Tensor, box: tuple[int, int], cell: int, believe) -> tuple[Tensor, Tensor]:
    """uint8 images (n, C, H, W) -> (row, column) of the upper left corner (n, 2) of the box whose covering, by the mean
    colour of what is covered, lowers `believe`: images -> (n,) most; and the belief that is left (n,). Boxes are tried
    every half `cell`."""
    height, width = box
    lowest = torch.full((len(images),), torch.inf)
    corners = torch.zeros(len(images), 2, dtype=torch.long)
    step = max(1, cell // 2)
    for top in range(0, images.shape[2] - height + 1, step):
        for left in range(0, images.shape[3] - width + 1, step):
            covered = images.clone()
            part = covered[:, :, top : top + height, left : left + width]
            part.copy_(part.float().mean((2, 3), keepdim=True).round())
            belief = believe(covered).float()
            lower = belief < lowest
            lowest[lower] = belief[lower]
            corners[lower] = torch.tensor([top, left])
    return corners, lowest


def cells_inside(corners: Tensor, box: tuple[int, int], cell: int, side: int) -> Tensor:
    """Which cells of side × side maps have their centre in the box of each image: bool (n, side, side)."""
    centre = (torch.arange(side) + 0.5) * cell
    rows, columns = ((centre >= corners[:, k, None]) & (centre < corners[:, k, None] + box[k]) for k in range(2))
    return rows[:, :, None] & columns[:, None, :]


def at(maps: Tensor, cells: Tensor) -> Tensor:
    """Activations (m, k) of maps (n, k, s, s) at the m chosen cells (n, s, s)."""
    return maps.permute(0, 2, 3, 1)[cells]


def telling_apart(positives: Tensor, negatives: Tensor) -> tuple[Tensor, float]:
    """Weight of each map (k,) in a logistic regression of (m, k) activations against (l, k) others, and its accuracy on
    these."""
    from sklearn.linear_model import LogisticRegression

    x = torch.cat([positives, negatives]).numpy()
    y = np.repeat([1, 0], [len(positives), len(negatives)])
    fitted = LogisticRegression(max_iter=1000).fit(x, y)
    return torch.from_numpy(fitted.coef_[0]), float(fitted.score(x, y))


def largest(values: Tensor, count: int) -> Tensor:
    """bool, true at the `count` largest."""
    chosen = torch.zeros(len(values), dtype=torch.bool)
    chosen[values.topk(count).indices] = True
    return chosen


def framed(images: Tensor, corners: Tensor, box: tuple[int, int]) -> Tensor:
    """The first SHOWN images with the edge of their box in red."""
    images = images[:SHOWN].expand(-1, 3, -1, -1).clone()
    red = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None]
    for image, (top, left) in zip(images, corners.tolist()):
        bottom, right = top + box[0] - 1, left + box[1] - 1
        image[:, [top, bottom], left : right + 1] = red[:, None]
        image[:, top : bottom + 1, [left, right]] = red[:, :, None]
    return images
