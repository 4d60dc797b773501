"""Derivatives of more than a scalar and of higher order, and batches: ``jacobian hessian hvp elementwise_grad vmap``.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from graphc.api import compiled, which_arguments
from graphc.errors import GradientError
from graphc.other_names import explained
from graphc.trace.location import user_location
from graphc.trace.session import current
from graphc.transform import Argnums, Mode, Transform

ArgNames = str | tuple[str, ...] | None


@explained
def jacobian(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    *,
    argnames: ArgNames = None,
    mode: Mode = "auto",
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Any:
    """All partial derivatives of a function of any shape; also a decorator, with or without arguments.

    >>> graphc.jacobian(lambda x: np.stack([x[0] * x[1], x[0] + x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [1., 1.]])

    Args:
        function: a plain NumPy function that returns an array, a number, or a nested container of such.
        argnums, argnames: the arguments to differentiate by, as for :func:`graphc.grad`.
        mode: ``"fwd"`` goes along every element of the arguments at once, ``"rev"`` comes from every element of the
            result; ``"auto"`` takes the one with fewer directions.
        has_aux: the function returns ``(value, aux)``; the result is ``(jacobian, aux)``.
        holomorphic: complex results are holomorphic functions of complex arguments: the complex derivatives. Without
            it, complex results of real arguments have complex derivatives, and real results of complex arguments
            ``df/dx - i df/dy``, as in :func:`graphc.grad`.
    Returns: a compiled function. Its result has the structure of the function's result; at each leaf of that stands
        the structure of the differentiated arguments; and at each leaf of that an array whose shape is the output's
        and then the input's (None where either is not of a floating dtype).
    Raises: ``ValueError`` for another mode. When called: ``GradientError`` (nothing that is returned is floating,
        complex results of complex arguments without ``holomorphic``, the call lacks an argument),
        ``TraceTypeError`` (an argument that is not floating), and the errors of tracing (see :func:`graphc.grad`).
    """
    if mode not in ("auto", "fwd", "rev"):
        raise ValueError(f"mode={mode!r}: it is 'auto', 'fwd' or 'rev'")
    numbers, names = which_arguments(argnums, argnames)
    return compiled(function, Transform("jacobian", numbers, names, has_aux, mode=mode, holomorphic=holomorphic))


@explained
def hessian(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    *,
    argnames: ArgNames = None,
    has_aux: bool = False,
    holomorphic: bool = False,
) -> Any:
    """The second derivatives: the Jacobian of the gradient, forward over reverse; also a decorator.

    >>> graphc.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    array([[6., 4.],
           [4., 0.]])

    The result for a scalar function has the structure of the differentiated arguments, twice: ``h["a"]["b"]`` is the
    derivative by ``a`` and then ``b``, with the shape of the one and then of the other. For a function that is no
    scalar its own structure and shape stand in front. Arguments and errors are those of :func:`jacobian`.
    """
    numbers, names = which_arguments(argnums, argnames)
    return compiled(function, Transform("hessian", numbers, names, has_aux, holomorphic=holomorphic))


@explained
def hvp(function: Callable[..., Any] | None = None, argnums: int = 0) -> Any:
    """The Hessian of a scalar function times a vector, without the Hessian; also a decorator.

    >>> graphc.hvp(lambda x: np.sum(x**3))(np.array([1.0, 2.0]), np.array([1.0, 0.5]))
    array([6., 6.])

    Args:
        function: a plain NumPy function with one scalar output.
        argnums: the argument to differentiate by, an int.
    Returns: a compiled function of the function's arguments, with the vector behind the differentiated one:
        ``hvp(f)(x, v, *rest)``, as SciPy's ``minimize(hessp=)`` calls it. Vector and result are like the argument.
    Raises: ``TypeError`` for another ``argnums``. When called: ``GradientError`` (no scalar, no vector, a vector of
        another shape or structure), ``TraceTypeError``, and the errors of tracing (see :func:`graphc.grad`).
    """
    if isinstance(argnums, bool) or not isinstance(argnums, int) or argnums < 0:
        raise TypeError(f"hvp: argnums is the number of one argument, not {argnums!r}")
    return compiled(function, Transform("hvp", argnums))


@explained
def elementwise_grad(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    *,
    argnames: ArgNames = None,
    holomorphic: bool = False,
) -> Any:
    """The derivative of a function that works on each element alone, at every element; also a decorator.

    >>> graphc.elementwise_grad(np.tanh)(np.array([0.0, 20.0]))
    array([1., 0.])

    What it computes is the gradient of the sum of the result, in one reverse pass; where elements do depend on one
    another, these are the sums over the outputs. Arguments and errors are those of :func:`graphc.grad`, but that the
    result may be an array of any shape.
    """
    numbers, names = which_arguments(argnums, argnames)
    transform = Transform("grad", numbers, names, holomorphic=holomorphic)
    if function is None:
        return lambda f: compiled(SumOf(f), transform)
    return compiled(SumOf(function), transform)


class SumOf:
    """The sum of a function's result."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if current() is None:
            return self.function(*args, **kwargs).sum()
        from graphc.trace.rewrite import prepare

        out = prepare(self.function)(*args, **kwargs)
        if not hasattr(out, "sum"):
            message = f"elementwise_grad needs a function that returns an array, not {type(out).__name__}"
            raise GradientError(message, location=user_location())
        return out.sum()


@explained
def vmap(function: Callable[..., Any] | None = None, in_axes: Any = 0, out_axes: Any = 0) -> Any:
    """The function over a batch of arguments, as if it were called for each element and the results stacked.

    >>> graphc.vmap(np.dot)(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([1., 4.])
    >>> w = {"scale": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])}
    >>> graphc.vmap(lambda x, w: x @ w["scale"], in_axes=(None, {"scale": 1}))(np.eye(2), w)
    array([[1., 4.],
           [2., 5.],
           [3., 6.]])

    There is no loop: the whole batch runs in the same kernels and matrix products. What does not depend on an element
    is computed once. It composes with :func:`graphc.grad` and all others, on either side.

    Args:
        function: a plain NumPy function, or a compiled one.
        in_axes: the axis that is mapped: one for all arguments, or a tuple with an entry for each, which may be a
            nested container like the argument or its upper part. None is the same for all elements; a negative axis
            counts from the end. Keyword arguments are mapped along their first axis.
        out_axes: where the batch stands in each output, in the same way; None for what is the same for all elements.
    Returns: a compiled function. Numbers that it returns are arrays over the batch; what is no number stays as it is.
    Raises: when called, ``ShapeError`` (mapped axes of different sizes, an axis that an array lacks, axes in another
        structure than the arguments, an output with ``out_axes=None`` that is not the same for all), ``TraceTypeError``
        (a mapped argument that is no array), ``UnsupportedError`` (a boolean mask that differs from element to
        element), and the errors of tracing (see :func:`graphc.grad`).
    """
    return compiled(function, Transform("vmap", None, in_axes=in_axes, out_axes=out_axes))
