"""DCGAN + L2-SVM with the discriminator that the authors trained on ImageNet and published: no row of the paper's, but
the network of its own row, judged like the others.

Only the statistics of the normalisations and the SVM are learnt here. Arrays, in the order of use: 01 convolution
3→128, 02 128→128, 03/04 its gain and shift, 05 128→256, 06/07, 08 256→256, 09/10, 11 256→512, 12/13, 14 512→512, 15/16.
The last one, 17, makes a logit of the features and has no part in them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field
from torch import nn

from triptych.data.format import DataError
from triptych.data.spec import Spec
from triptych.dcgan.gan.features import DiscriminatorFeatures, FeatureConfig, Standardizer
from triptych.dcgan.gan.networks import FAMILIES, GRID, Discriminator, family_for
from triptych.dcgan.gan.released import Release, as_released, copy_array
from triptych.dcgan.objects.parts.system import FeatureSystem
from triptych.engine import Replica

NET, WIDTH = "imagenet32", 128
DEPTH = len(FAMILIES[NET].strides)
IMAGENET = Release(
    model="imagenet_gan_pretrain_128f_relu_lrelu_7l_3x3_256z",
    downloads="dcgan_authors_imagenet",
    blobs={
        "30_discrim_params.jl_01.npy": "965d83549999fb22549f707a6087ffccac2f44d9",
        "30_discrim_params.jl_02.npy": "ad3a3ba039fc2853688ba9ab567d268ac8a2a7ce",
        "30_discrim_params.jl_03.npy": "f4ea0b943b0c062b8df6ad82ac8ca200927fe5db",
        "30_discrim_params.jl_04.npy": "1c27a7ce858c7075b73d3fecd3cee0a7251b120e",
        "30_discrim_params.jl_05.npy": "047acaca6962dbd91e0dcb0ddc320813458b6b7d",
        "30_discrim_params.jl_06.npy": "7675ba99c010806bf9767dba2857e21beffe9407",
        "30_discrim_params.jl_07.npy": "67b6e86ee62324e1b57ae6387b1d92793bb7f474",
        "30_discrim_params.jl_08.npy": "377119a21d5e1fc10150a25f5dda8142bf517785",
        "30_discrim_params.jl_09.npy": "9dd507761c17c6e9ff16898b1ede7cedb25c41fe",
        "30_discrim_params.jl_10.npy": "cad51ebbebe330ab0893d4a2668ac23cfb798397",
        "30_discrim_params.jl_11.npy": "0642725aad9368c013e5a9e87c5bc4a2f79c053d",
        "30_discrim_params.jl_12.npy": "387f26cf5652b89f5936baa611f70d8a11454016",
        "30_discrim_params.jl_13.npy": "49afb0bd753dded6d7ab525aafffe835a3f6b721",
        "30_discrim_params.jl_14.npy": "5837e827793efc86e9db1ec515f56cc0bd12b0ed",
        "30_discrim_params.jl_15.npy": "59b9592293d391507ebf507763c5cbe7faa4d956",
        "30_discrim_params.jl_16.npy": "a9dfc7881d2d87e177e5b8c317ab9b676dbd6e3d",
    },
)


class Config(FeatureConfig):
    """Where the weights come from, and how features are taken."""

    weights: str | None = Field(
        default=None,
        description="folder of the authors' .npy files, of the first layers at least; null: downloaded",
    )
    statistics: Literal["reestimated"] = "reestimated"  # there are no running ones


class System(DiscriminatorFeatures, FeatureSystem):
    """(n, 3, 32, 32) -> (n, 28,672), or fewer if the folder lacks files of the deeper layers. `fit` reads the files.
    It raises DataError if they cannot be had."""

    learns = False

    def __init__(self, config: Config, spec: Spec):
        family = family_for(NET, spec.image_shape)
        super().__init__(as_released(Discriminator(family, spec.image_shape[0], WIDTH)), config)
        self.discriminator.head = nn.Identity()
        self._keep(DEPTH)

    def fit(self, images: np.ndarray, replica: Replica) -> None:
        """Nothing is learned from the images."""
        folder = IMAGENET.place(self.config.weights)
        layers = DEPTH if self.config.weights is None else whole_layers(folder)
        if not layers:
            raise DataError(f"{folder} has none of the authors' files, {files_of(0)[0]} and so on")
        IMAGENET.fetch(self.config.weights, [name for i in range(layers) for name in files_of(i)])
        self._keep(layers)
        for i, block in enumerate(self.discriminator.blocks):
            for name, parameter in zip(files_of(i), block.parameters(), strict=True):
                copy_array(folder / name, parameter)

    def notes(self) -> list[str]:
        layers = len(self.discriminator.blocks)
        if layers == DEPTH:
            return []
        return [f"the first {layers} of {DEPTH} convolutions: files of the next one are not in the folder of weights"]

    def _keep(self, layers: int) -> None:
        """Describe images by the first `layers` convolutions alone."""
        net = self.discriminator
        net.blocks = net.blocks[:layers]
        widths = [WIDTH * multiple for multiple in FAMILIES[NET].multiples[:layers]]
        net.n_features, self.widest_layer = sum(widths) * GRID * GRID, max(widths)
        if self.config.standardize:
            self.standardizer = Standardizer(net.n_features, self.config.feature_epsilon)

    def load_state_dict(self, state_dict, *args, **kwargs):
        """A saved system has the layers that there were files of."""
        self._keep(sum(f"discriminator.blocks.{i}.0.weight" in state_dict for i in range(DEPTH)))
        return super().load_state_dict(state_dict, *args, **kwargs)


def files_of(layer: int) -> list[str]:
    """The arrays of a convolution, counted from 0: its kernels, then gain and shift but for the first."""
    first = 3 * layer - 1
    return [f"30_discrim_params.jl_{i:02}.npy" for i in ([1] if layer == 0 else range(first, first + 3))]


def whole_layers(folder: Path) -> int:
    """How many convolutions, from the first on, all files are there of."""
    there = [all((folder / name).is_file() for name in files_of(i)) for i in range(DEPTH)]
    return [*there, False].index(False)
