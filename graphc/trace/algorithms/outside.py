"""SciPy's objects that were made outside of the traced function, in forms that take traced points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.trace.algorithms.comparisons import kernel_density
from graphc.trace.algorithms.fitpack import surface, univariate
from graphc.trace.algorithms.interpolants import grid, line, polynomial, radial_outside
from graphc.trace.algorithms.splines import piecewise

FORMS: Mapping[str, Callable[[Any], Any]] = {
    "PPoly": piecewise, "BSpline": piecewise, "UnivariateSpline": univariate, "RectBivariateSpline": surface,
    "interp1d": line, "RegularGridInterpolator": grid, "BarycentricInterpolator": polynomial,
    "RBFInterpolator": radial_outside, "gaussian_kde": kernel_density,
}  # fmt: skip
_PACKAGES = ("scipy.interpolate.", "scipy.stats.")


def form_of(obj: Any) -> Callable[[Any], Any] | None:
    """What makes a traced form of the object; None where there is none.

    >>> from scipy.interpolate import CubicSpline
    >>> form_of(CubicSpline([0, 1, 2, 3], [0, 1, 4, 9])) is piecewise
    True
    """
    kind = type(obj)
    if not kind.__module__.startswith(_PACKAGES):
        return None
    return next((FORMS[base.__name__] for base in kind.__mro__ if base.__name__ in FORMS), None)
