"""Gradients of the compositions: first and second order against finite differences, and the points where they break."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.trace.functions import METHODS, NUMPY_FUNCTIONS, UFUNC_FUNCTIONS
from graphc.trace.functions.indexing import getitem
from tests.trace.functions.support import trace

rng = np.random.default_rng(4)
P, Q, V = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=4)
HOLES = np.where(rng.random((3, 4)) < 0.3, np.nan, P)
MASK = np.array([[True, False, True, True], [False, True, True, False], [True, True, True, True]])


def call(name, *args, **kwargs):
    """The function of the array arguments that calls ``name`` with them first."""
    return lambda F, *arrays: NUMPY_FUNCTIONS[name](F, *arrays, *args, **kwargs)


def pulled_back(graph: Graph) -> Graph:
    """Outputs and gradients of a graph by all its float parameters but the cotangents' own."""
    marks = [p.type.is_float and not p.name.startswith("ct") for p in graph.params]
    joint = joint_vjp(mark(graph, marks), OPS, seeds="params")
    verify(joint)
    return joint


def gradients(graph: Graph, arrays, cotangents):
    joint = pulled_back(graph)
    return interpret(joint, [*arrays, *cotangents])[len(graph.outputs) :]


def differences(function, arrays, step):
    """Central differences of a scalar function by every element of the float arrays."""
    results = []
    for k, array in enumerate(arrays):
        if array.dtype.kind != "f":
            continue
        slopes = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            ends = []
            for sign in (1, -1):
                moved = [a.copy() for a in arrays]
                moved[k][place] += sign * step
                ends.append(function(moved))
            slopes[place] = (ends[0] - ends[1]) / (2 * step)
        results.append(slopes)
    return results


def check_orders(function, *arrays, tolerance=1e-6):
    """First and second order: the gradient of <ct, f>, and that gradient's own along a direction."""
    graph, _ = trace(function, *arrays)
    cotangents = [rng.normal(size=o.shape) for o in interpret(graph, arrays)]
    assert all(o.type.is_float for o in graph.outputs)

    def along(inputs):
        return sum(float(np.sum(ct * o)) for ct, o in zip(cotangents, interpret(graph, inputs), strict=True))

    found = gradients(graph, arrays, cotangents)
    for one, other in zip(found, differences(along, arrays, 1e-6), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=20 * tolerance)

    joint = pulled_back(graph)
    slopes = replace(joint, outputs=joint.outputs[len(graph.outputs) :])
    directions = [rng.normal(size=g.shape) for g in found]
    second = joint_vjp(mark(slopes, [p.grad for p in joint.params]), OPS, seeds="params")
    curved = interpret(second, [*arrays, *cotangents, *directions])[len(slopes.outputs) :]

    def slope_along(inputs):
        values = interpret(slopes, [*inputs, *cotangents])
        return sum(float(np.sum(d * g)) for d, g in zip(directions, values, strict=True))

    for one, other in zip(curved, differences(slope_along, arrays, 1e-6), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=20 * tolerance)


