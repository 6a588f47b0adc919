"""Losses that a CUDA graph can record: everything that they make is made on the device of the networks.

A copy from the host, of a tensor or of a list, cannot be recorded. The test runs on the `meta` device, whose tensors
hold no numbers: a tensor made elsewhere within a loss shows up as one of another device.
"""

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from triptych.beta_vae.shapes.rows.dc_ign import DcIgnTask
from triptych.beta_vae.shapes.rows.infogan import InfoGanTask
from triptych.beta_vae.studies.traversals.factor_net import FactorNet, FactorTask, NetConfig, describe, targets
from triptych.beta_vae.vae.training import VaeTask
from triptych.data.spec import Spec
from triptych.pipeline import systems

META = torch.device("meta")
FACTORS = [{"name": n, "values": [0.0, 1.0]} for n in ("shape", "scale", "orientation", "x", "y")]
SPEC = Spec((1, 16, 16), factors=FACTORS)
IMAGES = torch.zeros(8, 1, 16, 16, dtype=torch.uint8)


class Elsewhere(TorchDispatchMode):
    """Operations with an input or a result that is not on the device."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        tensors = [t for t in tree_leaves((args, kwargs, out)) if isinstance(t, torch.Tensor)]
        if any(t.device != META for t in tensors):
            self.found.append(str(function))
        return out


class FromLists(TorchFunctionMode):
    """Calls that make a tensor of Python numbers or of an array."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function in (torch.tensor, torch.as_tensor, torch.from_numpy):
            self.found.append(function.__name__)
        return function(*args, **(kwargs or {}))


def build(name, **config):
    return systems.build("shapes", name, systems.module("shapes", name).Config(**config), SPEC, 0)


def found(task, batch):
    task.to(META)
    task.batch = tree_map(lambda tensor: tensor.to(META), batch)
    with Elsewhere() as elsewhere, FromLists() as lists:
        for phase in task.phases():
            phase.loss()
    return elsewhere.found + lists.found


def test_the_gans_losses():
    model = build("infogan", channels=[4, 4], dense=8, head=4, instance_noise=0.1)
    assert found(InfoGanTask(model), {"images": IMAGES}) == []


def test_the_weakly_supervised_vaes_loss():
    batch = {"images": IMAGES, "active": torch.zeros(10, dtype=torch.bool), "noise": torch.zeros(1, 8, 10)}
    assert found(DcIgnTask(build("dc_ign", channels=[4, 4])), batch) == []


def test_the_vaes_loss():
    for decoder in ("bernoulli", "gaussian"):
        models = [build("vae", hidden=8, beta=1.0, decoder=decoder, variance=0.01) for _ in range(2)]
        batch = {"images": IMAGES.expand(2, -1, -1, -1, -1), "noise": torch.zeros(2, 8, 10)}
        assert found(VaeTask(models), batch) == []


def test_the_loss_of_the_net_that_reads_factors():
    indices = torch.zeros(8, 5, dtype=torch.long).numpy()
    factors = describe(FACTORS, indices, {}, [])
    truth = targets(factors, indices)
    task = FactorTask(FactorNet((1, 16, 16), truth.shape[1], 4), factors, NetConfig())
    assert found(task, {"examples": (IMAGES, truth)}) == []


@pytest.mark.parametrize("made", [lambda d: torch.zeros(3).to(d), lambda d: torch.tensor([1.0, 2.0], device=d)])
def test_what_comes_from_the_host_is_found(made):
    class Bad(InfoGanTask):
        def surprise(self, features, codes):
            return made(features.device).sum()

    assert found(Bad(build("infogan", channels=[4, 4], dense=8, head=4)), {"images": IMAGES})
