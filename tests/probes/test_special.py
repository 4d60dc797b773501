"""Every ufunc of ``scipy.special`` that is traced, at the edges of its arguments: numbers, infinities, NaN as SciPy's.

Accuracy is checked elsewhere (``tests/ops/test_exact.py``, ``test_special_ranges.py``); here the places where a
function changes its kind: zeros of both signs, poles, negative and infinite arguments, the ends of the range.
"""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import scipy.special

from graphc.abi import OWN_SPECIAL
from graphc.trace.functions import UFUNC_FUNCTIONS, UFUNCS
from tests.nightly import part
from tests.probes.engine import Outcome, attempt, by_numpy, compiled, function_of, interpreted, is_refusal, leaves

NAMES = sorted(
    name
    for name in scipy.special.__all__
    if isinstance(getattr(scipy.special, name), np.ufunc)
    and name in {*UFUNCS, *UFUNC_FUNCTIONS}
    and name not in OWN_SPECIAL  # SciPy's are wrong, crash or never end there
)
ONE = [
    0.0, -0.0, 0.5, 1.0, -1.0, 2.0, -2.0, 3.0, -0.5, 1e-3, 1e-10, -1e-10, 10.0, -10.0, 100.0, -100.0, 1e5, -1e5, 2.5,
    -2.5, np.inf, -np.inf, np.nan, 0.99, 20.5, -20.5, 0.25, 1e10, -1e10,
]  # fmt: skip
SEVERAL = {
    2: [0.0, 0.5, 1.0, 2.0, -1.0, 3.0, -0.5, 10.0, -0.0, np.inf, np.nan, 50.0, 2.5, 5.5, -3.0],
    3: [0.0, 0.5, 1.0, 2.0, -1.0, 3.0, -0.5, 10.0, np.inf, np.nan, 2.5], 4: [0.0, 0.5, 1.0, 2.0, -1.0, np.inf, np.nan],
    5: [0.0, 0.5, 2.0],
}  # fmt: skip
# At a zero of the argument SciPy's are NaN in one part or both; the limit is 1 and an infinity.
LIMITS = r"hankel[12]e?$"
FAR = 2e4  # units of the dtype, relative: what two good algorithms may differ by at such places


def grid(name: str, dtype: str) -> dict[str, np.ndarray]:
    count = getattr(scipy.special, name).nin
    points = [(x,) for x in ONE] if count == 1 else list(itertools.product(SEVERAL[count], repeat=count))
    return {f"x{k}": column.astype(dtype) for k, column in enumerate(np.array(points).T)}


def check(name: str, dtype: str, run: object) -> None:
    arrays = grid(name, dtype)
    function = function_of(f"special.{name}({', '.join(arrays)})", tuple(arrays))
    expected, found = by_numpy(function, arrays), attempt(lambda: run(function, arrays)).value  # type: ignore[operator]
    assert isinstance(found, Outcome)
    if found.error is not None:
        assert is_refusal(found.error), repr(found.error)
        return
    for ours, theirs in zip(leaves(found.value), leaves(expected.value), strict=True):
        if isinstance(theirs, int):
            continue
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        apart = places_apart(ours, theirs)
        if re.match(LIMITS, name):
            apart &= arrays["x1"] != 0
        where = np.flatnonzero(apart)[:3]
        told = [([float(a[i]) for a in arrays.values()], ours[i], theirs[i]) for i in where]
        assert not told, f"{apart.sum()} of {apart.size}: {told}"


def places_apart(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Where one is finite, or NaN, and the other is not, and where numbers differ."""
    with np.errstate(all="ignore"):
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        limits = np.finfo(theirs.dtype)
        near = np.abs(ours - theirs) <= FAR * limits.eps * np.maximum(np.abs(theirs), limits.tiny)
    result: np.ndarray = ~(same | near)
    return result


@pytest.mark.parametrize("name", part(NAMES, 0, 24))
def test_edges(name: str) -> None:
    check(name, "f8", interpreted)


@pytest.mark.parametrize("name", part(NAMES, 7, 150))
def test_edges_compiled(name: str) -> None:
    check(name, "f8", compiled)
