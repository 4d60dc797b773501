"""``ALGORITHMS``: "scipy.linalg.expm" -> the function, written in NumPy, that is traced in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphc.trace.algorithms import (
    active_sets,
    banded,
    bsplines,
    comparisons,
    convolutions,
    cubics,
    descriptions,
    distances,
    factorings,
    filters,
    fitpack,
    functional,
    images,
    initial_values,
    integrals,
    interpolants,
    matrix_functions,
    periodograms,
    quadrature,
    rank_filters,
    resampling,
    riccati,
    roots,
    sparse_products,
    special_functions,
    structured,
)

ALGORITHMS: Mapping[str, Any] = {
    **matrix_functions.FUNCTIONS,
    **structured.FUNCTIONS,
    **banded.FUNCTIONS,
    **factorings.FUNCTIONS,
    **riccati.FUNCTIONS,
    **filters.FUNCTIONS,
    **initial_values.FUNCTIONS,
    **cubics.FUNCTIONS,
    **bsplines.FUNCTIONS,
    **fitpack.FUNCTIONS,
    **interpolants.FUNCTIONS,
    **special_functions.FUNCTIONS,
    **functional.FUNCTIONS,
    **integrals.FUNCTIONS,
    **quadrature.FUNCTIONS,
    **descriptions.FUNCTIONS,
    **comparisons.FUNCTIONS,
    **distances.FUNCTIONS,
    **sparse_products.FUNCTIONS,
    **convolutions.FUNCTIONS,
    **periodograms.FUNCTIONS,
    **images.FUNCTIONS,
    **rank_filters.FUNCTIONS,
    **roots.FUNCTIONS,
    **active_sets.FUNCTIONS,
    **resampling.FUNCTIONS,
}
