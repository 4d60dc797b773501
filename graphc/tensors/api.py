"""What ``graphc`` has of tensors, under PyTorch's names: ``graphc.tensor``, ``graphc.no_grad``, ``graphc.relu``, ..."""

from __future__ import annotations

from typing import Any

from graphc.ir.types import DTYPES, REAL_DTYPES
from graphc.tensors import methods, shaping
from graphc.tensors import tensor as tensor_module
from graphc.tensors.autocasting import autocast, is_autocast_enabled
from graphc.tensors.creation import (
    arange,
    as_tensor,
    eye,
    from_numpy,
    full,
    full_like,
    get_default_dtype,
    linspace,
    ones,
    ones_like,
    set_default_dtype,
    tensor,
    zeros,
    zeros_like,
)
from graphc.tensors.interchange import from_dlpack
from graphc.tensors.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from graphc.tensors.random import get_rng_state, manual_seed, rand, randint, randn, randperm, set_rng_state

Tensor = tensor_module.Tensor
is_tensor = lambda obj: isinstance(obj, Tensor)  # noqa: E731

_dtypes: dict[str, Any] = {dtype.name: dtype for dtype in REAL_DTYPES.values()}
globals().update(_dtypes)
for _table in (methods.BOTH, shaping.BOTH, shaping.ONLY_FUNCTIONS):
    globals().update(_table)
double, float, long, int = DTYPES["f64"], DTYPES["f32"], DTYPES["i64"], DTYPES["i32"]

__all__ = [
    "Tensor",
    "arange",
    "as_tensor",
    "autocast",
    "enable_grad",
    "eye",
    "from_dlpack",
    "from_numpy",
    "full",
    "full_like",
    "get_default_dtype",
    "get_rng_state",
    "inference_mode",
    "is_autocast_enabled",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "is_tensor",
    "linspace",
    "manual_seed",
    "no_grad",
    "ones",
    "ones_like",
    "rand",
    "randint",
    "randn",
    "randperm",
    "set_default_dtype",
    "set_grad_enabled",
    "set_rng_state",
    "tensor",
    "zeros",
    "zeros_like",
]
