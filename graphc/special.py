"""Special functions of tensors, under PyTorch's names: ``graphc.special.expit``, ``gammaln``, ``zeta``, ..."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import absent_names
from graphc.tensors import methods
from graphc.tensors.core import Tensor, record
from graphc.tensors.declaring import given, one
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.tensor import Tensor as _complete  # the methods of tensors

_BOTH = methods.BOTH
exp2, expm1, log1p, erf, erfc, erfinv = (_BOTH[name] for name in ("exp2", "expm1", "log1p", "erf", "erfc", "erfinv"))
expit, digamma, gammaln, sinc, round, logit = (
    _BOTH[name] for name in ("sigmoid", "digamma", "lgamma", "sinc", "round", "logit")
)
psi = digamma
xlogy, gammainc, gammaincc = _BOTH["xlogy"], _BOTH["igamma"], _BOTH["igammac"]
i0, logsumexp, polygamma, multigammaln = _BOTH["i0"], _BOTH["logsumexp"], methods.polygamma, _BOTH["mvlgamma"]
i0e, i1, i1e, erfcx, entr, ndtr, ndtri, log_ndtr = (
    one(f"special_{name}") for name in ("i0e", "i1", "i1e", "erfcx", "entr", "ndtr", "ndtri", "log_ndtr")
)
bessel_j0, bessel_j1, bessel_y0, bessel_y1 = (one(f"special_bessel_{name}") for name in ("j0", "j1", "y0", "y1"))
modified_bessel_i0, modified_bessel_i1 = i0, i1
modified_bessel_k0, modified_bessel_k1 = one("special_modified_bessel_k0"), one("special_modified_bessel_k1")
scaled_modified_bessel_k0 = one("special_scaled_modified_bessel_k0")
scaled_modified_bessel_k1 = one("special_scaled_modified_bessel_k1")
spherical_bessel_j0, airy_ai = one("special_spherical_bessel_j0"), one("special_airy_ai")


def _two(name: str) -> Callable[[Any, Any], Tensor]:
    return lambda input, other: record(FUNCTIONS[name], (given(input), given(other)))


zeta, xlog1py = _two("special_zeta"), _two("special_xlog1py")


def softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """``exp(x)`` over its sum along the dimension."""
    result: Tensor = _BOTH["softmax"](input, dim, dtype)
    return result


def log_softmax(input: Tensor, dim: int, *, dtype: Any = None) -> Tensor:
    """The logarithm of ``softmax``."""
    result: Tensor = _BOTH["log_softmax"](input, dim, dtype)
    return result


del _complete
__getattr__ = absent_names("graphc.special", globals())
