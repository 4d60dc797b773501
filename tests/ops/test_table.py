"""The table as a whole, and every op of it that is not pointwise: values, derivatives of several orders."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from graphc.errors import GraphcError, IndexRangeError, InvalidGraphError, ShapeError
from graphc.ir.interp import interpret
from graphc.ir.opdef import Control, Custom, Foreign, General, Linear, Op, Partials, Pointwise, Reduce, Scan
from graphc.ir.text import parse, print_graph
from graphc.ir.types import C64, C128, DTYPES, F32, F64
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS
from graphc.ops.table import OPS, build_table
from tests.ops.cases import CASES
from tests.ops.complex_matrix_cases import ALL_MATRIX_CASES
from tests.ops.domains import DOMAINS
from tests.ops.fourier_cases import FOURIER_CASES
from tests.ops.one_op import OF_COMPLEX, check_orders, float_marks, floats_of, gradient_graph, one_op
from tests.ops.test_pointwise import masked_graph

NUMBERED = [(name, k) for name, cases in CASES.items() for k in range(len(cases))]
SMOOTH = [(name, k) for name, k in NUMBERED if CASES[name][k].orders]


# --- the table --------------------------------------------------------------------------------------------------------


def test_every_op_has_cases():
    """A new op that is not pointwise needs cases here; a pointwise one a domain, see test_pointwise.

    Ops with regions or rules are no functions of arrays alone: tests/control and tests/test_custom.py have graphs.
    """
    assert sorted(CASES) == sorted(
        name for name, op in OPS.items() if not isinstance(op.kind, Pointwise | Control | Custom | Foreign)
    )


def test_every_differentiable_op_is_differentiated():
    checked = {name for name, _ in SMOOTH}
    plain = {name: op for name, op in OPS.items() if not isinstance(op.kind, Control | Custom | Foreign)}
    plain = {name: op for name, op in plain.items() if op not in SCIPY_FUNCTIONS}  # which have tests of their own
    assert checked | set(DOMAINS) | OF_COMPLEX == {name for name, op in plain.items() if op.differentiable}


def test_a_name_stands_once():
    with pytest.raises(ValueError, match="twice"):
        build_table([OPS["add"]], [OPS["add"]])


def test_a_missing_derivative_is_an_error_at_once():
    with pytest.raises(TypeError, match="derivative is missing"):
        Op("new", Pointwise(1), np.sin, None, expr="{0}")


def test_the_table_imports_neither_scipy_nor_numba():
    code = "import sys, graphc.ops.table; sys.exit(any(m in sys.modules for m in ('scipy', 'numba')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- values and derivatives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "k"), NUMBERED)
def test_values(name, k):
    case = CASES[name][k]
    graph = one_op(name, case.arrays, case.attrs)
    expected = case.expected(*case.arrays)
    results = tuple(expected) if len(graph.outputs) > 1 else (expected,)
    for found, wanted in zip(interpret(graph, case.arrays), map(np.asarray, results), strict=True):
        assert found.dtype == wanted.dtype
        tolerance = 1e-13 if name in ALL_MATRIX_CASES or name in FOURIER_CASES else 1e-14
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "k"), NUMBERED)
def test_text_form(name, k):
    graph = one_op(name, CASES[name][k].arrays, CASES[name][k].attrs)
    text = print_graph(graph)
    assert print_graph(parse(text, OPS)) == text


@pytest.mark.parametrize(("name", "k"), SMOOTH)
def test_derivatives(name, k):
    case = CASES[name][k]
    check_orders(floats_of(one_op(name, case.arrays, case.attrs)), case.arrays, orders=case.orders)


@pytest.mark.parametrize(("name", "k"), SMOOTH)
def test_float32_stays_float32(name, k):
    case = CASES[name][k]
    single = {F64: F32, C128: C64}
    arrays = [a.astype(single.get(a.dtype, a.dtype)) for a in case.arrays]
    graph = floats_of(one_op(name, arrays, case.attrs))
    first = gradient_graph(mark(graph, float_marks(graph)))
    second = gradient_graph(mark(first, float_marks(first)))
    for order in (graph, first, second):
        assert [str(v) for v in order.values() if v.type.dtype in single] == []
    assert interpret(graph, arrays)[0].dtype in single.values()


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if isinstance(op.kind, Reduce | Scan)])
def test_steps_have_the_references_value(name):
    """The printed init and step, run by a plain loop over the elements, in each dtype."""
    op, (rows, attrs) = OPS[name], ((5,), dict(CASES[name][0].attrs))
    helpers = {
        "select": lambda c, a, b: a if c else b,
        "fold_max": max_with_nan, "fold_min": lambda acc, x: -max_with_nan(-acc, -x),
        "prefer_max": lambda acc, x: bool(x > acc or (np.isnan(x) and not np.isnan(acc))),
        "prefer_min": lambda acc, x: bool(x < acc or (np.isnan(x) and not np.isnan(acc))),
    }  # fmt: skip
    names = {f"{n}_{short}" if n != "select" else n: f for n, f in helpers.items() for short in DTYPES}
    for numbers in ([2.0, -1.0, 3.0, 3.0, 0.5], [1.0, np.nan, 4.0, np.nan, -2.0], [-np.inf] * 5):
        arrays = [np.resize(np.array(numbers), rows) > 0 if name in ("any", "all") else np.resize(numbers, rows)]
        arrays *= 2 if name == "linear_scan" else 1
        (expected,) = interpret(one_op(name, arrays, attrs), arrays)
        found = walk(op, arrays, names)
        np.testing.assert_allclose(found[-1] if isinstance(op.kind, Reduce) else found, expected)


def max_with_nan(acc, x):
    return x if np.isnan(x) or x > acc else acc


def walk(op, arrays, names):
    """The accumulator (for an index fold: the position) after each element."""
    short = {dtype: short for short, dtype in DTYPES.items()}[arrays[0].dtype]
    constants = {"inf": np.inf}
    acc, best, history = eval(op.kind.init(arrays[0].dtype), constants), 0, []
    for position, elements in enumerate(zip(*arrays, strict=True)):
        words = [f"x{k}" for k in range(len(elements))]
        source = op.kind.step.format(*words, acc="acc", t=short)
        with np.errstate(invalid="ignore"):
            fresh = eval(source, {**names, "acc": acc, **dict(zip(words, elements, strict=True))})
        if getattr(op.kind, "index", False):
            acc, best = (elements[0], position) if fresh else (acc, best)
        else:
            acc = fresh
        history.append(best if getattr(op.kind, "index", False) else acc)
    return history


# --- bad input --------------------------------------------------------------------------------------------------------

X, I = np.ones((3, 2)), np.array([0, 3])  # noqa: E741
FORWARD = {"axis": 0, "reverse": False, "exclusive": False}
INVALID = [
    ("add", (np.ones(2), np.ones(3)), {}, ShapeError, r"\(2\) and \(3\) do not broadcast"),
    ("max", (np.ones((0, 2)),), {"axes": (0,)}, ShapeError, "no elements"),
    ("argmin", (np.ones((2, 0)),), {"axes": (1,)}, ShapeError, "no elements"),
    ("argmax", (X,), {"axes": (0, 1)}, InvalidGraphError, "takes one"),
    ("any", (X,), {"axes": (0,)}, InvalidGraphError, "bool"),
    ("gather", (X, np.array([0.5])), {"axes": (0,), "checked": True}, InvalidGraphError, "int64"),
    ("gather", (X, I), {"axes": (0, 1), "checked": True}, InvalidGraphError, "1 index arrays over axes"),
    ("gather", (X, I, np.zeros(3, int)), {"axes": (0, 1), "checked": True}, ShapeError, "do not broadcast"),
    ("scatter_add", (X, I), {"axes": (0,), "dims": (4, 2), "checked": True}, InvalidGraphError, "ask for"),
    ("mask_indices", (X,), {"symbol": "m"}, InvalidGraphError, "mask_indices"),
    (
        "linear_scan",
        (np.ones(2), X),
        {"axis": 0, "reverse": False, "exclusive": False},
        InvalidGraphError,
        "linear_scan",
    ),
]


@pytest.mark.parametrize(("name", "arrays", "attrs", "error", "message"), INVALID)
def test_what_does_not_fit_is_an_error(name, arrays, attrs, error, message):
    with pytest.raises(error, match=message) as caught:
        one_op(name, arrays, attrs)
    assert isinstance(caught.value, GraphcError)


@pytest.mark.parametrize("bad", [3, -1])
def test_an_index_outside_is_an_error(bad):
    arrays = (np.ones(3), np.array([0, bad]))
    with pytest.raises(IndexRangeError, match=f"index {bad} is out of bounds for axis 0 with size 3"):
        interpret(one_op("gather", arrays, {"axes": (0,), "checked": True}), arrays)
    arrays = (np.ones(2), np.array([0, bad]))
    with pytest.raises(IndexRangeError, match=f"index {bad} is out of bounds"):
        interpret(one_op("scatter_add", arrays, {"axes": (0,), "dims": (3,), "checked": True}), arrays)


# --- the checks can fail ----------------------------------------------------------------------------------------------


def planted(name: str, derivative) -> dict[str, Op]:
    return {**OPS, name: dataclasses.replace(OPS[name], derivative=derivative)}


def wrong_jvp(F, node, tangents):
    return (F.reduce("sum", tangents[0], node.attrs["axes"]),)


def mean_transpose(F, g, node):
    (right,) = OPS["cumsum"].derivative.transpose(F, g, node)
    return (F.mul(right, 1.0001),)


WRONG = {
    "first order": ("sin", Partials(lambda F, y, x: (F.mul(F.cos(x), 1 + 4e-6),))),
    "one input of two": ("mul", Partials(lambda F, y, a, b: (b, F.neg(a)))),
    "second order only": ("tanh", Partials(lambda F, y, x: (F.sub(1.0, F.stop_gradient(F.square(y))),))),
    "forward mode only": ("max", General(OPS["max"].derivative.vjp, wrong_jvp)),
    "a transpose": ("cumsum", Linear(mean_transpose)),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_planted_wrong_rule_is_found(what):
    name, derivative = WRONG[what]
    ops = planted(name, derivative)
    arrays, attrs = (DOMAINS[name], {}) if name in DOMAINS else (CASES[name][1].arrays, CASES[name][1].attrs)
    with pytest.raises(AssertionError, match=r"Not equal|differ by"):
        check_orders(one_op(name, arrays, attrs, ops), arrays, ops=ops)


def test_an_unguarded_product_is_found():
    """The masked points do reach infinite partials: without the guard they poison the gradient."""
    plain = dataclasses.replace(OPS["guarded_mul"], ref=np.multiply)
    x = np.array([0.0, 1.0])
    first = gradient_graph(mark(masked_graph("sqrt", [x]), [True, False]), {**OPS, "guarded_mul": plain})
    (gradient,) = interpret(first, [x, np.array([False, True]), np.ones(2)])
    assert np.isnan(gradient[0])
    assert gradient[1] == 0.5
