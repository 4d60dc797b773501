"""Python's own functions of numbers, as they answer traced ones: ``max``, ``int``, ``any``, ``math.erf``.

Where nothing is traced they are called as they are. A number that they give for traced ones is a Python number, whose
dtype gives way to that of an array.
"""

from __future__ import annotations

import cmath
import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.trace.location import user_location
from graphc.trace.made import is_constant
from graphc.trace.ordering import in_order, largest, smallest
from graphc.trace.protocol import python_number
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.tracer import Tracer
from graphc.trace.values import TracedValue, converted, make_weak


def has_traced(obj: Any) -> bool:
    """Whether there is a traced number or a symbolic size in it, however deep in lists, tuples and dicts."""
    if isinstance(obj, TracedValue | SymbolicInt):
        return not is_constant(obj)
    if isinstance(obj, list | tuple):
        return any(map(has_traced, obj))
    if isinstance(obj, slice):
        return any(map(has_traced, (obj.start, obj.stop, obj.step)))
    return isinstance(obj, dict) and any(map(has_traced, obj.values()))


def _is_traced_number(obj: Any) -> bool:
    return isinstance(obj, TracedValue) and not is_constant(obj) and not obj.value.dims


def as_number(result: Any) -> Any:
    """The traced scalar as a Python number."""
    if _is_traced_number(result):
        make_weak(result.value)
    return result


# --- choices ----------------------------------------------------------------------------------------------------------


def _extremum(function: Callable[..., Any], is_beyond: Callable[[Any, Any], Any], *args: Any, **kwargs: Any) -> Any:
    """``max`` and ``min``: the first of equal ones, and what a comparison with NaN leaves, as Python's loop does."""
    operands = _listed(args[0]) if len(args) == 1 else args
    if kwargs.keys() == {"key"} and isinstance(operands, list | tuple):
        return (largest if function is max else smallest)(operands, kwargs["key"])
    if kwargs or not isinstance(operands, list | tuple) or not any(map(_is_traced_number, operands)):
        return function(operands if len(args) == 1 else args, **kwargs)
    found = operands[0]
    for other in operands[1:]:
        found = np.where(is_beyond(other, found), other, found)
    is_python = all(not isinstance(o, TracedValue | np.generic) or _is_weak(o) for o in operands)
    return as_number(found) if is_python else found


def _is_weak(obj: Any) -> bool:
    return isinstance(obj, TracedValue) and obj.value.type.weak


def _listed(items: Any) -> Any:
    """What is iterated over, as a list; a text or a mapping stays."""
    return list(items) if isinstance(items, Iterable) and not isinstance(items, str | bytes | Mapping) else items


def _quantifier(function: Callable[..., Any], decides: bool, items: Any) -> Any:
    """``any`` (one ``True`` decides) and ``all`` (one ``False`` does)."""
    open_ones = []
    for item in items:
        if _is_traced_number(item):
            open_ones.append(item if item.value.type.dtype.kind == "b" else item != 0)
        elif bool(item) is decides:
            return decides
    return functools.reduce(operator.or_ if decides else operator.and_, open_ones) if open_ones else not decides


# --- conversions ------------------------------------------------------------------------------------------------------


def _float(*args: Any) -> Any:
    number = args[0] if len(args) == 1 else None
    if isinstance(number, SymbolicInt):
        return number * 1.0
    return python_number(number, np.float64) if _is_traced_number(number) else float(*args)


def _int(*args: Any, **kwargs: Any) -> Any:
    """A number from outside decides: it may be a size. Others are cut to int64 towards zero, as Numba does."""
    number: Any = args[0] if len(args) == 1 and not kwargs else None
    if not _is_traced_number(number) or number.session.captures.concrete_number(number) is not None:
        return int(*args, **kwargs)
    return python_number(number, np.int64)


def _complex(*args: Any) -> Any:
    if not any(map(_is_traced_number, args)):
        return complex(*args)
    whole = args[0] if len(args) == 1 else args[0] + 1j * args[1]
    return python_number(whole, np.complex128)


# --- math -------------------------------------------------------------------------------------------------------------


def _log(x: Any, base: Any = math.e) -> Any:
    return np.log(x) if base is math.e else np.log(x) / np.log(base)


def _hypot(*sides: Any) -> Any:
    return functools.reduce(np.hypot, sides) if len(sides) > 1 else np.abs(sides[0])


def _fsum(numbers: Iterable[Any]) -> Any:
    return functools.reduce(operator.add, numbers, 0.0)


