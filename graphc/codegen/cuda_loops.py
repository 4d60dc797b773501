"""Prints a loop by lanes (``cuda_lanes``) as kernels: one for all lanes, one thread for what single numbers come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from graphc.codegen.cuda_lanes import Held, LaneLoop, LanePart, Root, offset_of, root_of, whole_of
from graphc.codegen.scalar_text import ScalarPrinter
from graphc.codegen.text import Lines, dim_text, loaded, stored
from graphc.ir.dims import Dim, is_polynomial, symbol, symbols_of
from graphc.schedule.loopnest import Store
from graphc.schedule.program import Exchange, Storage
from graphc.schedule.scalars import Affine, Scalar, walk

ITERATION = "iteration"  # the variable of the loop's own symbol


@dataclass(frozen=True)
class LoopSource:
    """``NAME(*buffers, *sizes, count)`` over so many lanes; ``buffers``: what the driver passes the addresses of.

    ``dtypes``: as the kernel sees them.
    """

    text: str
    buffers: list[Storage]
    dtypes: list[str]
    sizes: list[Dim]
    mapping: str
    count: Dim


def print_lane_loop(loop: LaneLoop) -> list[LoopSource] | None:
    """The kernels, in order; None where a size would have to be computed anew in each iteration."""
    singles = any(held.is_single for held in loop.held.values())
    kinds = [False] * (loop.size is not None) + [True] * singles
    printers = [LanePrinter(loop, single=single) for single in kinds]
    sources = [printer.run() for printer in printers]
    return None if any(printer.refused for printer in printers) else sources


class LanePrinter:
    """One kernel of a loop. ``single``: the one for single numbers, which stores them.

    ``refused``: a size depends on the iteration, and is more than sums and products.
    """

    def __init__(self, loop: LaneLoop, *, single: bool):
        self.loop, self.single, self.lines = loop, single, Lines()
        self.buffers: dict[Root, tuple[str, Storage, str]] = {}
        self.sizes: dict[Dim, str] = {}
        self.refused = False
        self.registers = {root: f"r{k}" for k, root in enumerate(loop.held) if loop.held[root].way != "memory"}
        self.lines.add("separate_buffers()")  # whole ones, each of which has one name

    def run(self) -> LoopSource:
        if self.single:
            self._lane()
        else:
            with self.lines.inside("for element in range(global_index(), count, global_count()):"):
                self._lane()
        names = [*(name for name, _, _ in self.buffers.values()), *self.sizes.values(), "count"]
        text = f"def NAME({', '.join(names)}):\n{self.lines}\n"
        count = 1 if self.single or self.loop.size is None else self.loop.size
        mapping = "serial" if self.single else "elements"
        _, wholes, dtypes = (list(column) for column in zip(*self.buffers.values(), strict=True))
        return LoopSource(text, wholes, dtypes, list(self.sizes), mapping, count)

    def _lane(self) -> None:
        """All iterations, between what the registers begin with and where they end."""
        kept = [root for root in self.registers if self.loop.held[root].way == "kept"]
        here = [root for root in kept if not self.single or self.loop.held[root].is_single]
        for root in here:
            held = self.loop.held[root]
            self.lines.add(f"{self.registers[root]} = {loaded(held.dtype, self._home(held))}")
        loop = self.loop.loop
        trips = self.dim(loop.trips)
        span = f"{trips} - 1, -1, -1" if loop.reverse else trips
        with self.lines.inside(f"for {ITERATION} in range({span}):"):
            for number, part in enumerate(self.loop.parts):
                if isinstance(part, Exchange):
                    self._trade(part)
                elif part.is_single or not self.single:
                    PartPrinter(self, part, f"p{number}_").print_part()
        for root in here:
            held = self.loop.held[root]
            if held.is_single == self.single:
                self.lines.add(f"{self._home(held)} = {stored(held.dtype, self.registers[root])}")

    def _home(self, held: Held) -> str:
        """Where in memory a register's value stands before and after the loop."""
        terms = [] if held.is_single else ["element"]
        terms += [self.dim(held.offset)] if held.offset != 0 or held.is_single else []
        return f"{self.buffer(held.storage, held.dtype)}[{' + '.join(terms)}]"

    def _trade(self, part: Exchange) -> None:
        a, b = self.registers[root_of(part.a)], self.registers[root_of(part.b)]
        if self.single and not self.loop.held[root_of(part.a)].is_single:
            return
        for line in (f"traded_{a} = {a}", f"{a} = {b}", f"{b} = traded_{a}"):
            self.lines.add(line)

    def buffer(self, storage: Storage, dtype: str) -> str:
        whole = whole_of(storage)
        return self.buffers.setdefault(root_of(whole), (f"b{len(self.buffers)}", whole, dtype))[0]

    def dim(self, dim: Dim) -> str:
        """As ``ScalarPrinter.dim``; the loop's own symbol is its variable."""
        own = self.loop.loop.index
        if own not in symbols_of(dim):
            return self.sizes.setdefault(dim, f"n{len(self.sizes)}") if not isinstance(dim, int) else str(dim)
        if not is_polynomial(dim):
            self.refused = True
            return "0"
        names = {name: self.dim(symbol(name)) for name in symbols_of(dim) - {own}}
        return dim_text(dim, {**names, own: ITERATION})


