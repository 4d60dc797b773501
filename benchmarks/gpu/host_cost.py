"""What a call costs the host where the driver does nothing: measured on any machine, without a GPU.

The small step runs on arrays whose memory is this process' own, over a stand-in for NVIDIA's driver whose functions
return at once. What is left is what Python does between the call and the driver: not what a driver takes to launch a
graph, nor what a library takes for memory on a device.
"""

from __future__ import annotations

import ctypes
import importlib.util
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest import mock

import numba
import numpy as np

import graphc
from benchmarks.gpu.cases import gpu_cases
from benchmarks.gpu.checks import compiled
from benchmarks.tree import tree_leaves, tree_map
from graphc.config import override
from graphc.runtime import cuda_device
from graphc.runtime.cuda_memory import sent
from graphc.runtime.cuda_submit import SUBMITTED
from tests.cuda import fake_cupy
from tests.cuda.fake_cuda import FakeCuda, FakeDevice

CALLS, BATCHES = 200, 25

Step = Callable[..., Any]


class HostCost(NamedTuple):
    """Seconds of a call, and of making new arrays like its results, which is part of them."""

    arrays: str
    work: str
    call: float
    results: float


class Work(NamedTuple):
    """A step and its arguments, NumPy arrays among them."""

    name: str
    step: Step
    given: Any


@numba.cfunc("int32()")
def _nothing() -> int:
    return 0


@numba.cfunc("int32(CPointer(uint64), uint64, uint64)")
def _one_place(address: Any, size: int, stream: int) -> int:
    address[0] = 1 << 40
    return 0


class IdleCuda(FakeCuda):
    """A driver that launches nothing; what a captured step and an allocation call are C functions, as the driver's are.

    What they allocate is never looked at.
    """

    def __init__(self) -> None:
        super().__init__(runs=False)
        for name in (*SUBMITTED, "cuMemFreeAsync"):
            setattr(self, name, ctypes.CFUNCTYPE(ctypes.c_int)(_nothing.address))

    def results_have_no_memory(self) -> None:
        """From here on."""
        self.cuMemAllocAsync = ctypes.CFUNCTYPE(ctypes.c_int)(_one_place.address)


@contextmanager
def idle_device() -> Iterator[IdleCuda]:
    """In the block, the device is one that does nothing."""
    device = FakeDevice(IdleCuda())

    def the_device(number: int) -> FakeDevice:
        return device

    chosen = mock.patch.object(cuda_device, "numbered_device", the_device)
    unassembled = mock.patch.object(cuda_device, "image_of", return_value=b"")  # what is assembled is kept on disk
    with chosen, unassembled, override(cuda_emulator=False):
        yield device.library


@contextmanager
def tensors_there() -> Iterator[Callable[[np.ndarray], Any]]:
    """In the block, PyTorch's tensors of the CPU say that they are on a device; what makes one of an array."""
    import torch

    def legacy_stream(number: int) -> int:
        return 0

    where = mock.patch.multiple(torch.Tensor, is_cuda=True, create=True)
    stream = mock.patch.object(torch._C, "_cuda_getCurrentRawStream", legacy_stream, create=True)
    current = mock.patch.object(torch.cuda, "current_stream", return_value=mock.Mock(cuda_stream=0))
    with where, stream, current:
        yield torch.as_tensor


@contextmanager
def own_arrays() -> Iterator[Callable[[np.ndarray], Any]]:
    """What makes an array of graphc's own of one of NumPy's."""
    yield lambda array: sent(array, 0)


@contextmanager
def like_cupys() -> Iterator[Callable[[np.ndarray], Any]]:
    """In the block there is a stand-in for CuPy, whose new arrays have no memory; what makes one of an array."""
    nowhere = fake_cupy.Pointer(np.empty(64, np.uint8), 0)
    without_memory = mock.patch.object(fake_cupy.ndarray, "nowhere", nowhere)
    with fake_cupy.installed(), without_memory:
        yield fake_cupy.array


def host_costs(calls: int = CALLS) -> list[HostCost]:
    """The cost with graphc's own arrays, such as CuPy has, and with PyTorch's where it is installed."""
    kinds = {"graphc's own arrays": own_arrays, "CuPy's, a stand-in": like_cupys}
    if importlib.util.find_spec("torch") is not None:
        kinds["PyTorch's tensors"] = tensors_there
    found = []
    for name, there in kinds.items():
        for work in _works():
            with idle_device() as library, there() as put:
                found.append(_cost(name, work, put, library, calls))
    return found


def _works() -> list[Work]:
    (case,) = [case for case in gpu_cases() if case.group == "calls"]
    x = np.ones((32, 10), np.float32)
    return [
        Work("one array in, one out", graphc.jit(lambda x: 2 * x + 1), (x,)),
        Work("three arrays in, one out", graphc.jit(lambda x, y, z: x * y + z), (x, x, x)),
        Work("the small step: eight in, six out", compiled(case), case.inputs(np.random.default_rng(0), **case.sizes)),
    ]


def _cost(name: str, work: Work, put: Callable[[np.ndarray], Any], library: IdleCuda, calls: int) -> HostCost:
    arguments = tree_map(lambda a: put(a) if isinstance(a, np.ndarray) else a, work.given)
    step = work.step
    results = tree_leaves(step(*arguments))
    library.results_have_no_memory()

    def call() -> None:
        step(*arguments)

    makers = [_maker(result) for result in results]

    def make() -> list[Any]:
        return [maker() for maker in makers]

    return HostCost(name, work.name, seconds_of_calls(call, calls), seconds_of_calls(make, calls))


def _maker(result: Any) -> Step:
    """What makes a new array like the result, as its library offers it."""
    if hasattr(result, "data_ptr"):
        import torch

        shape, dtype, place = tuple(result.shape), result.dtype, result.device
        return lambda: torch.empty(shape, dtype=dtype, device=place)
    kind = type(result)
    if kind is fake_cupy.ndarray:
        return lambda: kind(result.shape, result.dtype)
    return lambda: kind(result.shape, result.dtype, result.number, result.stream)


def seconds_of_calls(step: Step, calls: int) -> float:
    """The least of the means over batches: what else the machine does only adds to it."""
    for _ in range(20):
        step()
    found = []
    for _ in range(BATCHES):
        start = time.perf_counter()
        for _ in range(calls):
            step()
        found.append((time.perf_counter() - start) / calls)
    return min(found)


def show(costs: list[HostCost], calls: int = CALLS) -> str:
    """The table, with what NumPy takes on this machine for one small operation."""
    x = np.ones(3)
    unit = seconds_of_calls(lambda: x + 1.0, calls)
    lines = [
        "The host's cost of a call, WITHOUT A GPU: over a driver that does nothing, on memory of this machine.",
        f"NumPy's x + 1.0 of three numbers: {unit * 1e6:.2f} us",
        f"{'arguments':20} {'work':34} {'a call':>10} {'making its results':>20}",
    ]
    lines += [f"{c.arrays:20} {c.work:34} {c.call * 1e6:7.1f} us {c.results * 1e6:17.1f} us" for c in costs]
    return "\n".join(lines)
