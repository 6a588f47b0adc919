import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from triptych.base.config import ParamsError
from triptych.data.spec import Spec
from triptych.dcgan.digits.parts import swwae
from triptych.dcgan.digits.parts.swwae import Swwae, SwwaeConfig, SwwaeTask
from triptych.engine import Replica
from triptych.pipeline import systems

CPU = torch.device("cpu")
SPEC = Spec((3, 32, 32), n_classes=10)


def net(**changes) -> Swwae:
    torch.manual_seed(0)
    return Swwae(SwwaeConfig(width=4, **changes), SPEC, dropout=0.0)


def test_architecture_is_the_papers():
    paper = Swwae(SwwaeConfig(), SPEC, dropout=0.5)
    convolutions = [m for stage in paper.down for m in stage if isinstance(m, torch.nn.Conv2d)]
    assert [(m.out_channels, m.kernel_size[0]) for m in convolutions] == [(128, 5), (128, 3), (256, 3), (256, 3)]
    assert paper.head.in_features == 256 * 4 * 4 and paper.dropout.p == 0.5
    with pytest.raises(ParamsError, match="28 pixels"):
        Swwae(SwwaeConfig(width=4), Spec((3, 28, 28), n_classes=10), dropout=0.0)


def test_decoder_mirrors_the_encoder():
    x = torch.randn(2, 3, 32, 32)
    model = net()
    whats, wheres = model.encode(x)
    image, *maps = model.decode(whats[-1], wheres)
    assert image.shape == x.shape
    assert [m.shape for m in maps] == [w.shape for w in whats[:-1]]
    assert float(image.detach().min()) < 0  # the output is linear, not cut off by a ReLU


def test_where_matters():
    """A maximum that moves within its block moves the reconstruction."""
    model = net(batch_norm=False).eval()
    noise = torch.rand(1, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    what, where = F.max_pool2d(noise, 2, return_indices=True)
    moved = torch.where(where % 2 == 0, where + 1, where - 1)  # to its neighbour, left or right
    one, other = (model.up[-1](F.max_unpool2d(what, places, 2)) for places in (where, moved))
    assert float((one - other).detach().abs().max()) > 0.1 * float(one.detach().std())


def test_loss_is_the_papers_sum_and_labels_count_for_labelled_images_only():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.tensor([1, 2])
    model = net().eval()
    task = SwwaeTask(model, reconstruction=0.3, intermediate=0.1, lr=1e-3)
    task.batch = {"labelled": (images[:2], labels), "unlabelled": images[2:]}
    loss, logs = task.loss()
    x = images.float() / 127.5 - 1
    whats, wheres = model.encode(x)
    decoded = model.decode(whats[-1], wheres)
    expected = (
        F.cross_entropy(model(images[:2]), labels)
        + 0.3 * (decoded[0] - x).square().mean()
        + 0.1 * sum((d - w).square().mean() for d, w in zip(decoded[1:], whats))
    )
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(loss, logs["nll"] + 0.3 * logs["reconstruction"] + 0.1 * logs["intermediate"])


@pytest.mark.parametrize("name, rate", [("swwae", 0.0), ("swwae_dropout", 0.5)])
def test_each_seed_starts_from_weights_of_its_own_and_its_net_has_the_rows_dropout(name, rate, monkeypatch):
    module, images, nets = systems.module("digits", name), np.zeros((4, 3, 8, 8), np.uint8), []
    monkeypatch.setattr(swwae, "train_selected", lambda _, net, *rest, **options: nets.append(copy.deepcopy(net)))
    system = module.System(module.Config(width=2, batch_size=4), Spec((3, 8, 8), n_classes=2))
    system.pretrain(images, Replica(0, CPU))
    for seed in (0, 0, 1):
        system.fit(images, np.arange(4) % 2, Replica(seed, CPU))
    first, again, other = (net.head.weight for net in nets)
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert {net.dropout.p for net in nets} == {rate}
