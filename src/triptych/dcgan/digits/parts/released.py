"""The SVHN networks that the DCGAN authors trained and published. Arrays, in the order of use:

generator        01 linear (100, 4096), 02/03 gain and shift, 04 deconvolution 256→128, 05/06, 07 128→64, 08/09,
                 10 64→3
discriminator    01 convolution 3→64, 02 64→128, 03/04 gain and shift, 05 128→256, 06/07, 08 linear (4096, 1)"""

from __future__ import annotations

from pathlib import Path

from triptych.dcgan.gan.released import Release, as_released, copy_array
from triptych.dcgan.gan.training import Gan, GanConfig

NET = GanConfig(net="svhn32", width=64, z_dim=100, z="gaussian", steps=1)  # its form; the steps are not taken
SVHN = Release(
    model="svhn_unsup_all_conv_dcgan_100z_gaussian_lr_0.0005_64mb",
    downloads="dcgan_authors_svhn",
    blobs={
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
    },
)


def released_gan(image_shape: tuple[int, int, int]) -> Gan:
    """Nets of the released form, yet without the released weights. Raises ParamsError if the images are not 32×32."""
    gan = Gan(NET, image_shape)
    as_released(gan)
    return gan


def load_released(gan: Gan, folder: Path) -> Gan:
    """Put the arrays of `folder`, as `SVHN.fetch` returns it, into `gan`. The normalisations keep their running
    statistics. Raises DataError if the arrays do not fit."""
    for part, net in {"discrim": gan.discriminator, "gen": gan.generator}.items():
        for i, parameter in enumerate(net.parameters(), start=1):
            copy_array(folder / f"200_{part}_params.jl_{i:02}.npy", parameter)
    return gan