ONE = {
    "mean": call("numpy.mean", axis=0), "var": call("numpy.var", ddof=1), "std": call("numpy.std", axis=1),
    "prod": call("numpy.prod", axis=1), "cumsum": call("numpy.cumsum"), "cumprod": call("numpy.cumprod", axis=1),
    "max": call("numpy.max", axis=1), "ptp": call("numpy.ptp"), "initial": call("numpy.max", initial=0.1),
    "norm": call("numpy.linalg.norm"), "norm 3": call("numpy.linalg.norm", 3, axis=1),
    "norm inf": call("numpy.linalg.norm", np.inf),
    "logsumexp": call("scipy.special.logsumexp", axis=1), "softmax": call("scipy.special.softmax", axis=1),
    "log_softmax": call("scipy.special.log_softmax", axis=0),
    "einsum sum": lambda F, a: NUMPY_FUNCTIONS["numpy.einsum"](F, "ij->j", F.square(a)), "roll": call("numpy.roll", 3),
    "pad edge": call("numpy.pad", 2, "edge"), "pad reflect": call("numpy.pad", 1, "reflect"),
    "pad wrap": call("numpy.pad", 5, "wrap"),
    "pad": call("numpy.pad", 1, constant_values=2.0), "tile": call("numpy.tile", (2, 2)),
    "repeat": call("numpy.repeat", 3, axis=0),
    "trace": call("numpy.trace", 1), "diagonal": call("numpy.diagonal"), "tril": call("numpy.tril"),
    "diff": call("numpy.diff", 2),
    "rot90": call("numpy.rot90"), "clip": call("numpy.clip", -0.5, 0.5), "flip": call("numpy.flip"),
    "split": call("numpy.array_split", 2),
    "reshape F": call("numpy.reshape", (2, 6), order="F"), "average": call("numpy.average", axis=0),
    "slice": lambda F, a: getitem(F, a, np.s_[::-1, 1:3]),
    "negative step": lambda F, a: getitem(F, a, np.s_[..., ::-2]),
    "rows twice": lambda F, a: getitem(F, a, [0, 2, 0, -1]),
    "elements": lambda F, a: getitem(F, a, ([0, 1, 0], slice(None, None, -1))),
    "selection": lambda F, a: F.square(getitem(F, a, F.gt(a, 0))),
    "sum of squares": lambda F, a: METHODS["sum"](F, F.square(a), 1),
}  # fmt: skip
MANY = {
    "matmul": (UFUNC_FUNCTIONS["matmul"], P, Q),
    "batched": (UFUNC_FUNCTIONS["matmul"], rng.normal(size=(2, 1, 3, 4)), rng.normal(size=(3, 4, 2))),
    "tall": (UFUNC_FUNCTIONS["matmul"], rng.normal(size=(2, 3, 4)), Q),
    "vector": (UFUNC_FUNCTIONS["matmul"], V, Q),
    "dot": (call("numpy.dot"), rng.normal(size=(2, 3, 4)), Q),
    "outer": (call("numpy.outer"), P, V),
    "kron": (call("numpy.kron"), P[:2, :2], Q),
    "cross": (call("numpy.cross"), rng.normal(size=(2, 3)), rng.normal(size=3)),
    "tensordot": (call("numpy.tensordot", ((1, 0), (0, 2))), P, rng.normal(size=(4, 2, 3))),
    "einsum": (lambda F, *a: NUMPY_FUNCTIONS["numpy.einsum"](F, "ij,jk,ki->k", *a), P, Q, rng.normal(size=(2, 3))),
    "einsum diagonal": (lambda F, *a: NUMPY_FUNCTIONS["numpy.einsum"](F, "ii,ij->j", *a), P[:, :3], P),
    "weighted": (lambda F, a, w: NUMPY_FUNCTIONS["numpy.average"](F, a, 1, F.exp(w)), P, V),
    "logsumexp": (lambda F, a, b: NUMPY_FUNCTIONS["scipy.special.logsumexp"](F, a, 1, F.exp(b)), P, P + 1),
    "where": (call("numpy.where"), MASK, P, V),
    "concatenate": (lambda F, *a: NUMPY_FUNCTIONS["numpy.concatenate"](F, a, axis=None), P, V),
    "stack": (lambda F, *a: NUMPY_FUNCTIONS["numpy.stack"](F, a, axis=1), V, V + 1),
    "masked mean": (lambda F, a, m: NUMPY_FUNCTIONS["numpy.mean"](F, a, 1, where=m), P, MASK),
    "masked var": (lambda F, a, m: NUMPY_FUNCTIONS["numpy.var"](F, a, 1, where=m), P, MASK),
    "take": (call("numpy.take", axis=1), P, np.array([[1, 1], [-1, 0]])),
    "take_along_axis": (call("numpy.take_along_axis", axis=1), P, np.argsort(P, 1)[:, :2]),
    "linspace": (lambda F, a, b: NUMPY_FUNCTIONS["numpy.linspace"](F, a, b, 5), V, V + 1),
    "mask": (lambda F, a, m: F.square(getitem(F, a, m)), P, MASK),
}


