"""The tables that the tracer dispatches on, built by explicit import.

``NUMPY_FUNCTIONS``   "numpy.mean" -> implementation; names as users write them, submodules included
``METHODS``           "mean" -> implementation with the signature of ndarray's method
``PROPERTIES``        "T" -> implementation
``VALUE_ONLY``        names in it whose results are integers, truth values, shapes, or piecewise constant
``WRITING_FUNCTIONS`` "numpy.copyto" -> implementation that gives its first argument's new value; so ``WRITING_METHODS``
``UFUNCS``            "multiply" -> op name
``UFUNC_FUNCTIONS``   "matmul" -> implementation of a ufunc that is no single op
``UFUNC_METHODS``     ("add", "reduce") -> implementation

An implementation is called as ``f(F, *args, **kwargs)`` with the user's arguments, arrays as ``Value``s.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from functools import cache, wraps
from typing import Any

from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.trace.functions import (
    complex_values,
    cosines,
    covariances,
    creation,
    decompositions,
    diagonals,
    differences,
    editing,
    einsum,
    elementwise,
    exponentials,
    fourier,
    histograms,
    indexing,
    joining,
    methods,
    norms,
    padding,
    polynomials,
    positions,
    products,
    quantiles,
    rearranging,
    reductions,
    running,
    selection,
    sets,
    shaping,
    signals,
    sorting,
    special_values,
    spectra,
    statistics,
    systems,
    tapers,
    triangles,
    ufuncs,
    writing,
)
from graphc.trace.functions.arguments import Implementation, as_flag, qualified
from graphc.trace.functions.complex_values import TAKES_COMPLEX, complex_dtype_of

_FLAGS = {
    "keepdims",
    "endpoint",
    "increasing",
    "retstep",
    "return_sign",
    "equal_nan",
    "returned",
    "lower",
    "upper",
    "transposed",
    "unit_diagonal",
}


@cache
def signature_of(implementation: Implementation) -> inspect.Signature:
    """Read at the first call: reading all of them would slow the import."""
    return inspect.signature(implementation)


def checked(name: str, implementation: Implementation) -> Implementation:
    """The implementation, refusing arguments that it does not have by the function's and the argument's name."""

    takes_complex = name in TAKES_COMPLEX | fourier.TAKES_COMPLEX | special_values.TAKES_COMPLEX

    @wraps(implementation)
    def call(F: Builder, *args: Any, **kwargs: Any) -> Any:
        parameters = signature_of(implementation)
        try:
            bound = parameters.bind(F, *args, **kwargs)
        except TypeError as error:
            message = f"{name}: {error}; graphc supports {name}{_without_builder(parameters)}"
            raise UnsupportedError(message, location=F.location) from None
        if bound.arguments.get("out") is not None:
            message = f"{name}: out= is not supported; assign the result: y = {name}(...)"
            raise UnsupportedError(message, location=F.location)
        if not takes_complex:
            _refuse_complex(F, name, bound.arguments.values())
        for flag in _FLAGS & bound.arguments.keys():
            bound.arguments[flag] = as_flag(F, name, flag, bound.arguments[flag])
        return implementation(*bound.args, **bound.kwargs)

    return call


def _refuse_complex(F: Builder, name: str, arguments: Iterable[Any]) -> None:
    dtype = complex_dtype_of(arguments)
    if dtype is not None:
        remedy = "docs/supported.md lists, under complex numbers, what does; or take z.real and z.imag"
        raise UnsupportedError(f"{name} of {dtype} is not supported; {remedy}", location=F.location)


def _without_builder(parameters: inspect.Signature) -> str:
    rest = [p.replace(annotation=inspect.Parameter.empty) for p in parameters.parameters.values()][1:]
    return str(inspect.Signature(rest))


def build_table(*families: Mapping[str, Implementation]) -> dict[str, Implementation]:
    """The implementations by qualified name; a name that stands twice is an error."""
    table: dict[str, Implementation] = {}
    for family in families:
        for name, implementation in family.items():
            if name in table:
                raise ValueError(f"function {name!r} stands twice in the table")
            table[name] = checked(name, implementation)
    return table


NUMPY_FUNCTIONS = build_table(
    reductions.FUNCTIONS,
    statistics.FUNCTIONS,
    shaping.FUNCTIONS,
    joining.FUNCTIONS,
    rearranging.FUNCTIONS,
    creation.FUNCTIONS,
    selection.FUNCTIONS,
    products.FUNCTIONS,
    indexing.FUNCTIONS,
    diagonals.FUNCTIONS,
    padding.FUNCTIONS,
    differences.FUNCTIONS,
    einsum.FUNCTIONS,
    norms.FUNCTIONS,
    exponentials.FUNCTIONS,
    sorting.FUNCTIONS,
    systems.FUNCTIONS,
    quantiles.FUNCTIONS,
    positions.FUNCTIONS,
    triangles.FUNCTIONS,
    tapers.FUNCTIONS,
    sets.FUNCTIONS,
    running.FUNCTIONS,
    signals.FUNCTIONS,
    polynomials.FUNCTIONS,
    histograms.FUNCTIONS,
    elementwise.FUNCTIONS,
    complex_values.FUNCTIONS,
    fourier.FUNCTIONS,
    cosines.FUNCTIONS,
    covariances.FUNCTIONS,
    editing.FUNCTIONS,
    spectra.FUNCTIONS,
    decompositions.FUNCTIONS,
    special_values.FUNCTIONS,
)
VALUE_ONLY = frozenset(
    qualified(
        "numpy",
        """
        all allclose any argmax argmin array_equal array_equiv around count_nonzero imag iscomplexobj isclose
        isreal isrealobj ndim result_type common_type round shape size empty empty_like eye identity ones ones_like tri
        zeros zeros_like arange linalg.matrix_rank argsort argpartition lexsort searchsorted digitize nonzero
        flatnonzero argwhere unravel_index ravel_multi_index ix_ diag_indices diag_indices_from tril_indices
        tril_indices_from triu_indices triu_indices_from indices hanning hamming blackman bartlett isin fix
        angle isposinf isneginf iscomplex packbits unpackbits nanargmax nanargmin
    """,
    )
)
METHODS = {name: checked(f"ndarray.{name}", f) for name, f in methods.METHODS.items()}
WRITING_FUNCTIONS = build_table(writing.WRITING_FUNCTIONS)
WRITING_METHODS = {name: checked(f"ndarray.{name}", f) for name, f in writing.WRITING_METHODS.items()}
PROPERTIES = methods.PROPERTIES
UFUNCS = ufuncs.UFUNCS
UFUNC_FUNCTIONS = {
    name: checked(f"{'scipy.special' if name in special_values.UFUNC_FUNCTIONS else 'numpy'}.{name}", f)
    for name, f in ufuncs.UFUNC_FUNCTIONS.items()
}
UFUNC_METHODS = {(name, m): checked(f"numpy.{name}.{m}", f) for (name, m), f in ufuncs.UFUNC_METHODS.items()}
