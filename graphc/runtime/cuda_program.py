"""Runs printed CUDA programs: their memory, their launches, and graphs of launches that repeat.

A program has one piece of memory, the *block*, from the device's stream-ordered pool: a word for failed checks, single
numbers, the planned arena, and where NumPy arrays stand while they are on the device. It is kept between calls, so that
addresses stay. A step that comes again with the same sizes and addresses is captured as a graph, and replayed from then
on. Calls of one program from several threads, or for several streams, run one after another.
"""

from __future__ import annotations

import functools
import math
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.abi import ALIGNMENT, DeviceLeaf, Service
from graphc.codegen.cuda_chores import WORDS, CudaKernel, gather_kernel, pack_kernel, pieces_kernel, poison_kernel
from graphc.codegen.cuda_driver import CudaProgram
from graphc.codegen.cuda_gemm import TILE_THREADS
from graphc.codegen.text import ELEMENTS
from graphc.errors import CudaError
from graphc.runtime.cuda_devices import Device, Outside, Prepared, Product, give_back_after
from graphc.runtime.cuda_factors import BYTES, Call, Later, Solver, Transforms, run_routine

SHORT = {np.dtype(name): short for short, name in ELEMENTS.items() if short != "bool"} | {np.dtype(bool): "u8"}
HALF_BYTES = 2  # of a dtype that no kernel computes in: what is copied are its bits
MOST_GRAPHS = 16  # of one program, and as many steps are remembered as candidates
MOST_CAPTURED = 5000  # launches of a graph: longer steps run one launch after another
MOST_OWNERS = 64  # blocks of threads that each look at all updates of a scatter
MOST_PIECES = 100  # copies of one launch, three words each
MOST_PACKED = 400  # words that one launch can take: a kernel's parameters have 4 KB


class Layout(NamedTuple):
    """Where things stand in a program's block, in bytes from its start; the word for failed checks is before ``arena``.

    ``numbers``: the packed numbers; ``staged``: for each input and then each output its place, or -1.
    """

    numbers: int
    arena: int
    workspace: int
    staged: tuple[int, ...]
    size: int

    def number(self, index: int) -> int:
        """Where this packed number stands."""
        return self.numbers + 8 * WORDS * index


