"""Every pointwise op of the table: values and dtypes against NumPy's and SciPy's, derivatives against differences."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from graphc.errors import InvalidGraphError, TraceTypeError, UnsupportedError
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.opdef import Pointwise, ZeroDerivative
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import DTYPES, F32, F64, REAL_DTYPES, ArrayType
from graphc.ir.verify import verify
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS  # which have tests of their own
from graphc.ops.table import OPS
from tests.ops.domains import ATTRS, DOMAINS, FIXED, NASTY, STEADY
from tests.ops.one_op import (
    OF_COMPLEX,
    check_orders,
    float_marks,
    gradient_graph,
    numeric_gradient,
    one_op,
    run,
)

POINTWISE = {n: op for n, op in OPS.items() if isinstance(op.kind, Pointwise) and op not in SCIPY_FUNCTIONS
             and n not in OF_COMPLEX}  # fmt: skip
SMOOTH = [name for name, op in POINTWISE.items() if op.differentiable]
OF_FLOATS = ("guarded_mul", "absorbing_mul", "difference")  # graphc's own
OF_BITS = ("widen_half", "narrow_half", "threefry")  # each of one dtype
BY_NUMPY = [name for name in POINTWISE if name not in ("cast", "stop_gradient", *OF_FLOATS, *OF_BITS)]


def samples(dtype: np.dtype, shape: tuple[int, ...], seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if dtype.kind == "f":
        return rng.uniform(-3, 3, shape).astype(dtype)
    if dtype.kind == "c":
        return (rng.uniform(-3, 3, shape) + 1j * rng.uniform(-3, 3, shape)).astype(dtype)
    return rng.integers(0 if dtype.kind in "ub" else -3, 2 if dtype.kind == "b" else 4, shape).astype(dtype)


def inputs_for(name: str, dtypes: tuple[np.dtype, ...], shapes: tuple[tuple[int, ...], ...]) -> list[np.ndarray]:
    arrays = [samples(dtype, shape, seed) for seed, (dtype, shape) in enumerate(zip(dtypes, shapes, strict=True))]
    if name == "pow" and all(d.kind in "iu" for d in dtypes):
        arrays[1] = np.abs(arrays[1])  # NumPy raises for an integer to a negative power
    if name in ("left_shift", "right_shift") and dtypes[1].kind == "i":
        arrays[1] = np.abs(arrays[1])  # a negative shift is undefined in C
    return arrays


def by_reference(name: str, arrays: list[Any]) -> Any:
    with np.errstate(all="ignore"):
        return POINTWISE[name].ref(*arrays)


def assert_same(found: Any, expected: Any) -> None:
    assert np.shape(found) == np.shape(expected)
    assert np.asarray(found).dtype == np.asarray(expected).dtype
    np.testing.assert_array_equal(found, expected)


# --- values -----------------------------------------------------------------------------------------------------------

# bfloat16 is none of NumPy's; it is in the table from when a test has met it, in whichever order they run.
NUMPYS = [dtype for name, dtype in DTYPES.items() if name != "bf16"]


@pytest.mark.parametrize("name", BY_NUMPY)
def test_dtypes_are_numpys(name):
    """Every combination of dtypes gives NumPy's dtype and value, or says that it is not to be had."""
    arity = POINTWISE[name].kind.arity
    first = [DTYPES["bool"]] if name == "select" else NUMPYS
    for dtypes in itertools.product(first, *[NUMPYS] * (arity - 1)):
        if all(dtype.kind in "iu" for dtype in dtypes) and list(map(NUMPYS.index, dtypes)) != sorted(
            map(NUMPYS.index, dtypes)
        ):
            continue  # two integers are promoted alike in either order
        arrays = inputs_for(name, dtypes, ((3,),) * arity)
        if not POINTWISE[name].takes_complex and any(dtype.kind == "c" for dtype in dtypes):
            with pytest.raises(UnsupportedError, match=f"{name} of complex"):
                run(name, arrays)
            continue
        try:
            expected = by_reference(name, arrays)
        except TypeError:
            with pytest.raises(TraceTypeError, match=name):
                run(name, arrays)
            continue
        if name in ("nextafter", "spacing") and uses_float16(name, arrays):
            with pytest.raises(UnsupportedError, match="float16"):
                run(name, arrays)
            continue
        found = run(name, arrays)
        if name == "polygamma" and dtypes != (F64, F64):
            assert found.dtype == expected.dtype  # SciPy rounds a factor of its own to float32 and gives float64
            np.testing.assert_allclose(found, expected, rtol=1e-6)
        else:
            assert_same(found, expected)


