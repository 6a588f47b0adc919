"""The networks that the DCGAN authors trained and published (repository Newmu/dcgan_code, MIT licence).

Joblib dumps, whose arrays lie beside them as .npy files. These are recognised by their git blob ids and read as plain
numbers; the dumps themselves are pickles and are neither fetched nor opened.

Three conventions differ from PyTorch's. A convolution there is the mathematical one, with the kernel turned by 180°,
and a deconvolution is its adjoint: both spatial axes of all kernels are reversed. A linear map is x W, not W xᵀ. Its
batch normalisation adds 1e-8 to the variance, not 1e-5. The layouts agree: channels before rows before columns, and a
deconvolution's kernels are (channels in, channels out, 5, 5) in both. No running statistics were published, since the
authors' nets always normalise with those of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from triptych.base import project
from triptych.data.format import DataError
from triptych.data.sources.download import fetch, git_blob

MODELS = "https://raw.githubusercontent.com/Newmu/dcgan_code/ee12b2d15a3856794b8dae77d1eb263c67c36e47/models/"
EPSILON = 1e-8


@dataclass(frozen=True)
class Release:
    """The files of one trained model: name -> git blob id. `model` is its folder in the repository's models/,
    `downloads` the folder of the raw data that they are downloaded to."""

    model: str
    downloads: str
    blobs: Mapping[str, str]

    def fetch(self, folder: str | Path | None = None, names: Sequence[str] | None = None) -> Path:
        """The folder with the arrays (all, or those of `names`): `folder`, where they must lie, or `downloads`, which
        is filled if need be.

        Raises DataError: absent, damaged or other bytes, no connection, refused; the message says where to put the
        file."""
        place = self.place(folder)
        for name in self.blobs if names is None else names:
            fetch(f"{MODELS}{self.model}/{name}", place / name, git_blob(self.blobs[name]), download=folder is None)
        return place

    def place(self, folder: str | Path | None) -> Path:
        """Where the arrays lie, or will lie."""
        return project.raw(self.downloads) if folder is None else project.inside(folder)


def as_released(net: nn.Module) -> nn.Module:
    """`net` with the authors' epsilon in its normalisations."""
    for norm in (m for m in net.modules() if isinstance(m, _BatchNorm)):
        norm.eps = EPSILON
    return net


@torch.no_grad()
def copy_array(file: Path, parameter: nn.Parameter) -> None:
    """Put the array of a .npy file into `parameter`, in PyTorch's conventions. Raises DataError if it does not fit."""
    try:
        array = torch.from_numpy(np.load(file, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is not a readable array: {error}") from error
    array = array.flip(2, 3) if array.ndim == 4 else array.T if array.ndim == 2 else array
    if array.shape != parameter.shape:
        raise DataError(f"{file}: an array for {tuple(parameter.shape)} was expected, this is {tuple(array.shape)}")
    parameter.copy_(array)
