"""Rows of a block that stay near: in the memory that its threads share, where there is room, and else in the arena.

What phases of a row keep for each other, and sums over rows of which each block has an array, are read and written
again and again. In the device's memory they would cost more than all that a row really has to read and write. Whether
there is room follows from the sizes of a call, so the kernel is told, and takes one pointer or the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphc.codegen.cuda_mapping import SUMS, mapping_of
from graphc.codegen.cuda_ordered import OrderedPrinter
from graphc.codegen.text import STORED, literal, loaded, stored
from graphc.ir.dims import Dim, dim_sum, product
from graphc.ir.types import DTYPES
from graphc.schedule.loopnest import Nest, Phase
from graphc.schedule.scalars import BLOCK_AXIS, Affine, Scalar, walk

ALIGNED = 16  # bytes at whose multiples a row begins


@dataclass(frozen=True)
class NearRow:
    """``size`` elements of each block; ``is_sum``: to which rows are added, and which is read after the kernel."""

    size: Dim
    dtype: str
    is_sum: bool

    @property
    def bytes(self) -> Dim:
        return (self.size * DTYPES[self.dtype].itemsize + ALIGNED - 1) // ALIGNED * ALIGNED


@dataclass(frozen=True)
class ReadRow:
    """A row of an input that several phases read: ``start``, where it begins; ``inside``, the position in it.

    ``first``: the phase that reads it first.
    """

    row: NearRow
    buffer: int
    start: Affine
    inside: Affine
    first: Phase


def rows_read_again(nest: Nest) -> dict[int, ReadRow]:
    """What is loaded in several phases, by the scalars' numbers: contiguous rows that nothing writes."""
    inner = tuple(range(nest.row, len(nest.space)))
    written = {store.buffer for phase in nest.phases for store in (*phase.stores, *phase.results)}
    found: dict[int, ReadRow] = {}
    again: set[int] = set()
    linear = {(axis, product(nest.space[axis + 1 :])) for axis in inner}
    for phase in nest.phases:
        if phase.axes != inner or not inner or nest.row == 0 or phase.lanes or phase.skip is not None:
            continue
        for scalar in walk(phase.scalars()):
            if scalar.form != "load" or scalar.args or scalar.data.conditions or scalar.data.buffer in written:
                continue
            if scalar.number in found:
                again.add(scalar.number)
                continue
            index = scalar.data.index
            inside = {(axis, step) for axis, step in index.terms if axis >= nest.row}
            outside = [(axis, step) for axis, step in index.terms if 0 <= axis < nest.row]
            if inside == linear and outside and BLOCK_AXIS not in index.axes:
                row = NearRow(product(nest.space[nest.row :]), scalar.dtype, False)
                start = Affine.make(index.offset, outside)
                found[scalar.number] = ReadRow(row, scalar.data.buffer, start, Affine.make(0, inside), phase)
    return {number: row for number, row in found.items() if number in again}


def near_rows(nest: Nest) -> dict[int, NearRow]:
    """The rows of a block's own, by their buffers."""
    if nest.block is None or any(phase.lanes for phase in nest.phases):
        return {}
    found: dict[int, NearRow] = {}
    read: set[int] = set()
    others: set[int] = set()
    for scalar in walk(nest.scalars()):
        if scalar.form == "load":
            _note(found, others, scalar.data.buffer, scalar.data.index, NearRow(0, scalar.dtype, False), scalar.args)
            read.add(scalar.data.buffer)
    for phase in nest.phases:
        for store in (*phase.stores, *phase.results):
            row = NearRow(0, store.scalar.dtype, store.accumulate in SUMS)
            _note(found, others, store.buffer, store.index, row, store.gathered)
            if store.accumulate and not row.is_sum:
                others.add(store.buffer)
    return {b: row for b, row in found.items() if b not in others and row.is_sum == (b not in read)}


def sums_begun(nest: Nest) -> set[int]:
    """The buffers of sums that the nest's kernel itself begins with zeros."""
    near = near_rows(nest) if mapping_of(nest) == "rows" else {}
    return {buffer for buffer, row in near.items() if row.is_sum}


def _note(
    found: dict[int, NearRow], others: set[int], buffer: int, index: Affine, row: NearRow, gathered: Iterable[object]
) -> None:
    row = NearRow(index.coefficient(BLOCK_AXIS), row.dtype, row.is_sum)
    if row.size == 0 or [*gathered] or found.setdefault(buffer, row) != row:
        others.add(buffer)


