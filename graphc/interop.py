"""Compiled functions inside PyTorch and JAX, and containers of parameters as one vector for SciPy.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.abi import BFLOAT16
from graphc.api import jit, vjp
from graphc.errors import TraceTypeError
from graphc.function import CompiledFunction
from graphc.ir.dims import evaluate
from graphc.ir.types import bfloat16_dtype, is_real_float
from graphc.ops.table import OPS
from graphc.trace.arguments import ArgumentWalk
from graphc.trace.paths import Paths
from graphc.trace.record import Output, trace
from graphc.trace.target import make_target


def flatten_args(
    function: Callable[..., Any], *trees: Any
) -> tuple[Callable[..., Any], np.ndarray, Callable[..., Any]]:
    """A function of one vector for one of nested arguments: ``g, x0, unflatten = graphc.optim.flatten(f, *args)``.

    >>> @graphc.value_and_grad
    ... def loss(params):
    ...     return np.sum((params["w"] - 1.0) ** 2) + (params["b"] - 2.0) ** 2
    >>> flat, x0, unflatten = graphc.optim.flatten(loss, {"w": np.zeros(2), "b": 0.0})
    >>> from scipy.optimize import minimize
    >>> unflatten(minimize(flat, x0, jac=True).x)
    ({'w': array([1., 1.]), 'b': np.float64(2.0)},)

    ``graphc.flatten_args`` is the same function.

    Args:
        function: a plain NumPy function, or a compiled one (``graphc.value_and_grad``, ``grad``, ``jit`` of it): then
            the result is compiled too, and its gradient is a vector by all of ``x``.
        trees: arguments of the shapes that it will have: nested containers of floating arrays and numbers, or modules.
            What is not floating, or frozen (``graphc.frozen``, parameters without ``requires_grad``, buffers), is
            passed on as it is.
    Returns: ``g``, with ``g(x) == function(*unflatten(x))``, to be differentiated and compiled where ``function`` is
        plain; ``x0``, all floating numbers of the arguments, shape (n,), in the widest of their dtypes; and
        ``unflatten``, which gives the tuple of arguments, each part in its own dtype.
    Raises: ``TraceTypeError`` where nothing is floating, or something complex.
    """
    leaves, spec = pytree.flatten(trees)
    walk = ArgumentWalk(Paths(), list(trees), [f"argument {number}" for number in range(len(trees))])
    parts = _floating_parts(leaves, [leaf.frozen or bool(leaf.quiet) for leaf in walk.leaves])
    given = [part for part in parts if part is not None]
    dtype = np.result_type(*(part.dtype for part in given))
    unflatten = _unflattening(leaves, parts, spec, dtype)
    plain = function._target.original if isinstance(function, CompiledFunction) else function

    def flat(x: Any) -> Any:
        return plain(*unflatten(x))

    flat.__name__ = getattr(function, "__name__", "function")
    x0 = np.concatenate([part.ravel().astype(dtype) for part in given])
    return (_compiled_like(function, flat) if isinstance(function, CompiledFunction) else flat), x0, unflatten


def _unflattening(
    leaves: Sequence[Any], parts: Sequence[np.ndarray | None], spec: Any, dtype: np.dtype
) -> Callable[..., Any]:
    """From a vector of the dtype to what ``spec`` describes: leaves, with pieces of the vector in place of parts."""

    def unflatten(x: Any) -> Any:
        found, start = [], 0
        for leaf, part in zip(leaves, parts, strict=True):
            if part is None:
                found.append(leaf)
                continue
            piece = np.reshape(x[start : start + part.size], part.shape) if part.ndim else x[start]
            start += part.size
            found.append(piece.astype(part.dtype) if part.dtype != dtype else piece)
        return pytree.unflatten(spec, found)

    return unflatten


def _compiled_like(function: CompiledFunction, flat: Callable[..., Any]) -> CompiledFunction:
    """The function of one vector compiled as the other one is, by all of the vector where that differentiates."""
    transform = function._transform
    if transform.argnums is not None or transform.argnames is not None:
        transform = dataclasses.replace(transform, argnums=0, argnames=None)
    return CompiledFunction(flat, transform)


def _floating_parts(leaves: Sequence[Any], marks: Sequence[bool]) -> list[np.ndarray | None]:
    """The leaves that go into the vector, None for the others; ``marks``: which are frozen."""
    if any(np.iscomplexobj(leaf) and not frozen for leaf, frozen in zip(leaves, marks, strict=True)):
        raise TraceTypeError(
            "flatten: complex numbers are no part of a real vector; pass z.real and z.imag, or freeze z"
        )
    parts = [np.asarray(leaf) if _is_float(leaf) and not f else None for leaf, f in zip(leaves, marks, strict=True)]
    if all(part is None for part in parts):
        raise TraceTypeError("flatten: none of the arguments holds a floating array or number that is not frozen")
    return parts


def _is_float(leaf: Any) -> bool:
    return isinstance(leaf, float) or (isinstance(leaf, np.ndarray | np.generic) and is_real_float(leaf.dtype))


# --- other frameworks -------------------------------------------------------------------------------------------------


class _Shape:
    """Of a leaf of the result. (No tuple: those are containers.)"""

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype):
        self.shape, self.dtype = shape, dtype


class _BothWays:
    """The value of a function, and the gradients by its arguments for a cotangent: compiled, with flat arguments."""

    def __init__(self, function: Callable[..., Any]):
        plain = function._target.original if isinstance(function, CompiledFunction) else function
        if isinstance(function, CompiledFunction) and function._transform.kind != "jit":
            plain = function
        self.name = getattr(function, "__name__", "function")
        self.value = jit(plain)
        self.function = plain

    def shapes(self, like: Sequence[Any]) -> Any:
        """The result's structure with (shape, dtype) of each leaf, for arguments of these shapes and dtypes."""
        traced = trace(make_target(self.function), [np.empty(a.shape, a.dtype) for a in like], {}, OPS)

        def shape(leaf: Any) -> _Shape:
            if not isinstance(leaf, Output):
                return _Shape(np.shape(leaf.value), np.asarray(leaf.value).dtype)
            value = traced.graph.outputs[leaf.index]
            return _Shape(tuple(evaluate(dim, traced.hints) for dim in value.dims), value.type.dtype)

        return pytree.unflatten(traced.out_spec, list(map(shape, traced.outputs)))

    def pullback(self, args: Sequence[Any], cotangent: Any) -> Any:
        """A gradient for each argument, None for what has none."""
        return vjp(self.function, *args)[1](cotangent)

    def numpy_value(self, *args: Any) -> Any:
        """The value of arrays of another library, as NumPy's."""
        return pytree.tree_map(np.asarray, self.value(*map(np.asarray, args)))

    def numpy_pullback(self, args: Sequence[Any], cotangent: Any) -> tuple[np.ndarray, ...]:
        """The same of ``pullback``, zeros for what has no gradient."""
        arrays = [np.asarray(a) for a in args]
        found = self.pullback(arrays, pytree.tree_map(np.asarray, cotangent))
        return tuple(np.zeros_like(a) if g is None else np.asarray(g) for a, g in zip(arrays, found, strict=True))


