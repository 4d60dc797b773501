"""A call of a SciPy function as a case: value, gradient and tangent of what is traced against SciPy's own numbers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphc
from graphc.config import override


@dataclass(frozen=True)
class Case:
    """SciPy's function of that name, of positional arguments (arrays and floats are traced), and of fixed keywords."""

    name: str
    given: tuple[Any, ...]
    fixed: dict[str, Any]
    call: Callable[..., Any] | None = None  # in place of the function itself
    rtol: float = 1e-11
    smooth: bool = True

    @property
    def label(self) -> str:
        options = "-".join(
            f"{key}={value}" for key, value in self.fixed.items() if isinstance(value, str | int | float)
        )
        return f"{self.name}({options})"

    def result(self, *given: Any) -> list[Any]:
        function = scipys(self.name) if self.call is None else self.call
        return parts(function(*given, **self.fixed))


def case(name: str, *given: Any, call: Any = None, rtol: float = 1e-11, smooth: bool = True, **fixed: Any) -> Case:
    return Case(name, given, fixed, call, rtol, smooth)


def scipys(name: str) -> Callable[..., Any]:
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(f"scipy.{module}"), last)  # type: ignore[no-any-return]


def parts(result: Any) -> list[Any]:
    """The numbers of a result: of a tuple, of a test, or itself."""
    if hasattr(result, "pvalue") and not hasattr(result, "slope"):
        return [result.statistic, result.pvalue]
    if hasattr(result, "intercept_stderr"):
        return [result.slope, result.intercept, result.rvalue, result.pvalue, result.stderr, result.intercept_stderr]
    return list(result) if isinstance(result, tuple | list) else [result]


def weighted(results: list[Any]) -> Any:
    """One real number of all that is in the results."""
    total = 0.0
    for part in results:
        waves = np.reshape(np.cos(np.arange(np.size(part))), np.shape(part))
        total = total + np.sum(np.real(part) * waves) + np.sum(np.imag(part * (1 + 0j)) * waves) * 0.7
    return total


def check(tested: Case) -> None:
    """The value by the interpreter is SciPy's; gradient and tangent are those of differences of SciPy's values."""
    places = [i for i, a in enumerate(tested.given) if isinstance(a, np.ndarray | float)]

    def result(*some: Any) -> list[Any]:
        known = dict(zip(places, some, strict=True))
        return tested.result(*[known.get(i, a) for i, a in enumerate(tested.given)])

    def loss(*some: Any) -> Any:
        return weighted(result(*some))

    rng = np.random.default_rng(11)
    point = tuple(tested.given[i] for i in places)
    move = tuple(rng.normal(size=np.shape(a)) for a in point)
    with override(disable_jit=True), np.errstate(all="ignore"):
        found, tangents = graphc.jvp(result, point, move)
        gradients = graphc.grad(loss, argnums=tuple(range(len(point))))(*point) if tested.smooth else ()
    for one, other in zip(found, result(*point), strict=True):
        assert np.shape(one) == np.shape(other)
        size = np.nanmax(np.abs(other), initial=1e-300)
        np.testing.assert_allclose(one, other, rtol=tested.rtol, atol=tested.rtol * size)
    if tested.smooth:
        ends = [loss(*[a + sign * 1e-6 * d for a, d in zip(point, move, strict=True)]) for sign in (1, -1)]
        slope = sum(np.sum(g * d) for g, d in zip(gradients, move, strict=True))
        np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(weighted(tangents), slope, rtol=1e-9, atol=1e-11)
