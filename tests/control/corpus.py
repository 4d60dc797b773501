"""Programs as users of NumPy and Numba write them: plain loops, branches and writes in place, at small sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tests.control import corpus_series, corpus_solvers, corpus_stencils


class Program(NamedTuple):
    """``arguments``: what the function is called with; the gradient is by the first one."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


def programs() -> dict[str, Program]:
    made: dict[str, Program] = {}
    for module in (corpus_stencils, corpus_solvers, corpus_series):
        rng = np.random.default_rng(3)
        made |= {function.__name__: Program(function, arguments(rng)) for function, arguments in module.PROGRAMS}
    return made


PROGRAMS = programs()
