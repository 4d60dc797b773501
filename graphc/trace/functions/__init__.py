"""NumPy's functions on traced arrays: compositions of ops, one room for each kind of work.

The tables stand in ``table``; ``indexing.getitem`` is ``x[key]``.
"""

from graphc.trace.functions.table import (
    METHODS,
    NUMPY_FUNCTIONS,
    PROPERTIES,
    UFUNC_FUNCTIONS,
    UFUNC_METHODS,
    UFUNCS,
    VALUE_ONLY,
    WRITING_FUNCTIONS,
    WRITING_METHODS,
)

__all__ = [
    "METHODS",
    "NUMPY_FUNCTIONS",
    "PROPERTIES",
    "UFUNCS",
    "UFUNC_FUNCTIONS",
    "UFUNC_METHODS",
    "VALUE_ONLY",
    "WRITING_FUNCTIONS",
    "WRITING_METHODS",
]