def to_torch(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of PyTorch tensors that runs compiled by graphc, forward and backward.

    >>> import torch  # doctest: +SKIP
    >>> norm = graphc.to_torch(lambda x: np.sum(x**2))  # doctest: +SKIP
    >>> x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)  # doctest: +SKIP
    >>> norm(x).backward()  # doctest: +SKIP
    >>> x.grad  # doctest: +SKIP
    tensor([2., 4.], dtype=torch.float64)

    Args: function: a plain NumPy function (or ``graphc.jit`` of one) that returns an array, or a tuple of them.
    Returns: a function of tensors on the CPU, and of numbers, which stands in PyTorch's graph as one
        ``torch.autograd.Function``. Gradients by tensors that do not require them are not computed. Its gradients
        cannot be differentiated again.
    Raises: ``ImportError`` without PyTorch; ``TraceTypeError`` for a tensor on another device; the errors of tracing.
    """
    import torch

    both = _BothWays(function)

    class Compiled(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, *args: Any) -> Any:
            context.arrays = [_array_of_tensor(both.name, arg) for arg in args]
            return _tensors(both.value(*context.arrays))

        @staticmethod
        @torch.autograd.function.once_differentiable
        def backward(context: Any, *cotangents: Any) -> Any:
            given = tuple(np.conj(_array_of_tensor(both.name, g)) for g in cotangents)  # torch: df/dx + i df/dy
            needs = context.needs_input_grad
            arrays = [a if needed else pytree.Frozen(a) for a, needed in zip(context.arrays, needs, strict=True)]
            gradients = both.pullback(arrays, given[0] if len(given) == 1 else given)
            pairs = zip(gradients, needs, strict=True)
            return tuple(_tensors(np.conj(g)) if needed and g is not None else None for g, needed in pairs)

    def call(*args: Any) -> Any:
        return Compiled.apply(*args)

    call.__name__ = both.name
    return call


def _tensors(result: Any) -> Any:
    import torch

    if isinstance(result, tuple):
        return tuple(map(_tensors, result))
    array = np.ascontiguousarray(result).reshape(np.shape(result))
    if array.dtype.name == BFLOAT16:  # of which PyTorch takes the bits alone
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def _array_of_tensor(name: str, arg: Any) -> Any:
    import torch

    if isinstance(arg, pytree.Frozen):
        return pytree.Frozen(pytree.tree_map(lambda leaf: _array_of_tensor(name, leaf), arg.tree))
    if not isinstance(arg, torch.Tensor):
        return arg
    if arg.device.type != "cpu":
        raise TraceTypeError(f"{name} runs on the CPU, and a tensor is on {arg.device}: pass x.cpu()")
    plain = arg.detach().resolve_conj().contiguous()
    if plain.dtype == torch.bfloat16:
        return plain.view(torch.int16).numpy().view(bfloat16_dtype())
    return plain.numpy()


def to_jax(function: Callable[..., Any], result: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """A function of JAX arrays that runs compiled by graphc, as a ``jax.pure_callback`` with its vjp.

    >>> import jax  # doctest: +SKIP
    >>> norm = graphc.to_jax(lambda x: np.sum(x**2))  # doctest: +SKIP
    >>> jax.grad(lambda x: norm(2.0 * x))(jax.numpy.ones(2))  # doctest: +SKIP
    Array([8., 8.], dtype=float32)

    Args:
        function: a plain NumPy function (or ``graphc.jit`` of one) of arrays that returns an array or a container.
        result: gives the shapes and dtypes of the result, as JAX's ``ShapeDtypeStruct``, for those of the arguments; by
            default the function is traced by graphc to find them.
    Returns: a function of JAX arrays for use under ``jit``, ``grad``, ``vjp`` and, one element after the other,
        ``vmap``. Its gradients cannot be differentiated again. On a GPU the data goes to the CPU and back.
    Raises: ``ImportError`` without JAX; the errors of tracing.
    """
    import jax

    both = _BothWays(function)

    def given(args: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(jax.ShapeDtypeStruct(np.shape(a), jax.numpy.result_type(a)) for a in args)

    def shapes(args: Sequence[Any]) -> Any:
        if result is not None:
            return result(*given(args))
        return pytree.tree_map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), both.shapes(given(args)))

    @jax.custom_vjp
    def compiled(*args: Any) -> Any:
        return jax.pure_callback(both.numpy_value, shapes(args), *args, vmap_method="sequential")

    def forward(*args: Any) -> Any:
        return compiled(*args), args

    def backward(args: Any, cotangent: Any) -> Any:
        found = jax.pure_callback(both.numpy_pullback, given(args), args, cotangent, vmap_method="sequential")
        return tuple(
            g if jax.numpy.issubdtype(g.dtype, np.inexact) else np.zeros(g.shape, jax.dtypes.float0) for g in found
        )

    compiled.defvjp(forward, backward)
    compiled.__name__ = both.name
    return compiled
