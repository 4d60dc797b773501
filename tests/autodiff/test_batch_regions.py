"""Batched loops, branches and blocks against a loop over the elements, by the interpreter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.batch import batch_graph
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.dims import product, symbol
from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.control.graphs import GRAPHS
from tests.ops.one_op import float_marks, gradient_graph

COUNT = symbol("b")
SIZE = 4
RNG = np.random.default_rng(3)

HALVES = """graph halves(%x: f64[], %y: f64[]) -> (%2, %3) {
  %0: i64[] = const dtype=i64 value=0 weak=False
  %1: f64[] = const dtype=f64 value=1.0 weak=False
  %2: f64[], %3: i64[] = while %x, %0, %y, %1 carried=2
    graph asked(%a: f64[], %n: i64[], %y: f64[], %one: f64[]) -> (%0) {
      %0: bool[] = gt %a, %one
    }
    graph body(%a: f64[], %n: i64[], %y: f64[], %one: f64[]) -> (%0, %2) {
      %0: f64[] = mul %a, %y
      %1: i64[] = const dtype=i64 value=1 weak=False
      %2: i64[] = add %n, %1
    }
}"""

# An element that is done stands at the array's end, and one whose branch is not taken has no position at all.
SEARCH = """graph search(%x: f64[5], %w: f64[]) -> (%1) {
  %0: i64[] = const dtype=i64 value=0 weak=False
  %1: i64[] = while %0, %x, %w carried=1
    graph asked(%i: i64[], %x: f64[5], %w: f64[]) -> (%6) {
      %0: i64[] = const dtype=i64 value=5 weak=False
      %1: bool[] = lt %i, %0
      %2: i64[] = const dtype=i64 value=4 weak=False
      %3: i64[] = minimum %i, %2
      %4: f64[] = gather %x, %3 axes=(0,) checked=False
      %5: bool[] = lt %4, %w
      %6: bool[] = logical_and %1, %5
    }
    graph body(%i: i64[], %x: f64[5], %w: f64[]) -> (%3) {
      %0: i64[] = checked_index %i axis=0 size=5
      %1: f64[1] = read %x, %0 dims=(1,) steps=(1,)
      %2: i64[] = const dtype=i64 value=1 weak=False
      %3: i64[] = add %i, %2
    }
}"""

RISKY = """graph risky(%flag: bool[], %x: f64[3], %i: i64[], %n: f64[]) -> (%0) {
  %0: f64[] = cond %flag, %x, %i, %n
    graph yes(%x: f64[3], %i: i64[], %n: f64[]) -> (%2) {
      %0: i64[] = checked_index %i axis=0 size=3
      %1: f64[] = gather %x, %0 axes=(0,) checked=True
      %2: f64[] = sqrt %1
    }
    graph no(%x: f64[3], %i: i64[], %n: f64[]) -> (%0) {
      %0: f64[] = while %n, %x carried=1
        graph asked(%n: f64[], %x: f64[3]) -> (%1) {
          %0: f64[] = const dtype=f64 value=0.0 weak=False
          %1: bool[] = ne %n, %0
        }
        graph body(%n: f64[], %x: f64[3]) -> (%1) {
          %0: f64[] = const dtype=f64 value=1.0 weak=False
          %1: f64[] = sub %n, %0
        }
    }
}"""

BLOCKS = """graph blocks(%x: f64[5,4], %v: f64[2,1], %i: i64[], %j: i64[]) -> (%0, %1, %2) {
  %0: f64[2,1] = read %x, %i, %j dims=(2,1) steps=(-2,1)
  %1: f64[5,4] = update %x, %v, %i, %j steps=(-2,1)
  %2: f64[5,4] = accumulate %x, %v, %i, %j steps=(-2,1)
}"""


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


OTHERS = {
    "until each is small": (HALVES, [np.array([9.0, 0.5, 30.0, 2.0]), np.array([0.5, 0.7, 0.2, 0.9])]),
    "search": (SEARCH, [np.sort(normal(4, 5)), np.array([-9.0, 9.0, 0.1, -0.3])]),
    "risky": (
        RISKY,
        [np.array([True, False, False, True]), normal(4, 3) ** 2, np.array([2, 7, -3, 0]), np.array([0.5, 3, 1, -1])],
    ),
    "blocks": (BLOCKS, [normal(4, 5, 4), normal(4, 2, 1), np.array([2, 4, 3, 2]), np.array([0, 3, 1, 2])]),
}
CASES = {
    name: (text, [RNG.uniform(0.4, 1.4, (SIZE, *np.shape(a))) for a in arrays])
    for name, (text, arrays) in GRAPHS.items()
}
CASES |= OTHERS
DISCRETE = ("search", "risky")


def batched_equals_loop(graph, given, roles) -> None:
    batched, flags = batch_graph(graph, OPS, roles, COUNT)
    verify(batched)
    rows = []
    for k in range(SIZE):
        rows.append(interpret(graph, [x[k] if role == "batched" else x for x, role in zip(given, roles, strict=True)]))
    for run in (batched, optimize(batched, OPS)):
        verify(run)
        for found, flag, *parts in zip(interpret(run, given), flags, *rows, strict=True):
            np.testing.assert_allclose(found, np.stack(parts) if flag else parts[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_values(name):
    """Each choice of inputs that have the batch."""
    text, arrays = CASES[name]
    graph = parse(text, OPS)
    for roles in itertools.product(("shared", "batched"), repeat=len(arrays)):
        if name == "risky" and "shared" in (roles[0], *roles[2:]):
            continue  # some element would read outside, or never end
        given = [a if role == "batched" else a[0] for a, role in zip(arrays, roles, strict=True)]
        batched_equals_loop(graph, given, roles)


@pytest.mark.parametrize("name", [name for name in CASES if name not in DISCRETE])
def test_gradients(name):
    """The batched gradient, and the gradient of the batched graph, are those of the elements."""
    text, arrays = CASES[name]
    graph = mark(parse(text, OPS), float_marks(parse(text, OPS)))
    values = interpret(graph, [a[0] for a in arrays])
    seeds = [normal(SIZE, *np.shape(y)) for y in values if y.dtype.kind == "f"]
    single = gradient_graph(graph)
    given = [*arrays, *seeds]
    batched_equals_loop(single, given, ["batched"] * len(given))
    whole, _ = batch_graph(graph, OPS, ["batched"] * len(arrays), COUNT)
    joint = gradient_graph(mark(whole, float_marks(whole)))
    expected = [interpret(single, [x[k] for x in given]) for k in range(SIZE)]
    for found, *parts in zip(interpret(joint, given), *expected, strict=True):
        np.testing.assert_allclose(found, np.stack(parts), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", [name for name in CASES if name != "search"])
def test_a_basis(name):
    text, arrays = CASES[name]
    graph = parse(text, OPS)
    arrays = [a[0] for a in arrays]
    for position, array in enumerate(arrays):
        if array.dtype.kind != "f":
            continue
        tangents = jvp_graph(mark(graph, [k == position for k in range(len(arrays))]), OPS)
        roles = [*["shared"] * len(arrays), "basis"]
        batched, flags = batch_graph(tangents, OPS, roles, product(graph.params[position].dims))
        verify(batched)
        units = np.eye(array.size).reshape(array.size, *array.shape)
        expected = [interpret(tangents, [*arrays, unit]) for unit in units]
        for found, flag, *parts in zip(interpret(batched, arrays), flags, *expected, strict=True):
            np.testing.assert_allclose(found, np.stack(parts) if flag else parts[0], rtol=1e-12, atol=1e-12)


def test_a_shared_loop_stays_as_it_was():
    """What carries nothing of the batch is not repeated for it."""
    graph = parse(GRAPHS["linear"][0], OPS)
    batched, flags = batch_graph(graph, OPS, ["shared", "shared"], COUNT)
    assert batched.nodes == graph.nodes
    assert flags == (False,)
    text = GRAPHS["swaps"][0].replace("-> (%b, %1)", "-> (%0, %b)")
    half, flags = batch_graph(parse(text, OPS), OPS, ["batched", "shared"], COUNT)
    assert flags == (True, False)
    assert [str(v.type) for v in half.outputs] == ["f64[b]", "f64[]"]


def test_a_shared_loop_of_as_many_iterations_as_each_element_has():
    """What the adjoint of a linear loop runs over is shared; only how often differs."""
    graph = mark(parse(HALVES, OPS), [True, False])
    joint = joint_vjp(graph, OPS, "params")
    x = np.array([9.0, 0.5, 30.0, 2.0])
    batched, _ = batch_graph(joint, OPS, ["batched", "shared", "shared"], COUNT)
    _, counts, slopes = interpret(batched, [x, np.array(0.5), np.array(1.0)])
    np.testing.assert_array_equal(counts, [4, 0, 5, 1])
    np.testing.assert_array_equal(slopes, 0.5**counts)


WRITES = """graph writes(%x: f64[4], %u: f64[4], %w: f64[]) -> (%1) {
  %0: i64[] = const dtype=i64 value=0 weak=False
  %1: f64[4], %2: i64[] = while %u, %0, %x, %w carried=2
    graph asked(%u: f64[4], %i: i64[], %x: f64[4], %w: f64[]) -> (%3) {
      %0: i64[] = const dtype=i64 value=4 weak=False
      %1: bool[] = lt %i, %0
      %2: f64[] = sum %u axes=(0,)
      %4: bool[] = lt %2, %w
      %3: bool[] = logical_and %1, %4
    }
    graph body(%u: f64[4], %i: i64[], %x: f64[4], %w: f64[]) -> (%5, %7) {
      %0: i64[] = checked_index %i axis=0 size=4
      %1: f64[1] = read %x, %0 dims=(1,) steps=(1,)
      %2: f64[] = reshape %1 dims=()
      %3: f64[] = const dtype=f64 value=0.0 weak=False
      %4: bool[] = gt %2, %3
      %5: f64[4] = cond %4, %u, %1, %0
        graph yes(%u: f64[4], %v: f64[1], %i: i64[]) -> (%1) {
          %0: f64[4] = update %u, %v, %i steps=(1,)
          %1: f64[4] = accumulate %0, %v, %i steps=(1,)
        }
        graph no(%u: f64[4], %v: f64[1], %i: i64[]) -> (%u) {
        }
      %6: i64[] = const dtype=i64 value=1 weak=False
      %7: i64[] = add %i, %6
    }
}"""


def test_writes_of_some_elements_copy_no_array():
    graph = parse(WRITES, OPS)
    given = [normal(SIZE, 4), normal(SIZE, 4) * 0.1, np.array([9.0, 0.5, -9.0, 3.0])]
    for roles in itertools.product(("shared", "batched"), repeat=3):
        batched_equals_loop(graph, [a if r == "batched" else a[0] for a, r in zip(given, roles, strict=True)], roles)
    batched, _ = batch_graph(graph, OPS, ["batched"] * 3, COUNT)
    (loop,) = (node for node in batched.nodes if node.op.name == "while")
    chosen = [node.output.dims for node in loop.regions[1].nodes if node.op.name == "select"]
    assert (COUNT, 4) not in chosen


def test_the_adjoint_of_a_masked_branch_stays_finite():
    text = GRAPHS["branch"][0].replace("exp %c", "log %c")
    graph = mark(parse(text, OPS), [True, False])
    x, a = np.array([-1.0, 2.0]), np.array([0.5, 0.5])
    whole, _ = batch_graph(graph, OPS, ["batched", "batched"], COUNT)
    joint = joint_vjp(mark(whole, [True, False]), OPS, "params")
    gradient = interpret(joint, [x, a, np.ones(2)])[-1]
    np.testing.assert_allclose(gradient, [0.5 * np.cos(-1.0), 0.5])