@pytest.mark.parametrize("name", OF_FLOATS)
@pytest.mark.parametrize("dtype", ["i8", "i1", "?"])
def test_ops_on_floats_refuse_the_rest(name, dtype):
    """They would not compile in these."""
    with pytest.raises(InvalidGraphError, match="floats"):
        run(name, [np.ones(3, dtype)] * 2)


def test_bits_of_halves():
    bits = np.arange(2**16, dtype=np.uint16)
    wide = run("widen_half", [bits])
    assert wide.dtype == F32
    np.testing.assert_array_equal(wide, bits.view(np.float16).astype(F32))
    real = ~np.isnan(wide)
    np.testing.assert_array_equal(run("narrow_half", [wide])[real], bits[real])
    between = np.array([65519.99, 65520.0, 2.0**-25, 3 * 2.0**-26, 1 + 2.0**-11, 1 + 3 * 2.0**-11, -1e-9], F32)
    expected = np.array([65504.0, np.inf, 0.0, 2.0**-24, 1.0, 1 + 2.0**-9, -0.0], np.float16)
    np.testing.assert_array_equal(run("narrow_half", [between]), expected.view(np.uint16))


def test_difference_of_equal_infinities_is_zero():
    a = np.array([np.inf, -np.inf, np.inf, np.nan, 3.0, 0.0])
    b = np.array([np.inf, -np.inf, -np.inf, np.nan, 1.0, -0.0])
    np.testing.assert_array_equal(run("difference", [a, b]), [0, 0, np.inf, np.nan, 2, 0])
    assert run("difference", [a.astype("f4"), b.astype("f4")]).dtype == F32


def uses_float16(name: str, arrays: list[Any]) -> bool:
    ref = POINTWISE[name].ref
    signature = [type(a) if isinstance(a, int | float) else a.dtype for a in arrays]
    return isinstance(ref, np.ufunc) and np.float16 in ref.resolve_dtypes((*signature, None))


@pytest.mark.parametrize("name", [name for name in BY_NUMPY if POINTWISE[name].kind.arity > 1])
@pytest.mark.parametrize("number", [2, 1.5])
def test_python_numbers_are_weak(name, number):
    for position, dtype in itertools.product(range(2), REAL_DTYPES.values()):
        arrays: list[Any] = [samples(dtype, (3,), 0)] * 2
        arrays[position] = number
        if name == "select":
            arrays = [np.array([True, False, True]), *arrays]
        if name == "pow" and dtype.kind in "iu":
            arrays = [abs(a) for a in arrays]
        try:
            expected = by_reference(name, arrays)
        except TypeError:
            with pytest.raises(TraceTypeError, match=name):
                run(name, arrays)
            continue
        if name == "nextafter" and uses_float16(name, arrays):
            with pytest.raises(UnsupportedError, match="float16"):
                run(name, arrays)
        else:
            assert_same(run(name, arrays), expected)


@pytest.mark.parametrize(("dtype", "number"), [("i1", 300), ("u1", -1), ("i4", 2**31), ("u8", -1)])
def test_python_integers_out_of_bounds(dtype, number):
    """NumPy raises where the integer does not fit the array's dtype; wrapping around would be a silent difference."""
    F = Builder(OPS, ShapeFacts())
    array = Value(ArrayType(np.dtype(dtype), (3,)), name="a")
    with pytest.raises(TraceTypeError, match=f"{number} is out of bounds"):
        F.add(array, number)


def test_two_python_numbers():
    F = Builder(OPS, ShapeFacts())
    assert [F.add(a, b).type.short for a, b in [(1, 2), (1, 2.0), (1.0, 2.0)]] == ["i64", "f64", "f64"]


