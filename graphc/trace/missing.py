"""What is said of a function that there is not: why, or which one was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import NoReturn

import numpy as np

from graphc.errors import UnsupportedError
from graphc.trace.algorithms.table import ALGORITHMS
from graphc.trace.functions import NUMPY_FUNCTIONS, UFUNC_FUNCTIONS, UFUNCS
from graphc.trace.functions.absent import reason
from graphc.trace.functions.table import WRITING_FUNCTIONS
from graphc.trace.location import user_location


def raise_unsupported(name: str) -> NoReturn:
    """Refuse the function by its name: why, or the nearest one that there is."""
    raise UnsupportedError(f"{name} is not supported on traced arrays{remark_on(name)}", location=user_location())


def remark_on(name: str) -> str:
    """Why the function is not there, the nearest one, or what to do without.

    >>> remark_on("scipy.integrate.trapezoids")
    '; the nearest supported one is scipy.integrate.trapezoid'
    """
    why = reason(name)
    if why is not None:
        return f": {why}"
    known = [*NUMPY_FUNCTIONS, *WRITING_FUNCTIONS, *ALGORITHMS]
    for ufunc in (*UFUNCS, *UFUNC_FUNCTIONS):
        known.append(f"{'numpy' if hasattr(np, ufunc) else 'scipy.special'}.{ufunc}")
    return nearest_of(name, known)


def nearest_of(name: str, known: Sequence[str]) -> str:
    """A closing remark: the name that exists and was probably meant, one of the same module before others."""
    module, _, own = name.rpartition(".")
    tails: dict[str, str] = {}
    for candidate in sorted(known, key=lambda other: other.rpartition(".")[0] != module):
        tails.setdefault(candidate.rpartition(".")[2], candidate)
    match = difflib.get_close_matches(own.lstrip("_"), tails, n=1, cutoff=0.8)
    if match:
        return f"; the nearest supported one is {tails[match[0]]}"
    return "; write it with the functions that docs/supported.md lists, or compute it outside and pass it in"
