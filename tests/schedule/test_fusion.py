"""What shares a kernel, and above all what must not: a value is read only where it is at hand."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.ir.dims import symbol
from graphc.ir.interp import interpret
from graphc.ir.types import BOOL, F64, I64, ArrayType
from graphc.schedule.fuse import MOST_TASKS
from graphc.schedule.program import Bind, Check, Gemm, Inline, Launch
from graphc.schedule.scalars import walk
from tests.codegen.run_graph import run_compiled
from tests.schedule.programs import build, kernels, nests, numbers, program_of, readers, steps

N, M, K = symbol("n"), symbol("m"), symbol("k")
VECTOR, MATRIX = ArrayType(F64, (N,)), ArrayType(F64, (N, M))
WAY = {"axis": 0, "reverse": False, "exclusive": False}


# --- what shares a kernel ---------------------------------------------------------------------------------------------


def test_siblings_over_one_space_share_a_kernel():
    def make(F, x):
        return [F.exp(x), F.reduce("sum", x, [0, 1]), F.reduce("max", x, [1]), F.reduce("min", x, [0]), F.sin(x)]

    program = program_of(build(make, MATRIX))
    assert steps(program)["Launch"] == 1
    assert readers(program, 0) == 1


def test_a_row_is_reduced_and_read_again_in_phases():
    graph = build(lambda F, x: F.sub(x, F.reduce("sum", x, [1], keepdims=True)), MATRIX)
    (nest,) = nests(program_of(graph))
    assert nest.row == 1
    assert [bool(phase.folds) for phase in nest.phases] == [True, False]
    assert [bool(phase.stores) for phase in nest.phases] == [False, True]


def test_what_is_read_shifted_is_computed_again():
    """exp(x)[1:] - exp(x)[:-1] is one loop: the intermediate array is never made."""

    def make(F, x):
        y = F.square(x)
        ahead, behind = (F.slice(y, starts=(s,), steps=(1,), dims=(N - 1,)) for s in (1, 0))
        return F.sub(ahead, behind)

    program = program_of(build(make, VECTOR))
    assert steps(program) == {"Launch": 1}
    assert program.slots == []


@pytest.mark.parametrize(("axis", "stored"), [(1, True), (0, False)])
def test_what_lies_apart_is_not_read_again_for_each_row(axis, stored):
    """A column, spread over rows: it is gathered once, and its elements lie side by side then. A row does already."""

    def spread(F, x, m):
        cut = {"starts": (0, 0), "steps": (1, 1)}
        line = F.slice(m, dims=(m.dims[0], 1) if axis else (1, m.dims[1]), **cut)
        line = F.add(F.mul(F.reshape(line, (m.dims[1 - axis],)), 2.0), 1.0)
        return F.mul(F.reshape(x, (*x.dims, 1)), line)

    program = program_of(build(spread, ArrayType(F64, (symbol("k"),)), ArrayType(F64, (symbol("n"), symbol("n")))))
    assert (len(program.slots) == 1) is stored
    inner = [s for nest in nests(program) if len(nest.space) == 2 for s in walk(nest.scalars()) if s.form == "load"]
    assert inner
    assert all(load.data.index.coefficient(1) in (0, 1) for load in inner)


def test_a_kernel_takes_a_bounded_number_of_tasks():
    graph = build(lambda F, x: [F.mul(x, float(k)) for k in range(2, 2 + 3 * MOST_TASKS)], VECTOR)
    assert kernels(graph) == 3


# --- what must not ----------------------------------------------------------------------------------------------------


def test_a_total_is_whole_only_after_its_kernel():
    graph = build(lambda F, x: F.sub(x, F.reduce("sum", x, [0])), VECTOR)
    program = program_of(graph)
    kinds = [type(step).__name__ for step in program.steps]
    assert kinds == ["Launch", "Combine", "Launch"]
    assert readers(program, 0) == 2


def test_a_total_across_rows_is_whole_only_after_its_kernel():
    graph = build(lambda F, x: F.div(x, F.reduce("sum", F.square(x), [0])), MATRIX)
    assert kernels(graph) == 2


@pytest.mark.parametrize("kind", ["map", "fold"])
def test_a_stored_value_is_not_read_at_other_places_in_its_kernel(kind):
    """The output y is written by one loop, and y[::-1] read by another: not in one, where half is not written yet."""

    def make(F, x):
        y = F.reduce("sum", x, [1]) if kind == "fold" else F.exp(x)
        return [y, F.slice(y, starts=(N - 1,), steps=(-1,), dims=(N,))]

    assert kernels(build(make, MATRIX if kind == "fold" else VECTOR)) == 2


def test_a_sum_of_rows_feeds_a_sum_of_columns():
    """A fold over rows of a value that another fold, across rows, made: two kernels."""
    graph = build(lambda F, x: F.reduce("sum", F.mul(x, F.reduce("sum", x, [0])), [1]), MATRIX)
    assert kernels(graph) == 2


@pytest.mark.parametrize("how", ["cumsum", "scatter_add", "mask_indices"])
def test_what_runs_in_order_runs_alone(how):
    def make(F, x, i, mask):
        alone = {
            "cumsum": lambda: F.cumsum(x, **WAY),
            "scatter_add": lambda: F.scatter_add(x, i, axes=(0,), dims=(N,), checked=False),
            "mask_indices": lambda: F.mask_indices(mask, symbol="c"),
        }[how]()
        return [F.exp(x), alone, F.sin(x)]

    program = program_of(build(make, VECTOR, ArrayType(I64, (N,)), ArrayType(BOOL, (N,))))
    assert [sum(len(p.stores) + (p.compaction is not None) for p in nest.phases) for nest in nests(program)] in (
        [2, 1],
        [1, 2],
    )


def test_the_best_of_all_has_a_loop_of_its_own():
    """argmax over a vector beside a fold of more axes: in one nest it would start again in every row."""

    def make(F, x, y):
        return [F.reduce("argmax", x, [0]), F.reduce("argmax", y, [1]), F.reduce("sum", y, [0, 1])]

    graph = build(make, VECTOR, MATRIX)
    assert kernels(graph) == 2
    arrays = [np.array([3.0, 1.0, 3.0, 1.0]), np.arange(12.0).reshape(4, 3)]
    for found, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_array_equal(found, expected)


# --- order ------------------------------------------------------------------------------------------------------------


def positions(program, kind):
    return [k for k, step in enumerate(program.steps) if isinstance(step, kind)]


def test_a_product_stands_between_its_operands_and_its_readers():
    graph = build(lambda F, a: F.exp(F.matmul(F.sin(a), F.cos(a))), ArrayType(F64, (N, N)))
    program = program_of(graph)
    (call,) = positions(program, Gemm)
    before, after = positions(program, Launch)
    assert before < call < after


def test_independent_work_passes_a_product():
    """tanh(a), asked for after the product, joins the kernel before it."""
    graph = build(lambda F, a: [F.matmul(F.sin(a), a), F.tanh(a)], ArrayType(F64, (N, N)))
    program = program_of(graph)
    assert steps(program)["Launch"] == 1


def gathers(nest):
    return any(scalar.form == "load" and scalar.args for scalar in walk(nest.scalars()))


def test_nothing_is_gathered_before_its_check():
    def make(F, x, i):
        return [F.gather(x, i, axes=(0,), checked=True), F.exp(x)]

    program = program_of(build(make, VECTOR, ArrayType(I64, (K,))))
    (check,) = positions(program, Check)
    gathering = [k for k in positions(program, Launch) if gathers(program.steps[k].nest)]
    assert gathering
    assert min(gathering) > check


def test_a_count_is_a_number_only_after_its_mask():
    """Kernels before it have room for what computes with the count."""

    def make(F, x):
        mask = F.concat(F.full(ArrayType(BOOL, (1,)), True), F.gt(x, 0), axis=0)
        positions = F.mask_indices(mask, symbol="count")
        (count,) = positions.dims
        return [
            F.concat(F.exp(x), x, axis=0),
            positions,
            F.lt(F.value(count), 3),
            F.mul(x, F.cast(F.value(count), F64)),
        ]

    program = program_of(build(make, VECTOR))
    (bound,) = positions(program, Bind)
    counting = [
        k
        for k, step in enumerate(program.steps)
        if isinstance(step, Launch | Inline) and any(s.form == "size" for s in walk(step.nest.scalars()))
    ]
    assert len(counting) == 2
    assert min(counting) > bound


# --- merging of axes --------------------------------------------------------------------------------------------------


def space_of(graph):
    (nest,) = nests(program_of(graph))
    return nest.space


THREE = ArrayType(F64, (N, M, K))


@pytest.mark.parametrize(
    ("make", "space"),
    [
        (lambda F, x: F.exp(x), (N * M * K,)),
        (lambda F, x: F.reduce("sum", x, [0, 1, 2]), (N * M * K,)),
        (lambda F, x: F.reduce("sum", x, [2]), (N * M, K)),
        (lambda F, x: F.reduce("sum", x, [1, 2]), (N, M * K)),
        (lambda F, x: F.reduce("sum", x, [0]), (N, M * K)),
        (lambda F, x: F.reduce("sum", x, [1]), (N, M, K)),
        (lambda F, x: F.transpose(x, [1, 0, 2]), (M, N, K)),
        (lambda F, x: F.transpose(x, [2, 0, 1]), (K, N * M)),
        (lambda F, x: F.slice(x, starts=(1, 0, 0), steps=(1, 1, 1), dims=(N - 1, M, K)), (N * M * K - M * K,)),
        (lambda F, x: F.slice(x, starts=(0, 0, 1), steps=(1, 1, 1), dims=(N, M, K - 1)), (N * M, K - 1)),
        (lambda F, x: F.slice(x, starts=(0, 0, K - 1), steps=(1, 1, -1), dims=(N, M, K)), (N * M, K)),
        (lambda F, x: F.add(x, F.iota(dims=(N, M, K), axis=2)), (N * M, K)),
        (lambda F, x: F.reduce("argmax", x, [2]), (N * M, K)),
    ],
)
def test_axes_merge_where_memory_runs_on(make, space):
    assert set(space_of(build(make, THREE))) == set(space)


def test_a_broadcast_operand_keeps_its_axis_apart():
    graph = build(lambda F, x, y: F.add(x, y), THREE, ArrayType(F64, (K,)))
    assert space_of(graph) == (N * M, K)
    graph = build(lambda F, x, y: F.add(x, y), THREE, ArrayType(F64, (M, K)))
    assert space_of(graph) == (N, M * K)
    graph = build(lambda F, x, y: F.add(x, y), THREE, ArrayType(F64, (N, 1, 1)))
    assert space_of(graph) == (N, M * K)


def test_merged_and_unmerged_loops_give_the_same():
    graph = build(
        lambda F, x, y: [F.add(F.exp(x), y), F.reduce("sum", F.mul(x, y), [0, 2])], THREE, ArrayType(F64, (N, 1, 1))
    )
    arrays = [numbers(3, 4, 5), numbers(3, 1, 1)]
    for found, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)
