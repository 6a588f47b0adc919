"""The device that the tests of the GPU path pretend (tests/pretended_cuda.py) refuses what a GPU refuses."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a real one")
TESTS = Path(__file__).parents[1]

SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import torch
import pretended_cuda as P
from torch import nn
from triptych.engine import Phase, Replica, Task, train

P.install()
CUDA = P.CUDA

def recorded(loss, steps=6):
    class Net(Task):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 1))
        def phases(self):
            return [Phase("fit", [self.net], self.loss, lambda p, **o: torch.optim.Adam(p, lr=1e-3, **o))]
        def loss(self):
            value = loss(self.net, self.batch["x"].float() / 255)
            return value, {"loss": value}
    replica = Replica(0, device=CUDA)
    stream = replica.stream(torch.arange(768, dtype=torch.uint8).view(16, 3, 4, 4), batch_size=8)
    train(Net(), {"x": stream}, steps=steps, replica=replica, log_every=2)
    return [value for _, _, value in replica.history]

square = lambda net, x: net(x).float().square().mean()
here = lambda *shape: torch.ones(shape, device=CUDA)
host = torch.ones
CASES = {
    "a plain step": lambda: recorded(square),
    "a number of the host": lambda: here(3) * host(()) + 1,
    "an index of the host": lambda: here(3)[torch.tensor([0, 1])],
    "to the host and on": lambda: here(3).cpu().numpy(),
    "two devices": lambda: here(3) + host(3),
    "written from another device": lambda: here(3).add_(host(3)),
    "a product": lambda: host(2, 2) @ here(2, 2),
    "an index of the device": lambda: host(3)[here(2).long()],
    "values of the host": lambda: here(3).index_put_((torch.tensor([0]),), host(1)),
    "an array": lambda: here(3).numpy(),
    "a generator of the host": lambda: torch.rand(3, device=CUDA, generator=torch.Generator()),
    "a number read in a step": lambda: recorded(lambda net, x: square(net, x) * float(x.mean())),
    "a branch in a step": lambda: recorded(lambda net, x: square(net, x) if x.sum() > 0 else x.mean()),
    "a tensor of the host in a step": lambda: recorded(lambda net, x: square(net, x) * torch.tensor([2.0]).to(CUDA)),
    "a mask in a step": lambda: recorded(lambda net, x: net(x).float()[x.mean((1, 2, 3)) > 0.3].mean()),
    "a host index in a step": lambda: recorded(lambda net, x: square(net, x[torch.tensor([0, 1])])),
    "before it is recorded": lambda: recorded(lambda net, x: square(net, x) * float(x.mean()), steps=3),
}
out = {}
with P.Calls(), P.Device():
    out["possible"] = P.possible()
    for name, case in CASES.items():
        try:
            case()
            out[name] = "done"
        except P.Refused as error:
            out[name] = str(error)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        a = here(4, 4).requires_grad_()
        out["dtypes"] = [str(t.dtype) for t in (a @ a, a + a, (a @ a).exp(), nn.functional.mse_loss(a @ a, a))]
    out["losses"] = recorded(square, 8)
json.dump(out, sys.stdout)
"""


@pytest.fixture(scope="module")
def seen():
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(TESTS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    out = json.loads(done.stdout.splitlines()[-1])
    if not out["possible"]:
        pytest.skip(f"torch {torch.__version__} cannot be made to pretend")
    return out


@pytest.mark.parametrize(
    "case",
    ["a plain step", "a number of the host", "an index of the host", "to the host and on", "before it is recorded"],
)
def test_what_a_gpu_does_is_done(seen, case):
    assert seen[case] == "done"


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ("two devices", "two devices: (3,) on cuda, (3,) on cpu"),
        ("written from another device", "two devices"),
        ("a product", "two devices"),
        ("an index of the device", "two devices"),
        ("values of the host", "two devices"),
        ("an array", "NumPy"),
        ("a generator of the host", "generator of the host"),
        ("a number read in a step", "cannot be recorded"),
        ("a branch in a step", "cannot be recorded"),
        ("a tensor of the host in a step", "_to_copy"),
        ("a mask in a step", "aten.index"),
        ("a host index in a step", "aten.index"),
    ],
)
def test_what_a_gpu_refuses_is_refused(seen, case, why):
    assert why in seen[case]


def test_autocast_casts_as_on_cuda(seen):
    assert seen["dtypes"] == ["torch.bfloat16", "torch.float32", "torch.float32", "torch.float32"]


def test_steps_learn(seen):
    assert len(seen["losses"]) == 4
    assert seen["losses"][-1] < seen["losses"][0]
