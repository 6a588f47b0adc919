"""What part of a picture is the thing on it, and how far two silhouettes agree."""

from __future__ import annotations

import numpy as np


def silhouettes(images: np.ndarray, threshold: float = 45.0) -> np.ndarray:
    """uint8 (n, 3, H, W) -> bool (n, H, W), for one thing on plain ground: where a colour is more than `threshold` grey
    levels (in one channel) from the median colour of the picture's border; of that the largest connected part, its
    holes (highlights) filled."""
    pictures = images.astype(np.float32)
    border = np.concatenate(
        [pictures[:, :, 0], pictures[:, :, -1], pictures[:, :, :, 0], pictures[:, :, :, -1]], axis=2
    )
    ground = np.median(border, axis=2)[:, :, None, None]
    return np.stack([_largest_part(mask) for mask in np.abs(pictures - ground).max(1) > threshold])


def _largest_part(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_fill_holes, label

    parts, count = label(mask)
    if count > 1:
        mask = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
    return binary_fill_holes(mask)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Mean over images of |a and b| / |a or b|, masks bool (n, H, W); two empty ones agree."""
    both, either = (a & b).sum((1, 2)), (a | b).sum((1, 2))
    return float(np.where(either > 0, both / np.maximum(either, 1), 1.0).mean())