def _prod(numbers: Iterable[Any], *, start: Any = 1) -> Any:
    return functools.reduce(operator.mul, numbers, start)


def _dist(p: Iterable[Any], q: Iterable[Any]) -> Any:
    return np.sqrt(_fsum((a - b) * (a - b) for a, b in zip(p, q, strict=True)))


def _isclose(a: Any, b: Any, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> Any:
    apart, size = np.abs(a - b), np.maximum(np.abs(a), np.abs(b))
    return (a == b) | ((apart <= np.maximum(rel_tol * size, abs_tol)) & np.isfinite(apart))


def _whole(step: Callable[..., Any], x: Any) -> Any:
    return x if isinstance(x, SymbolicInt) else python_number(step(x), np.int64)


def _special(name: str) -> Callable[..., Any]:
    """SciPy's function, whose import takes longer than NumPy's: when it is called."""

    def call(x: Any) -> Any:
        import scipy.special

        return getattr(scipy.special, name)(x)

    return call


MATH_FORMS: dict[Any, Callable[..., Any]] = {
    **{getattr(math, name): getattr(np, name) for name in (
        "exp", "log2", "log10", "log1p", "expm1", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "cbrt", "exp2",
        "fabs", "fmod", "isnan", "isinf", "isfinite", "copysign", "degrees", "radians",
    )},
    **{function: functools.partial(_whole, step) for function, step in (
        (math.floor, np.floor), (math.ceil, np.ceil), (math.trunc, np.trunc),
    )},
    math.asin: np.arcsin, math.acos: np.arccos, math.atan: np.arctan, math.atan2: np.arctan2, math.pow: np.power,
    math.asinh: np.arcsinh, math.acosh: np.arccosh, math.atanh: np.arctanh, math.hypot: _hypot, math.log: _log,
    math.erf: _special("erf"), math.erfc: _special("erfc"), math.lgamma: _special("gammaln"),
    math.modf: np.modf, math.ldexp: np.ldexp, math.fsum: _fsum, math.prod: _prod, math.dist: _dist,
    math.isclose: _isclose,
}  # fmt: skip


def _math(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A function of ``math``, whose result is a Python number also where NumPy's is an array's."""
    args = tuple(arg if isinstance(arg, TracedValue) and not arg.value.dims else _listed(arg) for arg in args)
    if any(isinstance(arg, TracedValue) and arg.value.type.is_complex for arg in args):
        raise TraceTypeError(f"math.{function.__name__} takes no complex number; use cmath or NumPy",
                             location=user_location())  # fmt: skip
    if not has_traced(args):
        return function(*args, **kwargs)
    found = MATH_FORMS[function](*args, **kwargs)
    return tuple(map(as_number, found)) if isinstance(found, tuple) else as_number(found)


def _cmath(function: Callable[..., Any], x: Any) -> Any:
    """A function of ``cmath``: of real numbers as of complex ones."""
    return as_number(CMATH_FORMS[function](x + 0j)) if _is_traced_number(x) else function(x)


CMATH_FORMS: dict[Any, Callable[..., Any]] = {
    **{getattr(cmath, name): getattr(np, name) for name in (
        "exp", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh", "isnan", "isinf", "isfinite",
    )},
    cmath.log: np.log, cmath.phase: np.angle, cmath.asin: np.arcsin, cmath.acos: np.arccos, cmath.atan: np.arctan,
    cmath.asinh: np.arcsinh, cmath.acosh: np.arccosh, cmath.atanh: np.arctanh,
}  # fmt: skip


# --- the table --------------------------------------------------------------------------------------------------------


def _length(obj: Any) -> Any:
    return obj.shape[0] if isinstance(obj, Tracer) and obj.ndim else len(obj)


def _index(obj: Any) -> int:
    return operator.index(converted(obj, "__index__"))


TRACED_FORMS: dict[Any, Callable[..., Any]] = {
    len: _length,
    operator.index: _index,
    float: _float,
    int: _int,
    complex: _complex,
    max: functools.partial(_extremum, max, operator.gt),
    min: functools.partial(_extremum, min, operator.lt),
    sorted: in_order,
    any: functools.partial(_quantifier, any, True),
    all: functools.partial(_quantifier, all, False),
    **{function: functools.partial(_math, function) for function in MATH_FORMS},
    **{function: functools.partial(_cmath, function) for function in CMATH_FORMS},
}
