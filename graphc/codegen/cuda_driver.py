"""Prints the host's side of a CUDA program: sizes, addresses on the device, launches in order.

The text is the CPU driver's, with what differs on a device: every kernel is launched, one number is read through
``read_<dtype>(address)``. It runs as plain Python over the functions of ``runtime.cuda_program``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from graphc.codegen.cuda_chores import chore, gemm_kernel
from graphc.codegen.cuda_kernel import print_cuda_kernel
from graphc.codegen.driver import DriverPrinter, PrintedKernel
from graphc.codegen.text import ELEMENTS, imports
from graphc.ir.dims import Dim
from graphc.schedule.loopnest import Nest
from graphc.schedule.program import (
    Branch,
    Clear,
    Combine,
    Copy,
    Gemm,
    Inline,
    Launch,
    Program,
    Section,
    Storage,
    While,
    walk_steps,
)


@dataclass(frozen=True)
class CudaKernel:
    """``mapping`` is one of ``codegen.cuda_kernel``; the signature ends with an int64 ``count``."""

    printed: PrintedKernel
    mapping: str


@dataclass(frozen=True)
class CudaProgram:
    """``source``: a module with the function ``name(args, symbols, arena, table)``, which returns a status."""

    name: str
    source: str
    kernels: tuple[CudaKernel, ...]


def print_cuda_program(program: Program, number_of_inputs: int, flags: str) -> CudaProgram:
    """The program for CUDA; numbers that a CPU driver would keep in variables get places in the arena."""
    _place_locals(program)
    printer = CudaDriverPrinter(program, number_of_inputs, flags)
    printed = printer.run()
    return CudaProgram(printed.name, printed.source, tuple(printer.cuda_kernels.values()))


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

    def __init__(self, program: Program, number_of_inputs: int, flags: str):
        super().__init__(program, number_of_inputs, f"cuda {flags}")
        self.cuda_kernels: dict[str, CudaKernel] = {}

    def imports(self, body: str) -> list[str]:
        return []

    def number(self, storage: Storage) -> str:
        return f"read_{storage.dtype}({self.place(storage)})"

    def _launch(self, step: Launch) -> None:
        self._nest(step.nest, step.count)

    def _inline(self, step: Inline) -> None:
        self._nest(step.nest, 1)

    def _nest(self, nest: Nest, count: Dim) -> None:
        source = print_cuda_kernel(nest, count)
        self._start("kernel", source.text, source.buffers, source.sizes, source.mapping, source.count)

    def _start(
        self, kind: str, text: str, buffers: Sequence[int], sizes: Sequence[Dim], mapping: str, count: Dim
    ) -> None:
        """Print the launch of a kernel over whole buffers."""
        types = [self.storage[b].dtype for b in buffers]
        self._launch_of(kind, text, types, [*map(self.address, buffers)], sizes, mapping, count)

    def _launch_of(
        self,
        kind: str,
        text: str,
        dtypes: Sequence[str],
        addresses: Sequence[str],
        sizes: Sequence[Dim],
        mapping: str,
        count: Dim,
    ) -> None:
        types = [f"CPointer({ELEMENTS[dtype]})" for dtype in dtypes]
        signature = f"void({', '.join([*types, *['int64'] * (len(sizes) + 1)])})"
        name = f"cuda_{kind}_" + self._hash(text + signature)
        if name not in self.cuda_kernels:
            head = "\n".join(imports(text))
            module = f"{head}\n\n\n" + text.replace("NAME", name, 1)
            self.cuda_kernels[name] = CudaKernel(PrintedKernel(name, module, signature), mapping)
            self.indices[name] = len(self.indices)
        arguments = ", ".join([*addresses, *map(self.dim, sizes)])
        self.lines.add(f"launch({self.indices[name]}, {self.dim(count)}, {arguments})  # {kind}")

    def _clear(self, step: Clear) -> None:
        text = chore("fill", init=step.init, dtype=step.dtype)
        self._start("fill", text, [step.buffer], [], "elements", step.size)

    def _copy(self, step: Copy) -> None:
        self._start("copy", chore("copy"), [step.source, step.target], [], "elements", step.size)

    def _combine(self, step: Combine) -> None:
        text = chore("combine", step=step.step, init=step.init, dtype=step.dtype)
        self._start("combine", text, [step.partial, step.result], [step.kept, step.blocks], "elements", step.kept)

    def _gemm(self, step: Gemm) -> None:
        places = zip((step.a, step.b, step.c), step.offsets, strict=True)
        addresses = [self.address(buffer) + self._bytes(offset, step.dtype) for buffer, offset in places]
        sizes = [step.m, step.n, step.k, *step.leading, step.inner, *(s for pair in step.strides for s in pair)]
        count = step.batch * step.m * step.n
        text = gemm_kernel(step.flags, step.dtype)
        self._launch_of("gemm", text, [step.dtype] * 3, addresses, sizes, "elements", count)
