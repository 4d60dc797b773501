"""Prints a program's driver: sizes, addresses, kernels and library calls in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.abi import ALIGNMENT, FOREIGN_FAILED, KERNELS_START, MOST_ARGUMENTS, OUT_OF_MEMORY, Service
from graphc.codegen.control import print_control
from graphc.codegen.equal_loops import share_equal_loops
from graphc.codegen.kernel import NestPrinter, Part
from graphc.codegen.lapack_routines import shares
from graphc.codegen.print_kernel import print_kernel
from graphc.codegen.routines import print_routine
from graphc.codegen.text import ELEMENTS, NARROW, STORED, Lines, dim_text, imports, literal, loaded, stored
from graphc.errors import ProgramError
from graphc.ir.dims import Atom, Dim, dim_max, dim_sum, map_atoms, symbol, symbols_of
from graphc.ir.types import DTYPES
from graphc.schedule.loopnest import Nest
from graphc.schedule.program import (
    Bind,
    Call,
    Check,
    Clear,
    Combine,
    Convolve,
    Copy,
    Foreign,
    Gemm,
    Inline,
    Launch,
    Program,
    Step,
    Storage,
    align,
)
from graphc.schedule.scalars import walk

GRAIN = 100_000  # operations below which a part of a kernel is not worth a thread of its own (some 15 us)

MOST_RELEASED = 2  # pieces of memory that each place which leaves the driver gives back one by one

LIGHT = 8  # operations that may stand in the driver itself

DRIVER_SIGNATURE = "int64(CPointer(int64), CPointer(int64), int64, CPointer(int64))"


@dataclass
class PrintedKernel:
    """``name`` holds the hash of the text; ``source`` is a whole module; ``signature`` is Numba's."""

    name: str
    source: str
    signature: str


@dataclass
class PrintedProgram:
    name: str
    source: str
    kernels: list[PrintedKernel] = field(default_factory=list)
    libraries: frozenset[str] = frozenset()
    convolutions: tuple[str, ...] = ()  # their dtypes


def print_program(program: Program, number_of_inputs: int, flags: str) -> PrintedProgram:
    """The driver's module and its kernels'. ``flags`` joins the hash: whatever else changes the compiled code."""
    return DriverPrinter(program, number_of_inputs, flags).run()


def arena_bytes(program: Program) -> Dim:
    return dim_sum(map(align, program.slots))


def quotient(a: str, b: str, divisor: Dim) -> str:
    """Floor division; by a power of two it is a shift, which compiles quicker."""
    if isinstance(divisor, int) and divisor > 0 and divisor & (divisor - 1) == 0:
        return f"{a} >> {divisor.bit_length() - 1}"
    return f"{a} // {b}"


