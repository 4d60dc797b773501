"""What ``graphc`` has of tensors, under PyTorch's names: ``graphc.tensor``, ``graphc.no_grad``, ``graphc.relu``, ..."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.abi import BFLOAT16
from graphc.ir.types import DTYPES, F16, REAL_DTYPES, bfloat16_dtype, dtype_of, float_limits
from graphc.tensors import (
    arranging,
    dtypes,
    library,
    matrices,
    methods,
    ordering,
    scattering,
    shaping,
    statistics,
    windows,
)
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
from graphc.tensors.dtypes import can_cast, promote_types, result_type
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
    Generator,
    bernoulli,
    binomial,
    get_rng_state,
    initial_seed,
    manual_seed,
    multinomial,
    normal,
    poisson,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    randperm,
    seed,
    set_rng_state,
)
from graphc.tensors.switches import (
    are_deterministic_algorithms_enabled,
    compile,
    get_float32_matmul_precision,
    get_num_threads,
    set_float32_matmul_precision,
    set_num_threads,
    use_deterministic_algorithms,
)

Tensor = tensor_module.Tensor
is_tensor = lambda obj: isinstance(obj, Tensor)  # noqa: E731
is_complex = lambda input: False  # noqa: E731
is_floating_point = lambda input: input.is_floating_point()  # noqa: E731
numel = lambda input: input.numel()  # noqa: E731
asarray = as_tensor
inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
finfo = lambda type: float_limits(dtype_of(type))  # noqa: E731
iinfo = np.iinfo
Size, dtype = tuple, np.dtype

_dtypes: dict[str, Any] = {dtype.name: dtype for dtype in REAL_DTYPES.values()}
globals().update(_dtypes)
polygamma = methods.polygamma
for _room in (methods, shaping, ordering, library, statistics, matrices, scattering, arranging):
    globals().update(_room.BOTH)
for _table in (
    shaping.ONLY_FUNCTIONS,
    ordering.ONLY_FUNCTIONS,
    library.ONLY_FUNCTIONS,
    statistics.ONLY_FUNCTIONS,
    arranging.ONLY_FUNCTIONS,
    windows.FUNCTIONS,
    dtypes.CONSTRUCTORS,
):
    globals().update(_table)
globals().update({f"{name}_": getattr(Tensor, f"{name}_") for name in methods.IN_PLACE_FUNCTIONS})
float16 = half = F16
double, float, long, int = DTYPES["f64"], DTYPES["f32"], DTYPES["i64"], DTYPES["i32"]


def __getattr__(name: str) -> Any:
    """``bfloat16``, for which ``ml_dtypes`` is imported."""
    if name == BFLOAT16:
        return bfloat16_dtype()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Generator",
    "Tensor",
    "accelerator",
    "arange",
    "are_deterministic_algorithms_enabled",
    "as_tensor",
    "autocast",
    "backends",
    "bernoulli",
    "binomial",
    "can_cast",
    "compile",
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
    "get_float32_matmul_precision",
    "get_num_threads",
    "get_rng_state",
    "inference_mode",
    "initial_seed",
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
    "poisson",
    "promote_types",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
    "result_type",
    "seed",
    "set_default_dtype",
    "set_float32_matmul_precision",
    "set_grad_enabled",
    "set_num_threads",
    "set_rng_state",
    "tensor",
    "use_deterministic_algorithms",
    "zeros",
    "zeros_like",
]
