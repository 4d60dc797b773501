"""The package's table, its import, and what a calling loop compiles to."""

import re
import subprocess
import sys

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from numba import types

from graphc.codegen import vecmath
from graphc.codegen.objects import Source
from graphc.codegen.vecmath_names import NAMES
from tests.codegen.vecmath_support import DTYPES, arity, kernel_source, optimised_ir

FEATURES = llvm.get_host_cpu_features()


def test_the_names_without_numba_are_the_functions():
    assert {name for name, _ in vecmath.FUNCTIONS} == NAMES
    assert {dtype for _, dtype in vecmath.FUNCTIONS} == {"f64", "f32"}
    for name, dtype in vecmath.FUNCTIONS:
        assert getattr(vecmath, f"{name}_{dtype}") is vecmath.FUNCTIONS[name, dtype]
    assert not hasattr(vecmath, "exp_f16")
    assert not hasattr(vecmath, "nothing_f64")


def test_the_names_do_not_import_numba():
    code = "import sys, graphc.codegen.vecmath_names; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def optimised(name, dtype):
    """The kernel's LLVM IR after the pipeline that programs go through."""
    symbol, source, signature = kernel_source(name, dtype)
    return symbol, optimised_ir(Source(symbol, source, f"/nowhere/{symbol}.py", signature))


def body_of(symbol, text):
    return re.search(rf"define [^\n]*@{symbol}\(.*?\n}}", text, re.S).group()


@pytest.mark.skipif(not FEATURES.get("fma", "aarch64" in llvm.get_process_triple()), reason="no fused multiply-add")
@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_calling_loop_is_vectorised_and_calls_no_library(name, dtype):
    symbol, text = optimised(name, dtype)
    lanes = {"f64": r"<\d+ x double>", "f32": r"<\d+ x float>"}[dtype]
    body = body_of(symbol, text)
    assert "vector.body:" in body
    loop = body[body.index("vector.body:") :]
    assert re.search(rf"load {lanes}", loop)
    called = set(re.findall(r"call [^@\n]*@([\w.]+)\(", text))
    assert all(c.startswith(("llvm.", "graphc_")) for c in called), called
    if any(c.startswith("graphc_") for c in re.findall(r"call [^@\n]*@([\w.]+)\(", loop)):
        assert re.search(
            rf"call [^@\n]*{lanes} @graphc_{name.replace('remainder', 'fmod').replace('floor_divide', 'fmod')}", loop
        )
    arithmetic = rf"= (f\w+|call [^@\n]*@(llvm|graphc)[\w.]*|select|bitcast|and|xor|or) .*{lanes}|{lanes} @"
    assert re.search(arithmetic, loop), loop[:2000]


def run_through_numba(name, dtype, fastmath):
    """The function in a loop compiled by Numba as it is, under these flags."""
    function = vecmath.FUNCTIONS[name, dtype]
    if arity(name) == 1:

        def loop(a, b, out):
            for i in range(out.size):
                out[i] = function(a[i])

    else:

        def loop(a, b, out):
            for i in range(out.size):
                out[i] = function(a[i], b[i])

    rng = np.random.default_rng(0)
    edges = np.array([0.0, -0.0, np.inf, -np.inf, 1e-310, 5e-324, 1.0, 3.0, 1e22])
    a = np.concatenate([rng.uniform(-4, 4, 300), 10.0 ** rng.uniform(-30, 30, 300), edges]).astype(DTYPES[dtype])
    b = rng.permutation(a)
    out = np.empty_like(a)
    array = types.Array(types.float64 if dtype == "f64" else types.float32, 1, "C")
    compiled = numba.njit(types.void(array, array, array), fastmath=fastmath, error_model="numpy")(loop)
    compiled(a, b, out)
    out[np.isnan(out)] = np.nan  # NaNs of any sign and payload are one
    return out.tobytes()


@pytest.mark.parametrize("dtype", ["f64", "f32"])
@pytest.mark.parametrize("name", ["exp", "log1p", "tanh", "sin", "erfc", "pow", "gammaln", "remainder"])
def test_the_callers_fast_math_flags_change_no_bit(name, dtype):
    strict = run_through_numba(name, dtype, False)
    assert run_through_numba(name, dtype, {"contract"}) == strict
    assert run_through_numba(name, dtype, {"contract", "reassoc", "nsz", "arcp", "afn"}) == strict


def test_the_flags_would_change_unprotected_code():
    """The test above can fail: the same error-free sum in plain Python loses its error term to ``reassoc``."""

    def lost(a, b):
        s = a + b
        t = s - a
        return (a - (s - t)) + (b - t)

    assert numba.njit(lost)(1.0, 1e-20) == 1e-20
    assert numba.njit(fastmath={"reassoc", "nsz"})(lost)(1.0, 1e-20) == 0.0


def test_a_sum_vectorises_with_the_reassociating_add():
    source = (
        "from graphc.codegen.vecmath import reassociating_add\n"
        "def total(n, a, out):\n    s = 0.0\n"
        "    for i in range(n):\n        s = reassociating_add(s, a[i])\n    out[0] = s\n"
    )
    signature = "void(int64, CPointer(float64), CPointer(float64))"
    text = optimised_ir(Source("total", source, "/nowhere/total.py", signature))
    assert re.search(r"fadd reassoc <\d+ x double>", text)
