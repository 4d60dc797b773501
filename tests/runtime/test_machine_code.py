"""The restricted Python that the native entry is written in."""

from __future__ import annotations

import ctypes
import textwrap
from types import ModuleType

import pytest

from graphc.runtime import machine_code, native

WORD = ctypes.c_int64


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Compile a module given as text; the function ``main_<name>`` of it."""

    def compile_program(name, text, arguments):
        path = tmp_path / f"{name}.py"
        path.write_text("from graphc.runtime.machine_code import *\n" + textwrap.dedent(text))
        module = ModuleType(name)
        module.__file__ = str(path)
        exec(compile(path.read_text(), str(path), "exec"), vars(module))
        data = machine_code.compile_text(machine_code.llvm_text([module], (f"main_{name}",)))
        address = native.load_object(data, [f"main_{name}"])[f"main_{name}"]
        return ctypes.CFUNCTYPE(WORD, *[WORD] * arguments)(address)

    return compile_program


def test_arithmetic_and_branches(program):
    f = program(
        "branches",
        """
        LIMIT = 10

        @inline
        def classify(a, b):
            if a < LIMIT and not b == 3 or a == -5:
                return 1
            elif a >= 20:
                return a & 6
            return -b

        def main_branches(a, b):
            return classify(a, b) * 100 + b
        """,
        2,
    )

    def expected(a, b):
        return (1 if (a < 10 and b != 3) or a == -5 else a & 6 if a >= 20 else -b) * 100 + b

    for a in (-5, 0, 9, 10, 15, 20, 23):
        for b in (-1, 3, 4):
            assert f(a, b) == expected(a, b)


def test_loops_and_memory(program):
    f = program(
        "loops",
        """
        def main_loops(n):
            "Sum of squares, by way of memory."
            squares = stack(8 * 100)
            for k in range(n):
                store(squares + 8 * k, k * k)
            total = 0
            place = squares
            while place < squares + 8 * n:
                total += load(place)
                place += 8
            store(squares, -7 - 4294967296)
            return total * 100 + load32(squares)
        """,
        1,
    )
    assert f(5) == 3000 - 7
    assert f(0) == -7


def test_calls_by_address(program):
    f = program(
        "calls",
        """
        def main_calls(function, a):
            return call(function, a, 2) + divide_towards_zero(a, 2) + call_int(function, a, 3)
        """,
        2,
    )
    callback = ctypes.CFUNCTYPE(WORD, WORD, WORD)(lambda a, b: a * b + (1 << 40))
    address = ctypes.cast(callback, ctypes.c_void_p).value
    assert f(address, -7) == -14 + (1 << 40) - 3 - 21


@pytest.mark.parametrize(
    "body",
    ["return a / 2", "return unknown", "return a.real", "return missing(a)", "a = 'text'", "x, y = a, a", "del a"],
)
def test_what_is_not_restricted_python_is_refused(program, body):
    with pytest.raises(NotImplementedError, match="restricted Python"):
        program("refused", f"def main_refused(a):\n    {body}\n", 1)


def test_intrinsics_exist_in_compiled_code_only():
    for intrinsic in (machine_code.load, machine_code.load32, machine_code.stack):
        with pytest.raises(NotImplementedError, match="compiled code only"):
            intrinsic(0)
