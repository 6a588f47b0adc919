"""The SVHN networks that the DCGAN authors trained and published (repository Newmu/dcgan_code, MIT licence).

Two joblib dumps, whose arrays lie beside them as .npy files. These are recognised by their git blob ids and read as
plain numbers; the dumps themselves are pickles and are neither fetched nor opened. Arrays, in the order of use:

    generator        01 linear (100, 4096), 02/03 gain and shift, 04 deconvolution 256→128, 05/06, 07 128→64, 08/09,
                     10 64→3
    discriminator    01 convolution 3→64, 02 64→128, 03/04 gain and shift, 05 128→256, 06/07, 08 linear (4096, 1)

Three conventions differ from PyTorch's. A convolution there is the mathematical one, with the kernel turned by 180°,
and a deconvolution is its adjoint: both spatial axes of all kernels are reversed. A linear map is x W, not W xᵀ. Its
batch normalisation adds 1e-8 to the variance, not 1e-5. The layouts agree: channels before rows before columns, and a
deconvolution's kernels are (channels in, channels out, 5, 5) in both."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from triptych.base import project
from triptych.data.format import DataError
from triptych.data.sources.download import fetch, git_blob
from triptych.dcgan.gan.training import Gan, GanConfig

URL = (
    "https://raw.githubusercontent.com/Newmu/dcgan_code/master/models/"
    "svhn_unsup_all_conv_dcgan_100z_gaussian_lr_0.0005_64mb/"
)
DOWNLOADS = "dcgan_authors_svhn"  # a folder of the raw data
NET = GanConfig(net="svhn32", width=64, z_dim=100, z="gaussian", steps=1)  # its form; the steps are not taken
EPSILON = 1e-8
GIT_BLOBS = {
    "200_discrim_params.jl_01.npy": "6abd15f9848704a32062c2ebe11768ecc6052828",
    "200_discrim_params.jl_02.npy": "a1422b087c898de5fa822071567b4712a6fed842",
    "200_discrim_params.jl_03.npy": "6b3d7ea696ccc12d74727037f990c8a2f3694448",
    "200_discrim_params.jl_04.npy": "be84039da950483c04d477d9a523141bec5ce658",
    "200_discrim_params.jl_05.npy": "0f2e50b7370df8ffc7b670a4d8c9bccbe253e4c7",
    "200_discrim_params.jl_06.npy": "07ba3eb2cb1f9bffc2d32e8e31166f1007ed1153",
    "200_discrim_params.jl_07.npy": "f001e5393f1c08a53a7679d7acda943c77421f2b",
    "200_discrim_params.jl_08.npy": "71a690d2ff6072a703950978bcc0daa3e1c7c9d6",
    "200_gen_params.jl_01.npy": "3163321831fc55956e7885bcdd4daaf25a070923",
    "200_gen_params.jl_02.npy": "a0b1ea4c315c5eb14e011a0fc512c7838bdb6e8c",
    "200_gen_params.jl_03.npy": "0e3881514593ed1ec0927c62da292d6086afcf19",
    "200_gen_params.jl_04.npy": "8b357b98c60a771fac07fd611b95c1934792fdec",
    "200_gen_params.jl_05.npy": "d0bc9b6e8ae86d4a9d9ec770a729f5990ad4e781",
    "200_gen_params.jl_06.npy": "bb0e4a2f90f18a7bc6ec926080b4407124bf662b",
    "200_gen_params.jl_07.npy": "7a3b3ef33055653aae84055d0962ac0f1df0d3a4",
    "200_gen_params.jl_08.npy": "9dd5b1f23e920acd94a7e567376be2780f0d1a20",
    "200_gen_params.jl_09.npy": "16b0850fa486a048f48bbde7d6ff0c0e0b49f115",
    "200_gen_params.jl_10.npy": "a2cdc19b66a3e74a0131a63e396fcc77981f539f",
}


def fetch_released(folder: str | Path | None = None) -> Path:
    """The folder with the arrays: `folder`, where all of them must lie, or DOWNLOADS, which is filled if need be.

    Raises DataError: absent, damaged or other bytes, no connection, refused; the message says where to put the file."""
    place = project.raw(DOWNLOADS) if folder is None else project.inside(folder)
    for name, blob in GIT_BLOBS.items():
        fetch(URL + name, place / name, git_blob(blob), download=folder is None)
    return place


def released_gan(image_shape: tuple[int, int, int]) -> Gan:
    """Nets of the released form, yet without the released weights. Raises ParamsError if the images are not 32×32."""
    gan = Gan(NET, image_shape)
    for norm in (m for m in gan.modules() if isinstance(m, _BatchNorm)):
        norm.eps = EPSILON
    return gan


def load_released(gan: Gan, folder: Path) -> Gan:
    """Put the arrays of `folder`, as `fetch_released` returns it, into `gan`. Raises DataError if they do not fit.

    The normalisations' running statistics stay as they are: none were published, since the authors' nets always
    normalise with those of a batch."""
    for part, net in {"discrim": gan.discriminator, "gen": gan.generator}.items():
        for i, parameter in enumerate(net.parameters(), start=1):
            _copy(folder / f"200_{part}_params.jl_{i:02}.npy", parameter)
    return gan


@torch.no_grad()
def _copy(file: Path, parameter: nn.Parameter) -> None:
    try:
        array = torch.from_numpy(np.load(file, allow_pickle=False))
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is not a readable array: {error}") from error
    array = array.flip(2, 3) if array.ndim == 4 else array.T if array.ndim == 2 else array
    if array.shape != parameter.shape:
        raise DataError(f"{file}: an array for {tuple(parameter.shape)} was expected, this is {tuple(array.shape)}")
    parameter.copy_(array)
