"""Which results share memory with the argument that they were made of, as in NumPy.

``view``        where the result is a rearrangement of the argument, as that of ``diff`` is for ``n=0``
``reshaped``    where the elements lie so that they can be counted anew, else it is a copy
``raveled``     where the elements lie in one piece, else it is a copy
``read-only``   always, and it cannot be written into
``one operand`` of ``einsum``: a result of one operand that only rearranges it; of several it is new
``each``        the results share memory with the arguments one by one, and cannot be written into
``each view``   the results share memory with the arguments one by one
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_VIEWS = [
    "transpose", "permute_dims", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "atleast_1d",
    "atleast_2d", "atleast_3d", "matrix_transpose", "flip", "fliplr", "flipud", "rot90", "split", "array_split",
    "hsplit", "vsplit", "dsplit", "unstack", "real", "imag", "real_if_close", "linalg.matrix_transpose",
    "linalg.matrix_power", "diff",
]  # fmt: skip
_READ_ONLY = ["diagonal", "diag", "broadcast_to", "linalg.diagonal", "trim_zeros"]

VIEWS: Mapping[str, str] = {
    **{f"numpy.{name}": "view" for name in _VIEWS},
    **{f"numpy.{name}": "read-only" for name in _READ_ONLY},
    "numpy.reshape": "reshaped",
    "numpy.ravel": "raveled",
    "numpy.einsum": "one operand",
    "numpy.lib.stride_tricks.sliding_window_view": "read-only",
    "numpy.broadcast_arrays": "each",
    "numpy.ix_": "each view",
}
VIEW_PROPERTIES = frozenset(["T", "mT", "real", "imag", "flat"])
_METHODS = {
    "transpose": "view",
    "swapaxes": "view",
    "squeeze": "view",
    "diagonal": "read-only",
    "reshape": "reshaped",
    "ravel": "raveled",
    "conj": "view",
    "conjugate": "view",
}


def function_view(name: str, kwargs: Mapping[str, Any]) -> str | None:
    """How the result of the function shares memory; None: it does not."""
    if name == "numpy.meshgrid":
        return None if kwargs.get("copy", True) else "each"
    return None if kwargs.get("copy") else _kept_or_view(name, "numpy.astype", kwargs, VIEWS)


def method_view(name: str, kwargs: Mapping[str, Any]) -> str | None:
    """How the result of the method shares memory; None: it does not."""
    return None if kwargs.get("copy") else _kept_or_view(name, "astype", kwargs, _METHODS)


def _kept_or_view(name: str, cast: str, kwargs: Mapping[str, Any], views: Mapping[str, str]) -> str | None:
    """What a function shares that was not asked for a copy; a cast shares only where it was asked for none."""
    return "view" if name == cast and kwargs.get("copy") is False else views.get(name)
