"""Parameters: tensors that belong to a module and are trained."""

from __future__ import annotations

from typing import Any

from graphc.tensors.containers import register
from graphc.tensors.core import Tensor, compute, from_array
from graphc.tensors.creation import tensor as make_tensor
from graphc.tensors.memory import own


class Parameter(Tensor):
    """A tensor that a module lists among its parameters; it requires grad unless told otherwise.

    >>> graphc.nn.Parameter(graphc.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True):
        source = data if isinstance(data, Tensor) else make_tensor([] if data is None else data)
        self.__dict__.update(from_array(own(compute(source)), requires_grad).__dict__)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{Tensor.__repr__(self)}"


register(Parameter)
