"""Gradients of many parameters at once: their norm, and bounds for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from graphc.errors import AutogradError, ShapeError
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.memory import change
from graphc.tensors.placing import on_host
from graphc.trace.location import user_location

Tensors = Tensor | Iterable[Tensor]


def _gradients(parameters: Tensors) -> list[Tensor]:
    tensors: Iterable[Tensor] = [parameters] if isinstance(parameters, Tensor) else parameters
    return [tensor._grad for tensor in tensors if tensor._grad is not None]


def get_total_norm(tensors: Sequence[Tensor], norm_type: float = 2.0) -> Tensor:
    """The norm of all elements of all the tensors together, as a tensor without dimensions."""
    arrays = [np.ravel(on_host(tensor)) for tensor in tensors]
    if not arrays:
        return from_array(np.float64(0.0))
    norms: Any = np.array([np.linalg.norm(array, norm_type) for array in arrays])
    return from_array(np.asarray(np.linalg.norm(norms, norm_type), arrays[0].dtype)[()])


def clip_grad_norm_(
    parameters: Tensors, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> Tensor:
    """Scale the gradients, in place, so that the norm of all of them is at most ``max_norm``; the norm before.

    Raises ``AutogradError`` for a norm that is not finite, with ``error_if_nonfinite``.
    """
    gradients = _gradients(parameters)
    total = get_total_norm(gradients, norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        message = f"the total norm of order {norm_type} of the gradients is {total.item()}: nothing was scaled"
        raise AutogradError(message, location=user_location())
    factor = max_norm / (total.item() + 1e-6)
    if not factor >= 1.0:
        for gradient in gradients:
            change(gradient, lambda m: np.multiply(m, m.dtype.type(factor), out=m))  # NaN of infinity where that is 0
    return total


def clip_grad_value_(parameters: Tensors, clip_value: float) -> None:
    """Bring every element of the gradients, in place, between ``-clip_value`` and ``clip_value``."""
    for gradient in _gradients(parameters):
        change(gradient, lambda memory: np.clip(memory, -clip_value, clip_value, out=memory))


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of the parameters one after the other."""
    from graphc.tensors.shaping import cat, reshape

    return cat([reshape(parameter, -1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write the elements of the vector into the parameters, one after the other.

    Raises ``ShapeError`` where it has another number of them.
    """
    from graphc.nn.module import copy_detached

    tensors, values = list(parameters), on_host(vec)
    sizes = [math.prod(tensor._kind.shape) for tensor in tensors]
    if values.shape != (sum(sizes),):
        message = f"the vector has shape {values.shape}, the parameters have {sum(sizes)} elements"
        raise ShapeError(message, location=user_location())
    for tensor, part in zip(tensors, np.split(values, np.cumsum(sizes)[:-1]), strict=True):
        copy_detached(tensor, part.reshape(tensor._kind.shape))