class NearPrinter(OrderedPrinter):
    """Prints where blocks of rows find what is near.

    ``near``: by the buffers, in the order of their places; ``again``: rows that are read again, whose places come after
    these; ``joined``: to which buffers blocks add their sums, by atomic additions, instead of storing them.
    """

    near: dict[int, NearRow]
    joined: Mapping[int, int]
    again: dict[int, ReadRow]
    phase: Phase | None = None  # the one that is being printed

    @property
    def near_bytes(self) -> Dim:
        return dim_sum(row.bytes for row in (*self.near.values(), *(read.row for read in self.again.values())))

    def say_separate(self) -> None:
        """Put in front that buffers are apart, but for those that threads which wait for each other write and read."""
        waits = any("barrier()" in line for line in self.lines.lines)
        exchanged = [buffer for buffer, how in self.nest.buffers().items() if how == "both"] if waits else []
        both = [self.buffers[buffer] for buffer in exchanged if buffer in self.buffers]  # or in registers
        said = ["separate_buffers()", *(f"exchanged_buffer({name})" for name in both)]
        self.lines.lines[:0] = [self.lines.indent + line for line in said]

    def _text_load(self, scalar: Scalar) -> str:
        read = self.again.get(scalar.number)
        if read is None or self.phase is read.first:
            return super()._text_load(scalar)
        return loaded(scalar.dtype, f"row{scalar.number}[{self.affine(read.inside)}]")

    def _find_rows(self) -> None:
        """Where this row is read again: near, or where it came from."""
        place = dim_sum(row.bytes for row in self.near.values())
        for number, read in self.again.items():
            kind, name = STORED.get(read.row.dtype, read.row.dtype), self.buffer(read.buffer)
            self.lines.add(f"row{number} = near_{kind}(near, {self.dim(place)}, {name}, {self.affine(read.start)})")
            place = place + read.row.bytes

    def _keep_rows(self, needed: Iterable[Scalar]) -> None:
        """Keep near what is read here first."""
        first = [s for s in needed if s.number in self.again and self.again[s.number].first is self.phase]
        if first:
            with self.lines.inside("if near != 0:"):
                for scalar in first:
                    place = f"row{scalar.number}[{self.affine(self.again[scalar.number].inside)}]"
                    self.lines.add(f"{place} = {stored(scalar.dtype, self.text(scalar))}")

    def buffer_at(self, buffer: int, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> tuple[str, str]:
        if buffer not in self.near:
            return super().buffer_at(buffer, index, gathered)
        own = Affine.make(index.offset, [term for term in index.terms if term[0] != BLOCK_AXIS])
        return f"near_{self.buffer(buffer)}", self._position(own, gathered)

    def _find_near(self) -> None:
        """What a block does first: it finds its rows, and begins its sums."""
        place: Dim = 0
        for buffer, row in self.near.items():
            kind, name = STORED.get(row.dtype, row.dtype), self.buffer(buffer)
            arguments = f"near, {self.dim(place)}, {name}, block * ({self.dim(row.size)})"
            self.lines.add(f"near_{name} = near_{kind}({arguments})")
            place = place + row.bytes
            if row.is_sum:
                with self.lines.inside(f"for e in range(thread, {self.dim(row.size)}, threads):"):
                    self.lines.add(f"near_{name}[e] = {stored(row.dtype, literal(row.dtype, '0'))}")

    def _leave_near(self) -> None:
        """What it does last: its sums go to where they are read."""
        sums = {buffer: row for buffer, row in self.near.items() if row.is_sum}
        if not sums:
            return
        self.lines.add("barrier()")
        for buffer, target in self.joined.items():
            name = self.buffer(buffer)
            with self.lines.inside(f"for e in range(thread, {self.dim(sums[buffer].size)}, threads):"):
                self.lines.add(f"atomic_add_{sums[buffer].dtype}({self.buffer(target)}, e, near_{name}[e])")
        kept = sums.keys() - self.joined.keys()
        if kept:
            with self.lines.inside("if near != 0:"):
                for buffer in sorted(kept):
                    self._store_sum(self.buffer(buffer), sums[buffer])
        self.lines.add("barrier()")

    def _store_sum(self, name: str, row: NearRow) -> None:
        size = self.dim(row.size)
        with self.lines.inside(f"for e in range(thread, {size}, threads):"):
            value = stored(row.dtype, loaded(row.dtype, f"near_{name}[e]"))
            self.lines.add(f"{name}[block * ({size}) + e] = {value}")
