"""Prints the host's side of a CUDA program: sizes, addresses on the device, launches in order.

The text is the CPU driver's, with what differs on a device: every kernel is launched, one number is read through
``read_<dtype>(address)``. It runs as plain Python over the functions of ``runtime.cuda_program``. Only what the host
cannot do without is read, since reading waits for the device: a failed check of an index is noted there (``note``), in
the word before the arena, and the program goes on at positions that are inside.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphc.abi import ALIGNMENT
from graphc.codegen.control import own_sizes
from graphc.codegen.cuda_chores import CudaKernel, chore, combining_kernel, note_kernel, whole_kernel
from graphc.codegen.cuda_eigen import EIGEN, eigen_kernels
from graphc.codegen.cuda_gemm import TILE, gemm_kernel
from graphc.codegen.cuda_kernel import WIDE_BYTES, CudaSource, print_cuda_kernel
from graphc.codegen.cuda_lanes import lane_loop
from graphc.codegen.cuda_libraries import FACTORS, TRANSFORMS
from graphc.codegen.cuda_loops import LoopSource, print_lane_loop
from graphc.codegen.cuda_mapping import ATOMIC, SUMS
from graphc.codegen.cuda_near import sums_begun
from graphc.codegen.cuda_routines import routine_kernel
from graphc.codegen.cuda_short import SHORT, print_short_kernel, row_elements
from graphc.codegen.driver import DriverPrinter
from graphc.ir.dims import Dim, ceildiv
from graphc.ir.types import DTYPES
from graphc.schedule.loopnest import Fold, Nest, Phase, Store
from graphc.schedule.program import (
    Branch,
    Call,
    Check,
    Clear,
    Combine,
    Copy,
    Gemm,
    Inline,
    Launch,
    Loop,
    Program,
    Section,
    Step,
    Storage,
    While,
    walk_steps,
)
from graphc.schedule.scalars import Affine, Scalars


@dataclass(frozen=True)
class CudaProgram:
    """``source``: a module with the function ``name(args, symbols, arena, table)``, which returns a status.

    ``has_notes``: checks fail by a word in memory. ``decides``: the driver reads numbers from the device or asks for
    memory, so that it has to run at each call. ``uses_blas``: it multiplies matrices, or solves triangular systems.
    """

    name: str
    source: str
    kernels: tuple[CudaKernel, ...]
    has_notes: bool
    decides: bool
    uses_blas: bool


def print_cuda_program(program: Program, number_of_inputs: int, flags: str, *, atomics: bool = False) -> CudaProgram:
    """The program for CUDA; numbers that a CPU driver would keep in variables get places in the arena.

    ``atomics``: additions to one place may come in any order.
    """
    _place_locals(program)
    printer = CudaDriverPrinter(program, number_of_inputs, flags, atomics=atomics)
    printed = printer.run()
    decides = "read_" in printed.source or "call_service" in printed.source
    kernels = tuple(printer.cuda_kernels.values())
    return CudaProgram(printed.name, printed.source, kernels, printer.notes, decides, printer.uses_blas)


def _place_locals(program: Program) -> None:
    slots: dict[int, int] = {}
    for storage in _storages(program):
        if storage.place == "local":
            if storage.position not in slots:
                slots[storage.position] = len(program.slots)
                program.slots.append(8)
            storage.place, storage.slot = "arena", slots[storage.position]


def _storages(program: Program) -> Iterable[Storage]:
    yield from program.storage
    for step in walk_steps(program.steps):
        match step:
            case Section():
                yield from step.storage
            case While() | Branch():
                yield step.flag


class CudaDriverPrinter(DriverPrinter):
    """``cuda_kernels``: by name, in the order of the numbers that the text launches them by."""

    scans_flags = False  # they are on the device
    shares_loops = False  # nothing compiles them

    def __init__(self, program: Program, number_of_inputs: int, flags: str, *, atomics: bool = False):
        super().__init__(program, number_of_inputs, f"cuda {flags}")
        self.atomics = atomics
        self.cuda_kernels: dict[str, CudaKernel] = {}
        self.notes = self.uses_blas = False
        self.begun: set[int] = set()  # buffers that the kernels at hand fill themselves, before they add to them
        self.joined: dict[int, Combine] = {}  # sums of the blocks of these kernels that are added up by atomics

    def imports(self, body: str) -> list[str]:
        return []

    def number(self, storage: Storage) -> str:
        return f"read_{storage.dtype}({self.place(storage)})"

    def steps(self, steps: Sequence[Step]) -> None:
        before, nests = (self.begun, self.joined), [step.nest for step in steps if isinstance(step, Launch)]
        self.begun = {buffer for nest in nests for buffer in sums_begun(nest)}
        self.joined = dict(self._added_up(steps)) if self.atomics else {}
        for step in steps:
            loop = lane_loop(step, self.storage) if isinstance(step, Loop) else None
            sources = None if loop is None else print_lane_loop(loop)
            if sources is None:
                super().steps([step])
            else:
                self._by_lanes(sources)
        self.begun, self.joined = before

    def _by_lanes(self, sources: Sequence[LoopSource]) -> None:
        """A loop whose lanes never meet."""
        for source in sources:
            kernel = self._kernel_number("kernel", source.text, source.dtypes, len(source.sizes), source.mapping)
            self._start(kernel, source.count, 1, [*map(self.place, source.buffers)], source.sizes, "loop by lanes")

    def _added_up(self, steps: Sequence[Step]) -> Iterator[tuple[int, Combine]]:
        """What right after a kernel combines its blocks' sums, and may as well be added to by the blocks themselves."""
        nest: Nest | None = None
        for step in steps:
            match step:
                case Launch():
                    nest = step.nest
                case Combine() if nest is not None:
                    sums = step.partial in sums_begun(nest) and step.step in SUMS and step.dtype in ATOMIC
                    if sums and self._is_apart(step.result, nest):
                        yield step.partial, step
                case _:
                    nest = None

    def _is_apart(self, result: int, nest: Nest) -> bool:
        """Whether nothing that the nest reads or writes stands where the result will: it may be begun before."""
        others = [_root(self.storage[buffer]) for buffer in nest.buffers()]
        root = _root(self.storage[result])
        return all((root.place, root.position, root.slot) != (o.place, o.position, o.slot) for o in others)

    # --- launches -----------------------------------------------------------------------------------------------------

    def _launch(self, step: Launch) -> None:
        self._nest(step.nest, step.count)

    def _inline(self, step: Inline) -> None:
        self._nest(step.nest, 1)

    def _nest(self, nest: Nest, count: Dim, kind: str = "kernel") -> None:
        joined = {partial: self.joined[partial] for partial in sums_begun(nest) if partial in self.joined}
        for step in joined.values():
            self._clear(Clear(step.result, step.kept, step.dtype, step.init))
        targets = {partial: step.result for partial, step in joined.items()}
        elements, separate = row_elements(nest), self._are_separate(nest)
        if elements is None:
            self._started(self._long(nest, count, separate, targets), kind)
            return
        short = print_short_kernel(nest, count, separate=separate, joined=targets)
        if nest.across or (isinstance(elements, int) and elements <= SHORT):
            self._started(short, kind)
        elif isinstance(elements, int):
            self._started(self._long(nest, count, separate, targets), kind)
        else:
            with self.lines.inside(f"if {self.dim(elements)} <= {SHORT}:"), own_sizes(self):
                self._started(short, kind)
            with self.lines.inside("else:"), own_sizes(self):
                self._started(self._long(nest, count, separate, targets), kind)

    def _long(self, nest: Nest, count: Dim, separate: bool, targets: Mapping[int, int]) -> CudaSource:
        return print_cuda_kernel(
            nest, count, separate=separate, size_of=lambda buffer: self.storage[buffer].size, atomics=self.atomics,
            joined=targets,
        )  # fmt: skip

    def _started(self, source: CudaSource, kind: str) -> None:
        """The launch of what is printed."""
        dtypes = [self.storage[b].dtype for b in source.buffers]
        has_near = source.near != 0
        kernel = self._kernel_number(kind, source.text, dtypes, len(source.sizes) + has_near, source.mapping)
        places = [*map(self.address, source.buffers)]
        self._start(kernel, source.count, source.width, places, source.sizes, kind, source.near)

    def _are_separate(self, nest: Nest) -> bool:
        """Whether the buffers start at multiples of 16 bytes, and what is written is no part of another one."""
        uses = nest.buffers()
        roots: dict[int, list[str]] = {}
        for buffer, how in uses.items():
            storage = self.storage[buffer]
            roots.setdefault(id(_root(storage)), []).append(how)
            if not _is_aligned(storage):
                return False
        return all(len(found) == 1 or set(found) == {"read"} for found in roots.values())

    def _chores(self, kind: str, text: str, buffers: Sequence[int], sizes: Sequence[Dim], count: Dim) -> None:
        """Launch a kernel over whole buffers, which has one thread for each of ``count`` elements."""
        dtypes = [self.storage[b].dtype for b in buffers]
        kernel = self._kernel_number(kind, text, dtypes, len(sizes), "elements")
        self._start(kernel, count, 1, [*map(self.address, buffers)], sizes, kind)

    def _kernel_number(self, kind: str, text: str, dtypes: Sequence[str], sizes: int, mapping: str) -> int:
        kernel = whole_kernel(kind, text, dtypes, sizes, mapping, self.flags)
        name = kernel.printed.name
        if name not in self.cuda_kernels:
            self.cuda_kernels[name] = kernel
            self.indices[name] = len(self.indices)
        return self.indices[name]

    def _start(
        self, kernel: int, count: Dim, width: Dim, addresses: Sequence[str], sizes: Sequence[Dim], comment: str,
        near: Dim = 0,
    ) -> None:  # fmt: skip
        words = ", ".join([*addresses, *map(self.dim, sizes)])
        function = "launch" if near == 0 else "launch_near"
        first = ", ".join(map(self.dim, (count, width) if near == 0 else (near, count, width)))
        self.lines.add(f"{function}({kernel}, {first}, {words})  # {comment}")

    # --- chores -------------------------------------------------------------------------------------------------------

    def _clear(self, step: Clear) -> None:
        if step.buffer in self.begun:
            return
        self._chores("fill", chore("fill", init=step.init, dtype=step.dtype), [step.buffer], [], step.size)

    def _copy(self, step: Copy) -> None:
        self._chores("copy", chore("copy"), [step.source, step.target], [], step.size)

    def _combine(self, step: Combine) -> None:
        if step.partial in self.joined:
            return
        if step.kept == 1:  # a block of threads folds them; for one thread they would be many
            nest = _combining_nest(step)
            self._started(self._long(nest, 1, self._are_separate(nest), {}), "combine")
            return
        text = combining_kernel(step.step, step.init, step.dtype)
        kernel = self._kernel_number("combine", text, [step.dtype] * 2, 2, "combine")
        places = [self.address(step.partial), self.address(step.result)]
        self._start(kernel, step.kept, 1, places, [step.kept, step.blocks], "combine")

    def _check(self, step: Check) -> None:
        if self.program.checks[step.status - 1].barrier:
            super()._check(step)
            return
        self.notes = True
        dtype = self.storage[step.buffer].dtype
        kernel = self._kernel_number("note", note_kernel(), [dtype, "i64"], 1, "elements")
        places = [self.address(step.buffer), f"arena - {ALIGNMENT}"]
        self._start(kernel, 1, 1, places, [step.status], "note")

    def _call(self, step: Call) -> None:
        if step.name in (*FACTORS, *TRANSFORMS):
            self._library(step)
            return
        if step.name in EIGEN:
            self._eigen(step)
            return
        count = step.count * step.sizes[1] if step.name == "search" else step.count
        dtypes = [self.storage[b].dtype for b in step.buffers]
        kernel = self._kernel_number("kernel", routine_kernel(step), dtypes, len(step.sizes), "items")
        self._start(kernel, count, 1, [*map(self.address, step.buffers)], step.sizes, step.name)

    def _eigen(self, step: Call) -> None:
        """A block of threads has a matrix, of as many threads as rows."""
        dtypes = [self.storage[b].dtype for b in step.buffers]
        places = [*map(self.address, step.buffers)]
        for text in eigen_kernels(step):
            kernel = self._kernel_number("eigen", text, dtypes, 1, "rows")
            self._start(kernel, step.count, step.sizes[0], places, step.sizes, step.name)

    def _library(self, step: Call) -> None:
        """A routine that a vendor's library computes."""
        self.uses_blas = self.uses_blas or step.name.startswith("triangular_solve")
        sizes, places = ", ".join(map(self.dim, step.sizes)), ", ".join(map(self.address, step.buffers))
        first = f"'{step.name}', '{' '.join(step.flags)}', '{step.dtype}', {self.dim(step.count)}"
        self.lines.add(f"library({first}, ({sizes},), ({places},))")

    # --- products -----------------------------------------------------------------------------------------------------

    def _gemm(self, step: Gemm) -> None:
        self.uses_blas = True
        places = zip((step.a, step.b, step.c), step.offsets, strict=True)
        addresses = [self.address(buffer) + self._bytes(offset, step.dtype) for buffer, offset in places]
        sizes = [step.m, step.n, step.k, *step.leading, step.inner, *(s for pair in step.strides for s in pair)]
        tiles = step.batch * ceildiv(step.m, TILE) * ceildiv(step.n, TILE)
        text = gemm_kernel(step.flags, step.dtype)
        kernel = self._kernel_number("gemm", text, [step.dtype] * 3, len(sizes), "tiles")
        words = ", ".join([*addresses, *map(self.dim, sizes)])
        first = f"{kernel}, {self.dim(tiles)}, {step.flags}, '{step.dtype}', {self.dim(step.batch)}"
        self.lines.add(f"multiply({first}, {words})")


def _combining_nest(step: Combine) -> Nest:
    """One row, whose fold is that of the partial results."""
    scalars = Scalars()
    fold = Fold(0, step.dtype, step.init, step.step, scalars.load(step.dtype, step.partial, Affine.axis(1)))
    store = Store(step.result, Affine(), scalars.folded(step.dtype, 0, frozenset((0,))))
    return Nest((1, step.blocks), 1, [Phase((1,), folds=[fold]), Phase(stores=[store])])


def _root(storage: Storage) -> Storage:
    return storage if storage.whole is None else _root(storage.whole)


def _is_aligned(storage: Storage) -> bool:
    if storage.whole is None:
        return True
    offset = storage.offset * DTYPES[storage.dtype].itemsize
    return isinstance(offset, int) and offset % WIDE_BYTES == 0 and _is_aligned(storage.whole)
