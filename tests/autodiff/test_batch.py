"""Batched graphs against a loop over the elements and a stack, for every entry of the op table, by the interpreter."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.batch import RULES, batch_graph
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.errors import UnsupportedError
from graphc.ir.dims import symbol
from graphc.ir.interp import interpret
from graphc.ir.opdef import Bind, Compact, Composite, Control, CpuRoutine, Create, Custom, Foreign, Pointwise, Routine
from graphc.ir.text import parse
from graphc.ir.verify import verify
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS  # which have tests of their own
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.ops.cases import CASES
from tests.ops.domains import ATTRS, DOMAINS, STEADY
from tests.ops.one_op import OF_COMPLEX, one_op

SIZE = 3
COUNT = symbol("b")
INTEGERS = np.array([3, 1, 2, 5])
BOOLS = np.array([True, False, False, True])


def pointwise_inputs(name: str) -> list[tuple[np.ndarray, ...]]:
    """Inputs of rank 1, and of ranks that broadcast against each other."""
    op = OPS[name]
    row = DOMAINS.get(name) or STEADY.get(name)
    if row is None:
        row = tuple(INTEGERS if is_integer(name) else np.array([0.3, -1.2, 2.0, 0.7]) for _ in range(op.kind.arity))
    if name in OF_COMPLEX - {"complex"}:
        row = (row[0] + np.array([0.5j, -0.1j, 1j, 2j]),)
    row = tuple(x[:3] for x in row)
    ranks = [tuple(x.reshape((1,) * k + x.shape) if k % 2 == 0 else x[0] for k, x in enumerate(row))]
    return [row, *ranks] if op.kind.arity > 1 else [row, (row[0][:1].reshape(1, 1),), (row[0][0],)]


def is_integer(name: str) -> bool:
    return name in ("bitwise_and", "bitwise_or", "bitwise_xor", "invert", "left_shift", "right_shift", "gcd", "lcm")


def all_inputs() -> list[tuple[str, int]]:
    plain = [name for name, op in OPS.items() if isinstance(op.kind, Pointwise) and op not in SCIPY_FUNCTIONS]
    pointwise = [(name, k) for name in plain for k in (0, 1)]
    return pointwise + [(name, k) for name, cases in CASES.items() for k in range(len(cases))]


def inputs_of(name: str, k: int) -> tuple[tuple[np.ndarray, ...], dict]:
    if isinstance(OPS[name].kind, Pointwise):
        return pointwise_inputs(name)[k], ATTRS.get(name, {})
    return CASES[name][k].arrays, CASES[name][k].attrs


def elements(x: np.ndarray, name: str = "") -> np.ndarray:
    """A batch of arrays like this one: its entries in other orders, so that each stays where the op is defined."""
    x = np.asarray(x)
    if name in ("cholesky", "cholesky_reverse"):  # a matrix stays positive definite times a number, a factor regular
        return np.stack([x * (k + 1) for k in range(SIZE)])
    return np.stack([np.roll(x.ravel(), k).reshape(x.shape) for k in range(SIZE)])


def check(graph, arrays, roles, name: str = "") -> None:
    """The batched graph, as it is and optimised, against the graph for each element."""
    given = [elements(x, name) if role == "batched" else x for x, role in zip(arrays, roles, strict=True)]
    batched, flags = batch_graph(graph, OPS, roles, COUNT)
    verify(batched)
    expected = []
    for k in range(SIZE):
        one = [x[k] if role == "batched" else x for x, role in zip(given, roles, strict=True)]
        expected.append(interpret(graph, one))
    for run in (batched, optimize(batched, OPS)):
        for found, flag, *rows in zip(interpret(run, given), flags, *expected, strict=True):
            np.testing.assert_allclose(found, np.stack(rows) if flag else rows[0], rtol=1e-13, atol=1e-13)
            assert found.dtype == rows[0].dtype


def test_every_kind_has_a_rule():
    """Those that make a value from nothing need none, and those with regions or matrices have their own."""
    own = {Create, Compact, Control, Bind, Custom, Foreign, Routine, CpuRoutine, Composite}
    assert {type(op.kind) for op in OPS.values()} == {*RULES, *own}


@pytest.mark.parametrize(("name", "k"), all_inputs())
def test_every_op(name, k):
    """Each choice of inputs that have the batch."""
    arrays, attrs = inputs_of(name, k)
    graph = one_op(name, arrays, attrs)
    for roles in itertools.product(("shared", "batched"), repeat=len(arrays)):
        if isinstance(OPS[name].kind, Compact) and "batched" in roles:
            with pytest.raises(UnsupportedError, match="different lengths"):
                batch_graph(graph, OPS, roles, COUNT)
        else:
            check(graph, arrays, roles, name)


SMOOTH = [(n, k) for n, k in all_inputs() if OPS[n].differentiable and n not in OF_COMPLEX and (
    n in DOMAINS or CASES[n][k].orders)]  # fmt: skip


@pytest.mark.parametrize(("name", "k"), SMOOTH)
def test_a_basis(name, k):
    """The tangents along every unit array at once are those along one after the other."""
    arrays, attrs = inputs_of(name, k)
    graph = one_op(name, arrays, attrs)
    for position, array in enumerate(arrays):
        if array.dtype.kind != "f" or (name == "polygamma" and position == 0):
            continue
        tangents = jvp_graph(mark(graph, [i == position for i in range(len(arrays))]), OPS)
        roles = ["shared"] * len(arrays) + ["basis"]
        batched, flags = batch_graph(tangents, OPS, roles, array.size)
        verify(batched)
        units = np.eye(array.size).reshape(array.size, *array.shape)
        for run in (batched, optimize(batched, OPS)):
            found = interpret(run, arrays)[-1]
            expected = [interpret(tangents, [*arrays, unit])[-1] for unit in units]
            rows = np.stack(expected) if expected else np.zeros((0, *found.shape[1:]))
            np.testing.assert_allclose(np.broadcast_to(found, rows.shape), rows, rtol=1e-13, atol=1e-13)
            assert flags[-1] or found.ndim == rows.ndim - 1


@pytest.mark.parametrize(("name", "k"), SMOOTH)
def test_gradients_of_batches_are_batches_of_gradients(name, k):
    arrays, attrs = inputs_of(name, k)
    graph = one_op(name, arrays, attrs)
    marks = [x.dtype.kind in "fc" and not (name == "polygamma" and i == 0) for i, x in enumerate(arrays)]
    joint = joint_vjp(mark(graph, marks), OPS, "params")
    given = [elements(x, name) for x in arrays]
    batched, _ = batch_graph(graph, OPS, ["batched"] * len(arrays), COUNT)
    values = interpret(batched, given)
    rng = np.random.default_rng(0)
    cotangents = [(rng.normal(size=v.shape) * (1 + 1j if v.dtype.kind == "c" else 1)).astype(v.dtype)
                  for v in values if v.dtype.kind in "fc"]  # fmt: skip
    within, flags = batch_graph(joint, OPS, ["batched"] * len(joint.params), COUNT)
    around = joint_vjp(mark(batched, marks), OPS, "params")
    found, others = interpret(within, [*given, *cotangents]), interpret(around, [*given, *cotangents])
    for mine, other, flag in zip(found, others, flags, strict=True):
        expected = mine if flag else np.broadcast_to(mine, other.shape)
        np.testing.assert_allclose(other, expected, rtol=1e-12, atol=1e-12)


def test_no_op_is_left_out():
    """But for those that make values of nothing or run regions, which have tests of their own, as SciPy's functions."""
    tested = {name for name, _ in all_inputs()}
    apart = {n for n, op in OPS.items() if isinstance(op.kind, Create | Control | Bind | Custom | Foreign)}
    assert set(OPS) == tested | apart | {op.name for op in SCIPY_FUNCTIONS}


def count(graph, name: str) -> int:
    return sum(node.op.name == name for node in graph.nodes)


def test_what_is_shared_is_not_repeated():
    graph = parse(
        """graph f(%x: f64[m,k], %v: f64[k]) -> (%4) {
             %0: f64[k,1] = reshape %v dims=(k,1)
             %1: f64[m,1] = matmul %x, %0
             %2: f64[m] = reshape %1 dims=(m,)
             %3: f64[m,k] = exp %x
             %4: f64[m] = tanh %2
           }""",
        OPS,
    )
    batched, flags = batch_graph(graph, OPS, ["shared", "batched"], COUNT)
    assert flags == (True,)
    assert count(batched, "broadcast_to") == 0
    (product,) = (node for node in batched.nodes if node.op.name == "matmul")
    assert [v.rank for v in product.inputs] == [2, 2]
