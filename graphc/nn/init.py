"""Filling parameters with random numbers, as PyTorch's layers begin."""

from __future__ import annotations

import math

import numpy as np

from graphc.tensors.core import Tensor
from graphc.tensors.interchange import replace
from graphc.tensors.placing import placed
from graphc.tensors.random import default_generator

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3.0, "relu": math.sqrt(2.0), "selu": 0.75}
for _name in ("conv1d", "conv2d", "conv3d"):
    _GAINS[_name] = 1.0


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a nonlinearity asks for larger weights. Raises ``ValueError`` for an unknown one."""
    if nonlinearity == "leaky_relu":
        return math.sqrt(2.0 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"nonlinearity={nonlinearity!r}: expected leaky_relu or one of {', '.join(_GAINS)}")
    return _GAINS[nonlinearity]


def fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs and outputs a weight of this shape joins. Raises ``ValueError`` for less than two dimensions."""
    shape = tensor._kind.shape
    if len(shape) < 2:
        raise ValueError(f"fan in and fan out need a weight of at least 2 dimensions, this one has shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _filled(tensor: Tensor, values: np.ndarray) -> Tensor:
    made = np.asarray(values, tensor._kind.dtype, order="C") if values.ndim else values[()]
    replace(tensor, placed(made, tensor._kind.place))
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform numbers between a and b; the tensor."""
    return _filled(tensor, (generator or default_generator()).uniform(a, b, tensor._kind.shape))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: np.random.Generator | None = None
) -> Tensor:
    """Normal numbers; the tensor."""
    return _filled(tensor, (generator or default_generator()).normal(mean, std, tensor._kind.shape))


def constant_(tensor: Tensor, val: float) -> Tensor:
    """The number everywhere; the tensor."""
    return _filled(tensor, np.full(tensor._kind.shape, val))


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros; the tensor."""
    return constant_(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones; the tensor."""
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Uniform numbers of variance ``2 gain**2 / (fan in + fan out)`` (Glorot and Bengio, 2010); the tensor."""
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Normal numbers of variance ``2 gain**2 / (fan in + fan out)`` (Glorot and Bengio, 2010); the tensor."""
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / sum(fans(tensor))), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode={mode!r}: expected 'fan_in' or 'fan_out'")
    return calculate_gain(nonlinearity, a) / math.sqrt(fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Uniform numbers of variance ``gain**2 / fan`` (He et al., 2015); the tensor."""
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu",
    generator: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers of variance ``gain**2 / fan`` (He et al., 2015); the tensor."""
    return normal_(tensor, 0.0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def weight_and_bias(weight: Tensor, bias: Tensor | None) -> None:
    """What PyTorch's linear and convolution layers begin with: both uniform, bound by ``1 / sqrt(fan in)``."""
    kaiming_uniform_(weight, a=math.sqrt(5.0))
    if bias is not None:
        bound = 1.0 / math.sqrt(fans(weight)[0]) if fans(weight)[0] else 0.0
        uniform_(bias, -bound, bound)


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal of a matrix, zeros elsewhere; the tensor."""
    rows, columns = tensor._kind.shape
    return _filled(tensor, np.eye(rows, columns))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0,
    generator: np.random.Generator | None = None,
) -> Tensor:  # fmt: skip
    """Normal numbers, drawn again where they are not between a and b; the tensor."""
    rng = generator or default_generator()
    values = np.asarray(rng.normal(mean, std, tensor._kind.shape))
    while (outside := (values < a) | (values > b)).any():
        values[outside] = rng.normal(mean, std, int(outside.sum()))
    return _filled(tensor, values)


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: np.random.Generator | None = None) -> Tensor:
    """Orthonormal rows or columns, whichever are fewer, times the gain (Saxe et al., 2014); the tensor."""
    rows, columns = tensor._kind.shape[0], math.prod(tensor._kind.shape[1:])
    drawn = (generator or default_generator()).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q = q * np.sign(np.diag(r))
    return _filled(tensor, gain * (q.T if rows < columns else q).reshape(tensor._kind.shape))