@pytest.mark.parametrize("name", sorted(ONE))
def test_of_one_array(name):
    check_orders(ONE[name], P)


@pytest.mark.parametrize("name", sorted(MANY))
def test_of_several_arrays(name):
    function, *arrays = MANY[name]
    check_orders(function, *arrays)


def slope(function, *arrays):
    graph, _ = trace(function, *arrays)
    return gradients(graph, arrays, [np.ones(o.shape) for o in interpret(graph, arrays)])


def curvature(function, x):
    """The gradient of the sum of the gradient."""
    graph, _ = trace(function, x)
    joint = pulled_back(graph)
    slopes = replace(joint, outputs=joint.outputs[len(graph.outputs) :])
    second = joint_vjp(mark(slopes, [p.grad for p in joint.params]), OPS, seeds="params")
    ones = [np.ones(o.shape) for o in interpret(graph, [x])]
    return interpret(second, [x, *ones, np.ones_like(x)])[-1]


@pytest.mark.parametrize("order", [None, 1, 2, 3, 2.5])
def test_norm_at_zero_is_finite(order):
    rows = np.array([[0.0, 0.0], [3.0, 4.0]])
    function = call("numpy.linalg.norm", order, axis=1)
    (found,) = slope(function, rows)
    p = 2 if order is None else order
    np.testing.assert_allclose(found[0], 0)
    np.testing.assert_allclose(found[1], (rows[1] / np.linalg.norm(rows[1], p)) ** (p - 1))
    assert np.isfinite(curvature(function, rows)).all()


def test_standard_deviation_of_equal_elements_is_finite():
    rows = np.array([[2.0, 2.0, 2.0], [1.0, 2.0, 4.0]])
    (found,) = slope(call("numpy.std", axis=1), rows)
    np.testing.assert_allclose(found[0], 0)
    np.testing.assert_allclose(found[1], (rows[1] - rows[1].mean()) / (3 * rows[1].std()))
    assert np.isfinite(curvature(call("numpy.std", axis=1), rows)).all()


def test_logsumexp_beside_minus_infinity():
    rows = np.array([[-np.inf, -np.inf], [-np.inf, 1.0], [2.0, 2.0], [1000.0, -1000.0]])
    function = call("scipy.special.logsumexp", axis=1)
    (found,) = slope(function, rows)
    np.testing.assert_allclose(found, [[0, 0], [0, 1], [0.5, 0.5], [1, 0]])
    assert np.isfinite(curvature(function, rows)).all()


