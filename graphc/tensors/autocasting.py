"""Automatic mixed precision: in which dtype the functions of tensors take their floating operands."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import TracebackType
from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.ir.types import F32, HALVES, is_real_float
from graphc.tensors.core import Tensor, record, take
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.losses import LOSSES
from graphc.tensors.functions.normalization import NORMALIZATION
from graphc.tensors.functions.shaping import SHAPING
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import known_dtype
from graphc.tensors.recording import Recording, State, now
from graphc.trace.location import user_location
from graphc.trace.precision import active
from graphc.trace.rewrite import prepare
from graphc.trace.session import current

PRODUCTS = frozenset(("matmul", "dot", "linear", "convolution", "scaled_dot_product_attention"))
KEPT = frozenset(f.name for f in SHAPING) - PRODUCTS | {"to_copy", "copy", "clone", "detach", "masked_fill", "where"}

WIDE = frozenset(f.name for f in (*LOSSES, *NORMALIZATION)) - PRODUCTS | {
    "exp", "expm1", "log", "log10", "log1p", "log2", "pow", "prod", "reciprocal", "rsqrt", "sum", "mean", "var", "std",
    "softmax", "log_softmax", "logsumexp", "softplus", "cumsum", "cumprod", "linalg_vector_norm", "sinh", "cosh", "tan",
    "acos", "asin",
}  # fmt: skip


@functools.cache
def mode_of(dtype: np.dtype) -> Mode:
    """The mode of a dtype: one object each, so that it is a quick key."""
    return Mode(dtype)


class Mode:
    """What a block does to the operands of a function. ``dtype``: of matrix products and convolutions.

    Everything else is computed in no more than single precision, what would lose too much in half precision in no less,
    and only what merely rearranges stays as it is.
    """

    def __init__(self, dtype: np.dtype):
        self.dtype = dtype

    def take(self, function: Function, operands: tuple[Any, ...], statics: tuple[Any, ...]) -> tuple[Recording, State]:
        """Record the function of operands in these dtypes."""
        now.autocast = None
        try:
            return take(function, tuple([self.lowered(function.name, x) for x in operands]), statics)
        finally:
            now.autocast = self

    def lowered(self, name: str, operand: Any) -> Any:
        """The operand of the function in the dtype that it is to be computed in."""
        if not isinstance(operand, Tensor) or not is_real_float(operand._kind.dtype) or name in KEPT:
            return operand
        given = operand._kind.dtype
        wanted = self.dtype if name in PRODUCTS else F32 if given.itemsize > F32.itemsize or name in WIDE else given
        return operand if wanted == given else record(FUNCTIONS["to_copy"], (operand,), (wanted,))


class autocast:
    """Within the block, or the decorated function, wider floating values are computed in this dtype.

    >>> x, w = graphc.ones(2, 3), graphc.ones(3, 2, requires_grad=True)
    >>> with graphc.autocast(graphc.float32):
    ...     loss = (x @ w).sum()
    >>> loss.backward()
    >>> loss.dtype, w.grad.dtype
    (dtype('float32'), dtype('float64'))

    Parameters and inputs keep their dtype: each operation takes them in the lower one, and their gradients come back in
    their own. So do traced arrays, in functions that are compiled; the block, or the decorator, stands inside of them:

    >>> @graphc.grad
    ... @graphc.autocast(np.float32)
    ... def loss(w, x):
    ...     return np.sum(np.tanh(x @ w))
    >>> loss(np.zeros(3), np.ones((2, 3))).dtype
    dtype('float64')

    NumPy arrays outside of compiled functions, and what only rearranges, copies or writes values, stay as they are.

    Args:
        dtype: ``float32``; or ``float16`` or ``bfloat16``: then products of matrices and convolutions take and give
            halves, and add them up in float32; losses, normalisations, sums and exponentials stay in float32. (As in
            PyTorch, ``"cpu"`` may stand first, and ``dtype=`` after it.)
        enabled: False switches a block around this one off.
    Raises: ``TraceTypeError`` for another dtype, ``ValueError`` for another device.
    """

    def __init__(self, device_type: Any, dtype: Any = None, enabled: bool = True, cache_enabled: bool | None = None):
        if dtype is None and not isinstance(device_type, str):
            device_type, dtype = "cpu", device_type
        if device_type != "cpu":
            raise ValueError(f"autocast: the device is 'cpu', not {device_type!r}")
        self._dtype = known_dtype(F32 if dtype is None else dtype)
        if self._dtype != F32 and self._dtype not in HALVES:
            message = f"autocast computes in float32, float16 or bfloat16, not in {self._dtype}"
            raise TraceTypeError(message, location=user_location())
        self._enabled = enabled
        self._before: list[tuple[Any, Any, Any]] = []

    def __enter__(self) -> autocast:
        self._before.append((now.autocast, active.dtype, active.products))
        now.autocast = mode_of(self._dtype) if self._enabled else None
        active.dtype = F32 if self._enabled else None
        active.products = self._dtype if self._enabled else None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        now.autocast, active.dtype, active.products = self._before.pop()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with autocast("cpu", self._dtype, self._enabled):
                return (function if current() is None else prepare(function))(*args, **kwargs)

        return call


def is_autocast_enabled() -> bool:
    """Whether a block of ``autocast`` is on, on this thread."""
    return now.autocast is not None