class DriverPrinter:
    """``storage``: of the steps at hand; ``late``: symbols that have no value yet when the driver begins."""

    shares_loops = True  # those that are equal are one function
    scans_flags = True  # loops that do something at few of an array's flags may look at many at once

    def __init__(self, program: Program, number_of_inputs: int, flags: str):
        self.program, self.number_of_inputs, self.flags = program, number_of_inputs, flags
        self.storage = program.storage
        self.late = set(program.bounds)
        self.libraries: set[str] = set()
        self.convolutions: set[str] = set()  # dtypes of those that there are
        self.printed = 0  # steps so far
        self.head, self.lines = Lines(), Lines()
        self.sizes: dict[Atom, str] = {}
        self.named = 0  # sizes so far: a block forgets those that it computed, but no name is given twice
        self.symbols = {name: f"dim_{name}" for name in program.symbols}  # apart from the driver's own variables
        self.numbers: dict[str, str] = {}  # the dtypes of variables
        self.kernels: dict[str, PrintedKernel] = {}
        self.indices: dict[str, int] = {}

    def dim(self, dim: Dim) -> str:
        """The dim's text; a division or comparison in it is computed once and has a name."""
        text = dim_text(map_atoms(dim, self._named), self.symbols)
        return text if text.isalnum() or text.isidentifier() else f"({text})"

    def _named(self, atom: Atom) -> Dim:
        if isinstance(atom, str):
            return symbol(atom)
        if atom not in self.sizes:
            a, b = map(self.dim, atom.args)
            infix = {"floordiv": quotient(a, b, atom.args[1]), "mod": f"{a} % {b}"}
            call = {"max": f"greatest({a}, {b})", "min": f"least({a}, {b})"}
            name = f"size{self.named}"
            self.named += 1
            late = any(s in self.late for arg in atom.args for s in symbols_of(arg))
            (self.lines if late else self.head).add(f"{name} = {(infix | call)[atom.function]}")
            self.sizes[atom] = f"@{name}"  # no symbol of the program is called so
            self.symbols[self.sizes[atom]] = name
        return symbol(self.sizes[atom])

    def run(self) -> PrintedProgram:
        for index, name in enumerate(self.program.symbols):
            if name not in self.program.bounds:
                self.head.add(f"{self.symbols[name]} = symbols[{index}]")
        address = "arena"
        for slot, size in enumerate(self.program.slots):
            self.lines.add(f"slot{slot} = {address}")
            address = f"slot{slot} + {self.dim(align(size))}"
        self._nothing_grown()
        self.steps(self.program.steps)
        self.leave(0)
        body = f"def NAME(args, symbols, arena, table):\n{self.head}\n{self.lines}\n"
        if self.shares_loops:
            body = share_equal_loops(body, self.numbers, lambda *function: self._function("loop", *function))
        name = "program_" + self._hash(body + "".join(self.kernels))
        head = "\n".join(self.imports(body))
        source = f"{head}\n\n\n" + body.replace("NAME", name, 1)
        kernels, libraries = list(self.kernels.values()), frozenset(self.libraries)
        return PrintedProgram(name, source.lstrip(), kernels, libraries, tuple(sorted(self.convolutions)))

    def imports(self, body: str) -> list[str]:
        """The import lines of the driver's module."""
        return imports(body)

    def steps(self, steps: Sequence[Step]) -> None:
        """Print them, in order."""
        for step in steps:
            if print_control(self, step):
                continue
            comment = step.comment if isinstance(step, Launch | Inline | Gemm | Convolve | Call | Foreign) else ""
            if comment:
                self.lines.add(f"# {comment}")
            getattr(self, "_" + type(step).__name__.lower())(step)
            self.printed += 1

    def leave(self, status: int) -> None:
        """Return, and give back what was grown."""
        if self.is_noted:
            self.lines.add(f"give_back(table, grown, {len(self.program.grown)})")
        else:
            for storage in self.program.grown:
                self.lines.add(f"call_service(table[{int(Service.RELEASE)}], grown{storage.position})")
        self.lines.add(f"return {status}")

    @property
    def is_noted(self) -> bool:
        """Whether all that is grown stands beside each other, too, so that each place that leaves is one line."""
        return len(self.program.grown) > MOST_RELEASED

    def _nothing_grown(self) -> None:
        if self.is_noted:
            self.head.add(f"grown = stack_slots({len(self.program.grown)})")
        for place, storage in enumerate(self.program.grown):
            self.head.add(f"grown{storage.position} = 0")
            if self.is_noted:
                self.head.add(f"grown[{place}] = 0")

    def _hash(self, text: str) -> str:
        return hashlib.sha256(f"{self.flags}\n{text}".encode()).hexdigest()[:20]

    def address(self, buffer: int) -> str:
        return self.place(self.storage[buffer])

    def place(self, storage: Storage) -> str:
        """The address of the storage: for what is the program's own, a variable."""
        assert storage.place != "local", "a variable of the driver has no address"
        if storage.whole is not None:
            return f"{self.place(storage.whole)}{self._bytes(storage.offset, storage.dtype)}"
        if storage.place == "arena":
            return f"slot{storage.slot}"
        if storage.place == "grown":
            return f"grown{storage.position}"
        position = storage.position + (self.number_of_inputs if storage.place == "output" else 0)
        return f"args[{position}]"

    def pointer(self, buffer: int) -> str:
        dtype = self.storage[buffer].dtype
        return f"as_pointer_{STORED.get(dtype, dtype)}({self.address(buffer)})"

    def number(self, storage: Storage) -> str:
        """The one number that the storage holds, as it stands in memory: to read or to assign."""
        if storage.place == "local":
            name = f"x{storage.position}"
            self.numbers[name] = storage.dtype
            return name
        before, self.storage = self.storage, [storage]
        text = f"{self.pointer(0)}[0]"
        self.storage = before
        return text

    def flags_at(self, whole: Storage, first: Dim) -> str:
        """A pointer to the flags of the array from this one on."""
        return f"as_pointer_u8({self.place(whole)}{self._bytes(first, whole.dtype)})"

    # --- steps --------------------------------------------------------------------------------------------------------

    def _launch(self, step: Launch) -> None:
        source, buffers, sizes = print_kernel(step.nest)
        if step.count == 1:
            self._run("kernel", source, buffers, sizes)
            return
        grain = self.dim(GRAIN // dim_max(step.work, 1) + 1)
        arguments = ", ".join([*map(self.address, buffers), *map(self.dim, sizes)])
        index = self._kernel("kernel", source, buffers, len(sizes))
        self.lines.add(f"launch(table, {index}, {self.dim(step.count)}, {grain}, {arguments})")

    def _run(self, kind: str, source: str, buffers: Sequence[int], sizes: Sequence[Dim]) -> None:
        """Call a kernel here, for what is no work for several threads."""
        arguments = ", ".join([*map(self.address, buffers), *map(self.dim, sizes)])
        self.lines.add(f"run(table, {self._kernel(kind, source, buffers, len(sizes))}, {arguments})")

    def _kernel(self, kind: str, source: str, buffers: Sequence[int], sizes: int) -> int:
        """The index in the table of a function over pointers, then sizes and a range; equal ones are one."""
        if len(buffers) + sizes > MOST_ARGUMENTS:
            raise ProgramError(f"a kernel would take {len(buffers)} buffers and {sizes} sizes: fusion went too far")
        types = [f"CPointer({ELEMENTS[self.storage[b].dtype]})" for b in buffers]
        return self._function(kind, source, f"void({', '.join([*types, *['int64'] * (sizes + 2)])})")

    def _function(self, kind: str, source: str, signature: str) -> int:
        """The index in the table of a function with this signature; equal ones are one."""
        name = f"{kind}_" + self._hash(source + signature)
        if name not in self.kernels:
            head = "\n".join(imports(source))
            module = f"{head}\n\n\n" + source.replace("NAME", name, 1)
            self.kernels[name] = PrintedKernel(name, module, signature)
            self.indices[name] = KERNELS_START + len(self.indices)
        return self.indices[name]

    def _chore(self, kind: str, body: str, buffers: Sequence[int], sizes: Sequence[Dim]) -> None:
        """A loop over data that is no nest's: a kernel too, so that the driver has no loops of its own."""
        names = [*(f"b{k}" for k in range(len(buffers))), *(f"n{k}" for k in range(len(sizes)))]
        self._run(kind, f"def NAME({', '.join(names)}, start, stop):\n{body}\n", buffers, sizes)
        self.lines.lines[-1] += f"  # {kind}"

    def _inline(self, step: Inline) -> None:
        variables = {b: self.number(self.storage[b]) for b in step.nest.buffers() if self.storage[b].place == "local"}
        if not variables and self.lines.indent == self.head.indent and operations(step.nest) > LIGHT:
            source, buffers, sizes = print_kernel(step.nest)
            self._run("kernel", source, buffers, sizes)
            return
        prefix = f"s{self.printed}_"
        inner = Lines(self.lines.indent)
        printer = NestPrinter(step.nest, inner, prefix, self.dim, variables)
        printer.print_body(Part("", ""))
        for buffer, name in printer.buffers.items():
            self.lines.add(f"{name} = {self.pointer(buffer)}")
        self.lines.lines += inner.lines

    def _gemm(self, step: Gemm) -> None:
        service = {"f64": Service.GEMM_F64, "f32": Service.GEMM_F32}
        batch: list[str] = []
        if step.batch != 1:
            service = {"f64": Service.GEMM_BATCH_F64, "f32": Service.GEMM_BATCH_F32}
            batch = [*map(self.dim, (step.batch, step.inner, *(s for pair in step.strides for s in pair)))]
        operands = []
        for buffer, offset, leading in zip((step.a, step.b, step.c), step.offsets, step.leading, strict=True):
            operands += [self.address(buffer) + self._bytes(offset, step.dtype), self.dim(leading)]
        sizes = map(self.dim, (step.m, step.n, step.k))
        arguments = ", ".join([str(step.flags), *sizes, *operands, *batch])
        with self.lines.inside(f"if call_service(table[{int(service[step.dtype])}], {arguments}):"):
            self.leave(OUT_OF_MEMORY)

    def _convolve(self, step: Convolve) -> None:
        service = {"f64": Service.CONVOLUTION_F64, "f32": Service.CONVOLUTION_F32}[step.dtype]
        addresses = [
            *map(self.address, (step.x, step.weight, step.y)),
            "0" if step.bias is None else self.address(step.bias),
        ]
        arguments = ", ".join([str(step.flags), *map(self.dim, (step.count, *step.sizes)), *addresses])
        self.convolutions.add(step.dtype)
        with self.lines.inside(f"if call_service(table[{int(service)}], {arguments}):"):
            self.leave(OUT_OF_MEMORY)

    def _call(self, step: Call) -> None:
        """A routine; the run time decides whether matrices are shared by graphc's threads or are LAPACK's to share."""
        source, library = print_routine(step)
        self.libraries |= {library} - {"", "sorting"}  # without which it sorts, too
        index = self._kernel("kernel", source, step.buffers, len(step.sizes) + bool(library))
        arguments = [*map(self.address, step.buffers), *map(self.dim, step.sizes)]
        arguments += [f"table[{int(Service.LIBRARY)}]"] if library else []
        function, count, work, told = "launch", step.count, step.work, []
        if library == "lapack":
            function, (count, work, factors) = "launch_lapack", shares(step)
            told = [self.dim(factors)]
        words = [str(index), self.dim(count), *told, self.dim(GRAIN // dim_max(work, 1) + 1), *arguments]
        self.lines.add(f"{function}(table, {', '.join(words)})")

    def _bytes(self, offset: Dim, dtype: str) -> str:
        """An offset in elements, to add to an address."""
        return "" if offset == 0 else f" + {self.dim(offset * DTYPES[dtype].itemsize)}"

    def _clear(self, step: Clear) -> None:
        value = stored(step.dtype, literal(step.dtype, step.init))
        self._chore("fill", f"    fill(b0, n0, {value})", [step.buffer], [step.size])

    def _copy(self, step: Copy) -> None:
        if "local" in (self.storage[step.source].place, self.storage[step.target].place):
            source, target = (self.number(self.storage[b]) for b in (step.source, step.target))
            self.lines.add(f"{target} = {source}")
            return
        self._chore("copy", "    copy(b0, b1, n0)", [step.source, step.target], [step.size])

    def _bind(self, step: Bind) -> None:
        name = self.symbols.setdefault(step.symbol, f"dim_{step.symbol}")
        self.lines.add(f"{name} = {self.number(self.storage[step.buffer])}")
        if step.symbol in self.program.symbols:
            self.lines.add(f"symbols[{self.program.symbols.index(step.symbol)}] = {name}")
            return
        self.late.add(step.symbol)
        grown = [(k, s) for k, s in enumerate(self.program.grown) if step.symbol in symbols_of(s.size)]
        if len(grown) > 1:  # they may have traded places, and the first to grow frees what another's note may say
            for place, storage in grown:
                self._note(place, storage)
        for place, storage in grown:
            self._grow(place, storage)

    def _foreign(self, step: Foreign) -> None:
        words = [*map(self.address, step.buffers), *map(self.dim, step.sizes)]
        function = self.number(self.storage[step.address])
        with self.lines.inside(f"if call_service({', '.join([function, *words])}) != 0:"):
            self.leave(FOREIGN_FAILED)

    def _grow(self, place: int, storage: Storage) -> None:
        name = f"grown{storage.position}"
        size = self.dim(storage.size * DTYPES[storage.dtype].itemsize + ALIGNMENT)
        self.lines.add(f"{name} = call_service(table[{int(Service.GROW)}], {name}, {size})")
        with self.lines.inside(f"if {name} == 0:"):
            self.leave(OUT_OF_MEMORY)
        self._note(place, storage)

    def _note(self, place: int, storage: Storage) -> None:
        if self.is_noted:
            self.lines.add(f"grown[{place}] = grown{storage.position}")

    def _check(self, step: Check) -> None:
        with self.lines.inside(f"if {self.number(self.storage[step.buffer])}:"):
            self.leave(step.status)

    def _combine(self, step: Combine) -> None:
        self._chore("combine", combine_body(step), [step.partial, step.result], [step.kept, step.blocks])


def operations(nest: Nest) -> int:
    """Rough operations of all scalars of the nest, each once."""
    return sum(scalar.data.cost for scalar in walk(nest.scalars()) if scalar.form == "apply")


def combine_body(step: Combine) -> str:
    """``b1[k]``: the fold of ``b0[block * n0 + k]`` over ``n1`` blocks, in order."""
    if step.step == "{acc} + {0}" and step.dtype in ("f64", "f32"):
        return "    sum_blocks(b0, b1, n0, n1)"
    lines = Lines()
    with lines.inside("for k in range(n0):"):
        lines.add(f"total = {literal(step.dtype, step.init)}")
        with lines.inside("for block in range(n1):"):
            text = step.step.format(loaded(step.dtype, "b0[block * n0 + k]"), acc="total")
            lines.add(f"total = cast_{step.dtype}({text})" if step.dtype in NARROW else f"total = {text}")
        lines.add(f"b1[k] = {stored(step.dtype, 'total')}")
    return str(lines)
