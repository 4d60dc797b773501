"""Calls of ``scipy.stats``'s laws in a traced function: ``norm.logpdf(x, m, s)`` and ``norm(m, s).logpdf(x)``.

SciPy's objects are recognised by their modules, without importing ``scipy.stats``, which takes half a second: where a
law is called, the user has imported it.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NoReturn

from graphc.errors import SideEffectError, TraceTypeError, UnsupportedError
from graphc.trace.laws import continuous, discrete, further_continuous, matrices, more_continuous, multivariate
from graphc.trace.laws.frames import Continuous, Law, in_float64
from graphc.trace.location import user_location
from graphc.trace.python_functions import has_traced
from graphc.trace.randomness import WHY, instead_of

_VECTOR_PARAMETERS = {
    "multivariate_normal": ["mean", "cov", "allow_singular"], "dirichlet": ["alpha"],
    "multivariate_t": ["loc", "shape", "df"], "wishart": ["df", "scale"], "invwishart": ["df", "scale"],
    "matrix_normal": ["mean", "rowcov", "colcov"],
}  # fmt: skip
_OF_VECTORS = {**multivariate.METHODS, **matrices.METHODS}


CONTINUOUS = {**continuous.MAKERS, **more_continuous.MAKERS, **further_continuous.MAKERS}


@cache
def law_of(name: str) -> Law | None:
    """The law of one variable of this SciPy name."""
    maker = CONTINUOUS.get(name) or discrete.MAKERS.get(name)
    return maker() if maker else None


def names_of_laws() -> list[str]:
    return [*CONTINUOUS, *discrete.MAKERS, *_OF_VECTORS]


def methods_of(name: str) -> list[str]:
    """The methods that the law has on traced arguments."""
    law = law_of(name)
    return law.methods() if law is not None else sorted(_OF_VECTORS[name])


def is_of_stats(obj: Any) -> bool:
    return type(obj).__module__.startswith("scipy.stats.")


def law_name(obj: Any) -> str:
    """``norm`` of ``scipy.stats.norm``, ``multivariate_normal`` of the object of that name."""
    return getattr(obj, "name", None) or type(obj).__name__.removesuffix("_gen")


def traced_method(method: Any) -> Callable[..., Any]:
    """What is called in place of a method of a law, or of one with its parameters given."""
    owner, name = method.__self__, method.__name__

    def call(*args: Any, **kwargs: Any) -> Any:
        given = _given(owner)
        if not has_traced([args, kwargs, list(given[1])]):
            return method(*args, **kwargs)
        law, parameters = given
        return run_method(law, name, args, {**parameters, **kwargs} if parameters else kwargs)

    return call


def traced_law(law: Any) -> Callable[..., Any]:
    """What is called in place of the law itself, which gives one with its parameters: ``norm(m, s)``."""

    def give(*args: Any, **kwargs: Any) -> Any:
        return GivenLaw(law_name(law), args, kwargs) if has_traced([args, kwargs]) else law(*args, **kwargs)

    return give


def _given(owner: Any) -> tuple[str, dict[str, Any]]:
    """The law's name, and the parameters that its object holds."""
    inner = getattr(owner, "dist", None)
    if inner is not None:  # norm(m, s)
        return law_name(inner), _named(law_name(inner), owner.args, owner.kwds)
    vector = getattr(owner, "_dist", None)
    if vector is None:
        return law_name(owner), {}
    name = law_name(vector)
    if name == "multivariate_normal":
        return name, {"mean": owner.mean, "cov": owner.cov_object.covariance, "allow_singular": owner.allow_singular}
    return name, {parameter: getattr(owner, parameter) for parameter in _VECTOR_PARAMETERS.get(name, [])}


def _named(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    law = law_of(name)
    parameters = law.parameters if law is not None else _VECTOR_PARAMETERS.get(name, [])
    if len(args) > len(parameters):
        _refuse_arguments(name, f"takes at most {len(parameters)} parameters ({', '.join(parameters)})")
    return {**dict(zip(parameters, args, strict=False)), **kwargs}


class GivenLaw:
    """A law with traced parameters; its methods are those of SciPy's object that stand in ``docs/supported.md``."""

    def __init__(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._name, self._parameters = name, _named(name, args, kwargs)

    def __getattr__(self, method: str) -> Callable[..., Any]:
        if method.startswith("__"):
            raise AttributeError(method)
        return lambda *args, **kwargs: run_method(self._name, method, args, {**self._parameters, **kwargs})


def run_method(name: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The method of the law on traced arguments, by SciPy's signature: the variable, shapes, loc, scale.

    Raises:
        UnsupportedError: where the law or the method has no traced form.
        TraceTypeError: for arguments that SciPy's method does not take.
    """
    law = law_of(name)
    _require(name, method)
    if law is None:
        return _run_vector(name, method, args, kwargs)
    rest = dict(kwargs)
    x, args = _variable(name, method, law, args, rest)
    parameters = _named(name, args, rest)
    unknown = sorted(set(parameters) - set(law.parameters))
    missing = [shape for shape in law.shapes.split() if shape not in parameters]
    if unknown or missing:
        _refuse_arguments(name, f"needs {missing[0]}" if missing else f"has no parameter {unknown[0]}", method)
    shapes = [in_float64(parameters[shape]) for shape in law.shapes.split()]
    loc = _number_or_array(parameters.get("loc", 0.0))
    if isinstance(law, Continuous):
        return law.call(method, x, shapes, loc, _number_or_array(parameters.get("scale", 1.0)))
    return law.call(method, x, shapes, loc)  # type: ignore[attr-defined]


def _number_or_array(a: Any) -> Any:
    return float(a) if isinstance(a, int | float) else in_float64(a)


def _variable(name: str, method: str, law: Law, args: Sequence[Any], rest: dict[str, Any]) -> tuple[Any, Sequence[Any]]:
    """The point at which the method is asked, and the arguments after it; None for a moment."""
    if method in law.MOMENTS or method == "median":
        return None, args
    keyword = "q" if method in ("ppf", "isf") else "k" if method.endswith("pmf") else "x"
    if args:
        return in_float64(args[0]), args[1:]
    if keyword not in rest:
        _refuse_arguments(name, f"needs {keyword}", method)
    return in_float64(rest.pop(keyword)), args


def _run_vector(name: str, method: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    rest = dict(kwargs)
    if rest.pop("allow_singular", False):
        message = f"scipy.stats.{name}: allow_singular=True is not supported on traced arrays"
        raise UnsupportedError(message, location=user_location())
    formula = _OF_VECTORS[name][method]
    try:
        bound = inspect.signature(formula).bind(*args, **rest)
    except TypeError as error:
        raise TraceTypeError(f"scipy.stats.{name}.{method}: {error}", location=user_location()) from error
    return formula(*bound.args, **bound.kwargs)


def _require(name: str, method: str) -> None:
    """Raise unless the law has this method here."""
    if method == "rvs":
        message = f"scipy.stats.{name}.rvs {WHY}; {instead_of(name)}"
        raise SideEffectError(message, location=user_location())
    known = names_of_laws()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        _refuse_name(name, near[0] if near else ", ".join(known))
    if method not in methods_of(name):
        _refuse_name(f"{name}.{method}", ", ".join(methods_of(name)))


def _refuse_name(name: str, instead: str) -> NoReturn:
    message = f"scipy.stats.{name} is not supported on traced arrays; supported: {instead}"
    raise UnsupportedError(message, location=user_location())


def _refuse_arguments(name: str, why: str, method: str = "") -> NoReturn:
    raise TraceTypeError(f"scipy.stats.{name}{'.' if method else ''}{method} {why}", location=user_location())
