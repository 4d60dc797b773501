"""What is compiled for a call, and what is not."""

import numpy as np
import pytest

import graphc
from graphc.codegen import objects
from tests.schedule.programs import (
    LABELS,
    black_scholes,
    black_scholes_inputs,
    cross_entropy,
    mlp,
    mlp_inputs,
    numbers,
    rosenbrock,
)


@pytest.fixture
def compiled(monkeypatch):
    """Names of the functions that were handed to LLVM."""
    names = []
    original = objects.compile_all

    def noting(sources):
        sources = list(sources)
        names.extend(source.name for source in sources)
        return original(sources)

    monkeypatch.setattr(objects, "compile_all", noting)
    return names


def mlp_of_other_sizes():
    shapes = {"w1": (7, 12), "b1": (12,), "w2": (12, 5), "b2": (5,), "w3": (5, 1), "b3": (1,)}
    return {name: numbers(*shape) for name, shape in shapes.items()}, numbers(90, 7), numbers(90, 1)


OTHER_SHAPES = {
    "rosenbrock": (rosenbrock, [(numbers(10),), (numbers(3000),), (numbers(5),)]),
    "mlp": (mlp, [mlp_inputs(), mlp_of_other_sizes()]),
    "black_scholes": (black_scholes, [black_scholes_inputs(), (*(numbers(5000),) * 3, 0.01, 0.2)]),
    "cross_entropy": (cross_entropy, [(numbers(8, 5), LABELS), (numbers(900, 40), np.arange(900) % 40)]),
}


@pytest.mark.parametrize("name", OTHER_SHAPES)
def test_a_new_shape_compiles_nothing(name, compiled):
    function, calls = OTHER_SHAPES[name]
    gradient = graphc.grad(function)
    gradient(*calls[0])
    del compiled[:]
    for call in calls[1:]:
        gradient(*call)
    assert compiled == []
    assert gradient.cache_info() == {"calls_traced": 1, "programs": 1}


def test_a_kernel_that_another_program_has_is_not_compiled_again(compiled):
    scale = 1.0 + len(compiled)

    def loss(x):
        return np.sum(np.tanh(x * scale) * np.exp(x) + np.sinh(x * 0.625))

    first, second = graphc.grad(loss), graphc.grad(lambda y: loss(y) + 3.0)
    x = np.linspace(0.0, 1.0, 50)
    first(x)
    del compiled[:]
    np.testing.assert_array_equal(first(x), second(x))
    assert not [name for name in compiled if name.startswith("kernel_")]


def test_a_driver_is_optimised_only_where_it_loops():
    driver = "def program_a(args, symbols, arena, table):\n    x = symbols[0]\n{0}    return 0\n"
    for text, level in (("", 0), ("    for i in range(x):\n        symbols[1] = i\n", 3)):
        source = objects.Source("program_a", driver.format(text), "/nowhere/a.py", objects.DRIVER_SIGNATURE)
        assert objects.optimisation(source) == level
    kernel = "def kernel_a(b0, start, stop):\n    b0[0] = 1.0\n"
    signature = "void(CPointer(float64), int64, int64)"
    assert objects.optimisation(objects.Source("kernel_a", kernel, "/nowhere/k.py", signature)) == 3


def test_a_launch_is_one_call():
    """What launches have in common stands in the module once; the driver's frame does not grow with them."""
    lines = "".join(f"    launch(table, {8 + k}, symbols[0], 5, args[{k}], args[1], symbols[1])\n" for k in range(50))
    text = "from graphc.codegen.intrinsics import launch\ndef program_b(args, symbols, arena, table):\n"
    text += f"{lines}    return 0\n"
    source = objects.Source("program_b", text, "/nowhere/b.py", objects.DRIVER_SIGNATURE)
    text = objects.source_ir(source)
    assert text.count('call void @"launch_6"(') == 50
    assert text.count("alloca") == 2
    assert len(text.splitlines()) < 50 * 10


def test_an_outer_loop_of_known_length_stays_rolled():
    text = "def kernel_c(b0, n0, start, stop):\n    for i0 in range(8):\n        for i1 in range(n0):\n"
    text += "            for i2 in range(3):\n                b0[i0 * n0 + i1] = b0[i0 * n0 + i1] + 1.0\n"
    source = objects.Source("kernel_c", text, "/nowhere/c.py", "void(CPointer(float64), int64, int64, int64)")
    assert objects.source_ir(source).count("!llvm.loop") == 1
