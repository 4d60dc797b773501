"""What a case of an op is, and random arrays for cases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

RNG = np.random.default_rng(7)


@dataclass(frozen=True)
class Case:
    """``expected(*arrays)`` is an independent way to the value."""

    arrays: tuple[np.ndarray, ...]
    expected: Callable[..., Any]
    attrs: dict[str, Any] = field(default_factory=dict)
    orders: int = 2


def normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape)


def distinct(*shape: int) -> np.ndarray:
    """Numbers at least 0.2 apart, shuffled: no ties within reach of the finite differences."""
    size = int(np.prod(shape))
    return RNG.permutation(size).reshape(shape) * 0.2 - 0.1 * size
