"""The functions of Python's ``statistics``, as they answer traced numbers: by NumPy, over the numbers stacked."""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.trace.location import user_location
from graphc.trace.python_functions import as_number, has_traced
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue


def _numbers(data: Any, least: int = 1) -> Any:
    """The data points as a vector."""
    values: Any = data if isinstance(data, TracedValue) else np.stack(data)
    size = values.shape[0]
    is_open = isinstance(size, SymbolicInt) and size.session.F.facts.is_bound(size.dim)  # the count of a mask
    if not is_open and size < least:
        message = f"statistics: {size} data points, where at least {least} are needed"
        raise ShapeError(message, location=user_location())
    return values


def _mean(data: Any, weights: Any = None) -> Any:
    values = _numbers(data)
    return np.mean(values) if weights is None else np.average(values, weights=_numbers(weights))


def _geometric_mean(data: Any) -> Any:
    return np.exp(np.mean(np.log(_numbers(data))))


def _harmonic_mean(data: Any, weights: Any = None) -> Any:
    return 1.0 / _mean(1.0 / _numbers(data), weights)


def _variance(data: Any, center: Any = None, *, lost: int, power: float) -> Any:
    """The squared distances from the mean, added up and divided by their number less the lost ones, to the power."""
    values = _numbers(data, lost + 1)
    distances = values - (np.mean(values) if center is None else center)
    return (np.sum(distances**2) / (values.shape[0] - lost)) ** power


def _middle(data: Any, *, part: float) -> Any:
    """Of two in the middle what is that part of the way between them."""
    ordered = np.sort(_numbers(data))
    low, high = ordered[(ordered.shape[0] - 1) // 2], ordered[ordered.shape[0] // 2]
    return low + part * (high - low)


def _covariance(x: Any, y: Any, /) -> Any:
    a, b = _numbers(x, 2), _numbers(y, 2)
    return np.sum((a - np.mean(a)) * (b - np.mean(b))) / (a.shape[0] - 1)


def _correlation(x: Any, y: Any, /, *, method: str = "linear") -> Any:
    if method != "linear":
        raise UnsupportedError(
            f"statistics.correlation: method={method!r} is not supported: ranks have no derivative",
            location=user_location(),
        )
    return _covariance(x, y) / np.sqrt(_covariance(x, x) * _covariance(y, y))


def _linear_regression(x: Any, y: Any, /, *, proportional: bool = False) -> Any:
    a, b = _numbers(x, 2), _numbers(y, 2)
    slope = np.sum(a * b) / np.sum(a * a) if proportional else _covariance(a, b) / _covariance(a, a)
    intercept = 0.0 if proportional else np.mean(b) - slope * np.mean(a)
    return statistics.LinearRegression(as_number(slope), as_number(intercept))


_FORMS: dict[Any, Callable[..., Any]] = {
    statistics.mean: _mean,
    statistics.fmean: _mean,
    statistics.geometric_mean: _geometric_mean,
    statistics.harmonic_mean: _harmonic_mean,
    statistics.median: functools.partial(_middle, part=0.5),
    statistics.median_low: functools.partial(_middle, part=0.0),
    statistics.median_high: functools.partial(_middle, part=1.0),
    statistics.variance: functools.partial(_variance, lost=1, power=1.0),
    statistics.stdev: functools.partial(_variance, lost=1, power=0.5),
    statistics.pvariance: functools.partial(_variance, lost=0, power=1.0),
    statistics.pstdev: functools.partial(_variance, lost=0, power=0.5),
    statistics.covariance: _covariance,
    statistics.correlation: _correlation,
    statistics.linear_regression: _linear_regression,
}


def statistics_form(function: Any) -> Callable[..., Any] | None:
    """What stands for the function of ``statistics``; None for one that does not take traced numbers."""
    form = _FORMS.get(function)
    return None if form is None else functools.partial(_call, function, form)


def _call(function: Callable[..., Any], form: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    args = tuple(list(arg) if _is_read_once(arg) else arg for arg in args)
    if not has_traced((args, kwargs)):
        return function(*args, **kwargs)
    found = form(*args, **kwargs)
    return found if isinstance(found, tuple) else as_number(found)


def _is_read_once(arg: Any) -> bool:
    return isinstance(arg, Iterable) and not isinstance(arg, TracedValue | list | tuple | np.ndarray)