SHAPES = [((), ()), ((0,), (1,)), ((3,), ()), ((2, 1), (3,)), ((1, 1, 4), (2, 1, 1)), ((0, 3), (3,)), ((2, 0), (1, 1))]


@pytest.mark.parametrize("name", BY_NUMPY)
@pytest.mark.parametrize("dtype", [F64, F32])
def test_shapes_broadcast(name, dtype):
    arity = POINTWISE[name].kind.arity
    if "integer" in getattr(POINTWISE[name].derivative, "reason", ""):
        dtype = DTYPES["i64"]
    dtypes = (dtype,) * arity
    if name == "ldexp":
        dtypes = (dtype, DTYPES["i32"])
    for shapes in SHAPES:
        chosen = (shapes * 2)[:arity] if arity < 3 else (*shapes, shapes[0])
        arrays = inputs_for(name, dtypes, chosen)
        if name == "select":
            arrays[0] = arrays[0] > 0
        assert_same(run(name, arrays), by_reference(name, arrays))


@pytest.mark.parametrize("name", [name for name in POINTWISE if POINTWISE[name].kind.arity == 2])
def test_symbolic_dims_broadcast(name):
    """f64[n,1] with f64[m] is f64[n,m] for every n and m, 0 and 1 too."""
    from graphc.ir.dims import symbol

    n, m = symbol("n"), symbol("m")
    dtype = DTYPES["i64"] if "integer" in getattr(POINTWISE[name].derivative, "reason", "") else F64
    F = Builder(OPS, ShapeFacts(hints={"n": 3, "m": 4}))
    second = DTYPES["i64"] if name == "ldexp" else dtype
    params = [Value(ArrayType(dtype, (n, 1)), name="a"), Value(ArrayType(second, (m,)), name="b")]
    graph = finish(F, name, params, [getattr(F, name)(*params)])
    verify(graph)
    for sizes in ((3, 4), (2, 2), (5, 0), (0, 3), (1, 1)):
        arrays = inputs_for(name, (dtype, second), ((sizes[0], 1), (sizes[1],)))
        np.testing.assert_array_equal(interpret(graph, arrays)[0], by_reference(name, arrays))


# --- derivatives ------------------------------------------------------------------------------------------------------


def test_every_smooth_op_has_a_domain():
    assert sorted(DOMAINS) == sorted(SMOOTH)
    assert sorted(STEADY) == sorted(n for n, op in POINTWISE.items() if isinstance(op.derivative, ZeroDerivative))


def marked(name: str, graph: Graph) -> list[bool]:
    return [m and k not in FIXED.get(name, ()) for k, m in enumerate(float_marks(graph))]


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name):
    """Gradient, both modes, second order: element by element."""
    arrays = DOMAINS[name]
    graph = one_op(name, arrays, ATTRS.get(name, {}))
    check_orders(graph, arrays, marked(name, graph))


@pytest.mark.parametrize("name", [name for name in SMOOTH if POINTWISE[name].kind.arity > 1])
def test_derivatives_of_broadcast_inputs(name):
    """Each input in turn stretched along an axis of its own, and one of them 0-d."""
    first, *rest = DOMAINS[name]
    for arrays in ([first[:2, None], *(x[:3] for x in rest)], [first[0], *(x[1:4] for x in rest)]):
        graph = one_op(name, arrays)
        check_orders(graph, arrays, marked(name, graph))


@pytest.mark.parametrize("name", sorted(STEADY))
def test_piecewise_constant_ops_are_constant(name):
    arrays = STEADY[name]
    graph = one_op(name, arrays)
    for position in range(len(arrays)):
        found, _ = numeric_gradient(graph, arrays, position, [np.ones(arrays[0].shape)])
        assert not found.any()


