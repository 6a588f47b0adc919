"""A CUDA device that is not there: what a GPU refuses is refused, and the numbers are computed on the CPU.

    TRIPTYCH_DEVICE=cuda python tests/pretended_cuda.py < stages

runs the stages named on the lines of its input (`stages/features.py dcgan`), one after the other in this process.
Refused are: two tensors of an operation on different devices; a tensor of the device as a NumPy array; random numbers
of the device from a generator of the host; and, in a step that would be recorded as a CUDA graph, whatever waits for
the device or copies between it and the host. Autocast does to the dtypes what it does on CUDA.

Not pretended: memory, speed, streams, several GPUs, the kernels and their rounding; `vmap` under autocast. It rests on
how PyTorch hands tensor subclasses around, which may change: `possible()` says whether this one lets itself be fooled.
"""

from __future__ import annotations

import runpy
import sys
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

CUDA, CPU, META = torch.device("cuda", 0), torch.device("cpu"), torch.device("meta")
aten = torch.ops.aten
TO, COPY, ITEM = aten._to_copy.default, aten.copy_.default, aten._local_scalar_dense.default
INDEXED = {aten.index.Tensor, aten.index_put_.default, aten.index_put.default, aten._index_put_impl_.default}
UNKNOWN_SIZE = "nonzero masked_select _unique2 unique_dim bincount equal"  # of the result: known on the device alone
WAIT = {ITEM, aten.repeat_interleave.Tensor} | {getattr(aten, name).default for name in UNKNOWN_SIZE.split()}
NAMES = """
linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d matmul __matmul__ __rmatmul__ mm bmm
addmm addmv baddbmm addbmm mv einsum prelu pow __pow__ __rpow__ exp log log2 log10 log1p expm1 reciprocal rsqrt softplus
layer_norm group_norm norm cosine_similarity nll_loss kl_div l1_loss smooth_l1_loss huber_loss mse_loss cumsum cumprod
binary_cross_entropy_with_logits cross_entropy cdist logsumexp softmax log_softmax sum prod addcdiv addcmul atan2
bilinear cross dot grid_sample tensordot scatter_add cat stack
"""
CAST = set(NAMES.split())  # what autocast concerns


class Refused(RuntimeError):
    """What a GPU would not do."""


class Now:
    """The call from Python that is under way: its number, whether autocast concerns it; and, in a recorded step, what
    would have waited for the device."""

    number, autocast, waits = 0, False, None


class OnCuda(Tensor):
    """A tensor of the pretended device; `host` holds its numbers.

    To Python it is on CUDA. To C++ it is on `meta`, or autograd and the indexing of tensors would look for a driver;
    but for autocast, which casts only what is on CUDA, it is there, unless it was made in the same call: autograd asks
    results where they are, autocast asks arguments.
    """

    @staticmethod
    def __new__(cls, host: Tensor) -> OnCuda:
        with _disable_current_modes(), torch.inference_mode(host.is_inference()):
            meta = torch.empty_strided(host.size(), host.stride(), dtype=host.dtype, device=META)
            return Tensor._make_subclass(cls, meta, False, dispatch_device=True, device_for_backend_keys=CUDA)

    def __init__(self, host: Tensor):
        self.host, self.made = host, Now.number

    device = property(lambda self: META if torch._C._meta_in_tls_dispatch_include() else CUDA)
    is_cuda = property(lambda self: True)
    data = property(lambda self: self.detach(), lambda self, value: setattr(self, "host", value.host))

    def numpy(self, *args, **kwargs):
        raise Refused("a tensor of the device as a NumPy array")

    __array__ = numpy

    def requires_grad_(self, requires_grad=True):
        with torch.inference_mode(self.is_inference()):
            return super().requires_grad_(requires_grad)

    def tolist(self):
        return self.cpu().tolist()

    def __deepcopy__(self, memo):
        copy = OnCuda(self.host.detach().clone())
        memo[id(self)] = nn.Parameter(copy) if isinstance(self, nn.Parameter) else copy
        return memo[id(self)].requires_grad_(self.requires_grad)

    def __reduce_ex__(self, protocol):
        return self.host.__reduce_ex__(protocol)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})


class Device(TorchDispatchMode):
    """All operations, also those that make a tensor of nothing."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return compute(function, args, kwargs or {})


class Calls(TorchFunctionMode):
    """Calls from Python."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if not torch.is_inference_mode_enabled():
            for tensor in tree_leaves((args, kwargs)):
                _meet(tensor)
        Now.number += 1
        Now.autocast = torch.is_autocast_enabled("cuda") and getattr(function, "__name__", "") in CAST
        if function is torch.as_tensor and isinstance(args[0], OnCuda):
            return args[0]
        return function(*args, **kwargs)


def _meet(leaf: object) -> None:
    """Give a leaf its place in autograd's graph while it says that it is on `meta`."""
    new = isinstance(leaf, OnCuda) and leaf.is_leaf and leaf.requires_grad and not hasattr(leaf, "place")
    if new and not leaf.is_inference():
        leaf.place, leaf.made = None, Now.number
        with torch._C.DisableTorchFunction(), torch.enable_grad():
            leaf.place = leaf.view_as(leaf).grad_fn.next_functions[0][0]


