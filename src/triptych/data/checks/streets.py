"""What street scenes must show: all classes, in plausible shares, labels that need more than colour, and daylight.

Cityscapes was filmed by day in good or medium weather alone (Cordts et al. 2016, section 2.1), so that no scene is in
the dark or in fog: photos differ in brightness by sun and exposure only, 14 grey levels as they are drawn, and by 18
with every tenth scene in fog and every sixteenth at dusk.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from triptych.base.pixels import signed
from triptych.data.format import Dataset, Split
from triptych.data.label_classes import IGNORE, evaluated, train_ids

TRAIN, VAL, STEPS, BATCH = 300, 100, 260, 8
NEEDS = ("label_maps",)
LIMITS = {
    "classes_in_val": (15, 19),
    "brightness_spread": (5, 16),
    "conv_net_gain_on_colour": (0.1, 1.0),
    "conv_net_gain_on_centroid": (0.3, 1.0),
}


def measure(dataset: Dataset, seed: int) -> dict[str, float]:
    """Measures of `train` and `val` (at most 300 and 100 scenes, drawn with `seed`); scored pixels only.

    `share/<class>`: of the val pixels that are scored; `void_share`: of all pixels, ignored ones. `classes_in_val`:
    scored classes that occur. `brightness_spread`: standard deviation over the train photos of their mean grey level, 0
    to 255. `majority_accuracy`, `centroid_accuracy`, `conv_net_accuracy`: per-pixel accuracy on val of the commonest
    class, of the nearest class mean in RGB, and of a small conv net trained for 260 steps of 8 scenes;
    `conv_net_class_accuracy`: the mean over classes for the last. `colour_accuracy`: of the commonest class in train of
    a pixel's colour, in 16³ bins, the most that a pixel alone can tell. Shares and accuracies are fractions.
    `conv_net_gain_on_*`: how much more the conv net reads.
    """
    classes = dataset.card["classes"]
    names = [c["name"] for c in evaluated(classes)]
    rng = np.random.default_rng(seed)
    train, val = (_sample(dataset[name], n, classes, rng) for name, n in (("train", TRAIN), ("val", VAL)))
    scored = val[1] != IGNORE
    counts = torch.bincount(val[1][scored].long(), minlength=len(names)).double()
    centroid = centroid_predictions(train, val[0], len(names))
    colour = colour_predictions(train, val[0], len(names))
    conv = conv_predictions(train, val[0], len(names), seed)
    right = (conv == val[1]) & scored
    per_class = torch.bincount(val[1][right].long(), minlength=len(names)).double() / counts
    accuracies = {
        name: float((found == val[1])[scored].double().mean())
        for name, found in (("centroid", centroid), ("colour", colour))
    }
    conv_accuracy = float(right.sum() / scored.sum())
    return {
        "n_train": float(len(train[0])),
        "n_val": float(len(val[0])),
        "classes_in_val": float((counts > 0).sum()),
        "brightness_spread": float(train[0].double().mean((1, 2, 3)).std(correction=0) * 127.5),
        "void_share": 1 - float(scored.double().mean()),
        "majority_accuracy": float(counts.max() / counts.sum()),
        **{f"{name}_accuracy": accuracy for name, accuracy in accuracies.items()},
        "conv_net_accuracy": conv_accuracy,
        **{f"conv_net_gain_on_{name}": conv_accuracy - accuracy for name, accuracy in accuracies.items()},
        "conv_net_class_accuracy": float(per_class[counts > 0].mean()),
        **{f"share/{name}": float(share) for name, share in zip(names, counts / counts.sum())},
    }


def _sample(split: Split, n: int, classes, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Photos as float (n, 3, H, W) in [-1, 1] and train ids as uint8 (n, H, W)."""
    rows = np.sort(rng.choice(len(split), min(n, len(split)), replace=False))
    labels = train_ids(np.asarray(split.label_maps[rows]), classes)
    return signed(torch.from_numpy(np.asarray(split.images[rows]))), torch.from_numpy(labels)


def centroid_predictions(train: tuple[Tensor, Tensor], photos: Tensor, k: int) -> Tensor:
    """Train ids (n, H, W): the class whose mean colour in `train` is nearest."""
    pixels, labels = train[0].movedim(1, -1)[train[1] != IGNORE], train[1][train[1] != IGNORE].long()
    sums = torch.zeros(k, 3).index_add_(0, labels, pixels)
    counts = torch.bincount(labels, minlength=k)[:, None]
    means = torch.where(counts > 0, sums / counts.clamp(min=1), torch.inf)
    queries = photos.movedim(1, -1)
    return torch.stack([torch.cdist(q.flatten(0, 1), means).argmin(1).view(q.shape[:2]) for q in queries])


def colour_predictions(train: tuple[Tensor, Tensor], photos: Tensor, k: int) -> Tensor:
    """Train ids (n, H, W): the commonest class in `train` of the pixel's colour, in 16³ bins."""

    def bins(x: Tensor) -> Tensor:
        levels = ((x + 1) * 8).long().clamp(0, 15)
        return (levels[:, 0] * 16 + levels[:, 1]) * 16 + levels[:, 2]

    known = train[1] != IGNORE
    cells = bins(train[0])[known] * k + train[1][known].long()
    counts = torch.bincount(cells, minlength=4096 * k).view(4096, k).double()
    prior = counts.sum(0) / counts.sum()  # decides in bins that train never filled
    return (counts + prior).argmax(1)[bins(photos)]


class _Net(nn.Module):
    """Three strided convolutions down and three steps up, with skips: it sees about half a scene."""

    def __init__(self, k: int):
        super().__init__()
        widths = (3, 16, 32, 48)
        self.down = nn.ModuleList(_block(a, b, 2) for a, b in zip(widths, widths[1:]))
        self.middle = nn.Sequential(_block(48, 48, 1, 2), _block(48, 48, 1, 4))
        self.up = nn.ModuleList(_block(a + b, b, 1) for a, b in ((48, 32), (32, 16)))
        self.out = nn.Conv2d(16 + 3, k, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        skips = [x]
        for down in self.down:
            skips.append(down(skips[-1]))
        h = self.middle(skips.pop())
        for up in self.up:
            skip = skips.pop()
            h = up(torch.cat([F.interpolate(h, skip.shape[2:]), skip], 1))
        return self.out(torch.cat([F.interpolate(h, x.shape[2:]), x], 1))


def _block(a: int, b: int, stride: int, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(a, b, 3, stride, dilation, dilation, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(b), nn.ReLU())


def conv_predictions(train: tuple[Tensor, Tensor], photos: Tensor, k: int, seed: int) -> Tensor:
    """Train ids (n, H, W) that a conv net reads which was trained on `train`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _Net(k)
        optimiser = torch.optim.Adam(net.parameters(), 5e-3)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, STEPS)
        for _ in range(STEPS):
            rows = torch.randint(len(train[0]), (BATCH,))
            x, y = train[0][rows], train[1][rows].long()
            if torch.rand(()) < 0.5:
                x, y = x.flip(-1), y.flip(-1)
            loss = F.cross_entropy(net(x), y, ignore_index=IGNORE)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    net.eval()
    with torch.no_grad():
        return torch.cat([net(part).argmax(1) for part in photos.split(20)])
