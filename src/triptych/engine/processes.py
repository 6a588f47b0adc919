"""What a stage's process does first: find its device, and the other processes under torchrun; and how it waits for
them."""

from __future__ import annotations

import os

import torch

from triptych.base.errors import UserError
from triptych.engine.device import allow_fast_arithmetic, default_device


def start_processes() -> torch.device:
    """This process's device; under torchrun also joins the other processes (NCCL on GPUs, gloo on CPUs). Raises
    UserError if the device cannot be used."""
    device = default_device()
    if device.type == "cuda":
        try:
            torch.cuda.set_device(device)
        except (RuntimeError, AssertionError) as error:  # no driver, no such number; a torch made for CPUs alone
            reason = str(error).partition("\n")[0]
            raise UserError(f"{device} cannot be used ({reason}): set TRIPTYCH_DEVICE to one that is there") from None
        allow_fast_arithmetic()
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not torch.distributed.is_initialized():
        torch.distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return device


def wait_for_all() -> None:
    """Return when every process has come here: what one has written, all can read. Nothing where there is but one."""
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def of_first(value: float) -> float:
    """The first process's `value`, in all of them: what decides how training goes on must be the same everywhere."""
    if not torch.distributed.is_initialized():
        return value
    values = [value]
    torch.distributed.broadcast_object_list(values)
    return values[0]
