"""Ops on complex numbers: derivatives of both orders by both parts, and values of their parts compiled."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import UnsupportedError
from graphc.ir.opdef import Control, Create, Custom, Foreign, Pointwise
from graphc.ir.types import DTYPES, F64
from graphc.ops.table import OPS
from tests.ops.cases import CASES
from tests.ops.one_op import check_orders, one_op, run

PLANE = np.array([0.6 + 0.8j, -1.3 + 0.4j, 0.7 - 1.6j, -0.5 - 0.9j])
OTHER = np.array([1.2 - 0.3j, -0.4 + 1.1j, 0.9 + 0.7j, -1.5 - 0.8j])
CONDITION = np.array([True, False, False, True])
OF_C128 = {"dtype": DTYPES["c128"]}

POINTWISE = {name: op for name, op in OPS.items() if isinstance(op.kind, Pointwise) and op.takes_complex}
SMOOTH = [name for name, op in POINTWISE.items() if op.differentiable]


def inputs_of(name: str) -> tuple[np.ndarray, ...]:
    if name == "complex":
        return PLANE.real, PLANE.imag
    if name == "select":
        return CONDITION, PLANE, OTHER
    return (PLANE, OTHER)[: POINTWISE[name].kind.arity]


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives(name):
    """By real and imaginary parts, forward against reverse, second order: ``check_orders`` takes complex inputs."""
    arrays = inputs_of(name)
    check_orders(one_op(name, arrays, OF_C128 if name == "cast" else {}), arrays)


@pytest.mark.parametrize(("source", "target"), [("f64", "c128"), ("c128", "c64"), ("c64", "c128")])
def test_derivatives_of_casts(source, target):
    x = PLANE.astype(DTYPES[source]) if source != "f64" else PLANE.real
    graph = one_op("cast", [x], {"dtype": DTYPES[target]})
    assert graph.outputs[0].type.short == target
    if "c64" not in (source, target):
        check_orders(graph, [x])


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "guarded_mul", "absorbing_mul"])
@pytest.mark.parametrize("real", [0, 1])
def test_a_real_operand_takes_the_real_part_of_its_cotangent(name, real):
    arrays = [PLANE, OTHER]
    arrays[real] = np.abs(arrays[real])
    check_orders(one_op(name, arrays), arrays)


def as_complex(array: np.ndarray) -> np.ndarray:
    return array + 1j * np.resize(OTHER.imag, array.shape) if array.dtype == F64 else array


def takes_arrays(name: str) -> bool:
    return not isinstance(OPS[name].kind, Pointwise | Create | Control | Custom | Foreign)


def has_other_tests(name: str) -> bool:
    """Factorisations have complex cases of their own: an imaginary part makes no Hermitian matrix of a symmetric one.
    What depends on the phases of ``svd`` has no derivative: ``test_complex_linalg`` differentiates what does not."""
    with_derivatives = [case for case in CASES[name] if case.orders]
    complex_ones = any(a.dtype.kind == "c" for case in with_derivatives for a in case.arrays)
    return complex_ones or not with_derivatives or name == "svd"


WHOLE = [name for name in OPS if takes_arrays(name) and OPS[name].takes_complex and not has_other_tests(name)]


@pytest.mark.parametrize("name", WHOLE)
def test_derivatives_of_whole_arrays(name):
    """The cases of the real op, with an imaginary part."""
    for case in CASES[name]:
        if any(a.dtype == F64 for a in case.arrays):
            arrays = [as_complex(a) for a in case.arrays]
            graph = one_op(name, arrays, case.attrs)
            assert graph.outputs[0].type.is_complex
            check_orders(graph, arrays, orders=min(case.orders, 2))


@pytest.mark.parametrize("name", [name for name in OPS if takes_arrays(name) and not OPS[name].takes_complex])
def test_ops_without_complex_numbers_refuse_them_by_name(name):
    for case in CASES[name][:1]:
        if any(a.dtype == F64 for a in case.arrays):
            with pytest.raises(UnsupportedError, match=f"{name} of complex"):
                run(name, [as_complex(a) for a in case.arrays], case.attrs)
