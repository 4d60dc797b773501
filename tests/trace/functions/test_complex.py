"""NumPy's functions on complex arrays: values and derivatives of those that take them, refusals of all others."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import pytree
from graphc.config import override
from graphc.errors import GraphcError, UnsupportedError
from graphc.ir.interp import interpret
from graphc.ops.table import OPS
from graphc.passes.lowering import lowered
from graphc.program import reach_plan
from graphc.runtime import pycall
from graphc.testing import check_grads
from graphc.trace import record
from graphc.trace.functions import fourier, special_values
from graphc.trace.functions.complex_values import TAKES_COMPLEX
from graphc.trace.functions.table import METHODS, NUMPY_FUNCTIONS, UFUNC_FUNCTIONS, UFUNC_METHODS, signature_of
from graphc.trace.target import make_target
from tests.trace.functions.support import trace

rng = np.random.default_rng(7)


def numbers(*shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


Z, W, P, Q, S = numbers(4), numbers(4), numbers(3, 4), numbers(4, 3), numbers(3, 3)
MASK = np.array([True, False, True, True])
PLACES = np.array([2, 0, 0])


@pytest.fixture(autouse=True)
def _interpreted():
    with override(disable_jit=True):
        yield


def writes(z):
    y = z.copy()
    y[1] = 3 + 4j
    y[2:] *= 2j
    y.real[0] = 7
    imag = y.imag
    imag += 1
    np.fill_diagonal(y.reshape(2, 2), 1j)
    return y


def powers_in_a_loop(z):
    total = 0j
    for i in range(z.shape[0]):
        total = total * z[i] + 1
    return total


def until_large(z):
    w, k = z * 0, 0
    while k < 5:
        w = w * w * 0.1 + z
        k += 1
    return w


def branches(z):
    if z[0].real > 0:
        return z * 2
    return z * 1j


# Rearrangements: the functions that do no arithmetic, each by one call.
MOVING = {
    "append": np.append, "array_split": lambda z, w: np.array_split(z, 3)[0] * w[:2],
    "atleast_1d": lambda z, w: np.atleast_1d(z), "atleast_2d": lambda z, w: np.atleast_2d(z),
    "atleast_3d": lambda z, w: np.atleast_3d(z), "block": lambda z, w: np.block([z, w]),
    "broadcast_arrays": lambda z, w: np.broadcast_arrays(z, w[:1])[1], "broadcast_to": lambda z, w:
        np.broadcast_to(z, (2, 4)), "choose": lambda z, w: np.choose([0, 1, 1, 0], [z, w]),
    "column_stack": lambda z, w: np.column_stack([z, w]), "compress": lambda z, w: np.compress(MASK, z),
    "concatenate": lambda z, w: np.concatenate([z, w.real]), "copy": lambda z, w: np.copy(z),
    "delete": lambda z, w: np.delete(z, 1), "diag": lambda z, w: np.diag(z), "diagflat": lambda z, w: np.diagflat(z),
    "diagonal": lambda z, w: np.diagonal(np.outer(z, w)), "dstack": lambda z, w: np.dstack([z, w]),
    "empty_like": lambda z, w: np.empty_like(z) * 0 + w, "expand_dims": lambda z, w: np.expand_dims(z, 0),
    "extract": lambda z, w: np.extract(MASK, z), "flip": lambda z, w: np.flip(z), "fliplr": lambda z, w:
        np.fliplr(np.stack([z, w])), "flipud": lambda z, w: np.flipud(z), "full_like": lambda z, w:
        np.full_like(z, 1j) * w, "hstack": lambda z, w: np.hstack([z, w]), "insert": lambda z, w: np.insert(z, 1, w[0]),
    "meshgrid": lambda z, w: np.meshgrid(z, w)[0], "moveaxis": lambda z, w: np.moveaxis(np.outer(z, w), 0, 1),
    "pad": lambda z, w: np.pad(z, 1), "ravel": lambda z, w: np.ravel(np.outer(z, w)), "repeat": lambda z, w:
        np.repeat(z, 2), "reshape": lambda z, w: np.reshape(z, (2, 2)), "resize": lambda z, w: np.resize(z, 6),
    "roll": lambda z, w: np.roll(z, 1), "rot90": lambda z, w: np.rot90(z.reshape(2, 2)), "select": lambda z, w:
        np.select([MASK], [z], w), "split": lambda z, w: np.split(z, 2)[1], "squeeze": lambda z, w: np.squeeze(z[None]),
    "stack": lambda z, w: np.stack([z, 1j * w]), "swapaxes": lambda z, w: np.swapaxes(np.outer(z, w), 0, 1),
    "take": lambda z, w: np.take(z, [1, 2]), "take_along_axis": lambda z, w: np.take_along_axis(z, PLACES, 0),
    "tile": lambda z, w: np.tile(z, 2), "tril": lambda z, w: np.tril(np.outer(z, w)), "triu": lambda z, w:
        np.triu(np.outer(z, w)), "vstack": lambda z, w: np.vstack([z, w]),
    "where": lambda z, w: np.where(MASK, z, w), "zeros_like": lambda z, w: np.zeros_like(z) + w,
    "ones_like": lambda z, w: np.ones_like(z) * w, "linspace": lambda z, w: np.linspace(z, w, 5), "item": lambda z, w:
        z[1], "at places": lambda z, w: z[PLACES], "masked": lambda z, w: z[MASK] * 2, "full": lambda z, w:
        np.full((2, 4), z) * w, "roll axis": lambda z, w: np.rollaxis(np.outer(z, w), 1), "writes": lambda z, w:
        writes(z) * w, "transposed": lambda z, w: np.outer(z, w).T.conj(), "trace": lambda z, w:
        np.trace(np.outer(z, w)), "astype": lambda z, w: z.real.astype(complex) * w, "copyto": lambda z, w:
        copied_to(z, w) * 1, "array": lambda z, w: np.array([z[0], 1.0, 2j]) * w[0],
}  # fmt: skip


def put_into_reals(z):
    x = np.zeros(4)
    x[1] = z[0]
    return x


def copied_to(z, w):
    y = z * 1
    np.copyto(y, w, where=MASK)
    np.put(y, [1], 2j)
    return y


COMPUTING = {
    "matmul": (np.matmul, P, Q), "matmul of a real matrix": (np.matmul, P, Q.real), "dot": (np.dot, Z, W),
    "vdot": (np.vdot, Z, W), "vecdot": (np.vecdot, P, W), "inner": (np.inner, P, numbers(2, 4)), "outer":
        (np.outer, Z, W), "einsum": (lambda a, b: np.einsum("ij,jk->ki", a, b), P, Q), "kron": (np.kron, Z, W), "cross":
        (np.cross, Z[:3], W[:3]), "tensordot": (lambda a, b: np.tensordot(a, b, 1), P, Q),
    "multi_dot": (lambda a, b: np.linalg.multi_dot([a, b, a]), P, Q), "mean": (lambda a: np.mean(a, 0), P),
    "sum": (lambda a: np.sum(a, 1, keepdims=True), P), "sum where": (lambda a: np.sum(a, where=MASK), P),
    "var": (np.var, P), "std": (lambda a: np.std(a, 1, ddof=1), P), "norm": (np.linalg.norm, P),
    "norm 1": (lambda a: np.linalg.norm(a, 1, axis=0), P), "norm 3": (lambda a: np.linalg.norm(a, 3, axis=0), P),
    "norm inf": (lambda a: np.linalg.norm(a, np.inf), P), "norm 0": (lambda a: np.linalg.norm(a, 0), Z),
    "average": (lambda a: np.average(a, weights=np.arange(4.0)), Z), "angle": (np.angle, Z),
    "angle in degrees": (lambda z: np.angle(z, deg=True), Z), "real": (np.real, Z), "imag": (np.imag, Z),
    "conj": (np.conj, Z), "sign": (np.sign, Z), "abs": (np.abs, Z), "cumsum": (np.cumsum, Z), "diff": (np.diff, Z),
    "ediff1d": (np.ediff1d, Z), "trapezoid": (lambda z: np.trapezoid(z, dx=0.5), Z), "vander": (np.vander, Z),
    "prod": (np.prod, Z), "prod of rows": (lambda a: np.prod(a, axis=1), P), "cumprod": (np.cumprod, Z),
    "polyval": (np.polyval, Z, W), "polymul": (np.polymul, Z, W), "polyadd": (np.polyadd, Z, W), "polyder":
        (np.polyder, Z), "polyint": (np.polyint, Z), "power": (np.power, Z, W), "power of a real": (lambda a, b:
        a**b, Z, W.real), "square": (lambda a: a**2, Z), "fifth power": (lambda a: a**-5, Z), "root": (lambda a:
        a**0.5, Z), "promoted": (lambda x: x * 1j + 2, Z.real), "rows": (lambda p: [row.sum() for row in p][1], P),
    "a loop": (powers_in_a_loop, Z), "a while loop": (until_large, Z), "a branch": (branches, Z),
    "a python number": (lambda a: a * a + a.real, 2 - 3j), "python's abs": (abs, 1 + 2j), "exp of a phase":
        (lambda x: np.exp(1j * x), Z.real), "made of parts": (lambda z: complex(z[0].real, 2.0) * z, Z),
    "convolve": (np.convolve, Z, W[:3]), "correlate": (np.correlate, Z, W[:3]),
    "correlate with a longer one":
        (lambda a, b: np.correlate(a, b, "full"), W[:3], Z),
    "add.reduce": (np.add.reduce, P), "add.outer": (np.add.outer, Z, W),
}  # fmt: skip

SYSTEMS = {
    "solve": (np.linalg.solve, S, numbers(3, 2)), "solve a vector": (np.linalg.solve, S, numbers(3)),
    "solve of a real matrix": (np.linalg.solve, S.real, numbers(3)), "solve a real side":
        (np.linalg.solve, S, numbers(3).real),
    "solve a stack": (np.linalg.solve, np.stack([S, 2j * S]), numbers(2, 3, 1)),
    "inv": (np.linalg.inv, S), "inv of a stack": (np.linalg.inv, np.stack([S, S + 1j])),
}  # fmt: skip

VALUES_ALONE = {
    "isclose": (np.isclose, Z, Z + 1e-9), "allclose": (np.allclose, Z, W), "array_equal": (np.array_equal, Z, Z),
    "iscomplex": (np.iscomplex, np.array([1, 2j])), "isreal": (np.isreal, np.array([1, 2j])), "any": (np.any, Z),
    "all": (np.all, np.array([1j, 0])), "count_nonzero": (np.count_nonzero, np.array([1j, 0])), "nonzero":
        (np.nonzero, np.array([1j, 0, 2])), "equal": (np.equal, Z, Z.real), "not_equal": (np.not_equal, Z, W),
    "isnan": (np.isnan, np.array([complex(1, np.nan), 1j])), "isinf": (np.isinf, np.array([complex(1, np.inf), 1j])),
    "isfinite": (np.isfinite, np.array([complex(np.nan, 1), 1j])), "logical_and":
        (np.logical_and, Z, np.array([0, 1j, 1, 0])),
    "complex64": (lambda z: z.astype(np.complex64) * 2, Z), "single times 1j": (lambda x: x * 1j, np.float32([1, 2])),
    "linspace": (lambda a, b: np.linspace(a, b, 5), 1 + 2j, 3j),
}  # fmt: skip


def pairs(array):
    """Complex numbers as a program holds them: real and imaginary part along one more axis."""
    array = np.asarray(array)
    return np.stack([array.real, array.imag], -1) if array.dtype.kind == "c" else array


def check_value(f, *args):
    """The traced graph, and the one on parts that is compiled, both interpreted, against NumPy."""
    traced = record.trace(make_target(f), args, {}, OPS, lambda leaves: None, 0)
    outside = [source.path for source in traced.inputs if source.leaf < 0]
    access = traced.captures.paths.access(outside, [])
    graph, inputs = traced.graph, [*args, *pycall.reach(reach_plan(access), args)]
    expected = [np.asarray(leaf) for leaf in pytree.flatten(f(*args))[0]]
    parts = interpret(lowered(graph, OPS), [pairs(a) for a in inputs])
    for found, pair, wanted in zip(interpret(graph, inputs), parts, expected, strict=True):
        assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        tolerance = 1e-6 if wanted.dtype == np.complex64 else 1e-13
        np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(pair, pairs(wanted), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", MOVING)
def test_rearranging(name):
    check_value(MOVING[name], Z, W)
    check_grads(MOVING[name], (Z, W), order=1, modes=("rev",))


@pytest.mark.parametrize("name", COMPUTING)
def test_computing(name):
    f, *args = COMPUTING[name]
    check_value(f, *args)
    if name != "norm 0":
        check_grads(f, args, order=1)


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_of_equations(name):
    f, *args = SYSTEMS[name]
    found, expected = graphc.vjp(f, *args)[0], f(*args)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    check_grads(f, args, order=1)


@pytest.mark.parametrize("name", VALUES_ALONE)
def test_values(name):
    f, *args = VALUES_ALONE[name]
    check_value(f, *args)


def needed_arguments(f):
    return [p for p in list(signature_of(f).parameters.values())[1:] if p.default is p.empty and p.kind < p.VAR_KEYWORD]


TABLES = [NUMPY_FUNCTIONS, {f"ndarray.{n}": f for n, f in METHODS.items()},
          {f"numpy.{n}": f for n, f in UFUNC_FUNCTIONS.items()},
          {f"numpy.{'.'.join(n)}": f for n, f in UFUNC_METHODS.items()}]  # fmt: skip
ACCEPTING = TAKES_COMPLEX | fourier.TAKES_COMPLEX | special_values.TAKES_COMPLEX | {"numpy.wofz", "numpy.wrightomega"}
OTHERS = {name: f for table in TABLES for name, f in table.items() if name not in ACCEPTING and needed_arguments(f)}


@pytest.mark.parametrize("name", OTHERS)
def test_every_other_function_refuses_complex_arrays_by_its_name(name):
    """What is composed of ops for real numbers would be wrong without a sign of it."""
    count = max(len(needed_arguments(OTHERS[name])), 1)
    own = name.rpartition(".")[2]  # a ufunc of SciPy's is named as SciPy's
    with pytest.raises(UnsupportedError, match=f"{own} of complex128 is not supported"):
        trace(OTHERS[name], *[S] * count)


def test_the_imaginary_part_is_discarded_with_numpys_warning():
    with pytest.warns(np.exceptions.ComplexWarning):
        gradient = graphc.grad(lambda z: np.sum(z.astype(float) ** 2))(Z)
    np.testing.assert_allclose(gradient, 2 * Z.real)


def test_names_of_functions_that_take_complex_arrays_exist():
    known = {name for table in TABLES for name in table} | {"numpy.result_type"}
    missing = TAKES_COMPLEX - known
    assert all(name.split(".")[-1] in ("fill", "put", "copyto", "fill_diagonal", "place", "put_along_axis", "putmask",
               "flatten", "astype") or "ndarray." in name for name in missing), missing  # fmt: skip


@pytest.mark.parametrize(
    ("f", "says"),
    [
        (lambda z: z < 1, "lt of complex128 is not supported"),
        (lambda z: np.maximum(z, 0), "maximum of complex128"),
        (np.floor, "floor"),
        (lambda z: np.sum(z, dtype=float), "a complex number where float64 is due"),
        (put_into_reals, "a complex number where float64 is due"),
        (lambda z: float(z[0]) + z, "float64 of a complex number"),
        (lambda z: np.arctan2(z, z), "arctan2"),
    ],
)
def test_what_has_no_answer_for_complex_numbers(f, says):
    with pytest.raises((GraphcError, TypeError), match=says):
        graphc.grad(lambda z: np.sum(np.abs(f(z))))(Z)
