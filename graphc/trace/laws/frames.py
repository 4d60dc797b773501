"""What is common to the laws of one variable: location and scale, the support, invalid parameters.

A formula sees the standard variable inside the support only: outside, an inner point stands in for it, so that neither
the formula nor its derivative meets a logarithm of a negative number. As in SciPy everything is computed in float64, a
NaN stays a NaN, and invalid parameters give NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from graphc.trace.values import TracedValue

Formula = Callable[..., Any]


def in_float64(a: Any) -> Any:
    """The traced array or number in float64, as all of SciPy's laws compute."""
    if isinstance(a, TracedValue):
        return a if a.dtype == np.float64 else a.astype(np.float64)  # type: ignore[attr-defined]
    return np.float64(a) if isinstance(a, float | int) else np.asarray(a, np.float64)


def is_number(a: Any, number: float) -> bool:
    return isinstance(a, float | int) and float(a) == number


def positive(*parameters: Any) -> Any:
    """The condition that every parameter is positive; True where there is none."""
    return _all(p > 0 for p in parameters)


def _all(conditions: Any) -> Any:
    found: Any = True
    for condition in conditions:
        found = condition if found is True else np.logical_and(found, condition)
    return found


def _either(a: Any, b: Any) -> Any:
    return a if b is False else b if a is False else np.logical_or(a, b)


def choose(condition: Any, a: Any, b: Any) -> Any:
    """``np.where``, or one of the two where the condition is a Python truth value."""
    if condition is True or condition is False:
        return a if condition else b
    return np.where(condition, a, b)


def constant(number: float) -> Formula:
    """A moment that depends on no parameter."""
    return lambda *shapes: number


@dataclass(frozen=True)
class Law:
    """The standard law's formulas by the name of SciPy's method, as functions of its variable and shapes."""

    shapes: str
    formulas: Mapping[str, Formula]
    valid: Formula = positive
    support: tuple[float, float] = (-math.inf, math.inf)
    inner: float = 0.5  # a point inside the support
    closed: bool = True  # whether the ends of the support belong to it
    ends: Formula | None = None  # the ends of a support that depends on the shapes, and a point inside of it
    middle: Formula | None = None
    VARIABLES: ClassVar[frozenset[str]]
    MOMENTS: ClassVar[frozenset[str]] = frozenset(["mean", "var", "std", "entropy"])

    @property
    def parameters(self) -> list[str]:
        """Names in the order of SciPy's arguments."""
        return [*self.shapes.split(), "loc"]

    def methods(self) -> list[str]:
        """Names of SciPy's methods that this law has."""
        return sorted({*self.formulas, *(name for name in self.derived() if self.derived()[name] in self.formulas)})

    def derived(self) -> dict[str, str]:
        """Methods that follow from another one."""
        return {"std": "var"}

    def ends_of(self, shapes: Sequence[Any]) -> tuple[Any, Any]:
        return self.ends(*shapes) if self.ends is not None else self.support

    def outside(self, x: Any, shapes: Sequence[Any]) -> tuple[Any, Any]:
        """Whether the standard variable lies below, and above, the support; False where there is no such end."""
        low, high = self.ends_of(shapes)
        no_low, no_high = is_number(low, -math.inf), is_number(high, math.inf)
        if self.closed:
            return (False if no_low else x < low), (False if no_high else x > high)
        return (False if no_low else x <= low), (False if no_high else x >= high)


