"""Arguments of SciPy's functions that are traced as programs: what one does not take is refused by its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any, NoReturn

import numpy as np

from graphc.errors import ShapeError, UnsupportedError
from graphc.trace.location import user_location


def refuse(message: str) -> NoReturn:
    """Raise ``UnsupportedError`` at the user's line."""
    raise UnsupportedError(message, location=user_location())


def refuse_shape(message: str) -> NoReturn:
    """Raise ``ShapeError`` at the user's line."""
    raise ShapeError(message, location=user_location())


class MissingAttributeError(UnsupportedError, AttributeError):
    """What ``hasattr`` takes for an answer."""


class Substitute:
    """An object that stands for one of SciPy's; what it does not have is refused by its name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        own = sorted(key for key in {**vars(type(self)), **vars(self)} if not key.startswith("_"))
        raise MissingAttributeError(
            f"{type(self).__name__}.{name} is not there of traced values; there are {', '.join(own)}",
            location=user_location(),
        )


def in_double(x: Any) -> Any:
    """In float64, in which SciPy computes these; complex numbers in complex128."""
    x = np.asarray(x)
    return x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)


def one_of(name: str, what: str, given: Any, known: Any) -> Any:
    """The option, if it is one of those that there are."""
    if not isinstance(given, str) or given not in known:
        refuse(f"{name}: {what}={given!r} is not supported on traced arrays; there are {', '.join(map(repr, known))}")
    return given


def require_plain(name: str, **given: Any) -> None:
    """Refuse options that must keep the value at which they do nothing: ``None``, ``False`` or "propagate"."""
    for what, value in given.items():
        if value is not None and value is not False and value != "propagate":
            refuse(f"{name}: {what}={value!r} is not supported on traced arrays; leave {what}= out")


def without_defaults(
    name: str, function: Any, algorithm: Callable[..., Any], args: Any, kwargs: dict[str, Any]
) -> dict[str, Any]:
    """The keywords for the algorithm: those that it does not know may have the value that SciPy's function gives them.

    Raises:
        UnsupportedError: where an argument of SciPy's function is not there.
    """
    known = _parameters(algorithm)
    if known is None:
        return kwargs
    defaults = _parameters(function) or {}
    found = {}
    for key, value in kwargs.items():
        if key in known:
            found[key] = value
        elif not _is_default(value, defaults.get(key)):
            refuse(f"{name}: {key}= is not supported on traced arrays; the arguments are ({', '.join(known)})")
    if len(args) > len(known):
        refuse(f"{name}: {len(args)} arguments; on traced arrays there are ({', '.join(known)})")
    return found


@cache
def _parameters(function: Any) -> dict[str, inspect.Parameter] | None:
    """The parameters by name; None where any are taken, or none are known."""
    try:
        found = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # a builtin without a signature
        return None
    return None if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in found.values()) else found


def _is_default(value: Any, parameter: inspect.Parameter | None) -> bool:
    if parameter is None or isinstance(value, np.ndarray):
        return False
    return value is parameter.default or (isinstance(value, str | int | float) and value == parameter.default)
