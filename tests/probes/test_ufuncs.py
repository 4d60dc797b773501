"""Every ufunc of NumPy, of all dtypes, at the edges of their ranges: interpreted bit for bit, compiled to few units."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from graphc.trace.functions import UFUNC_FUNCTIONS, UFUNCS
from tests.nightly import NIGHTLY, part
from tests.probes.engine import by_numpy, compiled, function_of, interpreted, is_refusal, leaves
from tests.probes.numbers import COMPLEX, DTYPES, FLOATS, WHOLE, edges, units_apart

OF_MATRICES = {"matmul", "matvec", "vecdot", "vecmat"}
NAMES = sorted(
    name
    for name in vars(np)
    if isinstance(getattr(np, name), np.ufunc) and name in {*UFUNCS, *UFUNC_FUNCTIONS} - OF_MATRICES
)
# Which of two zeros is the larger depends on the instructions that NumPy was compiled to.
ANY_ZERO = {"maximum", "minimum", "fmax", "fmin"}
# What compiled kernels compute as NumPy does. All else is of graphc's own: near, as docs/performance.md says.
EXACT = """
add subtract multiply negative positive absolute fabs floor ceil trunc rint sign signbit copysign square isnan isinf
isfinite less less_equal greater greater_equal equal not_equal logical_and logical_or logical_xor logical_not
bitwise_and bitwise_or bitwise_xor bitwise_count invert left_shift right_shift floor_divide remainder mod fmod divmod
divide true_divide sqrt reciprocal gcd lcm heaviside nextafter spacing ldexp frexp modf maximum minimum fmax fmin
"""
NEAR = 4  # units in the last place: two of graphc's, and those of NumPy's own
# They subtract what is nearly equal: an error of the exponential's last place is one of more places.
CANCELLING = {"logaddexp", "logaddexp2"}


def cases(name: str, codes: tuple[str, ...]) -> list[tuple[str, ...]]:
    return list(itertools.product(codes, repeat=getattr(np, name).nin))


def arrays_of(dtypes: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Each edge beside each."""
    shapes = [(-1, 1), (1, -1)] if len(dtypes) == 2 else [(-1,)]
    return {name: edges(code).reshape(shape) for name, code, shape in zip("xy", dtypes, shapes, strict=False)}


def difference(name: str, dtypes: tuple[str, ...], run: Any, units: float) -> str | None:
    """How the ufunc differs from NumPy's; None where it does not, or both refuse the dtypes, or graphc does."""
    arrays = arrays_of(dtypes)
    function = function_of(f"np.{name}({', '.join(arrays)})", tuple(arrays))
    expected, found = by_numpy(function, arrays), run(function, arrays)
    if found.error is not None:
        return None if is_refusal(found.error) else f"{dtypes}: {found.error!r}"
    if expected.error is not None:
        return f"{dtypes}: accepted, where NumPy says {expected.error}"
    for ours, theirs in zip(leaves(found.value), leaves(expected.value), strict=True):
        if isinstance(theirs, int):  # how many results there are
            continue
        if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
            return f"{dtypes}: {ours.dtype}{ours.shape}, not {theirs.dtype}{theirs.shape}"
        apart = units_apart(ours, theirs, any_zero=name in ANY_ZERO or units > 0)
        if apart.max(initial=0) > units:
            place = np.unravel_index(np.argmax(apart), apart.shape)
            given = [np.broadcast_to(a, apart.shape)[place] for a in arrays.values()]
            return f"{dtypes}: {ours[place]!r} of {given}, not {theirs[place]!r}"
    return None


def rounded(name: str, dtypes: tuple[str, ...]) -> int:
    """The sign of a complex number is a quotient by its size, of which either is rounded."""
    return 1 if name == "sign" and dtypes[0] in COMPLEX else 0


@pytest.mark.parametrize("name", part(NAMES, 0, 12))
def test_of_all_dtypes(name: str) -> None:
    differences = [difference(name, dtypes, interpreted, rounded(name, dtypes)) for dtypes in cases(name, DTYPES)]
    assert [text for text in differences if text is not None] == []


@pytest.mark.parametrize("name", part(NAMES, 1, 24))
def test_compiled(name: str) -> None:
    """Kernels of each width's ends: each pair is compiled. Complex numbers are in ``tests/test_complex.py``."""
    codes = ("?", "i1", "i8", "u1", "u8", "f4", "f8") if NIGHTLY else ("i1", "i8", "u8", "f4")
    units = 0 if name in EXACT.split() else 64 if name in CANCELLING else NEAR
    differences = [difference(name, dtypes, compiled, units) for dtypes in cases(name, codes)]
    assert [text for text in differences if text is not None] == []


def test_the_dtypes_are_all() -> None:
    assert set(DTYPES) == {"?", *WHOLE, *FLOATS, *COMPLEX}
