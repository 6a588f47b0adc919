"""Has a translator collapsed? Two measures of how much of its input an output still depends on.

    diversity            mean over pairs of |output_i - output_j|, over the same of real images of that domain:
                         0 where every input gives one output, 1 where outputs differ as real images do
    mutual information   I(truth; class of the output) in bits a pixel, from the histogram of a score: 0 where the
                         output says nothing of its input

The paper tells of mode collapse by pictures (Zhu et al. 2017, section 5.1.4, figure 7); these are its numbers here.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor


def diversity(images: Tensor, real: Tensor) -> float | None:
    """`images`, `real`: uint8 (n, 3, S, S) of one size, at least two of each. None if the real ones are all equal."""
    if images.shape[1:] != real.shape[1:]:
        raise ValueError(f"images of {tuple(images.shape[1:])} against real ones of {tuple(real.shape[1:])}")
    differ = mean_pairwise_l1(real)
    return mean_pairwise_l1(images) / differ if differ else None


def mean_pairwise_l1(images: Tensor) -> float:
    """Mean of |x_i - x_j| over all pairs i < j and all values; images (n, ...).

    Sorted, the k-th of n values is subtracted in n - 1 - k pairs and added in k: n log n, not n², a value.
    """
    n = len(images)
    if n < 2:
        raise ValueError("pairs need at least two images")
    values = images.reshape(n, -1).T.contiguous()
    signs = 2.0 * np.arange(n) - (n - 1)
    total = sum(float((block.sort(1).values.double().numpy() @ signs).sum()) for block in values.split(1 << 16))
    return total / (n * (n - 1) / 2) / len(values)


def mutual_information(counts: np.ndarray) -> float:
    """Histogram (K, K) of (truth, prediction) -> sum p_tp log2( p_tp / (p_t p_p) ), bits."""
    joint = counts / max(1, counts.sum())
    apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return float((joint[seen] * np.log2(joint[seen] / apart[seen])).sum())
