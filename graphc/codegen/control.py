"""Prints what a driver does besides straight steps: loops, branches, and arrays that trade places."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphc.ir.dims import Dim, symbol, symbols_of
from graphc.schedule.program import Branch, Choice, Exchange, Loop, Section, Step, Storage, While, walk_steps

if TYPE_CHECKING:
    from graphc.codegen.driver import DriverPrinter


def print_control(printer: DriverPrinter, step: Step) -> bool:
    """Print the step where it is one of control; whether it is."""
    rule = _PRINTERS.get(type(step))
    if rule is not None:
        rule(printer, step)
    return rule is not None


def _section(printer: DriverPrinter, step: Section) -> None:
    before, printer.storage = printer.storage, step.storage
    printer.steps(step.steps)
    printer.storage = before


@contextmanager
def own_sizes(printer: DriverPrinter) -> Iterator[None]:
    """Sizes that are first computed in the block are known there only: it may not run."""
    sizes = dict(printer.sizes)
    yield
    printer.sizes = sizes


def _loop(printer: DriverPrinter, step: Loop) -> None:
    name = printer.symbols[step.index] = f"dim_{step.index}"
    printer.late.add(step.index)
    trips = printer.dim(step.trips)
    flags = flags_of(step) if printer.scans_flags else None
    if flags is not None:
        _set_flags(printer, step, name, trips, *flags)
        return
    span = f"{trips} - 1, -1, -1" if step.reverse else trips
    with printer.lines.inside(f"for {name} in range({span}):"), own_sizes(printer):
        printer.steps(step.steps)


def flags_of(step: Loop) -> tuple[Storage, Dim] | None:
    """The array, and the place in it, from which on a flag for each iteration says whether it does anything at all."""
    branch = step.steps[0] if len(step.steps) == 1 else None
    if not isinstance(branch, Branch) or not _is_nothing(branch.second):
        return None
    flag = branch.flag
    if flag.place != "part" or flag.whole is None or flag.dtype != "bool":
        return None
    first = flag.offset - symbol(step.index)
    if step.index in symbols_of(first) or any(_root(s) is _root(flag) for s in _storages(branch.first)):
        return None
    return flag.whole, first


def _is_nothing(steps: Iterable[Step]) -> bool:
    return all(isinstance(step, Section) and not step.steps for step in steps)


def _storages(steps: Iterable[Step]) -> Iterator[Storage]:
    for step in walk_steps(steps):
        if isinstance(step, Section):
            yield from step.storage


def _root(storage: Storage) -> Storage:
    while storage.whole is not None:
        storage = storage.whole
    return storage


def _set_flags(printer: DriverPrinter, step: Loop, name: str, trips: str, whole: Storage, first: Dim) -> None:
    """The loop over those iterations whose flag is set."""
    (branch,) = step.steps
    assert isinstance(branch, Branch)
    flags = printer.flags_at(whole, first)
    if step.reverse:
        begin, more, then = f"flag_before({flags}, {trips})", f"{name} >= 0", f"flag_before({flags}, {name})"
    else:
        begin, more = f"next_flag({flags}, 0, {trips})", f"{name} < {trips}"
        then = f"next_flag({flags}, {name} + 1, {trips})"
    printer.lines.add(f"{name} = {begin}")
    with printer.lines.inside(f"while {more}:"), own_sizes(printer):
        printer.steps(branch.first)
        printer.lines.add(f"{name} = {then}")


def _while(printer: DriverPrinter, step: While) -> None:
    with printer.lines.inside("while True:"), own_sizes(printer):
        printer.steps(step.condition)
        with printer.lines.inside(f"if not {printer.number(step.flag)}:"):
            printer.lines.add("break")
        printer.steps(step.steps)


def _branch(printer: DriverPrinter, step: Branch) -> None:
    with printer.lines.inside(f"if {printer.number(step.flag)}:"), own_sizes(printer):
        printer.steps(step.first)
    if _is_nothing(step.second):
        return
    with printer.lines.inside("else:"), own_sizes(printer):
        printer.steps(step.second)


def _choice(printer: DriverPrinter, step: Choice) -> None:
    with printer.lines.inside(f"if {printer.dim(step.condition)} > 0:"), own_sizes(printer):
        _section(printer, step.first)
    with printer.lines.inside("else:"), own_sizes(printer):
        _section(printer, step.second)


def _exchange(printer: DriverPrinter, step: Exchange) -> None:
    a, b = printer.place(step.a), printer.place(step.b)
    for statement in (f"traded = {a}", f"{a} = {b}", f"{b} = traded"):
        printer.lines.add(statement)


_PRINTERS: dict[type, Callable[..., None]] = {
    Section: _section, Loop: _loop, While: _while, Branch: _branch, Choice: _choice,
    Exchange: _exchange,
}  # fmt: skip
