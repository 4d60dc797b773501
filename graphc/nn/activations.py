"""More activations as functions of tensors, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import ShapeError
from graphc.tensors import methods
from graphc.tensors.core import Tensor, record
from graphc.tensors.functions.table import FUNCTIONS as TABLE
from graphc.tensors.random import default_generator, drawn, known
from graphc.tensors.shaping import chunk, one_hot, reshape
from graphc.trace.location import user_location

_where, _exp, _expm1 = methods.where, methods.BOTH["exp"], methods.BOTH["expm1"]
_sigmoid, _tanh, _abs, _sign = (methods.BOTH[name] for name in ("sigmoid", "tanh", "abs", "sign"))
SELU_SCALE, SELU_ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x between ``min_val`` and ``max_val``; there, and beyond, no gradient."""
    return record(TABLE["hardtanh"], (input,), (min_val, max_val))


def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """x between 0 and 6."""
    return hardtanh(input, 0.0, 6.0)


def selu(input: Any, inplace: bool = False) -> Any:
    """``elu`` with the scales of self-normalising networks (Klambauer et al., 2017)."""
    return methods.BOTH["mul"](methods.elu(input, SELU_ALPHA), SELU_SCALE)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where it is positive, else ``alpha * (exp(x / alpha) - 1)``."""
    return _where(input > 0, input, _expm1(methods.div(methods.clamp(input, max=0.0), alpha)) * alpha)


def hardsigmoid(input: Any, inplace: bool = False) -> Tensor:
    """``relu6(x + 3) / 6``."""
    return methods.div(relu6(input + 3.0), 6.0)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """``x * hardsigmoid(x)``."""
    return input * hardsigmoid(input)


def mish(input: Any, inplace: bool = False) -> Any:
    """``x * tanh(softplus(x))``."""
    return input * _tanh(methods.softplus(input))


def softsign(input: Any) -> Any:
    """``x / (1 + |x|)``."""
    return input / (_abs(input) + 1.0)


def tanhshrink(input: Any) -> Any:
    """``x - tanh(x)``."""
    return input - _tanh(input)


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x moved by ``lambd`` towards 0, and 0 where it is no farther from there."""
    return _where(_abs(input) > lambd, input - _sign(input) * lambd, input * 0.0)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, and 0 where it is no farther than ``lambd`` from there."""
    return _where(_abs(input) <= lambd, 0.0, input)


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x where it is above the threshold, else the value."""
    return methods.masked_fill(input, input <= threshold, value)


def prelu(input: Any, weight: Any) -> Any:
    """x where it is positive, else weight times x; one weight, or one for each channel (dimension 1)."""
    weight = reshape(weight, *[-1 if k == 1 else 1 for k in range(input.ndim)] if weight.numel() > 1 else ((),))
    return _where(input > 0, input, weight * input)


def glu(input: Tensor, dim: int = -1) -> Any:
    """The first half of a dimension times the sigmoid of the second."""
    if not input.ndim or input.shape[dim] % 2:
        message = f"glu: dimension {dim} of shape {tuple(input.shape)} cannot be halved"
        raise ShapeError(message, location=user_location())
    first, second = chunk(input, 2, dim)
    return methods.BOTH["mul"](first, _sigmoid(second))


def softmin(input: Any, dim: int, dtype: Any = None) -> Tensor:
    """``softmax(-x)``."""
    return methods.BOTH["softmax"](-input, dim, dtype)


def gumbel_softmax(logits: Any, tau: float = 1.0, hard: bool = False, dim: int = -1) -> Any:
    """A sample of the softmax by Gumbel noise; ``hard``: one-hot, with the gradient of the soft one."""
    shape = known(logits.shape)
    noise = drawn(lambda: default_generator().gumbel(size=shape), logits.dtype, device=logits.device)
    soft: Any = methods.BOTH["softmax"]((logits + noise) / tau, dim)
    if not hard:
        return soft
    place = methods.BOTH["argmax"](soft, dim)
    chosen: Any = one_hot(place, soft.shape[dim]).to(soft.dtype).movedim(-1, dim)
    return chosen - soft.detach() + soft


FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        hardtanh, relu6, selu, celu, hardsigmoid, hardswish, mish, softsign, tanhshrink, softshrink, hardshrink,
        threshold, prelu, glu, softmin, gumbel_softmax,
    )
}  # fmt: skip
