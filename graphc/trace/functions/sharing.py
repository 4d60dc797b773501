"""Which results share memory with the argument that they were made of, as in NumPy.

``view``        always
``reshaped``    where the elements lie so that they can be counted anew, else it is a copy
``raveled``     where the elements lie in one piece, else it is a copy
``read-only``   always, and it cannot be written into
``one operand`` of ``einsum``: a result of one operand that only rearranges it; of several it is new
``each``        the results share memory with the arguments one by one, and cannot be written into
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_VIEWS = [
    "transpose", "permute_dims", "swapaxes", "moveaxis", "rollaxis", "expand_dims", "squeeze", "atleast_1d",
    "atleast_2d", "atleast_3d", "matrix_transpose", "flip", "fliplr", "flipud", "rot90", "split", "array_split",
    "hsplit", "vsplit", "dsplit", "unstack", "real", "imag", "linalg.matrix_transpose",
]  # fmt: skip
_READ_ONLY = ["diagonal", "diag", "broadcast_to", "linalg.diagonal"]

VIEWS: Mapping[str, str] = {
    **{f"numpy.{name}": "view" for name in _VIEWS},
    **{f"numpy.{name}": "read-only" for name in _READ_ONLY},
    "numpy.reshape": "reshaped",
    "numpy.ravel": "raveled",
    "numpy.einsum": "one operand",
    "numpy.broadcast_arrays": "each",
    "numpy.meshgrid": "each",
}
VIEW_PROPERTIES = frozenset(["T", "mT", "real", "imag", "flat"])
_METHODS = {
    "transpose": "view",
    "swapaxes": "view",
    "squeeze": "view",
    "diagonal": "read-only",
    "reshape": "reshaped",
    "ravel": "raveled",
}


def function_view(name: str, kwargs: Mapping[str, Any]) -> str | None:
    """How the result of the function shares memory; None: it does not."""
    if name == "numpy.meshgrid" and kwargs.get("copy", True):
        return None
    return VIEWS.get(name)


def method_view(name: str, kwargs: Mapping[str, Any]) -> str | None:
    """How the result of the method shares memory; None: it does not."""
    if name == "astype" and kwargs.get("copy") is False:
        return "view"
    return _METHODS.get(name)
