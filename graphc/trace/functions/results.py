"""The named tuples that NumPy's functions of several results give: ``np.linalg.eigh(a).eigenvectors``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class EigResult(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


class EighResult(NamedTuple):
    eigenvalues: Any
    eigenvectors: Any


class QRResult(NamedTuple):
    Q: Any
    R: Any


class SlogdetResult(NamedTuple):
    sign: Any
    logabsdet: Any


class SVDResult(NamedTuple):
    U: Any
    S: Any
    Vh: Any


class UniqueAllResult(NamedTuple):
    values: Any
    indices: Any
    inverse_indices: Any
    counts: Any


class UniqueCountsResult(NamedTuple):
    values: Any
    counts: Any


class UniqueInverseResult(NamedTuple):
    values: Any
    inverse_indices: Any


_RESULTS: Mapping[str, Any] = {
    "numpy.linalg.eig": EigResult,
    "numpy.linalg.eigh": EighResult,
    "numpy.linalg.qr": QRResult,
    "numpy.linalg.slogdet": SlogdetResult,
    "numpy.linalg.svd": SVDResult,
    "numpy.unique_all": UniqueAllResult,
    "numpy.unique_counts": UniqueCountsResult,
    "numpy.unique_inverse": UniqueInverseResult,
}


def named(name: str, result: Any) -> Any:
    """The result of the function of that name, as a named tuple where NumPy gives one.

    >>> named("numpy.linalg.slogdet", (1.0, 0.5)).logabsdet
    0.5
    """
    kind = _RESULTS.get(name)
    return result if kind is None or not isinstance(result, tuple) else kind(*result)
