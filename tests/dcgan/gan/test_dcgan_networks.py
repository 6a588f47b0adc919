import pytest
import torch
from torch import nn

from triptych.base.config import ParamsError
from triptych.common.init import normal_init
from triptych.dcgan.gan.networks import FAMILIES, Discriminator, Generator, family_for, pooled

NETS = list(FAMILIES)


def norms(block):
    return [m for m in block.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]


@pytest.mark.parametrize("net", NETS)
def test_the_nets_mirror_each_other_and_only_input_and_output_layers_lack_normalisation(net):
    family = FAMILIES[net]
    d, g = Discriminator(family, width=4), Generator(family, width=4, z_dim=7)
    images = g(torch.randn(2, 7))
    assert images.shape == (2, 3, family.size, family.size)
    assert images.abs().max() <= 1
    assert d(images).shape == (2,)
    sides = [a.shape[-1] for a in d.activations(images)]
    assert sides[-1] == 4 and sides == sorted(sides, reverse=True)
    assert [len(norms(b)) for b in d.blocks] == [0] + [1] * (len(d.blocks) - 1)
    assert norms(d.head) == []
    assert [len(norms(b)) for b in [g.project, *g.blocks]] == [1] * len(g.blocks) + [0]


def test_layers_of_the_papers_nets():
    shapes = [tuple(b[0].weight.shape) for b in Discriminator(FAMILIES["imagenet32"]).blocks]
    widths = [(128, 3), (128, 128), (256, 128), (256, 256), (512, 256), (512, 512)]
    assert shapes == [(o, i, 3, 3) for o, i in widths]
    assert Discriminator(FAMILIES["imagenet32"]).head.weight.shape == (1, 8192)
    svhn = Generator(FAMILIES["svhn32"])
    assert svhn.project[0].weight.shape == (4096, 100)
    assert [tuple(b[0].weight.shape) for b in svhn.blocks] == [(256, 128, 5, 5), (128, 64, 5, 5), (64, 3, 5, 5)]
    scenes = [tuple(b[0].weight.shape[:2]) for b in Discriminator(FAMILIES["scenes64"]).blocks]
    assert scenes == [(128, 3), (256, 128), (512, 256), (1024, 512)]


def test_no_biases_and_the_initial_weights():
    g = Generator(FAMILIES["svhn32"])
    assert all(m.bias is None for m in g.modules() if isinstance(m, (nn.ConvTranspose2d, nn.Linear)))
    assert g.blocks[0][0].weight.std().item() == pytest.approx(0.02, rel=0.02)
    gain, shift = g.project[1].weight.detach(), g.project[1].bias
    assert gain.mean().item() == pytest.approx(1, abs=0.002) and gain.std().item() == pytest.approx(0.02, rel=0.1)
    assert shift.eq(0).all()
    conv = normal_init(nn.Conv2d(3, 4, 3))
    assert conv.bias.eq(0).all() and conv.weight.abs().max() < 0.2


@pytest.mark.parametrize("sampling", ["strided", "pooling"])
def test_a_layer_whose_norm_is_taken_away_has_a_bias_in_its_place(sampling):
    """Where the paper's nets have a shift, these have a bias, of the same size; the other layers have neither."""

    def shifts(norm):
        nets = [
            Generator(FAMILIES["svhn32"], width=4, z_dim=6, norm=norm, sampling=sampling, hidden=5),
            Discriminator(FAMILIES["svhn32"], width=4, norm=norm, sampling=sampling, hidden=5),
        ]
        return [tuple(p.shape) for net in nets for name, p in net.named_parameters() if name.endswith("bias")]

    assert shifts("none") == shifts("batch") and len(shifts("batch")) == 7


def test_pooled_takes_the_maximum_of_each_cell():
    maps = torch.zeros(1, 2, 8, 8)
    maps[0, 1, 3, 5] = 7.0
    out = pooled(maps).view(2, 4, 4)
    assert out[1, 1, 2] == 7 and out.sum() == 7


def test_a_net_that_does_not_fit_the_images_is_refused():
    assert family_for("svhn32", (1, 32, 32)).size == 32
    with pytest.raises(ParamsError, match="scenes64"):
        family_for("imagenet32", (3, 64, 64))
