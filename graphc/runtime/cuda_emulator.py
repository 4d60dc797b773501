"""CUDA kernels on this machine, to check their values where no GPU is at hand.

A kernel is compiled for the CPU from the same text, its special registers read from a record (``Place``). Where threads
of a block wait for each other, each is a thread of this process, and the barrier is the C library's; else they run one
after another. Addresses "on the device" are addresses of this process, and streams are numbers without a meaning.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import numpy as np

from graphc.abi import ALIGNMENT
from graphc.codegen.cuda_chores import CudaKernel
from graphc.codegen.cuda_intrinsics import SHARED_ELEMENTS, TILE_ELEMENTS, Place
from graphc.codegen.machine import LOCK, emit_object
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.targets import EMULATED
from graphc.runtime.cuda_devices import Outside, Prepared, Product, repeated_by
from graphc.runtime.cuda_references import NumpySolver, NumpyTransforms
from graphc.runtime.native import load_object

BARRIER_BYTES = 64  # more than any C library's pthread_barrier_t
THREADS, WARP, BLOCKS = 4, 2, 3  # small, and enough for several threads, warps and blocks to share work
NEAR = 2048  # bytes that a block of threads may have for itself: tests have longer rows, too


class Launched(NamedTuple):
    """A launch, as tests look at it."""

    name: str
    blocks: int
    threads: int


class Emulator:
    """A device, see ``runtime.cuda_program.Device``. ``optimisation``: LLVM's level for kernels, 0 to 3."""

    name, number, stream, workspace = "emulator", 0, 0, 0
    entering = 0, 0, 0
    threads, warp, most_blocks, near = THREADS, WARP, BLOCKS, NEAR
    optimisation = 2
    spare: dict[int, Any] | None = None  # what is used after it is gone should be found

    def __init__(self) -> None:
        self.memory: dict[int, np.ndarray] = {}
        self.kept: list[np.ndarray] = []  # what is pinned
        self.launches: list[Launched] = []
        self.functions: dict[str, Any] = {}
        self.graph: list[Callable[[], object]] | None = None  # what is captured now
        self.solver, self.transforms = NumpySolver(self._ask), NumpyTransforms(self._ask)

    def number_of(self, address: int) -> int:
        return self.number

    def current(self) -> AbstractContextManager[None]:
        return nullcontext()

    def load(self, kernels: Sequence[CudaKernel]) -> list[Any]:
        return [self._function(kernel) for kernel in kernels]

    def _function(self, kernel: CudaKernel) -> Any:
        printed = kernel.printed
        if printed.name not in self.functions:
            text = source_ir(Source(printed.name, printed.source, "<cuda>", printed.signature), EMULATED)
            with LOCK:
                data = emit_object(text, self.optimisation)
            address = load_object(data, [printed.name])[printed.name]
            count = printed.signature.count(",") + 1
            function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * (count + 1))(address)
            self.functions[printed.name] = (printed.name, function, kernel.waits)
        return self.functions[printed.name]

    # --- memory -------------------------------------------------------------------------------------------------------

    def allocate(self, size: int, stream: int) -> int:
        """Memory of so many bytes, filled with a byte that makes NaN of floats: nothing may rely on zeros."""
        array = np.full(size + ALIGNMENT, 0xFF, np.uint8)
        address = -(-array.ctypes.data // ALIGNMENT) * ALIGNMENT
        self.memory[address] = array
        return address

    def release(self, address: int, stream: int) -> None:
        del self.memory[address]

    def pinned(self, size: int) -> int:
        self.kept.append(np.zeros(size, np.uint8))
        return self.kept[-1].ctypes.data

    def clear(self, address: int, size: int, stream: int) -> None:
        self._ask(lambda: ctypes.memset(address, 0, size))

    def write(self, address: int, array: np.ndarray, stream: int) -> None:
        ctypes.memmove(address, array.ctypes.data, array.nbytes)

    def copy(self, target: int, source: int, size: int, stream: int) -> None:
        self._ask(lambda: ctypes.memmove(target, source, size))

    def read(self, places: Sequence[tuple[int, np.ndarray]], stream: int) -> None:
        for address, array in places:
            ctypes.memmove(array.ctypes.data, address, array.nbytes)

    def send(self, target: int, source: int, size: int, stream: int) -> None:
        self._ask(lambda: ctypes.memmove(target, source, size))

    # --- work ---------------------------------------------------------------------------------------------------------

    def _ask(self, action: Callable[[], object]) -> None:
        if self.graph is None:
            action()
        else:
            self.graph.append(action)

    def follow(self, stream: int, other: int) -> None:
        """All is done in order."""

    def new_mark(self) -> Any:
        return 0

    def mark(self, mark: Any, stream: int) -> None:
        """All is done in order."""

    def wait_for(self, mark: Any, stream: int) -> None:
        """All is done in order."""

    def launch(self, kernel: Any, blocks: int, threads: int, words: Sequence[int], stream: int, near: int = 0) -> None:
        self._ask(lambda: self._run(kernel, blocks, threads, words, near))

    def multiply(self, product: Product, workspace: int, stream: int) -> bool:
        """There is no vendor's library: graphc's own kernel is what is checked."""
        return False

    def capture(self, run: Callable[[int, Outside], None]) -> Any:
        graph: list[Callable[[], object]] = []
        self.graph = graph
        try:
            run(self.stream, lambda action: graph.append(lambda: action(self.stream)))
        finally:
            self.graph = None
        return graph

    def replay(self, graph: Any, stream: int) -> None:
        for action in graph:
            action()

    def drop(self, graph: Any) -> None:
        graph.clear()

    def repeated(
        self, graph: Any, before: Sequence[Prepared], after: Sequence[Prepared], mark: Any, stream: int
    ) -> Callable[[], None]:
        return repeated_by(self, graph, before, after, mark, stream)

    def _run(self, kernel: Any, blocks: int, threads: int, words: Sequence[int], near: int) -> None:
        name, function, waits = kernel
        self.launches.append(Launched(name, blocks, threads))
        shared = np.zeros(2 * SHARED_ELEMENTS + 2 * TILE_ELEMENTS, np.int64)
        exchange = np.zeros(SHARED_ELEMENTS, np.int64)
        own = np.full(near, 0xFF, np.uint8)
        barrier = (ctypes.c_char * BARRIER_BYTES)()
        library = ctypes.CDLL(None)
        library.pthread_barrier_init(barrier, None, ctypes.c_uint(threads))
        wait = ctypes.cast(library.pthread_barrier_wait, ctypes.c_void_p).value
        assert wait is not None

        def run(thread: int) -> None:
            place = np.zeros(len(Place), np.int64)
            place[Place.THREAD], place[Place.THREADS], place[Place.BLOCKS] = thread, threads, blocks
            place[Place.SHARED], place[Place.BARRIER] = shared.ctypes.data, ctypes.addressof(barrier)
            place[Place.WAIT], place[Place.WARP], place[Place.EXCHANGE] = wait, self.warp, exchange.ctypes.data
            place[Place.NEAR] = own.ctypes.data
            for block in range(blocks):
                place[Place.BLOCK] = block
                function(place.ctypes.data, *words)

        run_block(run, threads, together=waits)
        library.pthread_barrier_destroy(barrier)


def run_block(run: Callable[[int], None], threads: int, *, together: bool) -> None:
    """Run each thread of a block by its number: one after another, or at once where they wait for each other."""
    if not together or threads == 1:
        for thread in range(threads):
            run(thread)
        return
    team = [threading.Thread(target=run, args=(thread,)) for thread in range(threads)]
    for member in team:
        member.start()
    for member in team:
        member.join()
