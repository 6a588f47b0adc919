"""Every optimiser takes the device's options in the form that it has, and they change nothing but speed."""

import pytest
import torch
from torch import nn

from triptych.engine.optimisers import adagrad, device_options, rmsprop, sgd

CUDA = device_options(torch.device("cuda"))


@pytest.mark.parametrize(
    ("kind", "on_cuda"),
    [
        (adagrad, {"fused": False}),  # the fused one is for CPUs alone before torch 2.9
        (rmsprop, {"capturable": True}),
        (sgd, {"fused": True, "capturable": True}),
    ],
)
def test_options_of_a_gpu_reach_the_forms_that_there_are(kind, on_cuda):
    weight = [nn.Parameter(torch.zeros(1))]
    group = kind(weight, lr=0.1, **CUDA).param_groups[0]
    assert {key: group[key] for key in on_cuda} == on_cuda


@pytest.mark.parametrize("kind", [adagrad, rmsprop, sgd])
def test_on_a_cpu_the_step_is_the_librarys_own(kind):
    library = {adagrad: torch.optim.Adagrad, rmsprop: torch.optim.RMSprop, sgd: torch.optim.SGD}[kind]
    ends = []
    for make, options in ((kind, device_options(torch.device("cpu"))), (library, {})):
        weight = nn.Parameter(torch.tensor([1.0, -2.0]))
        optimiser = make([weight], lr=0.1, **options)
        for _ in range(3):
            weight.grad = weight.detach().clone()
            optimiser.step()
        ends.append(weight.detach())
    torch.testing.assert_close(*ends)
