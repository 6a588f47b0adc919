"""The machine in cost.json, and in words."""

import platform

import pytest
import torch

from triptych.pipeline import machine as module
from triptych.pipeline.machine import in_words, machine


def test_the_machine_names_its_processor_instructions_and_versions():
    found = machine()
    assert found["cpu"] and found["instructions"] == torch.backends.cpu.get_cpu_capability()
    assert found["python"] == platform.python_version() and {"numpy", "scipy", "scikit-learn"} <= set(found)


@pytest.mark.parametrize("flags, amx", [("fpu amx_tile amx_bf16", True), ("fpu avx512f", False), (None, None)])
def test_matrix_units_are_looked_for_in_the_flags(monkeypatch, flags, amx):
    about = {"model name": "A Processor"} | ({} if flags is None else {"flags": flags})
    monkeypatch.setattr(module, "_about_the_processor", lambda: about)
    assert machine()["amx"] is amx and machine()["cpu"] == "A Processor"


def test_a_cost_in_words():
    told = {"cpu": "A Processor", "instructions": "AVX512", "amx": True, "python": "3.11.2", "numpy": "2.0"}
    words = in_words({"torch": "2.8", "threads": 1, "machine": told})
    assert words == "A Processor, AVX512, AMX, 1 thread; torch 2.8, Python 3.11.2, numpy 2.0"
    assert in_words({"torch": "2.8", "threads": 1}) == ""  # of before
