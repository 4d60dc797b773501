"""Arrays of a loop that trade places, wherever their memory is."""

import ast

import pytest

from graphc.abi import OUT_OF_MEMORY
from graphc.codegen.control import print_control
from graphc.codegen.driver import DriverPrinter
from graphc.ir.dims import symbol
from graphc.schedule.program import Bind, Exchange, Program, Storage


@pytest.mark.parametrize("place", ["arena", "grown"])
def test_what_trades_places_is_two_variables(place):
    first, second = (Storage(place, k, "f64", symbol("n"), slot=k if place == "arena" else -1) for k in (3, 4))
    printer = DriverPrinter(Program("p", [first, second], [], [], ["n"], {}, []), 0, "")
    assert print_control(printer, Exchange(first, second))
    namespace = {printer.place(first): "one", printer.place(second): "other"}
    exec(compile(ast.parse(str(printer.lines).replace("    ", "")), "driver", "exec"), namespace)
    assert (namespace[printer.place(first)], namespace[printer.place(second)]) == ("other", "one")


def test_what_traded_places_is_given_back_once_where_there_is_no_memory_to_grow():
    number = Storage("local", 9, "i64", 1)
    grown = [Storage("grown", k, "f64", symbol("n")) for k in range(3)]
    printer = DriverPrinter(Program("p", [number, *grown], [], [], [], {"n": 4}, [], grown), 0, "")
    printer.steps([Exchange(grown[0], grown[1]), Bind("n", 0)])
    text = "\n".join(["def run(table, grown, grown0, grown1, grown2, x9):", str(printer.lines)])
    alive, failures = {10, 11, 12}, iter([False, True])

    def call_service(service, address, size):
        if next(failures):
            return 0
        alive.remove(address)
        alive.add(address + 10)
        return address + 10

    def give_back(table, addresses, count):
        assert sorted(addresses) == sorted(alive)

    namespace = {"call_service": call_service, "give_back": give_back}
    exec(text, namespace)
    assert namespace["run"]([0] * 99, [10, 11, 12], 10, 11, 12, 5) == OUT_OF_MEMORY
