"""Numbers of the program that decide something: they are known only when it runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.made import is_constant
from graphc.trace.values import TracedValue, session_of


def is_open(flag: Any) -> bool:
    """Whether it is a traced number whose value shows when the program runs."""
    if not isinstance(flag, TracedValue) or is_constant(flag) or flag.value.dims:
        return False
    return session_of((flag,)).captures.concrete_number(flag) is None


def as_flag(number: Any) -> Any:
    """A bool of a traced number: whether it is not zero."""
    return number if number.dtype == np.bool_ else number != 0
