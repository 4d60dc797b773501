"""Each rule: what it makes of its pattern, and that the value stays what NumPy says, NaN and signed zeros included."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize

SPECIAL = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -3.0, 1e308, -1e308, 5e-324, 1e-310, 1e-160, 3e160]
)


def graph_of(body: str, header: str = "%x: f64[n], %y: f64[n]", result: str = "r", guards: str = "n - 2 >= 0") -> Graph:
    """A graph with ``body`` inside; the value named ``r`` is its output."""
    text = f"graph f({header}) -> (%{result}) where {guards} {{\n{textwrap.dedent(body).strip()}\n}}"
    return parse(text, OPS)


def words(graph: Graph) -> str:
    """The ops that are left; constants and sizes are not counted."""
    return " ".join(node.op.name for node in graph.nodes if node.op.name not in ("const", "dim"))


def const(name: str, value: float | bool, dtype: str = "f64") -> str:
    return f"%{name}: {dtype}[] = const dtype={dtype} value={value} weak=False\n"


IDENTITIES = {
    "add -0.0": (const("c", -0.0) + "%r: f64[n] = add %x, %c", ""),
    "-0.0 add": (const("c", -0.0) + "%r: f64[n] = add %c, %x", ""),
    "add 0.0 stays": (const("c", 0.0) + "%r: f64[n] = add %x, %c", "add"),
    "sub 0.0": (const("c", 0.0) + "%r: f64[n] = sub %x, %c", ""),
    "sub -0.0 stays": (const("c", -0.0) + "%r: f64[n] = sub %x, %c", "sub"),
    "0.0 sub stays": (const("c", 0.0) + "%r: f64[n] = sub %c, %x", "sub"),
    "mul 1": (const("c", 1.0) + "%r: f64[n] = mul %x, %c", ""),
    "mul -1": (const("c", -1.0) + "%r: f64[n] = mul %c, %x", "neg"),
    "mul 0 stays": (const("c", 0.0) + "%r: f64[n] = mul %c, %x", "mul"),
    "div 1": (const("c", 1.0) + "%r: f64[n] = div %x, %c", ""),
    "div -1": (const("c", -1.0) + "%r: f64[n] = div %x, %c", "neg"),
    "div by a power of two": (const("c", -8.0) + "%r: f64[n] = div %x, %c", "mul"),
    "div by 3 stays": (const("c", 3.0) + "%r: f64[n] = div %x, %c", "div"),
    "div by a tiny power of two stays": (const("c", 2.0**-1030) + "%r: f64[n] = div %x, %c", "div"),
    "div by 0 stays": (const("c", 0.0) + "%r: f64[n] = div %x, %c", "div"),
    "rows in their order": (
        "%0: f64[1] = slice %x dims=(1,) starts=(0,) steps=(1,)\n"
        "%1: f64[1] = slice %x dims=(1,) starts=(1,) steps=(1,)\n"
        "%r: f64[2] = concat %0, %1 axis=0",
        "slice",
    ),
    "rows in another order stay": (
        "%0: f64[1] = slice %x dims=(1,) starts=(1,) steps=(1,)\n"
        "%1: f64[1] = slice %x dims=(1,) starts=(0,) steps=(1,)\n"
        "%r: f64[2] = concat %0, %1 axis=0",
        "slice slice concat",
    ),
    "rows with another before them": (
        "%0: f64[1] = slice %y dims=(1,) starts=(0,) steps=(1,)\n"
        "%1: f64[1] = slice %x dims=(1,) starts=(0,) steps=(1,)\n"
        "%2: f64[1] = slice %x dims=(1,) starts=(1,) steps=(1,)\n%r: f64[3] = concat %0, %1, %2 axis=0",
        "slice slice concat",
    ),
    "neg neg": ("%0: f64[n] = neg %x\n%r: f64[n] = neg %0", ""),
    "sub neg": ("%0: f64[n] = neg %y\n%r: f64[n] = sub %x, %0", "add"),
    "add neg": ("%0: f64[n] = neg %y\n%r: f64[n] = add %x, %0", "sub"),
    "neg add": ("%0: f64[n] = neg %x\n%r: f64[n] = add %0, %y", "sub"),
    "mul of negs": ("%0: f64[n] = neg %x\n%1: f64[n] = neg %y\n%r: f64[n] = mul %0, %1", "mul"),
    "neg of sub stays": ("%0: f64[n] = sub %x, %y\n%r: f64[n] = neg %0", "sub neg"),
    "neg mul constant": (const("c", 3.0) + "%0: f64[n] = neg %x\n%r: f64[n] = mul %0, %c", "mul"),
    "neg of mul constant": (const("c", 3.0) + "%0: f64[n] = mul %x, %c\n%r: f64[n] = neg %0", "mul"),
    "neg of mul neg": ("%0: f64[n] = neg %x\n%1: f64[n] = mul %0, %y\n%r: f64[n] = neg %1", "mul"),
    "twice a hundred": (const("c", 2.0) + const("d", -100.0) + "%0: f64[n] = mul %x, %c\n"
                        "%r: f64[n] = mul %d, %0", "mul"),
    "a hundred times two stays": (const("c", 100.0) + const("d", 2.0) + "%0: f64[n] = mul %x, %c\n"
                                  "%r: f64[n] = mul %0, %d", "mul mul"),
    "half of twice stays": (const("c", 2.0) + const("d", 0.5) + "%0: f64[n] = mul %x, %c\n"
                            "%r: f64[n] = mul %0, %d", "mul mul"),
    "twice the largest stays": (const("c", 2.0) + const("d", 1.5e308) + "%0: f64[n] = mul %x, %c\n"
                                "%r: f64[n] = mul %0, %d", "mul mul"),
    "square of neg": ("%0: f64[n] = neg %x\n%r: f64[n] = square %0", "square"),
    "abs of neg": ("%0: f64[n] = neg %x\n%r: f64[n] = abs %0", "abs"),
    "select with equal arms": ("%0: bool[n] = gt %x, %y\n%r: f64[n] = select %0, %y, %y", ""),
    "select of not": ("%0: bool[n] = gt %x, %y\n%1: bool[n] = logical_not %0\n"
        "%r: f64[n] = select %1, %x, %y", "gt select"),
    "select in select": (
        "%0: bool[n] = gt %x, %y\n%1: f64[n] = select %0, %x, %y\n%2: f64[n] = tanh %x\n%r: f64[n] = select %0, %1, %2",
        "gt tanh select",
    ),
    "select true": (const("c", True, "bool") + "%r: f64[n] = select %c, %x, %y", ""),
    "pow 0": (const("c", 0.0) + "%r: f64[n] = pow %x, %c", "broadcast_to"),
    "pow 1": (const("c", 1.0) + "%r: f64[n] = pow %x, %c", ""),
    "cast of a widening cast": ("%0: f64[n] = cast %x dtype=f64\n%r: f64[n] = mul %0, %y", "mul"),
    "guarded by a constant": (const("c", 2.0) + "%0: f64[n] = broadcast_to %c dims=(n,)\n"
        "%r: f64[n] = guarded_mul %0, %x", "mul"),
    "guarded with a bounded partial": ("%0: bool[n] = gt %y, %x\n%1: f64[n] = cast %0 dtype=f64\n"
                                       "%r: f64[n] = guarded_mul %x, %1", "gt cast mul"),
    "guarded zero": (const("c", 0.0) + "%0: f64[n] = broadcast_to %c dims=(n,)\n"
        "%r: f64[n] = guarded_mul %0, %x", "broadcast_to"),
    "guarded stays": ("%0: f64[n] = exp %y\n%r: f64[n] = guarded_mul %x, %0", "exp guarded_mul"),
    "absorbing with one finite factor": ("%0: bool[n] = gt %y, %x\n%1: f64[n] = cast %0 dtype=f64\n"
                                         "%r: f64[n] = absorbing_mul %x, %1", "gt cast guarded_mul"),
    "the same thing twice": ("%0: f64[n] = exp %x\n%1: f64[n] = exp %x\n%r: f64[n] = sub %0, %1", "exp sub"),
    "a sum in another order": ("%0: f64[n] = add %x, %y\n%1: f64[n] = add %y, %x\n%r: f64[n] = div %0, %1", "add div"),
    "a difference in another order stays": ("%0: f64[n] = sub %x, %y\n%1: f64[n] = sub %y, %x\n%r: f64[n] = mul %0, %1",
                                            "sub sub mul"),
    "zeros of two signs are two constants": (const("c", 0.0) + const("d", -0.0) + "%0: f64[n] = div %x, %c\n"
                                             "%1: f64[n] = div %x, %d\n%r: f64[n] = maximum %0, %1", "div div maximum"),
}  # fmt: skip


@pytest.mark.parametrize("name", IDENTITIES)
def test_identity(name: str) -> None:
    body, expected = IDENTITIES[name]
    graph = graph_of(body)
    after = optimize(graph, OPS)
    verify(after)
    assert words(after) == expected
    x, y = (grid.ravel() for grid in np.meshgrid(SPECIAL, SPECIAL))
    (got,), (wanted,) = interpret(after, [x, y]), interpret(graph, [x, y])
    np.testing.assert_array_equal(got, wanted)
    if name.startswith(("guarded", "absorbing")):
        return  # the zero of a guard has no particular sign
    known = ~np.isnan(wanted)  # the sign of a NaN means nothing
    np.testing.assert_array_equal(np.signbit(got)[known], np.signbit(wanted)[known])


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("exponent", [-2.0, -1.0, 2.0, 3.0, 4.0])
def test_powers_by_multiplication_stay_within_two_ulp(exponent: float, dtype: str) -> None:
    body = const("c", exponent, dtype) + f"%r: {dtype}[n] = pow %x, %c"
    graph = graph_of(body, f"%x: {dtype}[n]")
    after = optimize(graph, OPS)
    assert "pow" not in words(after)
    random = np.random.default_rng(0)
    limit = 38 if dtype == "f32" else 308
    x = np.concatenate([SPECIAL, random.normal(size=1000) * 10.0 ** random.uniform(-limit, limit, 1000)])
    with np.errstate(over="ignore"):
        x = x.astype(np.float32 if dtype == "f32" else np.float64)
    (got,), (wanted,) = interpret(after, [x]), interpret(graph, [x])
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    finite = np.isfinite(wanted) & np.isfinite(got)
    distance = np.abs(got[finite].astype(np.longdouble) - wanted[finite]) / np.spacing(np.abs(wanted[finite]))
    assert distance.max() <= 2
    np.testing.assert_array_equal(got[~finite & ~np.isnan(wanted)], wanted[~finite & ~np.isnan(wanted)])


def test_a_root_needs_a_base_that_is_never_negative() -> None:
    half = const("c", 0.5)
    assert words(optimize(graph_of(half + "%r: f64[n] = pow %x, %c"), OPS)) == "pow"
    squared = graph_of(half + "%0: f64[n] = mul %x, %x\n%r: f64[n] = pow %0, %c")
    assert words(optimize(squared, OPS)) == "mul sqrt"


SHAPES = "%x: f64[n,m]"
BOUNDS = "n - 2 >= 0, m - 2 >= 0"

MOVES = {
    "transposes compose": ("%0: f64[m,n] = transpose %x perm=(1,0)\n%r: f64[n,m] = transpose %0 perm=(1,0)", ""),
    "reshapes compose": ("%0: f64[m*n] = reshape %x dims=(m*n,)\n%r: f64[n,1,m] = reshape %0 dims=(n,1,m)", "reshape"),
    "reshape to itself": ("%0: f64[m*n] = reshape %x dims=(m*n,)\n%r: f64[n,m] = reshape %0 dims=(n,m)", ""),
    "broadcasts compose": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n"
        "%r: f64[3,2,n,m] = broadcast_to %0 dims=(3,2,n,m)", "broadcast_to"),
    "a transpose of short axes is a reshape": (
        "%0: f64[n,1,m] = reshape %x dims=(n,1,m)\n%r: f64[1,n,m] = transpose %0 perm=(1,0,2)", "reshape"),
    "a transpose moves before a broadcast": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n"
        "%r: f64[n,2,m] = transpose %0 perm=(1,0,2)", "reshape broadcast_to"),
    "a reshape moves before a broadcast": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n%r: f64[2,n,1,m] = reshape %0 dims=(2,n,1,m)",
        "reshape broadcast_to"),
    "slices compose": (
        "%0: f64[n-1,m] = slice %x starts=(1,0) steps=(1,1) dims=(n-1,m)\n"
        "%r: f64[n-1,m-1] = slice %0 starts=(n-2,1) steps=(-1,1) dims=(n-1,m-1)", "slice"),
    "a whole slice": ("%r: f64[n,m] = slice %x starts=(0,0) steps=(1,1) dims=(n,m)", ""),
    "a slice reads what was embedded": (
        "%0: f64[n+2,2*m] = embed %x starts=(1,0) steps=(1,2) dims=(n+2,2*m)\n"
        "%r: f64[n,m] = slice %0 starts=(1,0) steps=(1,2) dims=(n,m)", ""),
    "another slice of what was embedded": (
        "%0: f64[n+2,m] = embed %x starts=(1,0) steps=(1,1) dims=(n+2,m)\n"
        "%r: f64[n,m] = slice %0 starts=(0,0) steps=(1,1) dims=(n,m)", "embed slice"),
    "embeds compose": (
        "%0: f64[n+2,m] = embed %x starts=(1,0) steps=(1,1) dims=(n+2,m)\n"
        "%r: f64[2*n+6,m] = embed %0 starts=(1,0) steps=(2,1) dims=(2*n+6,m)", "embed"),
    "a slice moves before a broadcast": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n"
        "%r: f64[1,n-1,m] = slice %0 starts=(1,1,0) steps=(1,1,1) dims=(1,n-1,m)", "slice broadcast_to"),
    "a slice reads one part of what was joined": (
        "%0: f64[n,m] = neg %x\n%1: f64[2*n,m] = concat %0, %x axis=0\n"
        "%r: f64[n,m] = slice %1 starts=(n,0) steps=(1,1) dims=(n,m)", ""),
    "joining one": ("%r: f64[n,m] = concat %x axis=1", ""),
    "pointwise work before a broadcast": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n%1: f64[2,n,m] = exp %0\n%r: f64[2,n,m] = tanh %1",
        "exp tanh broadcast_to"),
    "folds compose": ("%0: f64[m] = sum %x axes=(0,)\n%r: f64[] = sum %0 axes=(0,)", "sum"),
    "a fold of a transpose": ("%0: f64[m,n] = transpose %x perm=(1,0)\n%r: f64[m] = sum %0 axes=(1,)", "sum"),
    "a fold of axes of length 1": (
        "%0: f64[n,1,m] = reshape %x dims=(n,1,m)\n%r: f64[n,m] = max %0 axes=(1,)", ""),
    "a fold over everything": ("%0: f64[m*n] = reshape %x dims=(m*n,)\n%r: f64[] = min %0 axes=(0,)", "min"),
    "a fold beside axes of length 1": (
        "%0: f64[1,n,1,m] = reshape %x dims=(1,n,1,m)\n%r: f64[1,1,m] = sum %0 axes=(1,)", "sum reshape"),
    "a sum of what was repeated": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n%r: f64[n] = sum %0 axes=(0,2)", "sum mul"),
    "the largest of what was repeated": (
        "%0: f64[2,n,m] = broadcast_to %x dims=(2,n,m)\n%r: f64[n] = max %0 axes=(0,2)", "max"),
    "a sum of what was embedded": (
        "%0: f64[n+2,m] = embed %x starts=(1,0) steps=(1,1) dims=(n+2,m)\n%r: f64[m] = sum %0 axes=(0,)", "sum"),
    "a sum along the other axis of what was embedded": (
        "%0: f64[n+2,m] = embed %x starts=(1,0) steps=(1,1) dims=(n+2,m)\n"
        "%r: f64[n+2] = sum %0 axes=(1,)", "embed sum"),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_movement_and_folds(name: str) -> None:
    body, expected = MOVES[name]
    graph = graph_of(body, SHAPES, guards=BOUNDS)
    verify(graph)
    after = optimize(graph, OPS)
    verify(after)
    assert words(after).replace("cast ", "") == expected
    x = np.random.default_rng(0).normal(size=(4, 3))
    (got,), (wanted,) = interpret(after, [x]), interpret(graph, [x])
    np.testing.assert_allclose(got, wanted, rtol=1e-15)


def test_a_fold_that_is_read_twice_is_kept() -> None:
    body = "%0: f64[m] = sum %x axes=(0,)\n%1: f64[] = sum %0 axes=(0,)\n%r: f64[m] = mul %0, %1"
    assert words(optimize(graph_of(body, SHAPES, guards=BOUNDS), OPS)) == "sum sum mul"


def test_a_sum_of_repeats_that_may_be_none_is_kept_for_what_may_be_infinite() -> None:
    body = "%0: f64[k,n,m] = broadcast_to %x dims=(k,n,m)\n%r: f64[n,m] = sum %0 axes=(0,)"
    graph = graph_of(body, "%x: f64[n,m], k: int", guards=BOUNDS + ", k >= 0")
    after = optimize(graph, OPS)
    assert words(after) == "broadcast_to sum"
    np.testing.assert_array_equal(interpret(after, [np.full((4, 3), np.inf)], [0])[0], np.zeros((4, 3)))


def test_constants_are_computed() -> None:
    body = const("a", 3.0) + const("b", 4.0) + "%0: f64[] = mul %a, %b\n%1: f64[] = tanh %0\n%r: f64[n] = add %x, %1"
    after = optimize(graph_of(body), OPS)
    assert [node.op.name for node in after.nodes] == ["const", "add"]
    assert after.nodes[0].attrs["value"] == np.tanh(12.0)


def test_stop_gradient_and_bound_sizes_are_left_alone() -> None:
    body = """
    %0: bool[n] = gt %x, %y
    %1: i64[u0] = mask_indices %0 symbol='u0'
    %2: i64[u1] = mask_indices %0 symbol='u1'
    %3: f64[u0] = gather %x, %1 axes=(0,) checked=False
    %4: f64[u1] = gather %x, %2 axes=(0,) checked=False
    %5: f64[] = sum %3 axes=(0,)
    %6: f64[] = sum %4 axes=(0,)
    %7: f64[] = stop_gradient %6
    %r: f64[] = mul %5, %7
    """
    assert words(optimize(graph_of(body), OPS)).count("mask_indices") == 2
    assert "stop_gradient" in words(optimize(graph_of(body), OPS))


def test_locations_stay() -> None:
    body = "%0: f64[n] = neg %y                     # m.py:3\n%r: f64[n] = sub %x, %0                 # m.py:4"
    (node,) = optimize(graph_of(body), OPS).nodes
    assert str(node.location) == "m.py:4"


def test_marks_follow_what_is_left() -> None:
    """Where a rule finds that no derivative comes through, what depends on it is no longer marked."""
    body = (
        const("c", True, "bool")
        + "%0: f64[n] grad = select %c, %x, %y\n%1: f64[n] grad = exp %0\n%r: f64[] grad = sum %1 axes=(0,)"
    )
    after = optimize(graph_of(body, "%x: f64[n], %y: f64[n] grad"), OPS)
    verify(after)
    assert not after.outputs[0].grad


def test_the_gradient_of_a_mean_square_is_as_short_as_by_hand() -> None:
    body = (
        const("c", 2.0)
        + """
%0: f64[n] = sub %x, %y
%1: f64[n] = pow %0, %c
%2: f64[] = sum %1 axes=(0,)
%3: weak i64[] = dim dim=n
%4: f64[] = cast %3 dtype=f64
%r: f64[] = div %2, %4
"""
    )
    joint = joint_vjp(mark(optimize(graph_of(body), OPS), (True, False)), OPS)
    after = optimize(Graph("g", joint.params, joint.nodes, joint.outputs[1:], joint.guards), OPS)
    verify(after)
    assert words(after) == "sub cast div mul mul"
