"""Rows of a few elements: a thread runs each, where a block of threads would have nothing to do for most of them."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.codegen.cuda_kernel import CudaNestPrinter, CudaSource
from graphc.codegen.cuda_mapping import mapping_of
from graphc.codegen.cuda_near import NearRow, near_rows
from graphc.codegen.text import STORED, Lines, literal, loaded, stored
from graphc.ir.dims import Dim, product
from graphc.schedule.loopnest import Fold, Nest, Phase
from graphc.schedule.scalars import BLOCK_AXIS, Scalars, walk

SHORT = 16  # elements of a row that one thread runs
SUM_KEYS = 1000  # the keys of a block's own sums, apart from those of folds


def row_elements(nest: Nest) -> Dim | None:
    """The elements of a row where a thread could run it; None where that is no way to run the nest."""
    if mapping_of(nest) != "rows" or nest.row > 1 or len(nest.space) < 2 or any(p.lanes for p in nest.phases):
        return None
    of_axis_0 = all(len(p.axes) > 1 and p.axes[0] == 0 and not p.folds for p in nest.phases)
    if nest.row == 0 and (nest.block is None or not of_axis_0):
        return None
    return product(nest.space[1:]) if _keeps_rows_apart(nest) else None


def _keeps_rows_apart(nest: Nest) -> bool:
    """Whether two rows of a block write at one place only what is each thread's own."""
    near = near_rows(nest)
    loads = [(s.data.buffer, s.data.index) for s in walk(nest.scalars()) if s.form == "load"]
    stores = [store for phase in nest.phases for store in (*phase.stores, *phase.results)]
    places = [*loads, *((store.buffer, store.index) for store in stores)]
    if any(index.coefficient(BLOCK_AXIS) != 0 and buffer not in near for buffer, index in places):
        return False
    return all(store.buffer in near or store.index.coefficient(0) != 0 for store in stores)


def print_short_kernel(nest: Nest, count: Dim, *, separate: bool, joined: Mapping[int, int]) -> CudaSource:
    """The nest's kernel for short rows, see ``print_cuda_kernel``."""
    lines = Lines()
    printer = ShortRowPrinter(nest, lines, shared=False, wide=separate)
    printer.near, printer.joined = near_rows(nest), joined
    printer.run("short")
    parameters = [*printer.buffers.values(), *printer.sizes.values(), "count"]
    if separate:
        printer.say_separate()
    source = f"def NAME({', '.join(parameters)}):\n{lines}\n"
    mapping, width = ("elements", 1) if nest.block is None else ("rows", nest.block)
    return CudaSource(source, list(printer.buffers), list(printer.sizes), mapping, count, width, 0)


class ShortRowPrinter(CudaNestPrinter):
    """Threads take rows, those of a block the rows of a block, and meet when a block of rows has ended.

    What would be near to a block is each thread's own.
    """

    def run(self, mapping: str) -> None:
        if self.nest.block is None:
            self._start()
            self._rows("global_index()", "count, global_count()", 0)
            return
        self.lines.add("thread = thread_index()")
        self.lines.add("threads = thread_count()")
        self._start()
        with self.lines.inside("for block in range(block_index(), count, block_count()):"):
            self._block(self.nest.block, "row + thread", "row_end, threads")

    def _find_near(self) -> None:
        for buffer, row in self.near.items():
            name, kind = f"near_{self.buffer(buffer)}", STORED.get(row.dtype, row.dtype)
            self.lines.add(f"{name} = row_slots_{kind}({SHORT})")
            if row.is_sum:
                with self.lines.inside(f"for e in range({self.dim(row.size)}):"):
                    self.lines.add(f"{name}[e] = {stored(row.dtype, literal(row.dtype, '0'))}")

    def _leave_near(self) -> None:
        sums = [(buffer, row) for buffer, row in self.near.items() if row.is_sum]
        for number, (buffer, row) in enumerate(sums):
            with self.lines.inside(f"for e in range({self.dim(row.size)}):"):
                self._leave_sum(buffer, row, SUM_KEYS + number)

    def _leave_sum(self, buffer: int, row: NearRow, key: int) -> None:
        """What the threads have of an element of a block's sums, together."""
        name, target = self.buffer(buffer), self.joined.get(buffer)
        self.lines.add(f"f{key} = {loaded(row.dtype, f'near_{name}[e]')}")
        self._meet(Fold(key, row.dtype, "0", "{acc} + {0}", Scalars().literal(row.dtype, "0")))
        if target is not None:
            self._once(f"atomic_add_{row.dtype}({self.buffer(target)}, e, f{key})")
        else:
            self._once(f"{name}[block * ({self.dim(row.size)}) + e] = {stored(row.dtype, f'f{key}')}")

    def _total(self, fold: Fold, phase: Phase) -> None:
        self._sum_ends(fold)
        self._meet(fold)

    def _once(self, statement: str) -> None:
        with self.lines.inside("if thread == 0:"):
            self.lines.add(statement)
