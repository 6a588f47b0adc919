"""What rendered objects must show: an SVM on raw pixels does badly, a conv net well."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from triptych.data.checks.conv_net import conv_net_accuracy
from triptych.data.format import Dataset

TRAIN, SVM_TRAIN, TEST = 5000, 4000, 2000  # at most so many images are used
_SVM_C = (1e-4, 1e-3)  # the better of the two on the test set: the floor is not lowered by a poor choice
NEEDS = ("labels",)
LIMITS = {"raw_pixel_svm_accuracy": (0.1, 0.35), "conv_net_accuracy": (0.85, 1.0)}  # 0.1: chance


def measure(dataset: Dataset, seed: int) -> dict[str, float]:
    """Test accuracies, as fractions, of a linear SVM on raw pixels and of a supervised conv net."""
    train = dataset["train"].images[:TRAIN], dataset["train"].labels[:TRAIN]
    test = dataset["test"].images[:TEST], dataset["test"].labels[:TEST]
    return {
        "raw_pixel_svm_accuracy": raw_pixel_svm_accuracy(train, test, seed),
        "conv_net_accuracy": conv_net_accuracy(train, test, epochs=6, seed=seed, flip=True),
        "train_images": float(len(train[1])),
        "test_images": float(len(test[1])),
    }


def raw_pixel_svm_accuracy(train, test, seed: int) -> float:
    """Test accuracy, as a fraction, with the better of two costs."""
    from sklearn.svm import LinearSVC

    def raw(images: np.ndarray) -> np.ndarray:
        return images.reshape(len(images), -1).astype(np.float32) / 255 - 0.5

    inputs, held_out = raw(train[0][:SVM_TRAIN]), raw(test[0])

    def accuracy(c: float) -> float:
        machine = LinearSVC(C=c, dual=True, max_iter=100, random_state=seed)
        return float(machine.fit(inputs, train[1][:SVM_TRAIN]).score(held_out, test[1]))

    with ThreadPoolExecutor() as pool:  # liblinear lets go of the interpreter
        return max(pool.map(accuracy, _SVM_C))
