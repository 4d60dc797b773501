"""What programs ask of a device, and which devices there are.

A device is NVIDIA's, through its driver (``cuda_device``), or the emulator of one (``cuda_emulator``).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from graphc.codegen.cuda_chores import CudaKernel
from graphc.config import settings
from graphc.errors import CudaError
from graphc.runtime.cuda_factors import Solver, Transforms

Outside = Callable[[Callable[[int], None]], None]


class Product(NamedTuple):
    """Row-major ``c = op(a) op(b) (+ c)`` for ``batch`` matrices; the rest as in ``schedule.program.Gemm``."""

    flags: int
    dtype: str
    batch: int
    addresses: tuple[int, int, int]
    sizes: tuple[int, int, int]
    leading: tuple[int, int, int]
    inner: int
    strides: tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


class Prepared(NamedTuple):
    """A launch whose parameters change: ``words``, int64, ``count`` the last of them."""

    kernel: Any
    blocks: int
    threads: int
    words: np.ndarray


class Device(Protocol):
    """What a program asks of a device. Addresses and streams are ints, sizes are bytes.

    ``threads``: the most of a block; ``warp``: the fewest; ``most_blocks``: of a launch; ``stream``: the device's own;
    ``spare``: addresses of memory to be used on it again, by size, None where all is given back;
    ``near``: the most bytes that a block of threads may have for itself.
    """

    name: str
    number: int
    threads: int
    warp: int
    most_blocks: int
    stream: int
    spare: dict[int, Any] | None
    near: int

    @property
    def workspace(self) -> int:
        """Bytes that ``multiply`` needs."""

    @property
    def entering(self) -> tuple[int, int, int]:
        """The context and the addresses of the functions that push and pop it, for native code; zeros for none."""

    @property
    def solver(self) -> Solver:
        """A vendor's factorisations. Raises ``CudaError`` where its library is not there."""

    @property
    def transforms(self) -> Transforms:
        """A vendor's Fourier transforms. Raises ``CudaError`` where its library is not there."""

    def number_of(self, address: int) -> int:
        """The number of the device to which memory belongs."""

    def current(self) -> AbstractContextManager[None]:
        """What is asked in the block, by this thread, is asked of this device: all but ``load``."""

    def load(self, kernels: Sequence[CudaKernel]) -> list[Any]:
        """The kernels, ready to launch."""

    def allocate(self, size: int, stream: int) -> int:
        """The address of new memory, to be used on the stream."""

    def release(self, address: int, stream: int) -> None:
        """Give memory back when the stream has come so far."""

    def clear(self, address: int, size: int, stream: int) -> None:
        """Fill memory with zeros."""

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy memory of the device."""

    def write(self, address: int, array: np.ndarray, stream: int) -> None:
        """Copy a C-contiguous array to the device."""

    def read(self, places: Sequence[tuple[int, np.ndarray]], stream: int) -> None:
        """Copy what stands on the device into arrays, and wait until that is done."""

    def send(self, target: int, source: int, size: int, stream: int) -> None:
        """Copy memory of the device to pinned memory of the host, without waiting."""

    def pinned(self, size: int) -> int:
        """The address of memory of the host to which ``send`` copies; it is never given back."""

    def follow(self, stream: int, other: int) -> None:
        """Have the stream wait for what has been asked of the other one."""

    def new_mark(self) -> Any:
        """A point in some stream's work, not set yet."""

    def mark(self, mark: Any, stream: int) -> None:
        """Set it to what has been asked of the stream."""

    def wait_for(self, mark: Any, stream: int) -> None:
        """Have the stream wait for it."""

    def launch(self, kernel: Any, blocks: int, threads: int, words: Sequence[int], stream: int, near: int = 0) -> None:
        """Start a kernel, whose blocks of threads have ``near`` bytes each."""

    def multiply(self, product: Product, workspace: int, stream: int) -> bool:
        """Start a vendor's matrix product; False where there is none."""

    def capture(self, run: Callable[[int, Outside], None]) -> Any:
        """What ``run(stream, outside)`` asks of the stream that it is given, as a graph; nothing is done.

        ``outside(action)`` parts the graph in two: between them, each time, ``action(stream)`` asks for what a graph
        may not hold.
        """

    def replay(self, graph: Any, stream: int) -> None:
        """Do all that was captured, in its order."""

    def drop(self, graph: Any) -> None:
        """Let go of what was captured."""

    def repeated(
        self, graph: Any, before: Sequence[Prepared], after: Sequence[Prepared], mark: Any, stream: int
    ) -> Callable[[], None]:
        """What replays a graph between these launches, and sets the mark, on a stream.

        It may be called in any thread, outside of ``current``, as long as the graph lives.
        """


@functools.cache
def emulator() -> Any:
    from graphc.runtime.cuda_emulator import Emulator

    return Emulator()


def device(number: int = 0) -> Device:
    """The device that programs run on. Raises ``CudaError`` where there is none of this number."""
    if settings.cuda_emulator:
        if number:
            raise CudaError(f"there is no device {number}: the emulator is one device")
        found: Device = emulator()
        return found
    from graphc.runtime.cuda_device import numbered_device

    return numbered_device(number)


def device_count() -> int:
    """How many devices there are; 0 without a driver."""
    if settings.cuda_emulator:
        return 1
    from graphc.runtime.cuda_device import numbered_device

    try:
        return numbered_device(0).devices
    except CudaError:
        return 0


def give_back(device: Device, address: int, stream: int) -> None:
    """Release memory, in whatever thread it is found to be dead."""
    with device.current():
        device.release(address, stream)


def give_back_after(device: Device, address: int, mark: Any) -> None:
    """The same, on the device's own stream: the one that the memory was last used on may be gone."""
    with device.current():
        device.wait_for(mark, device.stream)
        device.release(address, device.stream)


def repeated_by(
    device: Device, graph: Any, before: Sequence[Prepared], after: Sequence[Prepared], mark: Any, stream: int
) -> Callable[[], None]:
    """``Device.repeated`` by what else a device does."""

    def repeat() -> None:
        with device.current():
            for kernel, blocks, threads, words in before:
                device.launch(kernel, blocks, threads, words.tolist(), stream)
            device.replay(graph, stream)
            for kernel, blocks, threads, words in after:
                device.launch(kernel, blocks, threads, words.tolist(), stream)
            device.mark(mark, stream)

    return repeat