class PartPrinter(ScalarPrinter):
    """One nest of the body. What it stores is computed before any of it is stored."""

    def __init__(self, printer: LanePrinter, part: LanePart, prefix: str):
        super().__init__(part.nest, printer.lines, prefix)
        self.printer, self.part = printer, part
        loads = (s for s in walk(part.nest.scalars()) if s.form == "load")
        self.overwritten |= {s.number for s in loads if self._root(s.data.buffer) in printer.loop.held}

    def _root(self, buffer: int) -> Root:
        return root_of(self.part.storage[buffer])

    def dim(self, dim: Dim) -> str:
        return self.printer.dim(dim)

    def buffer_at(self, buffer: int, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> tuple[str, str]:
        storage = self.part.storage[buffer]
        return self.printer.buffer(storage, storage.dtype), self._position(index.plus(offset_of(storage)), gathered)

    def element(self, buffer: int, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> str:
        return "{}[{}]".format(*self.buffer_at(buffer, index, gathered))

    def _text_load(self, scalar: Scalar) -> str:
        register = self.printer.registers.get(self._root(scalar.data.buffer))
        return register or super()._text_load(scalar)

    def print_part(self) -> None:
        (phase,) = self.nest.phases
        self._positions()
        needed = walk(phase.scalars())
        self._count_uses(needed)
        self._assign(needed)
        for number, store in enumerate(phase.stores):
            self.lines.add(f"{self.prefix}w{number} = {self._value(store)}")
        for number, store in enumerate(phase.stores):
            register = self.printer.registers.get(self._root(store.buffer))
            value = f"{self.prefix}w{number}"
            if register is not None:
                self.lines.add(f"{register} = {value}")
            kept = self.printer.loop.held[self._root(store.buffer)].way == "kept"
            if not kept and self.part.is_single == self.printer.single:
                place = self.element(store.buffer, store.index, ())
                self.lines.add(f"{place} = {stored(store.scalar.dtype, value)}")

    def _positions(self) -> None:
        """The position along each axis: from the number of the element, or that number itself."""
        space, element = self.nest.space, "element"
        for axis in reversed(range(1, len(space))):
            size = f"({self.dim(space[axis])})"
            self.lines.add(f"i{axis} = {element} % {size}")
            element = f"({element} // {size})"
        if space:
            self.lines.add(f"i0 = {element}")

    def _value(self, store: Store) -> str:
        value, dtype = self.text(store.scalar), store.scalar.dtype
        if not store.accumulate:
            return value
        register = self.printer.registers.get(self._root(store.buffer))
        before = register or loaded(dtype, self.element(store.buffer, store.index, ()))
        return store.accumulate.format(value, acc=before)
