"""What ``graphc`` has of tensors, under PyTorch's names: ``graphc.tensor``, ``graphc.no_grad``, ``graphc.relu``, ..."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.abi import BFLOAT16
from graphc.ir.types import DTYPES, F16, REAL_DTYPES, bfloat16_dtype
from graphc.tensors import library, methods, ordering, shaping
from graphc.tensors import tensor as tensor_module
from graphc.tensors.autocasting import autocast, is_autocast_enabled
from graphc.tensors.creation import (
    arange,
    as_tensor,
    empty,
    empty_like,
    eye,
    from_numpy,
    full,
    full_like,
    get_default_dtype,
    linspace,
    logspace,
    ones,
    ones_like,
    set_default_dtype,
    tensor,
    zeros,
    zeros_like,
)
from graphc.tensors.devices import accelerator, backends, cuda, device
from graphc.tensors.interchange import from_dlpack
from graphc.tensors.modes import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from graphc.tensors.random import (
    bernoulli,
    get_rng_state,
    manual_seed,
    multinomial,
    normal,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    set_rng_state,
)

Tensor = tensor_module.Tensor
is_tensor = lambda obj: isinstance(obj, Tensor)  # noqa: E731
is_floating_point = lambda input: input.is_floating_point()  # noqa: E731
numel = lambda input: input.numel()  # noqa: E731
asarray = as_tensor
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
finfo, iinfo = np.finfo, np.iinfo
Size = tuple

_dtypes: dict[str, Any] = {dtype.name: dtype for dtype in REAL_DTYPES.values()}
globals().update(_dtypes)
for _room in (methods, shaping, ordering, library):
    globals().update(_room.BOTH)
for _table in (shaping.ONLY_FUNCTIONS, ordering.ONLY_FUNCTIONS, library.ONLY_FUNCTIONS):
    globals().update(_table)
float16 = half = F16
double, float, long, int = DTYPES["f64"], DTYPES["f32"], DTYPES["i64"], DTYPES["i32"]


def __getattr__(name: str) -> Any:
    """``bfloat16``, for which ``ml_dtypes`` is imported."""
    if name == BFLOAT16:
        return bfloat16_dtype()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Tensor",
    "accelerator",
    "arange",
    "as_tensor",
    "autocast",
    "backends",
    "bernoulli",
    "cuda",
    "device",
    "empty",
    "empty_like",
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
    "logspace",
    "manual_seed",
    "multinomial",
    "no_grad",
    "normal",
    "ones",
    "ones_like",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "set_default_dtype",
    "set_grad_enabled",
    "set_rng_state",
    "tensor",
    "zeros",
    "zeros_like",
]
