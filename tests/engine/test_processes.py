"""Two processes on a CPU (gloo) train the same model as one process on the whole batch."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

SCRIPT = """
import sys
import torch
import torch.distributed as dist
from torch import nn
from triptych.engine import Phase, Replica, Stream, Task, train
from triptych.engine.processes import of_first

class Pair(Task):  # two players, so that the gradients of one phase must not disturb the other's
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.d, self.g = nn.Linear(3, 1), nn.Linear(3, 3)
    def phases(self):
        adam = lambda p, **o: torch.optim.Adam(p, lr=0.05, **o)
        return [Phase("d", [self.d], self.loss_d, adam), Phase("g", [self.g], self.loss_g, adam)]
    def loss_d(self):
        x = self.batch["x"]
        loss = (self.d(x) - 1).square().mean() + self.d(self.g(x)).square().mean()
        return loss, {"loss_d": loss}
    def loss_g(self):
        loss = (self.d(self.g(self.batch["x"])) - 1).square().mean()
        return loss, {"loss_g": loss}

if len(sys.argv) > 2:
    dist.init_process_group("gloo")
x = torch.randn(64, 3, generator=torch.Generator().manual_seed(1))
device = torch.device("cpu")
replica = Replica(seed=0, device=device)
task = train(Pair(), {"x": Stream(x, batch_size=8, seed=0, device=device)}, steps=40, replica=replica)
if replica.is_main:
    torch.save({"weights": task.state_dict(), "world": replica.world}, sys.argv[1])
assert of_first(float(replica.rank)) == 0
if dist.is_initialized():
    weights = [torch.zeros_like(task.g.weight) for _ in range(replica.world)]
    dist.all_gather(weights, task.g.weight.detach())
    assert all(torch.equal(w, weights[0]) for w in weights), "processes ended with different weights"
    dist.destroy_process_group()
"""


@pytest.mark.parametrize("command", ["as torchrun starts them", pytest.param("torchrun", marks=pytest.mark.slow)])
def test_two_processes_equal_one(tmp_path: Path, scripts, command):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    scripts.run(script, tmp_path / "one.pt", cwd=tmp_path)
    if command == "torchrun":
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
        subprocess.run([*torchrun, script, tmp_path / "two.pt", "distributed"], check=True)
    else:
        scripts.run_two(script, tmp_path / "two.pt", "distributed", cwd=tmp_path)
    one, two = (torch.load(tmp_path / f"{n}.pt", weights_only=True) for n in ("one", "two"))
    assert (one["world"], two["world"]) == (1, 2)
    for name, value in one["weights"].items():
        torch.testing.assert_close(two["weights"][name], value, rtol=1e-4, atol=1e-5)
