"""The text of kernels and drivers: loops split where arrays begin and end, golden programs, the same every time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import graphc
from benchmarks.case import find_case
from graphc.ir.dims import symbol
from graphc.ir.graph import Graph
from graphc.ir.text import print_graph
from graphc.ir.types import F32, F64, ArrayType
from tests.schedule.programs import (
    LABELS,
    black_scholes,
    black_scholes_inputs,
    build,
    cross_entropy,
    final_graph,
    mlp,
    mlp_inputs,
    numbers,
    printed,
    rosenbrock,
)

N, M = symbol("n"), symbol("m")
VECTOR = ArrayType(F64, (N,))


# --- splitting of loops -----------------------------------------------------------------------------------------------


def loops(source: str) -> list[tuple[str, list[str]]]:
    """The innermost loops of a kernel: header and body."""
    found: list[tuple[str, list[str]]] = []
    for line in source.splitlines():
        if line.lstrip().startswith("for "):
            found.append((line.strip(), []))
        elif found:
            found[-1][1].append(line.strip())
    return found


def only_kernel(graph: Graph) -> str:
    (kernel,) = printed(graph).kernels
    return kernel.source


@pytest.mark.parametrize(("start", "step", "size"), [(2, 1, N + 5), (0, 1, N + 1), (N - 1, -1, N + 3)])
def test_the_middle_of_an_embedded_array_has_no_conditions(start, step, size):
    def make(F, x, y):
        return F.add(F.exp(F.embed(x, starts=(start,), steps=(step,), dims=(size,))), y)

    first, middle, last = loops(only_kernel(build(make, VECTOR, ArrayType(F64, (size,)))))
    assert "load_where" in " ".join(first[1])
    assert "load_where" in " ".join(last[1])
    assert not re.search(r"load_where|>=|<", " ".join(middle[1]))
    assert "b0[" in " ".join(middle[1])


def test_two_embedded_arrays_share_the_split():
    def make(F, x):
        left, right = (F.embed(x, starts=(s,), steps=(1,), dims=(N + 2,)) for s in (0, 2))
        return F.sub(F.square(left), right)

    pieces = loops(only_kernel(build(make, VECTOR)))
    assert len(pieces) == 3
    assert ["load_where" in " ".join(body) for _, body in pieces] == [True, False, True]


def test_a_condition_on_the_outer_axis_is_asked_once_a_row():
    def make(F, x):
        return F.embed(F.exp(x), starts=(1, 0), steps=(1, 1), dims=(N + 2, M))

    rows, inside, outside = loops(only_kernel(build(make, ArrayType(F64, (N, M)))))
    assert rows[1][0].startswith("if (i0 - 1 >= 0)")
    assert not re.search(r"load_where|>=|<", " ".join(inside[1]))
    assert "load_where" in " ".join(outside[1])


# --- text -------------------------------------------------------------------------------------------------------------


def test_float32_arithmetic_holds_no_bare_numbers():
    """2.0 alone would turn it into float64."""
    graph = build(lambda F, x: F.add(F.mul(x, 2.0), F.exp(F.sub(1.0, x))), ArrayType(F32, (N,)))
    source = only_kernel(graph)
    assert re.findall(r"(?<!cast_f32\()\b\d+\.\d+", source) == []


def test_a_value_for_the_whole_row_leaves_the_inner_loop():
    source = only_kernel(build(lambda F, x, y: F.mul(x, F.exp(y)), ArrayType(F64, (N, M)), ArrayType(F64, (N, 1))))
    (_, body), (inner, rest) = loops(source)
    assert "exp_f64" in " ".join(body)
    assert "exp_f64" not in " ".join(rest)
    assert inner.startswith("for i1")


def test_equal_kernels_are_one():
    """Two layers of one shape run the same code: a name is the hash of the text."""

    def make(F, a, b):
        first = F.tanh(F.matmul(a, b))
        return F.tanh(F.matmul(first, b))

    square = ArrayType(F64, (N, N))
    assert len(printed(build(make, square, square)).kernels) == 1


def test_the_names_of_sizes_do_not_meet_the_drivers_own():
    """Sizes called like the driver's variables: args, k, block, size0, table."""
    names = ("args", "k", "block", "size0", "table", "arena", "slot0", "total1", "matrix")
    types = [ArrayType(F64, (symbol(name), symbol("n"))) for name in names]
    program = printed(build(lambda F, *xs: [F.reduce("max", x, [0]) for x in xs], *types))
    assigned = re.findall(r"^ +(\w+) = ", program.source, re.MULTILINE)
    loop_variables = re.findall(r"for (\w+) in", program.source)
    sizes = {f"dim_{name}" for name in (*names, "n")}
    assert sizes <= set(assigned)
    assert not sizes & set(loop_variables)
    assert len(sizes) == sum(name in sizes for name in assigned)


# --- golden programs --------------------------------------------------------------------------------------------------


def benchmark(name: str, transform: Callable[..., Any] = graphc.value_and_grad) -> Graph:
    case = find_case(name)
    return final_graph(transform, case.function, *case.make_inputs(small=True))


PROGRAMS = {
    "rosenbrock_grad": lambda: final_graph(graphc.grad, rosenbrock, numbers(10)),
    "rosenbrock_value_and_grad": lambda: final_graph(graphc.value_and_grad, rosenbrock, numbers(10)),
    "kmeans_value_and_grad": lambda: benchmark("kmeans"),
    "nbody_value_and_grad": lambda: benchmark("nbody"),
    "jacobi_grad": lambda: benchmark("jacobi", graphc.grad),
    "gauss_seidel_grad": lambda: benchmark("gauss_seidel", graphc.grad),
    "floyd_warshall_grad": lambda: benchmark("floyd_warshall", graphc.grad),
    "mlp_grad": lambda: final_graph(graphc.grad, mlp, *mlp_inputs()),
    "black_scholes_value_and_grad": lambda: final_graph(graphc.value_and_grad, black_scholes, *black_scholes_inputs()),
    "cross_entropy_value_and_grad": lambda: final_graph(graphc.value_and_grad, cross_entropy, numbers(8, 5), LABELS),
}


def golden_text(graph: Graph) -> str:
    """The graph, the driver and the kernels, with numbers for hashes and no lines of this file."""
    program = printed(graph)
    parts = [print_graph(graph, locations=False), program.source, *(k.source for k in program.kernels)]
    text = "\n\n".join(part.strip() for part in parts) + "\n"
    text = text.replace(program.name, "program_HASH")
    for number, kernel in enumerate(program.kernels):
        text = text.replace(kernel.name, f"kernel_{number}")
    return re.sub(r"\.py:\d+", ".py:LINE", text)


@pytest.mark.parametrize("name", PROGRAMS)
def test_golden(name, golden):
    golden(f"{name}.txt", golden_text(PROGRAMS[name]()))


# --- the same text every time -----------------------------------------------------------------------------------------


def digest() -> str:
    text = "".join(golden_text(make()) for make in PROGRAMS.values())
    return hashlib.sha256(text.encode()).hexdigest()


def test_printing_twice_gives_the_same_text():
    for make in PROGRAMS.values():
        graph = make()
        first, second = printed(graph), printed(graph)
        assert first.source == second.source
        assert [k.source for k in first.kernels] == [k.source for k in second.kernels]


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_another_process_prints_the_same_text(seed):
    """Whatever its hash seed: names are hashes of the text, and a program is found again by its name."""
    code = "from tests.schedule.test_printed import digest; print(digest())"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment(seed)
    )
    assert found.stdout.strip() == digest()


def environment(seed: str) -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
