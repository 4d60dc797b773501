"""Values and derivatives over whole domains against mpmath: every elementary and special function of the table.

A value is within 4 ulp of the exact one, or as near as the rounding of the arguments allows, or it is NumPy's or
SciPy's own to the last bit. A derivative has ten digits, or as many as its condition leaves. A run takes a few points
of each function; ``GRAPHC_TEST_DENSE=1`` takes a hundred times as many.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import mpmath as mp
import numpy as np
import pytest

import graphc
from graphc.autodiff.requires_grad import mark
from graphc.config import override
from graphc.ir.opdef import Partials, Pointwise
from graphc.ops.elementary import ELEMENTARY as ELEMENTARY_OPS
from graphc.ops.special import SPECIAL as SPECIAL_OPS
from graphc.ops.table import OPS
from tests.codegen.run_graph import run_compiled
from tests.ops.exact_functions import COMPOSED, ELEMENTARY, SPECIAL, Sampler
from tests.ops.one_op import gradients, one_op, run
from tests.ops.test_special_ranges import DENSE

COUNT = 300 if DENSE else 3
EPS = mp.mpf(2) ** -53
STEP = mp.mpf(10) ** -20
EXACT = {**ELEMENTARY, **SPECIAL}
# Other tables have these: orders that are integers, what stands for a norm's root
ELSEWHERE = {"polygamma", "length"}
DIGITS = 60
MANY_DIGITS, SMALL_SLOPES = 320, {*ELEMENTARY, "expit", "log_expit", "exp10", "exprel", "logsumexp"}  # down to 1e-260
ZETA_DIGITS = 140  # mpmath's are absolute, and it falls to 1e-62
LOW, HIGH = 1e-290, 1e290  # beyond these, results are not compared


def test_every_function_has_an_entry():
    own = {op.name for op in (*ELEMENTARY_OPS, *SPECIAL_OPS) if isinstance(op.derivative, Partials)}
    assert own - ELSEWHERE <= set(EXACT)
    assert all(isinstance(OPS[name].kind, Pointwise) for name in EXACT)


def sampled(name: str, samplers: Sequence[Sampler]) -> list[np.ndarray]:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    return [sampler(rng, COUNT) for sampler in samplers]


def slope(function: Callable, arguments: Sequence[mp.mpf], k: int) -> mp.mpf:
    ends = []
    for sign in (1, -1):
        moved = list(arguments)
        moved[k] = moved[k] * (1 + sign * STEP) if moved[k] else sign * STEP
        ends.append((function(*moved), moved[k]))
    return (ends[0][0] - ends[1][0]) / (ends[0][1] - ends[1][1])


def condition(function: Callable, arguments: Sequence[mp.mpf]) -> mp.mpf:
    """How much the function changes for relative changes of its arguments."""
    return sum(abs(x * slope(function, arguments, k)) for k, x in enumerate(arguments))


def check_value(function: Callable, arguments: Sequence[mp.mpf], found: float, peer: float) -> None:
    exact = function(*arguments)
    if found == peer or not LOW < abs(exact) < HIGH:
        return
    if abs(found - exact) > 8 * EPS * abs(exact):
        assert abs(found - exact) <= 8 * EPS * (abs(exact) + condition(function, arguments)), (arguments, found, exact)


def check_slope(function: Callable, arguments: Sequence[mp.mpf], k: int, found: float) -> None:
    exact = slope(function, arguments, k)
    if not LOW < abs(exact) < HIGH:
        return
    if abs(found - exact) > 1e-10 * abs(exact):
        bound = 16 * EPS * (abs(exact) + condition(lambda *x: slope(function, x, k), arguments))
        assert abs(found - exact) <= bound, (k, arguments, found, exact)


@pytest.mark.parametrize("name", EXACT)
def test_values_and_derivatives(name):
    function, samplers = EXACT[name]
    arrays = sampled(name, samplers)
    graph = mark(one_op(name, arrays), [True] * len(arrays))
    with np.errstate(all="ignore"):
        values, peers = run(name, arrays), OPS[name].ref(*arrays)
        slopes = gradients(graph, arrays, [np.ones(COUNT)])
    compare(name, function, arrays, values, peers, slopes)


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_functions(name):
    ours, function, samplers = COMPOSED[name]
    arrays = sampled(name, samplers)
    with override(disable_jit=True), np.errstate(all="ignore"):
        values, pullback = graphc.vjp(ours, *arrays)
        slopes = pullback(np.ones(COUNT))
    compare(name, function, arrays, values, ours(*arrays), slopes)


def compare(
    name: str, function: Callable, arrays: Sequence, values: Sequence, peers: Sequence, slopes: Sequence
) -> None:
    digits = ZETA_DIGITS if name == "zeta" else MANY_DIGITS if name in SMALL_SLOPES else DIGITS
    with mp.workdps(digits):
        for i in range(COUNT):
            arguments = [mp.mpf(array[i]) for array in arrays]
            check_value(function, arguments, float(values[i]), float(peers[i]))
            for k, found in enumerate(slopes):
                check_slope(function, arguments, k, float(found[i]))


@pytest.mark.parametrize("name", EXACT if DENSE else [*EXACT][::12])
def test_float32_values(name):
    """Of a compiled kernel against the function in float64 at the same numbers, as float64 is against mpmath."""
    arrays = [array.astype(np.float32) for array in sampled(name, EXACT[name][1])]
    wide = [array.astype(np.float64) for array in arrays]
    rounding = float(np.finfo(np.float32).eps) / 2
    with np.errstate(all="ignore"):
        (values,), exact = run_compiled(one_op(name, arrays), arrays), OPS[name].ref(*wide)
        moved = [[a * (1 + rounding * (i == k)) for i, a in enumerate(wide)] for k in range(len(wide))]
        changes = np.sum([np.abs(OPS[name].ref(*a) - exact) for a in moved], axis=0)
        tolerance = 8 * (rounding * np.abs(exact) + np.where(np.isfinite(changes), changes, 0.0))
        near = np.abs(values - exact) <= tolerance
    assert values.dtype == np.float32
    assert np.all(near[(np.abs(exact) < 1e38) & (np.abs(exact) > 1e-37)])
