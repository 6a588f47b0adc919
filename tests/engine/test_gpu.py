"""On a CUDA device: the recorded step is the eager step, and a resumed run goes on."""

import pytest
import torch
from torch import nn

from triptych.engine import Phase, Replica, Stream, Task, train
from triptych.engine.graph import RecordedStep

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


class Conv(Task):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1)
        )

    def phases(self):
        return [
            Phase("fit", [self.net], self.loss, lambda p, **o: torch.optim.Adam(p, lr=1e-3, **o), lambda s: 0.99**s)
        ]

    def loss(self):
        x = self.batch["x"]
        loss = (self.net(x) - x).square().mean()
        return loss, {"loss": loss}


def run(steps, monkeypatch, graph, checkpoint=None):
    if not graph:
        monkeypatch.setattr(RecordedStep, "warmup", 10**9)
    device = torch.device("cuda")
    images = torch.randint(0, 256, (64, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    stream = Stream(images, batch_size=16, seed=0, device=device, transform=lambda x: x.float() / 127.5 - 1)
    replica = Replica(seed=0, device=device, checkpoint=checkpoint)
    task = train(Conv(), {"x": stream}, steps=steps, replica=replica, log_every=10)
    return task, [v for _, _, v in replica.history]


def test_graph_equals_eager(monkeypatch):
    with_graph, a = run(60, monkeypatch, True)
    eager, b = run(60, monkeypatch, False)
    assert a == pytest.approx(b, rel=0.02)
    assert a[-1] < a[0]


def test_resume_on_cuda(monkeypatch, tmp_path):
    _, whole = run(40, monkeypatch, True)
    run(20, monkeypatch, True, tmp_path / "c.pt")
    _, resumed = run(40, monkeypatch, True, tmp_path / "c.pt")
    assert resumed == pytest.approx(whole, rel=0.02)