@dataclass(frozen=True)
class Continuous(Law):
    """A law with a density; ``logpdf`` must be among the formulas, others follow where they can."""

    VARIABLES = frozenset(["pdf", "logpdf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"])

    @property
    def parameters(self) -> list[str]:
        return [*super().parameters, "scale"]

    def derived(self) -> dict[str, str]:
        return {**super().derived(), "pdf": "logpdf", "logcdf": "cdf", "logsf": "sf", "median": "ppf"}

    def call(self, method: str, x: Any, shapes: Sequence[Any], loc: Any, scale: Any) -> Any:
        """The method of the law moved by ``loc``, stretched by ``scale``; ``x``: the variable, or None of moments."""
        valid = _all([self.valid(*shapes), *([] if is_number(scale, 1.0) else [scale > 0])])
        if method == "median":
            method, x = "ppf", np.float64(0.5)
        if method in self.MOMENTS:
            return choose(valid, self._moment(method, shapes, loc, scale), math.nan)
        if method in ("ppf", "isf"):
            found = self._quantile(method, x, shapes) * scale + loc
        else:
            z = x if is_number(loc, 0.0) else x - loc
            found = self._at(method, z if is_number(scale, 1.0) else z / scale, shapes, scale)
        return choose(valid, found, math.nan)

    def _quantile(self, method: str, q: Any, shapes: Sequence[Any]) -> Any:
        """At 0 and 1 the ends of the support; NaN outside of them."""
        inside = np.logical_and(q > 0, q < 1)
        found = self.formulas[method](choose(inside, q, 0.5), *shapes)
        ends = self.ends_of(shapes)
        at_zero, at_one = ends if method == "ppf" else ends[::-1]
        return np.where(inside, found, np.where(q == 0, at_zero, np.where(q == 1, at_one, math.nan)))

    def _at(self, method: str, z: Any, shapes: Sequence[Any], scale: Any) -> Any:
        below, above = self.outside(z, shapes)
        inside = choose(_either(below, above), self.inner if self.middle is None else self.middle(*shapes), z)
        if method in self.formulas:
            found = self.formulas[method](inside, *shapes)
        else:
            source = self.formulas[self.derived()[method]](inside, *shapes)
            found = np.exp(source) if method == "pdf" else np.log(source)
        if is_number(scale, 1.0):
            pass
        elif method == "pdf":
            found = found / scale
        elif method == "logpdf":
            found = found - np.log(scale)
        at_low, at_high = {"pdf": (0.0, 0.0), "cdf": (0.0, 1.0), "sf": (1.0, 0.0)}[method.removeprefix("log")]
        if method.startswith("log"):
            at_low, at_high = (-math.inf if end == 0.0 else 0.0 for end in (at_low, at_high))
        return choose(below, at_low, choose(above, at_high, found))

    def _moment(self, method: str, shapes: Sequence[Any], loc: Any, scale: Any) -> Any:
        if method == "std":
            return np.sqrt(self.formulas["var"](*shapes)) * scale
        found = self.formulas[method](*shapes)
        if method == "mean":
            return found * scale + loc
        return found * scale**2 if method == "var" else found + np.log(scale)


@dataclass(frozen=True)
class Discrete(Law):
    """A law on the integers from ``support[0]`` on; ``last``: the largest of them, from the shapes."""

    last: Formula | None = None
    VARIABLES = frozenset(["pmf", "logpmf", "cdf", "logcdf", "sf", "logsf", "ppf", "isf"])
    support: tuple[float, float] = field(default=(0.0, math.inf))

    def derived(self) -> dict[str, str]:
        return {**super().derived(), "pmf": "logpmf", "logcdf": "cdf", "logsf": "sf", "isf": "ppf", "median": "ppf"}

    def call(self, method: str, x: Any, shapes: Sequence[Any], loc: Any) -> Any:
        """The method of the law moved by ``loc``; ``x``: the variable, or None of moments."""
        valid = self.valid(*shapes)
        if method in ("ppf", "isf", "median"):
            q = np.float64(0.5) if method == "median" else x
            found = self._quantile(1 - q if method == "isf" else q, shapes) + loc
            return choose(valid, found, math.nan)
        if method in self.MOMENTS:
            found = self.formulas["var" if method == "std" else method](*shapes)
            found = np.sqrt(found) if method == "std" else found + loc if method == "mean" else found
            return choose(valid, found, math.nan)
        k = x if is_number(loc, 0.0) else x - loc
        return choose(valid, self._at(method, k, shapes), math.nan)

    def _quantile(self, q: Any, shapes: Sequence[Any]) -> Any:
        """The smallest whole number up to which the law has at least q: the smooth quantile rounded up, or one less."""
        inside = np.logical_and(q > 0, q < 1)
        inner = choose(inside, q, 0.5)
        upper = np.maximum(np.ceil(self.formulas["ppf"](inner, *shapes)), self.support[0])
        lower = np.maximum(upper - 1, self.support[0])
        found = np.where(self._at("cdf", lower, shapes) >= inner, lower, upper)
        end = self.last(*shapes) if self.last is not None else self.support[1]
        at_ends = np.where(q == 0, self.support[0] - 1, np.where(q == 1, end, math.nan))
        return np.where(inside, found, at_ends)

    def _at(self, method: str, k: Any, shapes: Sequence[Any]) -> Any:
        whole = np.floor(k)
        below, above = self.outside(whole, shapes)
        is_mass = method.endswith("pmf")
        if self.last is not None:  # the distribution function is 1 at the last point already
            end = self.last(*shapes)
            above = whole > end if is_mass else whole >= end
        if is_mass:
            above = _either(above, whole < k)
        inside = choose(_either(below, above), self.support[0], whole)
        is_own = method in self.formulas
        source = self.formulas[method if is_own else self.derived()[method]](inside, *shapes)
        found = source if is_own else np.exp(source) if method == "pmf" else np.log(source)
        low, high = {"pmf": (0.0, 0.0), "cdf": (0.0, 1.0), "sf": (1.0, 0.0)}[method.removeprefix("log")]
        if method.startswith("log"):
            low, high = (-math.inf if end == 0.0 else 0.0 for end in (low, high))
        return choose(below, low, choose(above, high, found))
