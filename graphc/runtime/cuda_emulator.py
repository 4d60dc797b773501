"""CUDA kernels on this machine, to check their values where no GPU is at hand.

A kernel is compiled for the CPU from the same text, its special registers read from a record (``Place``). Where threads
of a block wait for each other, each is a thread of this process, and the barrier is the C library's; else they run one
after another. Addresses "on the device" are addresses of this process.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.abi import ALIGNMENT
from graphc.codegen.cuda_driver import CudaKernel
from graphc.codegen.cuda_intrinsics import SHARED_ELEMENTS, Place
from graphc.codegen.machine import LOCK, emit_object
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.targets import EMULATED
from graphc.runtime.native import load_object

BARRIER_BYTES = 64  # more than any C library's pthread_barrier_t
THREADS, BLOCKS = 4, 3  # small, and enough for several threads to share a row and several blocks the rows


class Emulator:
    """A device, see ``runtime.cuda_program.Device``."""

    name = "emulator"
    threads, most_blocks = THREADS, BLOCKS

    def __init__(self) -> None:
        self.memory: dict[int, np.ndarray] = {}
        self.launches: list[tuple[str, int, int]] = []  # kernel, blocks, threads

    def load(self, kernels: Sequence[CudaKernel]) -> list[Any]:
        found = []
        for kernel in kernels:
            printed = kernel.printed
            text = source_ir(Source(printed.name, printed.source, "<cuda>", printed.signature), EMULATED)
            with LOCK:
                data = emit_object(text, 2)
            address = load_object(data, [printed.name])[printed.name]
            count = printed.signature.count(",") + 1
            found.append((printed.name, ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * (count + 1))(address)))
        return found

    def allocate(self, size: int) -> int:
        """Memory of so many bytes, filled with a byte that makes NaN of floats: nothing may rely on zeros."""
        array = np.full(size + ALIGNMENT, 0xFF, np.uint8)
        address = -(-array.ctypes.data // ALIGNMENT) * ALIGNMENT
        self.memory[address] = array
        return address

    def release(self, address: int) -> None:
        del self.memory[address]

    def write(self, address: int, array: np.ndarray) -> None:
        contiguous = np.ascontiguousarray(array)
        ctypes.memmove(address, contiguous.ctypes.data, contiguous.nbytes)

    def read(self, address: int, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        array = np.empty(shape, dtype)
        ctypes.memmove(array.ctypes.data, address, array.nbytes)
        return array

    def launch(self, kernel: Any, blocks: int, threads: int, arguments: Sequence[int], *, waits: bool) -> None:
        name, function = kernel
        self.launches.append((name, blocks, threads))
        shared = np.zeros(2 * SHARED_ELEMENTS, np.int64)
        barrier = (ctypes.c_char * BARRIER_BYTES)()
        library = ctypes.CDLL(None)
        library.pthread_barrier_init(barrier, None, ctypes.c_uint(threads))
        wait = ctypes.cast(library.pthread_barrier_wait, ctypes.c_void_p).value
        assert wait is not None

        def run(thread: int) -> None:
            place = np.zeros(len(Place), np.int64)
            place[Place.THREAD], place[Place.THREADS], place[Place.BLOCKS] = thread, threads, blocks
            place[Place.SHARED], place[Place.BARRIER] = shared.ctypes.data, ctypes.addressof(barrier)
            place[Place.WAIT] = wait
            for block in range(blocks):
                place[Place.BLOCK] = block
                function(place.ctypes.data, *arguments)

        if waits and threads > 1:
            team = [threading.Thread(target=run, args=(thread,)) for thread in range(threads)]
            for member in team:
                member.start()
            for member in team:
                member.join()
        else:
            for thread in range(threads):
                run(thread)
        library.pthread_barrier_destroy(barrier)
