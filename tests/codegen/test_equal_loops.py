"""Equal loops of a driver are one function: what they are given and give, and which are left as they are."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.codegen.driver import print_program
from graphc.codegen.equal_loops import share_equal_loops
from graphc.config import override
from tests.schedule.programs import final_graph, program_of


def rotated(v, rates, often):
    """A frame of three axes that turns: numbers of the driver's, of which the adjoint has a tape."""
    for k in range(often):
        turn = np.array([[0.0, -rates[2], rates[1]], [rates[2], 0.0, -rates[0]], [-rates[1], rates[0], 0.0]])
        v = v + 0.1 * turn @ v + 0.01 * turn @ (turn @ v) * np.cos(v[0] * k)
    return v


def at_four_joints(v, rates, often):
    """What each loop gives goes into the next one and into the result."""
    total = 0.0
    for k in graphc.unroll(range(4)):
        v = rotated(v, rates[k], often)
        total = total + np.sum(v * v) * (k + 1)
    return total


ARGUMENTS = np.array([0.3, -0.2, 0.9]), np.linspace(-1.0, 1.0, 12).reshape(4, 3), 5
BOTH = {"argnums": (0, 1)}


def test_loops_that_are_equal_are_one_function():
    graph = final_graph(lambda f: graphc.grad(f, **BOTH), at_four_joints, *ARGUMENTS)
    printed = print_program(program_of(graph), len(graph.params) + len(graph.ints), "")
    calls = [line.split(",")[1] for line in printed.source.splitlines() if line.endswith("# loop")]
    assert len(calls) == 7  # the first adds in another order, as what it begins with is an argument
    assert len(set(calls)) == 2
    assert printed.source.count(" for ") == 1
    assert sum(kernel.name.startswith("loop_") for kernel in printed.kernels) == 2


def test_they_compute_the_same():
    gradients = graphc.grad(at_four_joints, **BOTH)(*ARGUMENTS)
    with override(disable_jit=True):
        expected = graphc.grad(at_four_joints, **BOTH)(*ARGUMENTS)
    for found, right in zip(gradients, expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-13)


# --- which could be functions -----------------------------------------------------------------------------------------

FILLING = "\n".join(f"        s{{k}}_v{j} = x{{k}} * {j}.0" for j in range(30))
PLAIN = "    x{k} = 1.0\n    for dim_loop{k} in range(size{k}):\n" + FILLING + "\n        x{k} = s{k}_v29 + x9\n{more}"


def driver(more="", dtypes=("x0", "x1", "x9"), end="    return 0"):
    loops = "".join(PLAIN.format(k=k, more=more.format(k=k)) for k in range(2))
    head = "    x9 = 2.0\n    size0 = symbols[0]\n    size1 = symbols[1]\n"
    text = f"def NAME(args, symbols, arena, table):\n{head}{loops}{end}\n"
    return text, share_equal_loops(text, dict.fromkeys(dtypes, "f64"), lambda source, signature: 16)


def test_what_is_read_later_comes_back():
    _, after = driver(end="    as_pointer_f64(arena)[0] = x1\n    return 0")
    assert after.count("run(table, 16, box, size") == 2
    assert after.count(" = as_pointer_f64(box + ") == 1
    assert "    x1 = as_pointer_f64(box + " in after


@pytest.mark.parametrize(
    ("more", "dtypes"),
    [
        ("        return 1\n", ("x0", "x1", "x9")),  # it may leave the driver
        ("        launch(table, 17, 1, 1, size{k})\n", ("x0", "x1", "x9")),  # it runs kernels
        ("", ("x0", "x1")),  # it reads what has no known type
        ("        y = symbols[0]\n", ("x0", "x1", "x9")),
    ],
)
def test_what_stays(more, dtypes):
    before, after = driver(more, dtypes)
    assert after == before


def test_a_variable_that_only_the_loop_gives_a_value_stays_in_the_driver():
    before, after = driver("        x8 = x{k}\n", end="    as_pointer_f64(arena)[0] = x8\n    return 0")
    assert after == before