def layout(numbers: int, arena: int, workspace: int, staged: Sequence[int]) -> Layout:
    """The layout for so many packed numbers, bytes of arena and of workspace; ``staged``: bytes, -1 for nothing."""

    def after(size: int) -> int:
        return -(-size // ALIGNMENT) * ALIGNMENT

    packed = after(8 * WORDS * numbers)
    start = packed + ALIGNMENT
    place = start + after(arena)
    space, place = place, place + after(workspace)
    places = []
    for size in staged:
        places.append(place if size >= 0 else -1)
        place += after(max(size, 0))
    return Layout(0, start, space, tuple(places), max(place, 1))


class Step(NamedTuple):
    """One run of a program.

    ``addresses``: of each input and then each output. ``words``: the packed numbers. ``results``: the address, number
    of elements and dtype of each output that is made NaN where a check failed. ``report``: where the host looks for the
    number of a failed check later, or 0.
    """

    addresses: tuple[int, ...]
    symbols: tuple[int, ...]
    arena: int
    workspace: int
    numbers: int
    words: tuple[int, ...]
    results: tuple[tuple[int, int, str], ...] = ()
    report: int = 0


class LoadedProgram:
    """A program on a device. ``graphs``: what was captured, by sizes and addresses."""

    def __init__(self, program: CudaProgram, on: Device):
        self.device, self.program, self.kernels = on, program, program.kernels
        self.handles: dict[int, Any] = {}  # those that sizes have asked for
        namespace: dict[str, Any] = {
            "greatest": max, "least": min, "launch": self._launch, "launch_near": self._launch_near,
            "multiply": self._multiply,
            "library": self._library,
            "call_service": lambda service, *arguments: service(*arguments),
            "stack_slots": lambda count: [0] * count,
            "give_back": lambda services, slots, count: list(map(services[int(Service.RELEASE)], slots)),
            **{f"read_{short}": functools.partial(self._number, dtype) for short, dtype in ELEMENTS.items()},
        }  # fmt: skip
        exec(compile(program.source, f"<{program.name}>", "exec"), namespace)
        self.driver = namespace[program.name]
        self.services = {int(Service.GROW): self._grow, int(Service.RELEASE): self._release}
        self.lock = threading.RLock()
        self.live = np.array([0, on.stream], np.int64)  # native code reads ``version`` and ``stream`` there
        self.workspace, self.launched = 0, 0
        self.done: Any = None  # marks the end of the last step: streams of other libraries come and go
        self.block, self.size, self.failure = 0, 0, 0  # failure: where the number of a failed check stands
        self.own: dict[tuple, Any] = {}  # kernels that pack numbers and poison results
        self.graphs: OrderedDict[tuple, Any] = OrderedDict()
        self.once: OrderedDict[tuple, None] = OrderedDict()  # steps that ran once
        self.rooms: dict[tuple, int] = {}  # what routines of libraries work in, and their plans
        self.plans: dict[tuple, Any] = {}
        self.outside: Outside | None = None  # while a step is captured
        self.at_end: weakref.finalize | None = None
        self.asked: Any = None  # the sizes of the last step whose results stay on the device

    @property
    def stream(self) -> int:
        """The one that the program runs on."""
        return int(self.live[1])

    @stream.setter
    def stream(self, stream: int) -> None:
        self.live[1] = stream

    @property
    def version(self) -> int:
        """How often graphs or places that were known became none any more."""
        return int(self.live[0])

    # --- memory -------------------------------------------------------------------------------------------------------

    def block_for(self, plan: Layout, stream: int) -> int:
        """The address of the block, which is large enough; from here on the program runs on the stream."""
        if self.done is None:
            self.done = self.device.new_mark()
        elif stream != self.stream:
            self.device.wait_for(self.done, stream)
        self.stream = stream
        if plan.size > self.size:
            self._leave_block()
            self.block, self.size = self.device.allocate(plan.size, stream), plan.size
            self.end()
            self.at_end = weakref.finalize(self, give_back_after, self.device, self.block, self.done)
            self.at_end.atexit = False  # the process' memory goes with the process
            self.failure = self.block + plan.arena - ALIGNMENT
            self.forget_failure()
        return self.block

    def forget_failure(self) -> None:
        """From here on, no check has failed."""
        self.device.clear(self.failure, ALIGNMENT, self.stream)
        self.end()

    def end(self) -> None:
        """Another stream that the program goes on, or its memory is given back on, waits for all until here."""
        self.device.mark(self.done, self.stream)

    def gather(self, address: int, array: DeviceLeaf, strides: Sequence[int], target: int) -> None:
        """Copy an array that lies at strides, in bytes, to the target, in C order."""
        size = array.dtype.itemsize
        if address % size or any(stride % size for stride in strides):
            raise CudaError(
                f"an array of {array.dtype} whose elements do not start at multiples of {size} bytes: copy it"
            )
        shape, short = array.shape, "u16" if size == HALF_BYTES else SHORT.get(array.dtype)
        if short is None:  # a complex number is two real ones
            size //= 2
            shape, strides, short = (*shape, 2), (*strides, size), f"f{8 * size}"
        kernel = self._own(gather_kernel, len(shape), short)
        words = (address, target, *shape, *(stride // size for stride in strides))
        self._start(kernel, "elements", math.prod(shape), 1, words)

    def _leave_block(self) -> None:
        self.live[0] += 1
        for graph in self.graphs.values():
            self.device.drop(graph)
        self.graphs.clear()
        self.once.clear()
        self.block = self.size = 0  # the next one may not be there
        if self.at_end is not None:
            self.at_end()

    # --- running ------------------------------------------------------------------------------------------------------

    def run(self, step: Step) -> tuple[int, Sequence[int]]:
        """Ask a whole step of the stream.

        Returns: the status, where the driver itself found a failed check, and the symbols after it.
        """
        try:
            return self._run(step)
        finally:
            self.end()

    def _run(self, step: Step) -> tuple[int, Sequence[int]]:
        self._pack(step)
        key = (step.addresses, step.symbols)
        graph = self.graphs.get(key)
        if graph is not None:
            self.graphs.move_to_end(key)
            self.device.replay(graph, self.stream)
            return 0, step.symbols
        if self.program.decides or key not in self.once:
            status, symbols = self._drive(step)
            if not self.program.decides and self.launched <= MOST_CAPTURED:
                self.once[key] = None
                if len(self.once) > MOST_GRAPHS:
                    self.once.popitem(last=False)
            return status, symbols
        self.device.replay(self._captured(key, step), self.stream)
        return 0, step.symbols

    def _captured(self, key: tuple, step: Step) -> Any:
        before = self.stream

        def run(stream: int, outside: Outside) -> None:
            self.stream, self.outside = stream, outside
            self._drive(step)

        try:
            graph = self.device.capture(run)
        finally:
            self.stream, self.outside = before, None
        self.graphs[key] = graph
        del self.once[key]
        if len(self.graphs) > MOST_GRAPHS:
            self.live[0] += 1
            self.device.drop(self.graphs.popitem(last=False)[1])
        return graph

    def _drive(self, step: Step) -> tuple[int, Sequence[int]]:
        symbols, self.workspace, self.launched = list(step.symbols), step.workspace, 0
        status: int = self.driver(step.addresses, symbols, step.arena, self.services)
        for address, count, dtype in step.results:
            self._start(self._own(poison_kernel, dtype), "elements", count, 1, (address, step.arena - ALIGNMENT))
        if step.report:
            self.device.send(step.report, step.arena - ALIGNMENT, 8, self.stream)
        return status, symbols

    def _own(self, print_kernel: Callable[..., CudaKernel], *arguments: Any) -> Any:
        """A kernel that is no part of the printed program."""
        key = (print_kernel, arguments)
        if key not in self.own:
            (self.own[key],) = self.device.load([print_kernel(*arguments)])
        return self.own[key]

    def _pack(self, step: Step) -> None:
        """Put the single numbers where the kernels find them."""
        for launch, first, count in self.prepared_packs(len(step.words), step.numbers):
            launch.words[1 : 1 + count] = step.words[first : first + count]
            self.device.launch(launch.kernel, launch.blocks, launch.threads, launch.words.tolist(), self.stream)

    # --- copies of small arrays, and steps that come again ------------------------------------------------------------

    def transfer(self, pieces: Sequence[tuple[int, int, int]]) -> None:
        """Copy pieces (target, source, bytes) in as few launches as there can be."""
        for launch, _ in self.prepared_pieces(pieces):
            self.device.launch(launch.kernel, launch.blocks, launch.threads, launch.words.tolist(), self.stream)

    def prepared_pieces(self, pieces: Sequence[tuple[int, int, int]]) -> Iterator[tuple[Prepared, range]]:
        """Launches that copy the pieces, each with their numbers in it: source and target are words 2k and 2k + 1."""
        pieces = [piece for piece in pieces if piece[2]]
        for first in range(0, len(pieces), MOST_PIECES):
            some = pieces[first : first + MOST_PIECES]
            sizes = [4 if size % 4 == 0 else 1 for _, _, size in some]
            kernel = self._own(pieces_kernel, tuple(["i32" if size == 4 else "u8" for size in sizes]))
            counts = [bytes_ // size for (_, _, bytes_), size in zip(some, sizes, strict=True)]
            blocks, threads = self._grid("elements", max(counts), 1)
            places = [place for target, source, _ in some for place in (source, target)]
            words = np.array([*places, *counts, max(counts)], np.int64)
            yield Prepared(kernel, blocks, threads, words), range(len(some))

    def prepared_packs(self, numbers: int, place: int = 0) -> Iterator[tuple[Prepared, int, int]]:
        """Launches that put so many words at a place, each with the number of its first one and how many it has.

        Word k of a launch is its word k + 1.
        """
        for first in range(0, numbers, MOST_PACKED):
            count = min(MOST_PACKED, numbers - first)
            words = np.array([place + 8 * first, *[0] * count, 1], np.int64)
            yield Prepared(self._own(pack_kernel, count), 1, 1, words), first, count

    def repeated(self, graph: Any, before: Sequence[Prepared], after: Sequence[Prepared]) -> Callable[[], None]:
        """What does all of it, on the stream that the program is on now."""
        return self.device.repeated(graph, before, after, self.done, self.stream)

    # --- what the driver calls ----------------------------------------------------------------------------------------

    def _launch(self, index: int, count: int, width: int, *words: int) -> None:
        self._start(self._handle(index), self.kernels[index].mapping, count, width, words)

    def _launch_near(self, index: int, near: int, count: int, width: int, *words: int) -> None:
        """The kernel, whose blocks have so many bytes in the memory of their threads if that is not too much."""
        near = near if near <= self.device.near else 0
        self._start(self._handle(index), self.kernels[index].mapping, count, width, (*words, int(near > 0)), near)

    def _handle(self, index: int) -> Any:
        """The kernel, loaded when it is first launched: of two for different sizes, as a rule one is."""
        if index not in self.handles:
            (self.handles[index],) = self.device.load([self.kernels[index]])
        return self.handles[index]

    def _start(self, kernel: Any, mapping: str, count: int, width: int, words: tuple[int, ...], near: int = 0) -> None:
        if count <= 0:
            return
        self.launched += 1
        blocks, threads = self._grid(mapping, count, width)
        self.device.launch(kernel, blocks, threads, (*words, count), self.stream, near)

    def _grid(self, mapping: str, count: int, width: int) -> tuple[int, int]:
        """Blocks, and threads of each. Only a fold's tree depends on them, and they depend on sizes alone."""
        most = self.device.threads
        match mapping:
            case "serial":
                return 1, 1
            case "tiles":
                return min(count, self.device.most_blocks), TILE_THREADS
            case "combine":
                return min(-(-count // self.device.warp), self.device.most_blocks), most
            case "owners":
                return min(-(-count // most), MOST_OWNERS), most
            case "rows" | "alone" | "scan":
                threads = min(most, max(self.device.warp, 1 << (width - 1).bit_length()))
                return min(count, self.device.most_blocks * (most // threads)), threads
        return min(-(-count // most), self.device.most_blocks), most

    def _multiply(self, index: int, tiles: int, flags: int, dtype: str, batch: int, *words: int) -> None:
        if tiles <= 0:
            return
        a, b, c, m, n, k, lda, ldb, ldc, inner, *strides = words
        pairs = ((strides[0], strides[1]), (strides[2], strides[3]), (strides[4], strides[5]))
        product = Product(flags, dtype, batch, (a, b, c), (m, n, k), (lda, ldb, ldc), inner, pairs)
        self.launched += 1
        if not self.device.multiply(product, self.workspace, self.stream):
            self._launch(index, tiles, 1, *words)

    def _library(
        self, name: str, flags: str, dtype: str, count: int, sizes: tuple[int, ...], places: tuple[int, ...]
    ) -> None:
        run_routine(self, Call(name, tuple(flags.split()), dtype, count, sizes, places))

    # --- what routines of libraries ask for, see ``cuda_factors.Starts`` ----------------------------------------------

    @property
    def solver(self) -> Solver:
        return self.device.solver if self.outside is None else Later(self.device.solver, self.outside)

    @property
    def transforms(self) -> Transforms:
        return self.device.transforms

    def start(self, print_kernel: Callable[..., CudaKernel], given: Sequence[Any], count: int, words: Any) -> None:
        self._start(self._own(print_kernel, *given), "elements", count, 1, words)

    def clear(self, address: int, size: int) -> None:
        self.device.clear(address, size, self.stream)

    def copy(self, target: int, source: int, dtype: str, count: int) -> None:
        self.device.copy(target, source, BYTES[dtype] * count, self.stream)

    def room(self, call: Call, elements: int) -> int:
        key = (call.name, call.dtype, call.sizes, call.batch)
        if key not in self.rooms:
            address = self.device.allocate(BYTES[call.dtype] * elements, self.stream)
            self.rooms[key] = address
            weakref.finalize(self, give_back_after, self.device, address, self.done).atexit = False
        return self.rooms[key]

    def kept_plan(self, name: str, dtype: str, points: int, count: int) -> Any:
        key = (name, dtype, points, count)
        if key not in self.plans:
            self.plans[key] = self.device.transforms.plan(*key)
        return self.plans[key]

    def _number(self, dtype: str, address: int) -> Any:
        found = np.empty((), dtype)
        self.device.read([(address, found)], self.stream)
        return found.item()

    def _grow(self, address: int, size: int) -> int:
        self._release(address)
        return self.device.allocate(size, self.stream)

    def _release(self, address: int) -> int:
        if address:
            self.device.release(address, self.stream)
        return 0
