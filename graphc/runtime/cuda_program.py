"""Runs printed CUDA programs: memory, launches, and the numbers that the host reads back."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from graphc.abi import Service
from graphc.codegen.cuda_driver import CudaKernel, CudaProgram
from graphc.codegen.text import ELEMENTS
from graphc.config import settings


class Device(Protocol):
    """What a program asks of a device. Addresses are ints, sizes are bytes.

    ``threads``: of a block; ``most_blocks``: of a launch.
    """

    name: str
    threads: int
    most_blocks: int

    def load(self, kernels: Sequence[CudaKernel]) -> list[Any]:
        """The kernels, ready to launch."""

    def allocate(self, size: int) -> int:
        """The address of new memory."""

    def release(self, address: int) -> None:
        """Give memory back."""

    def write(self, address: int, array: np.ndarray) -> None:
        """Copy an array to the device, in C order."""

    def read(self, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """A copy of what stands on the device, once all that was launched is done."""

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: Sequence[int], *, waits: bool) -> None:
        """Start a kernel; ``waits``: its threads wait for each other."""


@functools.cache
def emulator() -> Device:
    from graphc.runtime.cuda_emulator import Emulator

    return Emulator()


def device() -> Device:
    """The device that programs run on. Raises ``CudaError`` where there is none."""
    if settings.cuda_emulator:
        return emulator()
    from graphc.runtime.cuda_device import first_device

    return first_device()


class LoadedProgram:
    """A program on a device. ``run`` takes what a driver takes, and gives its status."""

    def __init__(self, program: CudaProgram, on: Device):
        self.device, self.kernels = on, program.kernels
        self.handles = on.load(list(program.kernels))
        namespace: dict[str, Any] = {
            "greatest": max, "least": min, "launch": self._launch,
            "call_service": lambda service, *arguments: service(*arguments),
            **{f"read_{short}": functools.partial(self._number, dtype) for short, dtype in ELEMENTS.items()},
        }  # fmt: skip
        exec(compile(program.source, f"<{program.name}>", "exec"), namespace)
        self.driver = namespace[program.name]
        self.services = {int(Service.GROW): self._grow, int(Service.RELEASE): self._release}

    def run(self, addresses: Sequence[int], symbols: list[int], arena: int) -> int:
        """The status: 0, or what ``Check`` found."""
        status: int = self.driver(addresses, symbols, arena, self.services)
        return status

    def _launch(self, index: int, count: int, *arguments: int) -> None:
        if count <= 0:
            return
        mapping = self.kernels[index].mapping
        threads = 1 if mapping == "serial" else self.device.threads
        units = count if mapping == "rows" else -(-count // threads)
        blocks = 1 if mapping == "serial" else min(units, self.device.most_blocks)
        waits = mapping == "rows"
        self.device.launch(self.handles[index], blocks, threads, (*arguments, count), waits=waits)

    def _number(self, dtype: str, address: int) -> Any:
        return self.device.read(address, (), np.dtype(dtype)).item()

    def _grow(self, address: int, size: int) -> int:
        if address:
            self.device.release(address)
        return self.device.allocate(size)

    def _release(self, address: int) -> int:
        if address:
            self.device.release(address)
        return 0
