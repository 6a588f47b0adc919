"""Which device a process gets, and in which precision it computes."""

import numpy as np
import pytest
import torch

from triptych.base.errors import UserError, number_from_environment
from triptych.engine import default_device, device, exact_products, inference, processes
from triptych.engine.device import precision

CPU, GPU = torch.device("cpu"), torch.device("cuda", 0)
OF_LARGE_NETS = "bf16 autocast of nets with a layer of 200,000 weights, float32 of others"


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


def workers():
    return number_from_environment("TRIPTYCH_WORKERS", 1)


@pytest.mark.parametrize(
    "name, value, work, message",
    [
        ("DEVICE", "gpu0", default_device, "TRIPTYCH_DEVICE = 'gpu0'"),
        ("DEVICE", "meta", default_device, "TRIPTYCH_DEVICE = 'meta'"),
        ("DEVICE", "cuda:99", processes.start_processes, "cuda:99 cannot be used .*TRIPTYCH_DEVICE"),
        ("PRECISION", "half", lambda: precision(CPU), "_PRECISION = 'half': give it auto, float32 or bfloat16"),
        ("WORKERS", "two", workers, "TRIPTYCH_WORKERS = 'two': must be a whole number from 1 on"),
    ],
)
def test_a_setting_that_cannot_be_is_named(monkeypatch, name, value, work, message):
    monkeypatch.setenv(f"TRIPTYCH_{name}", value)
    with pytest.raises(UserError, match=message):
        work()


def test_a_number_of_the_environment_or_the_default(monkeypatch):
    monkeypatch.setenv("TRIPTYCH_WORKERS", "3")
    assert workers() == 3 and number_from_environment("TRIPTYCH_NONE", 7) == 7


@pytest.mark.parametrize(
    "wanted, amx, on_cpu, on_gpu",
    [
        (None, True, "float32", "bf16 autocast, TF32"),
        ("float32", True, "float32", "float32"),
        ("bfloat16", False, "bf16 autocast", "bf16 autocast, TF32"),
        ("auto", False, "float32", "bf16 autocast, TF32"),
        (
            "auto",
            True,
            "bf16 autocast of nets with a layer of 200,000 weights, float32 of others",
            "bf16 autocast, TF32",
        ),
    ],
)
def test_precision_is_chosen_by_device_and_wish(monkeypatch, wanted, amx, on_cpu, on_gpu):
    monkeypatch.delenv("TRIPTYCH_PRECISION", raising=False)
    if wanted:
        monkeypatch.setenv("TRIPTYCH_PRECISION", wanted)
    monkeypatch.setattr(device, "has_matrix_units", lambda: amx)
    assert precision(CPU) == on_cpu and precision(GPU) == on_gpu
    products = []
    for net in (torch.nn.Linear(10, 10), torch.nn.Linear(1000, 200)):
        with device.autocast(CPU, net):
            products.append(net(torch.ones(1, net.in_features)).dtype)
    small, large = torch.float32, torch.bfloat16
    assert products == {"bfloat16": [large, large], "auto": [small, large if amx else small]}.get(
        wanted, [small, small]
    )
    device.allow_fast_arithmetic()
    assert torch.backends.cuda.matmul.allow_tf32 == (wanted != "float32")


def test_exact_products_forbid_short_mantissas_and_put_back_what_was_allowed():
    matmul = torch.backends.cuda.matmul
    for allowed in (True, False):
        matmul.allow_tf32 = allowed
        with pytest.raises(KeyError), exact_products():
            assert matmul.allow_tf32 is False
            raise KeyError
        assert matmul.allow_tf32 is allowed


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_inference_applies_a_function_to_every_row_once_without_gradients(kind):
    rows = np.arange(14).reshape(7, 2)
    factor, sizes = torch.nn.Parameter(torch.tensor(3.0, dtype=torch.float64)), []

    def triple(batch):
        sizes.append(len(batch))
        return factor * batch

    out = inference(triple, kind(rows), CPU, batch_size=3)
    assert out.tolist() == (3 * rows).tolist() and out.dtype == torch.float32 and not out.requires_grad
    assert sizes == [3, 3, 1]
