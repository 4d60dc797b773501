"""Printed modules are Numba functions: ``numba.njit`` compiles them as they are, and they compute the same numbers."""

import numba
import numpy as np
import pytest

from graphc import compiler
from graphc.ir.dims import symbol
from graphc.ir.types import F32, F64, ArrayType
from tests.codegen.run_graph import Compiled
from tests.schedule.programs import build

WITHOUT_WRAPPERS = {"_nrt": False, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def address_by_numba(source, name, signature):
    """The address of a printed function, compiled by Numba alone."""
    namespace = {"__name__": name}
    exec(compile(source, f"/nowhere/{name}.py", "exec"), namespace)
    function = numba.njit(signature, error_model="numpy", fastmath={"contract"}, **WITHOUT_WRAPPERS)(namespace[name])
    (result,) = function.overloads.values()
    KEPT.append(function)
    return result.library.get_pointer_to_function(result.fndesc.llvm_func_name)


KEPT = []


def softmax(F, x):
    shifted = F.exp(F.sub(x, F.reduce("max", x, [1], keepdims=True)))
    return F.div(shifted, F.reduce("sum", shifted, [1], keepdims=True))


def totals(F, x):
    return [F.reduce("sum", F.sin(x), [0, 1]), F.reduce("max", x, [0]), F.reduce("argmax", F.abs(x), [1])]


def stencil(F, x):
    n, m = x.dims
    inner = F.slice(x, starts=(1, 0), steps=(1, 1), dims=(n - 1, m))
    return F.embed(F.square(inner), starts=(1, 0), steps=(1, 1), dims=(n, m))


def logic(F, x):
    big = F.logical_and(F.gt(x, 0.25), F.lt(x, 1.0))
    return [big, F.select(big, x, 0.0), F.reduce("any", big, [1]), F.cast(F.mul(x, 10.0), np.dtype("i4"))]


@pytest.mark.parametrize("dtype", [F64, F32])
@pytest.mark.parametrize("body", [softmax, totals, stencil, logic])
def test_numba_compiles_the_same_program(body, dtype, monkeypatch):
    graph = build(body, ArrayType(dtype, (symbol("n"), symbol("m"))))
    x = np.random.default_rng(0).standard_normal((9, 37)).astype(dtype)
    ours = Compiled(graph)([x])
    used = []

    def addresses(functions):
        used.extend(functions)
        return [address_by_numba(source, name, signature) for name, source, signature in functions]

    monkeypatch.setattr(compiler, "_addresses", addresses)
    for found, expected in zip(ours, Compiled(graph)([x]), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(used) >= 2
