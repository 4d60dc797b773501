"""Methods and properties of ``ndarray``, with the signatures they have there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.trace.functions import (
    complex_values,
    creation,
    diagonals,
    editing,
    indexing,
    positions,
    products,
    rearranging,
    reductions,
    selection,
    shaping,
    sorting,
    statistics,
)
from graphc.trace.functions.arguments import as_array, as_dtype, cast_by
from graphc.trace.functions.shaping import ignore_order
from graphc.trace.memory_order import in_order


def _spread(arguments: tuple[Any, ...]) -> Any:
    """``x.reshape(2, 3)`` and ``x.reshape((2, 3))`` mean the same."""
    return arguments[0] if len(arguments) == 1 else arguments


def reshape(F: Builder, a: Any, /, *shape: Any, order: str = "C", copy: Any = None) -> Value:
    return shaping.reshape(F, a, _spread(shape), order)


def transpose(F: Builder, a: Any, /, *axes: Any) -> Value:
    return shaping.transpose(F, a, _spread(axes) if axes else None)


def flatten(F: Builder, a: Any, /, order: str = "C") -> Value:
    return shaping.ravel(F, a, order)


def clip(F: Builder, a: Any, /, min: Any = None, max: Any = None, out: None = None) -> Value:
    return selection.clip(F, a, min, max)


def astype(
    F: Builder, a: Any, /, dtype: Any, order: str = "K", casting: str = "unsafe", subok: bool = True, copy: bool = True
) -> Value:  # fmt: skip
    ignore_order(F, order)
    value, wanted = as_array(F, a), as_dtype(F, "astype", dtype)
    if casting != "unsafe":
        return in_order(F, cast_by(F, "astype", value, wanted, casting), order)
    if value.type.is_complex and wanted.kind not in "cb":
        warnings.warn("astype discards the imaginary part", np.exceptions.ComplexWarning, stacklevel=2)
        value = F.real(value)
    return in_order(F, F.cast(value, wanted), order)


def compress(F: Builder, a: Any, /, condition: Any, axis: int | None = None, out: None = None) -> Value:
    return indexing.compress(F, condition, a, axis)


def copy(F: Builder, a: Any, /, order: str = "C") -> Value:
    return in_order(F, creation.copy(F, a, order), order)


METHODS: dict[str, Callable[..., Any]] = {
    "sum": reductions.sum_, "prod": reductions.prod, "max": reductions.max_, "min": reductions.min_,
    "any": reductions.any_, "all": reductions.all_, "argmax": reductions.argmax, "argmin": reductions.argmin,
    "cumsum": reductions.cumsum, "cumprod": reductions.cumprod, "mean": statistics.mean, "var": statistics.var,
    "std": statistics.std, "reshape": reshape, "transpose": transpose, "ravel": shaping.ravel, "flatten": flatten,
    "squeeze": shaping.squeeze, "swapaxes": shaping.swapaxes, "dot": products.dot, "clip": clip,
    "repeat": rearranging.repeat, "round": selection.round_, "astype": astype, "copy": copy,
    "trace": diagonals.trace, "diagonal": diagonals.diagonal, "take": indexing.take, "compress": compress,
    "argsort": sorting.argsort, "argpartition": sorting.argpartition, "searchsorted": sorting.searchsorted,
    "nonzero": positions.nonzero, "choose": editing.choose, "conj": complex_values.conj,
    "conjugate": complex_values.conj,
}  # fmt: skip

PROPERTIES: dict[str, Callable[[Builder, Value], Value]] = {
    "T": shaping.transpose,
    "mT": shaping.matrix_transpose,
    "real": complex_values.real,
    "imag": complex_values.imag,
    "flat": shaping.ravel,
}
