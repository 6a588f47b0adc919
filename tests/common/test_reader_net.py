"""The net that reads something off an image, and its training."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from triptych.common.reader_net import ReaderConfig, Reading, reader_net
from triptych.engine import Replica, train

LAYERS = [(4, 5, 2), None, (6, 3, 1)]


def kinds(net):
    return [type(part).__name__ for part in net]


def test_layers_stand_in_their_order():
    net = reader_net(3, LAYERS, 2, 7, hidden=5)
    block = ["Conv2d", "BatchNorm2d", "ReLU"]
    end = ["AdaptiveAvgPool2d", "Flatten", "Linear", "ReLU", "Linear"]
    assert kinds(net) == [*block, "MaxPool2d", *block, *end]
    first, second = (part for part in net if isinstance(part, nn.Conv2d))
    assert (first.kernel_size, first.stride, first.padding, first.bias) == ((5, 5), (2, 2), (2, 2), None)
    assert second.in_channels == 4 and second.kernel_size == (3, 3)
    assert [part.in_features for part in net if isinstance(part, nn.Linear)] == [6 * 4, 5]
    flat = reader_net(3, LAYERS, 2, 7)
    assert kinds(flat)[-1] == "Linear" and "Linear" not in kinds(flat)[:-1]
    for side in (16, 33):
        assert flat(torch.rand(3, 3, side, side)).shape == (3, 7)
    assert reader_net(1, LAYERS, 2, 7, bias=True)[0].bias is not None


class Brightness(Reading):
    def losses(self, images, targets):
        outputs = self.net(images)
        return {"near": F.mse_loss(outputs[:, 0], targets), "still": outputs[:, 1].square().mean()}


def test_the_sum_of_the_losses_is_minimised_and_each_is_kept():
    torch.manual_seed(0)
    images = torch.rand(64, 1, 8, 8) * torch.rand(64, 1, 1, 1)
    config, replica = ReaderConfig(width=4, steps=60, batch_size=16, lr=1e-2), Replica(0, torch.device("cpu"))
    task = Brightness(reader_net(1, [(4, 3, 1)], 2, 2), config)
    task.batch = {"examples": (images, images.mean((1, 2, 3)))}
    loss, parts = task.loss()
    assert loss == parts["near"] + parts["still"]
    train(task, {"examples": replica.stream(images, images.mean((1, 2, 3)), batch_size=16)}, steps=60, replica=replica)
    assert task.loss()[0] < 0.1 * loss


def test_the_rate_falls_to_nothing_at_the_end():
    task = Brightness(nn.Linear(1, 1), ReaderConfig(width=1, steps=10, lr=0.3))
    (phase,) = task.phases()
    assert [phase.schedule(step) for step in (0, 5, 10, 11)] == [1, 0.5, 0, 0]
    assert phase.optimiser(task.parameters()).defaults["lr"] == 0.3
