"""The work of scheduling grows in proportion to the graph. Counted in steps, never in seconds."""

from __future__ import annotations

import re
from collections import Counter

import pytest

import graphc
from benchmarks.scaling import FUNCTIONS
from graphc.abi import KERNELS_START, MOST_ARGUMENTS
from graphc.ir.dims import symbol
from graphc.ir.types import F64, ArrayType
from graphc.passes import rewriter
from graphc.schedule.fuse import Fusion
from graphc.schedule.lower import Lowering
from graphc.schedule.scalars import Scalars
from tests.schedule.programs import build, final_graph, numbers, printed, program_of, steps

N, M = symbol("n"), symbol("m")


def chain(F, x, count):
    """Each step reads the last one twice: written out as a tree it would have 2**count leaves."""
    for k in range(count // 2):
        x = F.mul(F.add(x, 0.5), x) if k % 2 else F.sub(F.sin(x), x)
    return x


def chain_with_folds(F, x, count):
    for _ in range(count // 5):
        x = F.tanh(F.sub(x, F.reduce("sum", F.square(x), [1], keepdims=True)))
    return x


def many_totals(F, x, count):
    """Every total waits for the one before."""
    for _ in range(count // 4):
        x = F.mul(x, F.expand_dims(F.reduce("sum", F.sin(x), [0, 1]), [0]))
    return x


def many_outputs(F, x, count):
    return [F.sin(F.mul(x, 1.0 + k)) for k in range(count // 2)]


def products(F, x, count):
    square = F.matmul(F.transpose(x, [1, 0]), x)
    for _ in range(count // 3):
        x = F.tanh(F.matmul(x, square))
    return x


def slices(F, x, count):
    for k in range(count // 3):
        moved = F.slice(x, starts=(0, 0), steps=(1, 1), dims=(N, M))
        x = F.add(moved, F.transpose(F.transpose(x, [1, 0]), [1, 0])) if k % 2 else F.neg(moved)
    return x


SHAPES = {f.__name__: f for f in (chain, chain_with_folds, many_totals, many_outputs, products, slices)}


SLOW = ("chain_with_folds", "many_totals")  # 4 ms an op


@pytest.fixture
def work(monkeypatch):
    """Counts scalars asked for, values lowered and groups looked at."""
    counted: Counter[str] = Counter()
    for owner, name in ((Scalars, "_make"), (Lowering, "at"), (Fusion, "_joins"), (Fusion, "_may_pass")):
        original = getattr(owner, name)

        def counting(*args, original=original, name=name):
            counted[name] += 1
            return original(*args)

        monkeypatch.setattr(owner, name, staticmethod(counting) if name == "_joins" else counting)
    return counted


@pytest.mark.parametrize("shape", SHAPES)
def test_work_is_linear(shape, work):
    """A larger graph takes as much work and text for each op (a quarter more is allowed)."""
    measured = []
    for count in (240, 480) if shape in SLOW else (300, 900):
        graph = build(lambda F, x, count=count: SHAPES[shape](F, x, count), ArrayType(F64, (N, M)))
        work.clear()
        program = printed(graph)
        lines = sum(len(part.source.splitlines()) for part in (program, *program.kernels))
        measured.append((sum(work.values()) / len(graph.nodes), lines / len(graph.nodes)))
    (small, short), (large, long) = measured
    assert large <= max(1.25 * small, 20)
    assert long <= max(1.25 * short, 1)


def test_a_chain_of_two_thousand_ops(work):
    """Cut into kernels of bounded length, each value computed once."""
    graph = build(lambda F, x: chain(F, x, 2000), ArrayType(F64, (N, M)))
    program = program_of(graph)
    assert len(graph.nodes) >= 2000
    assert 1 <= steps(program)["Launch"] <= 40
    lines = [len(kernel.source.splitlines()) for kernel in printed(graph).kernels]
    assert sum(lines) <= 3 * len(graph.nodes)
    assert sum(work.values()) <= 100 * len(graph.nodes)


@pytest.mark.parametrize("shape", SLOW)
def test_dear_values_are_computed_about_once(shape):
    """Values that all later phases or kernels read are stored, not built again from the first of them at each."""
    graph = build(lambda F, x: SHAPES[shape](F, x, 240), ArrayType(F64, (N, M)))
    dear = sum(node.op.name in ("tanh", "sin") for node in graph.nodes)
    program = printed(graph)
    launches = Counter(re.findall(r"launch\(table, (\d+)", program.source))
    computed = sum(
        launches[str(index)] * len(re.findall(r"(?:tanh|sin)_f64\(", kernel.source))
        for index, kernel in enumerate(program.kernels, start=KERNELS_START)
    )
    assert dear <= computed <= 2 * dear


def test_kernels_of_a_long_program_are_bounded():
    """No kernel grows with the program: compile time of one kernel is what it is."""
    graph = build(lambda F, x: many_outputs(F, x, 1000), ArrayType(F64, (N, M)))
    assert max(len(kernel.source.splitlines()) for kernel in printed(graph).kernels) <= 150


def unrolled(name, count):
    """The joint graph of a function of ``benchmarks.scaling`` with so many operations."""
    function, shape = FUNCTIONS[name]
    return final_graph(graphc.grad, lambda x: function(x, count), numbers(*shape))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_unrolled_program_takes_work_in_proportion(name, work, monkeypatch):
    """Visits of nodes by the passes, work of scheduling, lines, kernels; and no kernel grows with the program."""
    visits = Counter()
    original = rewriter._first_hit

    def counting(*args):
        visits[""] += 1
        return original(*args)

    monkeypatch.setattr(rewriter, "_first_hit", counting)
    measured = []
    for count in (300, 900):
        visits.clear()
        work.clear()
        program = printed(unrolled(name, count))
        lines = sum(len(part.source.splitlines()) for part in (program, *program.kernels))
        measured.append((visits[""], sum(work.values()), lines, len(program.kernels)))
    small, large = measured
    assert all(after <= 3.6 * max(before, 5) for before, after in zip(small, large, strict=True)), measured
    for kernel in program.kernels:
        assert len(kernel.source.splitlines()) <= 600
        assert kernel.signature.count(",") <= MOST_ARGUMENTS


def test_a_sum_of_very_many_arrays_passes_few_to_each_kernel():
    """A call passes a limited number of buffers; what reads more is cut."""

    def total(F, *arrays):
        result = arrays[0]
        for array in arrays[1:]:
            result = F.add(result, F.mul(array, 2.0))
        return result

    program = printed(build(total, *[ArrayType(F64, (N, M))] * 300))
    assert all(kernel.signature.count(",") <= MOST_ARGUMENTS for kernel in program.kernels)
    assert 300 // MOST_ARGUMENTS < program.source.count("launch(") <= 20
