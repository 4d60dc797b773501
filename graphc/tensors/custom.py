"""Functions with a gradient of the user's own: ``graphc.autograd.Function``, as PyTorch's scripts write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import ref

from graphc.errors import AutogradError
from graphc.ir.types import is_real_float
from graphc.tensors.core import Tensor, compute, from_array
from graphc.tensors.modes import no_grad
from graphc.tensors.recording import now
from graphc.tensors.segments import Applied, writes_of
from graphc.tensors.traced import refused
from graphc.trace.location import user_location


class Context:
    """What ``forward`` keeps for ``backward``: tensors by ``save_for_backward``, anything else as attributes.

    ``needs_input_grad``: for each argument whether a gradient by it is wanted.
    """

    needs_input_grad: tuple[bool, ...] = ()
    _saved: tuple[tuple[Any, int], ...] = ()
    _not_differentiable: tuple[int, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors; writing into one of them before the backward pass is an error there."""
        self._saved = tuple([(t, writes_of(t) if isinstance(t, Tensor) else 0) for t in tensors])

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say that no gradient flows through these results."""
        self._not_differentiable = tuple(map(id, tensors))

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved. Raises ``AutogradError`` for a tensor that was written into since."""
        for tensor, version in self._saved:
            if isinstance(tensor, Tensor) and writes_of(tensor) != version:
                message = (
                    "one of the variables needed for gradient computation has been modified by an inplace operation"
                )
                raise AutogradError(f"{message}: a tensor given to save_for_backward", location=user_location())
        return tuple([tensor for tensor, _ in self._saved])


class Function:
    """A function whose gradient is written by hand: subclass it with two static methods, and call ``apply``.

    >>> class Cube(graphc.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x**3
    ...     @staticmethod
    ...     def backward(ctx, gradient):
    ...         (x,) = ctx.saved_tensors
    ...         return gradient * 3 * x**2
    >>> x = graphc.tensor([1.0, 2.0], requires_grad=True)
    >>> Cube.apply(x).sum().backward()
    >>> x.grad
    tensor([ 3., 12.])

    ``backward`` gets a gradient for each result of ``forward``, and gives one for each of its arguments, None where
    there is none. With ``create_graph=True`` what it computes is recorded. In compiled functions, where nothing is
    computed by Python, ``graphc.custom_vjp`` says the same.
    """

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        """The results; to be written by subclasses."""
        raise NotImplementedError("a Function needs a static method forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """The gradients; to be written by subclasses."""
        raise NotImplementedError("a Function needs a static method backward(ctx, *gradients)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """The function of these arguments. What is pending of them is computed."""
        if now.recording.traced:
            refused(f"{cls.__name__}.apply", "decorate the function with graphc.custom_vjp instead")
        ctx = Context()
        marks = [isinstance(x, Tensor) and now.enabled and x.requires_grad for x in args]
        ctx.needs_input_grad = tuple(marks)
        for x in args:
            if isinstance(x, Tensor):
                compute(x)
        with no_grad():
            found = cls.forward(ctx, *args)
        results = found if isinstance(found, tuple) else (found,)
        if any(marks):
            made = _applied(cls, ctx, args, marks, results)
            results = tuple(made)
        return results if isinstance(found, tuple) else results[0]


def _applied(cls: Any, ctx: Context, args: Sequence[Any], marks: Sequence[bool], results: Sequence[Any]) -> list[Any]:
    """The results as tensors whose gradients go through ``backward``."""
    inputs = [x if marked else None for x, marked in zip(args, marks, strict=True)]
    segment = Applied(cls, ctx, inputs)
    made = []
    for number, result in enumerate(results):
        differentiable = isinstance(result, Tensor) and is_real_float(result._kind.dtype)
        if not differentiable or id(result) in ctx._not_differentiable:
            made.append(result)
            continue
        tensor = from_array(compute(result), True)
        tensor._history = (segment, number)
        segment.outputs[number] = (ref(tensor), 0)
        made.append(tensor)
        for k, (saved, _) in enumerate(ctx._saved):
            if saved is result:  # a saved result is the tensor that the user has
                ctx._saved = (*ctx._saved[:k], (tensor, 0), *ctx._saved[k + 1 :])
    segment.kinds = [None if not isinstance(t, Tensor) else t._kind for t in made]
    return made
