"""``scipy.integrate``: integrals of samples."""

from __future__ import annotations

from typing import Any

import numpy as np


def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    """The area under the polygon through the samples."""
    return np.trapezoid(y, x, dx, axis)


def cumulative_trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1, initial: Any = None) -> Any:
    """The area up to each sample but the first; up to the first too, where it is 0, with ``initial=0``."""
    heights = np.moveaxis(np.asarray(y), axis, -1)
    if x is None:
        steps = dx
    elif np.ndim(x) == 1:
        steps = np.diff(x)
    else:
        steps = np.diff(np.moveaxis(np.asarray(x), axis, -1))
    areas = np.cumsum(steps * (heights[..., 1:] + heights[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        first = np.zeros_like(areas[..., :1]) + initial
        areas = np.concatenate([first, areas], axis=-1)
    return np.moveaxis(areas, -1, axis)


FUNCTIONS = {
    "scipy.integrate.trapezoid": trapezoid,
    "scipy.integrate.cumulative_trapezoid": cumulative_trapezoid,
}
