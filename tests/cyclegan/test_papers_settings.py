"""Defaults are the papers' settings, typed a second time with the place where they are printed."""

import pytest

from triptych.cyclegan.gan.translation import CycleConfig
from triptych.cyclegan.streets.judge.fcn8s import Config as FcnConfig
from triptych.cyclegan.streets.rows import bigan_ali, cogan, feature_loss_gan, pix2pix, pix2pix_unet, simgan

ADAM = dict(lr=2e-4, beta1=0.5, beta2=0.999)
CYCLEGAN = dict(pixels=128, load_size=143, gan_loss="lsgan", pool=50, batch_size=1, epochs=200, decay_from=0.5, **ADAM)
NETS = dict(width=64, blocks=6, critic_width=64, critic_layers=3)


@pytest.mark.parametrize(
    "config, printed",
    [
        # CycleGAN, sections 4 and 7
        (CycleConfig, dict(cycle_weight=10, identity_weight=0, disjoint=False, **NETS, **CYCLEGAN)),
        # CycleGAN, section 5.1.2, and its authors' code for the weights
        (bigan_ali.Config, dict(disjoint=False, **NETS, **CYCLEGAN)),
        (simgan.Config, dict(pixel_weight=10, disjoint=False, **NETS, **CYCLEGAN)),
        (feature_loss_gan.Config, dict(feature_weight=10, features="vgg16", feature_size=224, **NETS, **CYCLEGAN)),
        (pix2pix.Config, dict(l1_weight=10, **NETS, **CYCLEGAN)),
        # pix2pix, sections 3.3 and 6.2
        (pix2pix_unet.Config, dict(pixels=256, load_size=286, l1_weight=100, gan_loss="log", pool=0, decay_from=1)),
        (pix2pix_unet.Config, dict(batch_size=1, epochs=200, **ADAM)),
        # CoGAN's authors' code; the search is ours
        (cogan.Config, dict(z_dim=100, batch_size=64, gan_loss="log", search_steps=500, search_starts=4, **ADAM)),
        # ours: see fcn8s.py
        (FcnConfig, dict(pixels=[256, 512], width=64, dense=4096, lr=1e-3, weight_decay=5e-4, batch_size=8)),
    ],
)
def test_defaults_are_the_papers(config, printed):
    settings = config().model_dump()
    assert {key: settings[key] for key in printed} == printed
