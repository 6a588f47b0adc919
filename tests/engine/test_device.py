"""Which device a process gets, and in which precision it computes."""

import pytest
import torch

from triptych import processes
from triptych.engine import default_device
from triptych.engine.device import precision
from triptych.errors import UserError


@pytest.fixture(autouse=True)
def flags_put_back():
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
    yield
    cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before


@pytest.mark.parametrize(
    "name, rank, expected",
    [("cuda", None, "cuda:0"), ("cuda", "3", "cuda:3"), ("cuda:1", None, "cuda:1"), ("cpu", "3", "cpu")],
)
def test_cuda_without_a_number_is_the_gpu_of_this_process(monkeypatch, name, rank, expected):
    set_to = []
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: set_to.append(device.index))
    monkeypatch.setenv("TRIPTYCH_DEVICE", name)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank is not None:
        monkeypatch.setenv("LOCAL_RANK", rank)
    device = torch.device(expected)
    assert default_device() == device and processes.start_processes() == device
    assert set_to == ([] if device.type == "cpu" else [device.index])


def test_a_device_that_cannot_be_is_named(monkeypatch):
    monkeypatch.setenv("TRIPTYCH_DEVICE", "gpu0")
    with pytest.raises(UserError, match="TRIPTYCH_DEVICE = 'gpu0'"):
        default_device()


def test_precision_is_named():
    assert precision(torch.device("cpu")) == "float32"
    assert precision(torch.device("cuda", 0)) == "bf16 autocast, TF32"
