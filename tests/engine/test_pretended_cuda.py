"""The device that the tests of the GPU path pretend (tests/pretended_cuda.py) refuses what a GPU refuses."""

import json
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a real one")
DONE = "done"
CASES = {  # expression -> part of the refusal
    "recorded(square)": DONE,
    "here(3) * host(()) + 1": DONE,
    "here(3)[torch.tensor([0, 1])]": DONE,
    "here(3).cpu().numpy()": DONE,
    "recorded(lambda net, x: square(net, x) * float(x.mean()), steps=3)": DONE,  # before the step is recorded
    "here(3) + host(3)": "two devices: (3,) on cuda, (3,) on cpu",
    "here(3).add_(host(3))": "two devices",
    "host(2, 2) @ here(2, 2)": "two devices",
    "host(3)[here(2).long()]": "two devices",
    "here(3).index_put_((torch.tensor([0]),), host(1))": "two devices",
    "here(3).numpy()": "NumPy",
    "torch.rand(3, device=CUDA, generator=torch.Generator())": "generator of the host",
    "recorded(lambda net, x: square(net, x) * float(x.mean()))": "cannot be recorded",
    "recorded(lambda net, x: square(net, x) if x.sum() > 0 else x.mean())": "cannot be recorded",
    "recorded(lambda net, x: square(net, x) * torch.tensor([2.0]).to(CUDA))": "_to_copy",
    "recorded(lambda net, x: net(x).float()[x.mean((1, 2, 3)) > 0.3].mean())": "aten.index",
    "recorded(lambda net, x: square(net, x[torch.tensor([0, 1])]))": "aten.index",
}
SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
import torch
from torch import nn
import pretended_cuda as P
from triptych.engine import Phase, Replica, Task, train

P.install()
CUDA, host = P.CUDA, torch.ones
square = lambda net, x: net(x).float().square().mean()
here = lambda *shape: torch.ones(shape, device=CUDA)

class Net(Task):
    def __init__(self, of):
        super().__init__()
        self.of, self.net = of, nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 1))
    def phases(self):
        return [Phase("fit", [self.net], self.loss, lambda p, **o: torch.optim.Adam(p, lr=1e-3, **o))]
    def loss(self):
        value = self.of(self.net, self.batch["x"].float() / 255)
        return value, {"loss": value}

def recorded(of, steps=6):
    replica = Replica(0, device=CUDA)
    stream = replica.stream(torch.arange(768, dtype=torch.uint8).view(16, 3, 4, 4), batch_size=8)
    train(Net(of), {"x": stream}, steps=steps, replica=replica, log_every=2)
    losses = [value for _, _, value in replica.history]
    assert losses[-1] < losses[0] or steps < 6

out = {}
with P.Calls(), P.Device():
    out["possible"] = P.possible()
    for case in json.loads(sys.argv[2]):
        try:
            eval(case)
            out[case] = "done"
        except P.Refused as error:
            out[case] = str(error)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        a = here(4, 4).requires_grad_()
        out["dtypes"] = [str(t.dtype) for t in (a @ a, a + a, (a @ a).exp(), nn.functional.mse_loss(a @ a, a))]
json.dump(out, sys.stdout)
"""


def test_what_a_gpu_refuses_is_refused_and_what_it_does_is_done(tmp_path, scripts):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    seen = json.loads(
        scripts.run(script, Path(__file__).parents[1], json.dumps(list(CASES)), cwd=tmp_path).splitlines()[-1]
    )
    if not seen["possible"]:
        pytest.skip(f"torch {torch.__version__} cannot be made to pretend")
    wrong = {case: seen[case] for case, expected in CASES.items() if expected not in seen[case]}
    assert not wrong
    assert seen["dtypes"] == ["torch.bfloat16", "torch.float32", "torch.float32", "torch.float32"]