def test_logsumexp_at_infinity_gives_its_gradient_to_the_infinite_elements():
    rows = np.array(
        [[np.inf, 0, 1], [np.inf, np.inf, 2], [-np.inf, np.inf, 3], [np.nan, 0, np.inf], [1e308, 0, -1e308]]
    )
    function = call("scipy.special.logsumexp", axis=1)
    (found,) = slope(function, rows)
    np.testing.assert_array_equal(found, [[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [np.nan] * 3, [1, 0, 0]])


def test_second_order_of_logsumexp_at_two_infinities():
    """The Hessian diag(p) - p p' with p = (1/2, 1/2, 0), along each unit vector."""
    x = np.array([np.inf, np.inf, 2.0])
    for function in (
        call("scipy.special.logsumexp"),
        lambda F, a: F.logaddexp(getitem(F, a, 0), F.logaddexp(getitem(F, a, 1), getitem(F, a, 2))),
    ):
        graph, _ = trace(function, x)
        joint = pulled_back(graph)
        slopes = replace(joint, outputs=joint.outputs[1:])
        second = joint_vjp(mark(slopes, [True, False]), OPS, seeds="params")
        rows = [interpret(second, [x, np.ones(()), row])[-1] for row in np.eye(3)]
        np.testing.assert_array_equal(rows, [[0.25, -0.25, 0], [-0.25, 0.25, 0], [0, 0, 0]])


def test_a_weight_of_zero_has_the_derivative_of_logsumexp():
    a, b = np.array([[3.0, 1, 2], [np.inf, 1, 2], [np.nan, 1, 2]]), np.array([0.0, 1, 2])
    function = lambda F, a, b: NUMPY_FUNCTIONS["scipy.special.logsumexp"](F, a, 1, b)  # noqa: E731
    by_a, _ = slope(function, a, b)
    share = np.exp([1.0, 2.0]) * [1, 2] / (np.exp(1.0) + 2 * np.exp(2.0))
    np.testing.assert_allclose(by_a, [[0, *share]] * 3)
    _, by_b = slope(function, a[:1], b)
    np.testing.assert_allclose(by_b, np.exp(a[0]) / (np.exp(1.0) + 2 * np.exp(2.0)))


def test_log_softmax_at_infinity():
    x = np.array([np.inf, 0.0, 1.0])
    second = lambda F, a: getitem(F, NUMPY_FUNCTIONS["scipy.special.log_softmax"](F, a), 1)  # noqa: E731
    np.testing.assert_array_equal(slope(second, x)[0], [-1, 1, 0])


@pytest.mark.parametrize("order", [None, 2, 3])
def test_norm_that_overflows_has_no_gradient(order):
    """Zero would pass for a norm that depends on nothing."""
    for x in ([np.inf, 1.0], [1e200, 1.0]):
        (found,) = slope(call("numpy.linalg.norm", order), np.array(x))
        assert np.isnan(found[0])


def test_softmax_of_large_numbers():
    rows = np.array([[1000.0, 0.0], [-np.inf, 1.0]])
    function = lambda F, a: F.mul(NUMPY_FUNCTIONS["scipy.special.softmax"](F, a, axis=1), np.float64(2))  # noqa: E731
    (found,) = slope(function, rows)
    np.testing.assert_allclose(found, 0, atol=1e-15)


def test_skipped_nan_does_not_poison():
    for name in ("nansum", "nanmean", "nanmax", "nanvar", "nanstd", "nanprod"):
        (found,) = slope(call(f"numpy.{name}"), HOLES)
        assert np.isfinite(found).all(), name
        np.testing.assert_allclose(found[np.isnan(HOLES)], 0)


def test_the_side_not_chosen_gets_nothing():
    def function(F, x):
        return NUMPY_FUNCTIONS["numpy.where"](F, F.gt(x, 0), F.sqrt(x), F.square(x))

    (found,) = slope(function, np.array([-2.0, 0.0, 4.0]))
    np.testing.assert_allclose(found, [-4, 0, 0.25])


def test_pair_distances_with_the_diagonal_masked():
    def energy(F, x):
        difference = F.sub(getitem(F, x, np.s_[:, None]), getitem(F, x, np.s_[None]))
        distance = NUMPY_FUNCTIONS["numpy.linalg.norm"](F, difference, axis=-1)
        off = F.eq(NUMPY_FUNCTIONS["numpy.eye"](F, x.dims[0]), 0)
        return METHODS["sum"](F, NUMPY_FUNCTIONS["numpy.where"](F, off, F.div(1.0, distance), 0.0))

    check_orders(energy, rng.normal(size=(4, 3)), tolerance=1e-5)


def test_float32_stays():
    single = P.astype("f4")
    for name in ("mean", "var", "std", "linalg.norm", "cumsum"):
        graph, _ = trace(call(f"numpy.{name}"), single)
        assert {str(o.type.dtype) for o in pulled_back(graph).outputs} == {"float32"}
