"""Gradients of tensors as a function: ``graphc.autograd.grad``; and ``backward`` of several tensors at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.config import settings
from graphc.errors import AutogradError, UnsupportedError
from graphc.tensors.backward import BackwardPass, backward_of, check_root
from graphc.tensors.checking import gradcheck
from graphc.tensors.custom import Function
from graphc.tensors.modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from graphc.tensors.tensor import Tensor
from graphc.trace.location import user_location

__all__ = [
    "Function", "Variable", "backward", "detect_anomaly", "enable_grad", "functional", "grad", "gradcheck",
    "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

Variable = Tensor

Tensors = Tensor | Sequence[Tensor]


def _several(tensors: Tensors) -> tuple[Tensor, ...]:
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def _seeds(roots: Sequence[Tensor], given: Tensor | Sequence[Tensor | None] | None) -> tuple[Tensor | None, ...]:
    seeds = (given,) * len(roots) if given is None else (given,) if isinstance(given, Tensor) else tuple(given)
    if len(seeds) != len(roots):
        message = f"{len(seeds)} vectors for {len(roots)} outputs: give one each"
        raise AutogradError(message, location=user_location())
    for root, seed in zip(roots, seeds, strict=True):
        check_root(root, seed)
    return seeds


def grad(  # noqa: PLR0913, PLR0917 - PyTorch's parameters
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the outputs' sum by each of the inputs; no tensor's ``.grad`` is touched.

    >>> x = graphc.tensor(3.0, requires_grad=True)
    >>> (first,) = graphc.autograd.grad(x**3, x, create_graph=True)
    >>> graphc.autograd.grad(first, x)
    (tensor(18.),)

    Args:
        outputs: a tensor, or several.
        inputs: tensors that require grad, of any place in the computation.
        grad_outputs: a vector for each output that is no scalar, of its shape.
        retain_graph: whether another backward pass is to be possible; by default with ``create_graph``.
        create_graph: record the gradients, so that they can be differentiated in turn.
        only_inputs: PyTorch's, which is always true.
        allow_unused: give None for an input that the outputs do not depend on, instead of an error.
        is_grads_batched: not supported; ``graphc.vmap`` of a function is.
        materialize_grads: give zeros for it.
    Raises: ``AutogradError`` for an input that is not used or does not require grad, and as ``Tensor.backward``.
    """
    if is_grads_batched:
        message = "grad: is_grads_batched=True is not supported: take graphc.vmap of the pullback, or graphc.jacobian"
        raise UnsupportedError(message, location=user_location())
    roots, sources = _several(outputs), _sources(inputs)
    seeds = _seeds(roots, grad_outputs)
    retain = create_graph if retain_graph is None else retain_graph
    work = BackwardPass(create=create_graph, retain=retain, captured=sources)
    work.run(roots, seeds)
    found = [work.found.get(id(source)) for source in sources]
    if materialize_grads:
        from graphc.tensors.creation import zeros_like

        return tuple([zeros_like(s) if g is None else g for s, g in zip(sources, found, strict=True)])
    if not allow_unused and any(gradient is None for gradient in found):
        raise AutogradError(
            "one of the differentiated tensors appears to not have been used in the outputs: leave it out, or pass "
            "allow_unused=True to get None for it",
            location=user_location(),
        )
    return tuple(found)


def _sources(inputs: Tensors) -> tuple[Tensor, ...]:
    sources = _several(inputs)
    if not sources:
        raise AutogradError("grad: there is no input to differentiate by", location=user_location())
    if not all(source.requires_grad for source in sources):
        message = "one of the inputs does not require grad: make it with requires_grad=True"
        raise AutogradError(message, location=user_location())
    return sources


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradient of the tensors' sum to ``.grad`` of the leaves they were made of, as ``Tensor.backward``."""
    roots = _several(tensors)
    seeds = _seeds(roots, grad_tensors)
    retain = create_graph if retain_graph is None else retain_graph
    backward_of(roots, seeds, retain, create_graph, inputs)


class set_detect_anomaly:
    """Whether NaN is an error that names what made it, as ``GRAPHC_NAN=1``; as a block for its duration."""

    def __init__(self, mode: bool = True, check_nan: bool = True):
        self._before, settings.nan = settings.nan, bool(mode and check_nan)

    def __enter__(self) -> None:
        return

    def __exit__(self, *_: object) -> None:
        settings.nan = self._before


class detect_anomaly(set_detect_anomaly):
    """A block in which NaN is an error that names the operation that made it, forward or backward."""

    def __init__(self, check_nan: bool = True):
        self._wanted = check_nan

    def __enter__(self) -> None:
        super().__init__(True, self._wanted)


class functional:
    """Jacobians and products with them, under the names of ``torch.autograd.functional``; all as in ``graphc.func``."""

    @staticmethod
    def _of(func: Callable[..., Any], inputs: Any) -> tuple[tuple[Any, ...], Any]:
        """The arguments, and which of them: one number for one tensor."""
        single = isinstance(inputs, Tensor)
        args = (inputs,) if single else tuple(inputs)
        return args, 0 if single else tuple(range(len(args)))

    @staticmethod
    def jacobian(func: Callable[..., Any], inputs: Any, create_graph: bool = False) -> Any:
        """The Jacobian at a tensor, or at each of several.

        >>> graphc.autograd.functional.jacobian(lambda x: x**2, graphc.tensor([1.0, 2.0]))
        tensor([[2., 0.],
                [0., 4.]])
        """
        from graphc.higher import jacobian

        _refuse_graph(create_graph)
        args, which = functional._of(func, inputs)
        return jacobian(func, argnums=which)(*args)

    @staticmethod
    def hessian(func: Callable[..., Any], inputs: Any, create_graph: bool = False) -> Any:
        """The second derivatives of a function with a scalar result."""
        from graphc.higher import hessian

        _refuse_graph(create_graph)
        args, which = functional._of(func, inputs)
        return hessian(func, argnums=which)(*args)

    @staticmethod
    def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
        """The value, and the product of a vector with the Jacobian (for a scalar result, the gradient)."""
        from graphc.api import vjp
        from graphc.tensors.creation import ones_like

        _refuse_graph(create_graph)
        args, which = functional._of(func, inputs)
        value, pullback = vjp(func, *args)
        found = pullback(ones_like(value) if v is None else v)
        return value, found[0] if which == 0 else found

    @staticmethod
    def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
        """The value, and the product of the Jacobian with a vector, or with one for each input."""
        from graphc.api import jvp
        from graphc.tensors.creation import ones_like

        _refuse_graph(create_graph)
        args, which = functional._of(func, inputs)
        given = tuple(ones_like(x) for x in args) if v is None else (v,) if which == 0 else tuple(v)
        return jvp(func, args, given)

    @staticmethod
    def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
        """The value, and the product of the second derivatives of a function with a scalar result and a vector."""
        from graphc.api import grad, jvp
        from graphc.tensors.creation import ones_like

        _refuse_graph(create_graph)
        args, which = functional._of(func, inputs)
        given = tuple(ones_like(x) for x in args) if v is None else (v,) if which == 0 else tuple(v)
        _, product = jvp(grad(func, argnums=which), args, given)
        return func(*args), product

    @staticmethod
    def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False) -> Any:
        """As ``hvp``: second derivatives are symmetric."""
        return functional.hvp(func, inputs, v, create_graph)


def _refuse_graph(create_graph: bool) -> None:
    if create_graph:
        message = "create_graph=True: the results of transforms have no history; nest the transforms instead"
        raise AutogradError(message, location=user_location())
