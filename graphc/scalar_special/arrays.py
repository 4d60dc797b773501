"""Functions of this room over arrays, one element after the other: what an interpreted graph computes."""

from __future__ import annotations

from typing import Any

import numpy as np


def over_arrays(name: str, arrays: tuple[Any, ...]) -> list[np.ndarray]:
    """All results of the function of SciPy's name, float64 as it is compiled for the CPU (a list of arrays)."""
    from graphc.scalar_special.table import FUNCTIONS

    rows = np.broadcast_arrays(*(np.asarray(array, np.float64) for array in arrays))
    with np.errstate(all="ignore"):
        found = [FUNCTIONS[name](*numbers) for numbers in zip(*(row.ravel() for row in rows), strict=True)]
    count = len(found[0]) if found and isinstance(found[0], tuple) else 1
    columns = np.reshape(np.array(found, np.float64), (-1, count)).T
    return [column.reshape(rows[0].shape) for column in columns]
