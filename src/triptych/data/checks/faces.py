"""What a set of faces must show: attributes and pose that can be seen, and that tell nothing about each other."""

from __future__ import annotations

import numpy as np

from triptych.data.checks.conv_net import conv_net_accuracy
from triptych.data.format import Dataset

ATTRIBUTES = ("Male", "Smiling", "Eyeglasses")
TRAIN, TEST = 3000, 1000  # at most so many images are used
NEEDS = ("factors",)
LIMITS = {
    "attributes_conv_net_accuracy": (0.5, 1.0),
    "azimuth_ridge_r2": (0.6, 1.0),
    "largest_factor_correlation": (0.0, 0.15),
}


def measure(dataset: Dataset, seed: int) -> dict[str, float]:
    """Measures on `train` and `test`.

    `attributes_conv_net_accuracy`: share of test images of which a conv net reads all of Male, Smiling and Eyeglasses
    rightly (by chance 1/8). `azimuth_ridge_r2`: share of the variance of the azimuth that a linear map of the pixels
    explains (only where there is an azimuth). `largest_factor_correlation`: between any two factors, in absolute
    value; about 0.05 by chance with 3000 images.
    """
    names = [factor["name"] for factor in dataset.factors]
    images, factors = zip(*(_part(dataset, split, n) for split, n in (("train", TRAIN), ("test", TEST))))
    labels = [sum(f[:, names.index(name)] << k for k, name in enumerate(ATTRIBUTES)) for f in factors]
    varied = factors[0][:, factors[0].std(0) > 0]
    correlations = np.corrcoef(varied, rowvar=False) - np.eye(varied.shape[1])
    found = {
        "attributes_conv_net_accuracy": conv_net_accuracy(
            (images[0], labels[0]), (images[1], labels[1]), epochs=5, seed=seed, flip=True, width=16
        ),
        "largest_factor_correlation": float(np.abs(correlations).max()),
    }
    if "azimuth" in names:
        azimuths = [f[:, names.index("azimuth")].astype(np.float64) for f in factors]
        found["azimuth_ridge_r2"] = _ridge_r2(images, azimuths)
    return found


def _part(dataset: Dataset, split: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(dataset[split].images[:n]), np.asarray(dataset[split].factors[:n])


def _ridge_r2(images: tuple[np.ndarray, np.ndarray], targets: list[np.ndarray], penalty: float = 30.0) -> float:
    """Held-out R² of a ridge regression from the grey image, averaged to at most 32 x 32 pixels."""
    from sklearn.linear_model import Ridge

    def pixels(x: np.ndarray) -> np.ndarray:
        grey = x.mean(1, dtype=np.float32) / 255
        step = max(1, grey.shape[1] // 32)
        side = grey.shape[1] // step
        grey = grey[:, : side * step, : side * step]
        return grey.reshape(len(x), side, step, side, step).mean((2, 4)).reshape(len(x), -1)

    model = Ridge(alpha=penalty).fit(pixels(images[0]), targets[0])
    return float(model.score(pixels(images[1]), targets[1]))
