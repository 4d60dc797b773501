"""NumPy's functions as the namespace of traced arrays, in the sense of the Python array API standard.

A function that asks its arguments for their functions can be traced as it is:

    >>> def standardised(x):
    ...     xp = x.__array_namespace__()  # or array_api_compat.array_namespace(x)
    ...     return (x - xp.mean(x)) / xp.std(x, correction=1)
    >>> graphc.jit(standardised)(np.array([1.0, 2.0, 3.0]))
    array([-1.,  0.,  1.])

Everything in NumPy's namespace is here, under the same name. Functions that make arrays and do not look at the kind of
their arguments (``asarray``, ``zeros``, ``arange``) are traced here also where the calling code is not graphc's to
rewrite, as that of another library.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import nearest
from graphc.trace.creation import array_function
from graphc.trace.protocol import public_name
from graphc.trace.session import current


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name not in ("__array_api_version__", "__array_namespace_info__"):
        raise AttributeError(f"module 'graphc.numpy' has no attribute {name!r}")
    if not hasattr(np, name):
        raise AttributeError(f"module 'graphc.numpy' has no attribute {name!r}{nearest(name, dir(np))}")
    globals()[name] = found = _traceable(getattr(np, name))
    return found


def __dir__() -> list[str]:
    return sorted({*dir(np), "__array_api_version__", "__array_namespace_info__"})


def _traceable(function: Any) -> Any:
    """The function itself; if it would not see that an argument is traced, one that does."""
    if not callable(function) or isinstance(function, type | np.ufunc):
        return function
    traced = array_function(function, public_name(function)) if _is_function(function) else function
    return function if traced is function else _in_a_trace(function, traced)


def _is_function(function: Any) -> bool:
    return bool(getattr(function, "__name__", "")) and (getattr(function, "__module__", None) or "").startswith("numpy")


def _in_a_trace(plain: Callable[..., Any], traced: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def call(*args: Any, **kwargs: Any) -> Any:
        return (plain if current() is None else traced)(*args, **kwargs)

    return call