def compute(function, args, kwargs):
    """One operation: refuse it, or do it on the host."""
    if function is torch.ops.prim.device.default:
        if not _on(args[0]):
            return function(*args)
        return CUDA if Now.autocast and args[0].made != Now.number else META
    wanted = kwargs.get("device") and torch.device(kwargs["device"])
    wanted = CUDA if wanted == META else wanted  # autograd remembers what it was told
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
    here = _on(args[0]) if function is COPY else any(map(_on, tensors))
    result_here = wanted.type == "cuda" if wanted else here
    if result_here and kwargs.get("generator") is not None:
        raise Refused(f"{function}: random numbers of the device from a generator of the host")
    if _mixed(function, args, tensors):
        found = ", ".join(f"{tuple(t.shape)} on {t.device.type}" for t in tensors)
        raise Refused(f"{function}: tensors of two devices: {found}")
    if Now.waits is not None and _waits(function, args, tensors, wanted):
        Now.waits.append(str(function))
    host_args, host_kwargs = tree_map(lambda t: t.host if _on(t) else t, (args, kwargs))
    if wanted:
        host_kwargs["device"] = CPU
    out = function(*host_args, **host_kwargs)
    if function is ITEM:
        return out
    if not result_here:
        return out.clone() if function is TO and here else out
    if any(r.alias_info is not None and r.alias_info.is_write for r in function._schema.returns):
        written = kwargs.get("out", args[0])
        written.made = Now.number
        return written
    return tree_map(lambda t: OnCuda(t) if isinstance(t, Tensor) and not _on(t) else t, out)


def _on(tensor: object) -> bool:
    return isinstance(tensor, OnCuda)


def _mixed(function, args, tensors) -> bool:
    """Whether tensors of two devices meet: a number of the host may, and an index of the host."""

    def devices(tree) -> set[bool]:
        return {_on(t) for t in tree_leaves(tree) if isinstance(t, Tensor) and (t.dim() or _on(t))}

    if function in INDEXED:
        return len(devices((args[0], *args[2:]))) > 1 or (not _on(args[0]) and devices(args[1]) == {True})
    return function not in (TO, COPY) and len(devices(tensors)) > 1


def _waits(function, args, tensors, wanted) -> bool:
    """Whether a GPU has to finish first what it has to do, or the host has a part in it."""
    if function in WAIT:
        return any(map(_on, tensors))
    if function is TO:
        return wanted is not None and _on(args[0]) != (wanted.type == "cuda")
    if function in INDEXED:
        indices = [t for t in tree_leaves(args[1]) if isinstance(t, Tensor)]
        return _on(args[0]) and any(not _on(t) or t.dtype == torch.bool for t in indices)
    return function is COPY and len(set(map(_on, tensors))) > 1


def _record(recorder, rows) -> None:
    """The graph is the step itself, every time."""

    def replay() -> None:
        Now.waits = []
        recorder.losses = recorder.step(recorder.rows)
        waits, Now.waits = Now.waits, None
        if waits:
            raise Refused(f"a step with {', '.join(sorted(set(waits)))} cannot be recorded")

    recorder.rows = {name: value.clone() for name, value in rows.items()}
    recorder.graph = SimpleNamespace(replay=replay)


def _stacked_one_by_one(stack, x: Tensor) -> Tensor:
    if stack.single is not None:
        return stack.single(x[0])[None]
    form, weights = stack._networks[0][0], stack.by_name()
    return torch.stack([functional_call(form, {n: w[r] for n, w in weights.items()}, (x[r],)) for r in range(len(x))])


def install() -> None:
    """Put the device in the place of PyTorch's own, for the rest of this process."""
    from torch.optim import optimizer

    from triptych.beta_vae.vae.stacked import Stacked
    from triptych.engine.graph import RecordedStep

    RecordedStep.on_side_stream, RecordedStep.record = lambda self, rows: self.step(rows), _record
    Stacked.forward = _stacked_one_by_one
    cuda = torch.cuda
    for name in ("_lazy_init", "set_device", "synchronize"):
        setattr(cuda, name, lambda *_: None)
    cuda.get_device_name = lambda *_: "pretended"
    cuda.mem_get_info = lambda *_: (2**34, 2**34)
    cuda.get_rng_state = lambda *_: torch.get_rng_state()
    cuda.set_rng_state = lambda state, *_: torch.set_rng_state(state)
    cuda.is_bf16_supported = lambda *_, **__: True
    cuda.amp.common.amp_definitely_not_available = lambda: False
    torch.backends.cudnn.enabled = False
    optimizer._foreach_supported_types.append(OnCuda)
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    torch._C._set_only_lift_cpu_tensors(True)


def possible() -> bool:
    """Whether this PyTorch lets itself be fooled: one step of a small net goes through, in bfloat16."""
    try:
        net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 1)).to(CUDA)
        optimiser = torch.optim.Adam(net.parameters(), torch.tensor(0.1, device=CUDA), fused=True, capturable=True)
        with torch.autocast("cuda", dtype=torch.bfloat16):
            out = net(torch.randn(5, 3, 4, 4).to(CUDA))
        out.float().square().mean().backward()
        optimiser.step()
        return out.dtype == torch.bfloat16 and out.device == CUDA
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    install()
    with Calls(), Device():
        if not possible():
            sys.exit("this PyTorch cannot be made to pretend")
        for line in sys.stdin:
            sys.argv = line.split()
            runpy.run_path(sys.argv[0], run_name="__main__")
            print(line.strip(), flush=True)