@pytest.mark.parametrize("name", SMOOTH)
def test_float32_stays_float32(name):
    """No value of the first and second derivative's graphs is float64."""
    if name in ("float_power", "cast"):
        return  # these are asked for float64
    arrays = [x.astype(np.float32) if x.dtype == F64 else x for x in DOMAINS[name]]
    graph = one_op(name, arrays)
    marks = marked(name, graph)
    first = gradient_graph(mark(graph, marks))
    second = gradient_graph(mark(first, [*marks, True]))
    for order in (first, second):
        assert [str(v) for v in order.values() if v.type.dtype == F64] == []
    exact = gradient_graph(mark(one_op(name, DOMAINS[name]), marks))
    for single, double in zip(
        interpret(first, [*arrays, np.ones(4)]), interpret(exact, [*DOMAINS[name], np.ones(4)]), strict=True
    ):
        np.testing.assert_allclose(single, double, rtol=3e-4, atol=1e-6)


# --- what is masked out does not count --------------------------------------------------------------------------------


def masked_graph(name: str, arrays: list[np.ndarray]) -> Graph:
    """select(mask, op(...), 0), with the mask as the last parameter."""
    F = Builder(OPS, ShapeFacts())
    params = [Value(ArrayType(a.dtype, a.shape), name=f"x{k}") for k, a in enumerate(arrays)]
    mask = Value(ArrayType(DTYPES["bool"], arrays[0].shape), name="mask")
    value = F.apply(OPS[name], params, ATTRS.get(name, {}))
    return finish(F, "masked", [*params, mask], [F.select(mask, value, 0.0)])


@pytest.mark.parametrize("dtype", [F64, F32])
@pytest.mark.parametrize("name", SMOOTH)
def test_masked_singular_points_leave_no_trace(name, dtype):
    """where(mask, f(x), 0) at each op's singular and overflowing points: gradients of both orders are zero there."""
    kinds = [x.dtype if x.dtype != F64 else dtype for x in DOMAINS[name]]
    grid = np.meshgrid(*(NASTY[kind] for kind in kinds), indexing="ij")
    arrays = [axis.ravel() for axis in grid]
    graph = masked_graph(name, arrays)
    marks = marked(name, graph)
    first = gradient_graph(mark(graph, marks))
    ones = np.ones(arrays[0].shape)
    inputs = [*arrays, np.zeros(arrays[0].shape, bool), ones]
    for gradient in interpret(first, inputs):
        np.testing.assert_array_equal(gradient, 0)
    second = gradient_graph(mark(first, [*marks, True]))
    for gradient in interpret(second, [*inputs, *[ones] * sum(marks)]):
        np.testing.assert_array_equal(gradient, 0)


# --- printed expressions ----------------------------------------------------------------------------------------------


class Helpers(dict):
    """The names that an expression may use: ``<op>_<dtype>`` stands for the op's reference."""

    def __missing__(self, name: str) -> Any:
        op, _, short = name.rpartition("_")
        assert short in DTYPES, f"{name} is no helper"
        return OPS[op].ref


@pytest.mark.parametrize("name", [name for name in POINTWISE if name != "cast"])
def test_expressions_have_the_references_value(name):
    """The printed source, evaluated over arrays with NumPy's functions as helpers, for each dtype that the op takes."""
    op = POINTWISE[name]
    letters = [f"x{k}" for k in range(op.kind.arity)]
    for short, dtype in REAL_DTYPES.items():
        if name in OF_FLOATS and dtype.kind != "f":
            continue
        dtypes = (dtype,) * op.kind.arity
        if name == "select":
            dtypes = (DTYPES["bool"], dtype, dtype)
        if name == "ldexp":
            dtypes = (dtype, DTYPES["i32"])
        arrays = inputs_for(name, dtypes, ((5,),) * op.kind.arity)
        try:
            graph = one_op(name, arrays)
        except (TraceTypeError, UnsupportedError):
            continue
        if graph.params[-1].type != graph.outputs[0].node.inputs[-1].type:
            continue  # computed in another dtype, which has its turn
        source = op.print_expr("bool" if name == "select" else short, letters)
        assert not any(character == "." for character in source), "a float literal would widen float32"
        names = Helpers(zip(letters, arrays, strict=True), select=np.where)
        with np.errstate(all="ignore"):
            found = eval(source, {"__builtins__": {}}, names)
        np.testing.assert_array_equal(
            np.asarray(found).astype(graph.outputs[0].type.dtype), interpret(graph, arrays)[0]
        )
