"""Kernels around single functions of the vecmath package, and errors in units of the last place."""

from __future__ import annotations

import ctypes
from functools import cache

import llvmlite.binding as llvm
import mpmath as mp
import numpy as np

from graphc.codegen import vecmath
from graphc.codegen.objects import Source, compile_all, source_ir
from graphc.runtime import native

DTYPES = {"f64": np.float64, "f32": np.float32}
NUMBA_TYPES = {"f64": "float64", "f32": "float32"}
POINTER = ctypes.c_void_p


def arity(name):
    return 2 if name in vecmath.BINARY else 1


def kernel_source(name, dtype):
    """``(symbol, source, signature)`` of a loop that applies the function."""
    symbol = f"test_vecmath_{name}_{dtype}"
    inputs = ["a", "b"][: arity(name)]
    source = (
        f"from graphc.codegen.vecmath import {name}_{dtype}, wide_vectors\n"
        f"def {symbol}(n, {', '.join(inputs)}, out):\n"
        f"    wide_vectors()\n"
        f"    for i in range(n):\n"
        f"        out[i] = {name}_{dtype}({', '.join(x + '[i]' for x in inputs)})\n"
    )
    pointers = ", ".join([f"CPointer({NUMBA_TYPES[dtype]})"] * (len(inputs) + 1))
    return symbol, source, f"void(int64, {pointers})"


def optimised_ir(source):
    """LLVM IR after the pipeline that programs go through."""
    with native.LOCK:
        module = llvm.parse_assembly(source_ir(source))
        builder = llvm.create_pass_builder(native.emitter(3), llvm.create_pipeline_tuning_options(speed_level=3))
        builder.getModulePassManager().run(module, builder)
    return str(module)


@cache
def compiled(name, dtype):
    """The function as one on arrays, compiled the way programs are."""
    symbol, source, signature = kernel_source(name, dtype)
    (program,) = compile_all([Source(symbol, source, f"/nowhere/{symbol}.py", signature)])
    address = native.load_object(program.object_bytes, [symbol])[symbol]
    count = arity(name)
    native_function = ctypes.CFUNCTYPE(ctypes.c_int32, POINTER, POINTER, ctypes.c_int64, *[POINTER] * (count + 1))(
        address
    )

    def on_arrays(*inputs):
        inputs = [np.ascontiguousarray(x, dtype=DTYPES[dtype]) for x in inputs]
        out = np.empty_like(inputs[0])
        unused = (ctypes.c_int64 * 2)()
        here = ctypes.addressof(unused)
        native_function(here, here, out.size, *(x.ctypes.data for x in inputs), out.ctypes.data)
        return out

    return on_arrays


def ulp(value, dtype):
    """The distance of floats at ``|value|``: one unit in the last place (array of float64, or of longdouble)."""
    info = np.finfo(DTYPES[dtype])
    _, exponent = np.frexp(np.abs(value))
    return np.ldexp(np.ones_like(value), np.maximum(exponent - 1, info.minexp) - info.nmant)


def errors_in_ulp(got, exact, dtype):
    """``|got - exact|`` in ulp of the exact value (an array of a wider format), inf where only one is finite."""
    limit = np.finfo(DTYPES[dtype]).max
    got = got.astype(exact.dtype)
    exact = np.where(np.abs(exact) > limit, np.copysign(np.inf, exact), exact)
    same = (got == exact) | (np.isnan(got) & np.isnan(exact))
    with np.errstate(invalid="ignore"):
        difference = np.abs(got - exact) / ulp(np.where(np.isfinite(exact), exact, 1), dtype)
    return np.where(same, 0.0, np.where(np.isfinite(got) & np.isfinite(exact), difference, np.inf)).astype(float)


def mp_errors_in_ulp(got, exact, dtype):
    """The same against mpmath numbers; ``None`` stands for NaN."""
    info = np.finfo(DTYPES[dtype])
    limit = mp.mpf(float(info.max)) * (1 + mp.mpf(2) ** (-info.nmant - 2))  # beyond it rounds to infinity
    result = []
    for g, e in zip(got.tolist(), exact, strict=True):
        if e is None:
            result.append(0.0 if np.isnan(g) else np.inf)
        elif abs(e) > limit:
            result.append(0.0 if g == mp.sign(e) * np.inf else np.inf)
        elif not np.isfinite(g):
            result.append(np.inf)
        else:
            exponent = max(mp.frexp(e)[1] - 1, info.minexp) if e else info.minexp
            result.append(float(abs(mp.mpf(g) - e) / mp.ldexp(1, int(exponent) - info.nmant)))
    return np.array(result)


def samples(dtype, low, high, count, seed=0):
    """Points of ``[low, high]``: a third evenly, a third with any exponent, a third of random bit patterns."""
    kind = DTYPES[dtype]
    rng = np.random.default_rng(seed)
    even = (rng.uniform(low / 2, high / 2, count // 3) * 2).astype(kind)
    largest = max(abs(low), abs(high))
    spread = (largest * 10.0 ** rng.uniform(-8, 0, count) * rng.choice([-1, 1], count)).astype(kind)
    bits = rng.integers(0, 2**64, 4 * count, dtype=np.uint64)
    patterns = bits.view(np.float64) if dtype == "f64" else (bits >> 32).astype(np.uint32).view(np.float32)
    inside = [p[(p >= low) & (p <= high)][: count // 3] for p in (spread, patterns)]
    return np.concatenate([even, *inside])
