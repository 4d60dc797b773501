"""Transforms of functions of tensors, under PyTorch's names (``torch.func``): graphc's own, by other names.

The results have no history: gradients are not recorded through them, but they nest in each other.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from graphc import api, higher
from graphc.nn.module import Module

__all__ = [
    "functional_call", "grad", "grad_and_value", "hessian", "jacfwd", "jacrev", "jvp", "linearize", "vjp", "vmap",
]  # fmt: skip

grad = api.grad
vjp, jvp, linearize = api.vjp, api.jvp, api.linearize


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """``(gradient, value)`` of a function with a scalar result."""
    both = api.value_and_grad(func, argnums=argnums, has_aux=has_aux)

    def call(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return gradient, value

    return call


def jacrev(func: Callable[..., Any], argnums: Any = 0) -> Any:
    """The Jacobian in reverse mode.

    >>> graphc.func.jacrev(lambda x: x**2)(graphc.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return higher.jacobian(func, argnums=argnums, mode="rev")


def jacfwd(func: Callable[..., Any], argnums: Any = 0) -> Any:
    """The Jacobian in forward mode."""
    return higher.jacobian(func, argnums=argnums, mode="fwd")


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Any:
    """The second derivatives of a function with a scalar result."""
    return higher.hessian(func, argnums=argnums)


def vmap(func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0) -> Any:
    """The function over a batch, along these dimensions of its arguments and results."""
    return higher.vmap(func, in_axes=in_dims, out_axes=out_dims)


def functional_call(module: Module, parameters: Mapping[str, Any], args: Any = (), kwargs: Any = None) -> Any:
    """What the module computes with other parameters and buffers, given by path; it stays as it is.

    >>> layer = graphc.nn.Linear(2, 1)
    >>> weights = {"weight": graphc.ones(1, 2), "bias": graphc.zeros(1)}
    >>> graphc.func.functional_call(layer, weights, graphc.ones(3, 2)).tolist()
    [[2.0], [2.0], [2.0]]
    """
    return _with(module, dict(parameters))(*(args if isinstance(args, tuple) else (args,)), **(kwargs or {}))


def _with(module: Module, values: dict[str, Any]) -> Module:
    """A copy of the module, its parts and not its tensors, with these values by path. Raises ``AttributeError``."""
    made = copy.copy(module)
    below: dict[str, dict[str, Any]] = {}
    for path, value in values.items():
        name, _, rest = path.partition(".")
        if name not in module.__dict__:
            raise AttributeError(f"functional_call: {type(module).__name__} has no {path!r}")
        if rest:
            below.setdefault(name, {})[rest] = value
        else:
            made.__dict__[name] = value
    for name, part in below.items():
        made.__dict__[name] = _with(module.__dict__[name], part)
    return made
