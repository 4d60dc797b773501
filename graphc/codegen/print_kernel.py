"""Prints a kernel by the printer for its kind of nest."""

from __future__ import annotations

from graphc.codegen.joined_rows import JoinedRowsPrinter, rows_join
from graphc.codegen.kernel import NestPrinter, Part
from graphc.codegen.row_lanes import RowLanePrinter
from graphc.codegen.row_tiles import RowTilePrinter
from graphc.codegen.text import Lines
from graphc.ir.dims import Dim
from graphc.schedule.loopnest import Nest


def print_kernel(nest: Nest) -> tuple[str, list[int], list[Dim]]:
    """The kernel's source under the name ``NAME``, its buffers and its sizes, in the order of its parameters."""
    lines = Lines()
    if nest.space:
        lines.add("wide_vectors()")
    printer = _printer(nest)(nest, lines)
    is_whole = nest.sequential and nest.space
    printer.print_body(Part("0", printer.dim(nest.space[0])) if is_whole else Part("start", "stop"))
    parameters = [*printer.buffers.values(), *printer.sizes.values(), "start", "stop"]
    source = f"def NAME({', '.join(parameters)}):\n{lines}\n"
    return source, list(printer.buffers), list(printer.sizes)


def _printer(nest: Nest) -> type[NestPrinter]:
    if nest.across:
        return RowLanePrinter
    if nest.together is not None:
        return RowTilePrinter
    return JoinedRowsPrinter if rows_join(nest) else NestPrinter
