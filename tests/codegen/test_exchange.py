"""Arrays of a loop that trade places, wherever their memory is."""

import ast

import pytest

from graphc.codegen.control import print_control
from graphc.codegen.driver import DriverPrinter
from graphc.ir.dims import symbol
from graphc.schedule.program import Exchange, Program, Storage


@pytest.mark.parametrize("place", ["arena", "grown"])
def test_what_trades_places_is_two_variables(place):
    first, second = (Storage(place, k, "f64", symbol("n"), slot=k if place == "arena" else -1) for k in (3, 4))
    printer = DriverPrinter(Program("p", [first, second], [], [], ["n"], {}, []), 0, "")
    assert print_control(printer, Exchange(first, second))
    namespace = {printer.place(first): "one", printer.place(second): "other"}
    exec(compile(ast.parse(str(printer.lines).replace("    ", "")), "driver", "exec"), namespace)
    assert (namespace[printer.place(first)], namespace[printer.place(second)]) == ("other", "one")
