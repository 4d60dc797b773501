"""What the probes found wrong, by name: each was silently another number, another dtype, or an error without a line."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import graphc
from tests.probes.engine import by_numpy, compiled, finding, function_of, interpreted

X = np.array([[0.3, -1.2, 0.8], [1.7, 0.4, -0.6], [0.9, 2.1, -0.2]])
ENDS = np.array([1.0, np.inf, -np.inf, np.inf, 2.0])
SINGLE = X.astype(np.float32)
BYTES = np.array([249, 3, 0], np.uint8)
LEAST = np.array([-128, 127, -1], np.int8)
WIDE, SIGNED = np.array([0, 2**63, 2**64 - 1], np.uint64), np.array([-1, 2**62, 5])

AS_NUMPY: dict[str, tuple[str, dict[str, Any]]] = {
    "medians of infinities": ("np.median(x), np.median(x[:4]), np.median(x[[0, 1]]), np.nanmedian(x)", {"x": ENDS}),
    "quantiles that are elements": (
        "[np.quantile(x, [0.1, 0.5], method=m) for m in ('lower', 'higher', 'nearest', 'inverted_cdf')]", {"x": ENDS}),
    "quantiles of integers": ("np.quantile(x, 0.4, method='lower'), np.median(x)", {"x": WIDE // 4}),
    "a list of shares": ("np.quantile(x, [0.2]), np.quantile(x, 0.2)", {"x": SINGLE}),
    "points of more axes than heights": ("np.trapezoid(x[0], x=x), np.trapezoid(x[0], x=x, axis=0)", {"x": X}),
    "bits of the least integer": ("np.bitwise_count(x)", {"x": LEAST}),
    "sign of infinite numbers": ("np.sign(x * 1j), np.sign(x + 1j * x), np.sign(x - 2j)", {"x": ENDS}),
    "Python's number of a small integer": ("x[0].item() * 200, x.tolist()[0] - 250", {"x": BYTES}),
    "the conjugate is the array": ("w = x.conj()\nw[0] = 7.0\nx[1] = 2.0\n[x * 1.0, w * 1.0]", {"x": X}),
    "no difference is the array": ("w = np.diff(x, 0)\nw[0] = 7.0\nx * 1.0", {"x": X}),
    "the first power is the matrix": ("w = np.linalg.matrix_power(x, 1)\nw[0] = 7.0\nx * 1.0", {"x": X}),
    "a grid is its axes": ("w = np.ix_(x[0], x[1])[0]\nw[0] = 7.0\nx * 1.0", {"x": X}),
    "the spread in another dtype": ("np.std(x, dtype=complex), np.var(x, dtype=np.float32)", {"x": X}),
    "no step": ("np.linspace(x, x + 1, num=1, retstep=True)[1]", {"x": X}),
    "a Python end": ("np.linspace(x[0, 0], 2, 3), np.logspace(x[0, 0], 1, 3)", {"x": SINGLE}),
    "NaN on one side": ("np.setxor1d(x, y)", {"x": np.array([np.nan, 1.0, np.nan]), "y": np.array([2.0, 1.0, np.nan])}),
    "what is left is of the first": ("np.setdiff1d(x, y)", {"x": SINGLE[0], "y": X[1]}),
    "edges of two dtypes": ("np.histogram2d(x[0], y[0], bins=2)", {"x": SINGLE, "y": X}),
    "angles of small integers": ("np.angle(x), np.angle(x > 0)", {"x": LEAST}),
    "whole periods": ("np.unwrap(x, period=4), np.unwrap(x, period=3)", {"x": np.array([0, 3, 1, 6, -5])}),
    "insertions in front of the end": ("np.insert(x, [0, -1, 2], 5.0, axis=1), np.insert(x, [4, -2], 1)", {"x": X}),
    "powers of ten beyond floats": ("np.round(x, 400)", {"x": X}),
    "a loop's dtype": ("np.less(x, 0.5, dtype=bool), np.add(x, 1, dtype=np.float32)", {"x": X}),
    "one dimension at least": ("np.ascontiguousarray(x), np.asfortranarray(x)", {"x": np.array(0.5)}),
    "truth values as they are": ("x.conj()", {"x": X > 0}),
    "odd reflections of truth values": ("np.pad(x, 2, 'reflect', reflect_type='odd')", {"x": X[0] > 0}),
    "bessel functions of negative numbers": (
        "[f(v, x) for f in (special.hankel1, special.hankel2, special.hankel1e, special.hankel2e)]",
        {"v": np.array([0.0, 1.0, -1.3, 2.5]), "x": np.array([-0.4, -1.0, 2.0, -7.0])}),
}  # fmt: skip


@pytest.mark.parametrize("name", AS_NUMPY)
def test_as_numpy(name: str) -> None:
    text, arrays = AS_NUMPY[name]
    assert finding(text, arrays, ulps=256, slopes=True) is None


@pytest.mark.parametrize("op", ["<", "<=", ">", ">=", "==", "!="])
def test_signed_and_unsigned_numbers_are_compared(op: str) -> None:
    """No integer type holds both: it did not compile."""
    text = f"x {op} y, y {op} x, x {op} y.astype(np.int8), x.astype(np.uint8) {op} y"
    assert finding(text, {"x": WIDE, "y": SIGNED}, run=compiled) is None


REFUSED = {
    "np.concatenate([x, x], dtype=int)": "cannot cast float64 to int64 with casting rule 'same_kind'",
    "np.einsum('ij->i', x, dtype=np.float32)": "cannot cast float64 to float32 with casting rule 'safe'",
    "np.add(x, 1.0, dtype=int)": "numpy.add with dtype=int64: Cannot cast ufunc 'add' input 0",
    "x.astype(int, casting='safe')": "cannot cast float64 to int64 with casting rule 'safe'",
    "np.std(x, dtype=int)": "dtype=int64 would cut off what each step rounds",
    "np.std(x, ddof=1, correction=1)": "two names of one argument",
    "np.insert(x, 10, 1.0)": "position 10 is out of bounds for axis 0 of size",
    "np.insert(x, [1, 2], x[0])": r"values of shape \(\w+,\) do not fit into",
    "np.sort(x, kind='fast')": "kind='fast' is none of",
    "np.isin(x, x, kind='fast')": "kind='fast' is none of",
    "np.array([x, x[0]])": r"shapes \(\w+, \w+\) and \(\w+,\) are not the same",
    "np.lexsort((x, x[0]))": "are not the same",
    "np.average(x[:2], weights=x)": "shapes .* do not fit",
    "np.histogram(x, weights=x[0])": "shapes .* do not fit",
    "np.sum(x[:1], where=x > 0)": "where= of shape .* does not fit into",
    "np.linalg.multi_dot([x, x[0, 0], x])": "needs matrices",
    "np.linalg.tensorsolve(np.ones((2, 2, 4)), x)": "shapes .* do not fit",
    "np.fft.rfftn(x[0, 0])": "there is no axis to transform along", "np.fft.fftn(x[0], s=(2, 3))": "2 sizes for the 1",
    "np.apply_over_axes(np.sum, x, [2])": "axis 2 is out of bounds",
    "np.max(x.astype(int), initial=np.inf)": "the Python number inf is out of bounds for int64",
    "len(x[0, 0])": "has no value", "list(x[0, 0])": "iteration over a 0-d array",
}  # fmt: skip

MEANINGLESS = "np.std(x, dtype=int)"  # NumPy gives a number that no definition of a spread gives


@pytest.mark.parametrize("text", REFUSED)
def test_refused_with_the_line(text: str) -> None:
    """NumPy refuses them as well."""
    assert by_numpy(function_of(text, ("x",)), {"x": X}).error is not None or text in MEANINGLESS
    error = interpreted(function_of(text, ("x",)), {"x": X}).error
    assert isinstance(error, graphc.GraphcError)
    assert error.location is not None
    assert re.search(REFUSED[text], error.message), error.message


def test_checks_of_an_interpreted_program_name_the_line() -> None:
    outcome = interpreted(function_of("x[y]", ("x", "y")), {"x": X, "y": np.array([5])})
    assert isinstance(outcome.error, graphc.IndexRangeError)
    assert outcome.error.location is not None
