"""Prints what a driver does besides straight steps: loops, branches, and arrays that trade places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from graphc.schedule.program import Branch, Choice, Exchange, Loop, Section, Step, While

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
def _own_sizes(printer: DriverPrinter) -> Iterator[None]:
    """Sizes that are first computed in the block are known there only: it may not run."""
    sizes = dict(printer.sizes)
    yield
    printer.sizes = sizes


def _loop(printer: DriverPrinter, step: Loop) -> None:
    name = printer.symbols[step.index] = f"dim_{step.index}"
    printer.late.add(step.index)
    trips = printer.dim(step.trips)
    span = f"{trips} - 1, -1, -1" if step.reverse else trips
    with printer.lines.inside(f"for {name} in range({span}):"), _own_sizes(printer):
        printer.steps(step.steps)


def _while(printer: DriverPrinter, step: While) -> None:
    with printer.lines.inside("while True:"), _own_sizes(printer):
        printer.steps(step.condition)
        with printer.lines.inside(f"if not {printer.number(step.flag)}:"):
            printer.lines.add("break")
        printer.steps(step.steps)


def _branch(printer: DriverPrinter, step: Branch) -> None:
    with printer.lines.inside(f"if {printer.number(step.flag)}:"), _own_sizes(printer):
        printer.steps(step.first)
    with printer.lines.inside("else:"), _own_sizes(printer):
        printer.steps(step.second)


def _choice(printer: DriverPrinter, step: Choice) -> None:
    with printer.lines.inside(f"if {printer.dim(step.condition)} > 0:"), _own_sizes(printer):
        _section(printer, step.first)
    with printer.lines.inside("else:"), _own_sizes(printer):
        _section(printer, step.second)


def _exchange(printer: DriverPrinter, step: Exchange) -> None:
    a, b = printer.place(step.a), printer.place(step.b)
    for statement in (f"traded = {a}", f"{a} = {b}", f"{b} = traded"):
        printer.lines.add(statement)


_PRINTERS: dict[type, Callable[..., None]] = {
    Section: _section, Loop: _loop, While: _while, Branch: _branch, Choice: _choice,
    Exchange: _exchange,
}  # fmt: skip
