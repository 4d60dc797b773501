"""graphc turns plain NumPy functions into compiled gradient kernels.

``import graphc`` is cheap: what compiles is imported when a function is first compiled.
"""

from typing import TYPE_CHECKING

from graphc.api import frozen, grad, jit, jvp, linearize, stop_gradient, value_and_grad, vjp
from graphc.errors import (
    AxisRangeError,
    ConcretizationError,
    ConfigError,
    CudaError,
    CudaMemoryError,
    DerivativeWarning,
    GradientError,
    GraphcError,
    GraphcWarning,
    IndexRangeError,
    LeakedTracerError,
    LinearAlgebraError,
    NanError,
    NumberError,
    OutOfMemoryError,
    OutputError,
    ProgramError,
    ShapeError,
    SideEffectError,
    TraceTypeError,
    UnsupportedError,
)
from graphc.higher import elementwise_grad, hessian, hvp, jacobian, vmap

if TYPE_CHECKING:
    from graphc.checkpoints import checkpoint
    from graphc.custom import custom_jvp, custom_vjp
    from graphc.foreign_functions import opaque
    from graphc.health import diagnose
    from graphc.health_history import GradientHistory
    from graphc.implicit import implicit_minimum, implicit_root
    from graphc.interop import flatten_args, to_jax, to_torch
    from graphc.loops import cond, fori_loop, scan, unroll, while_loop
    from graphc.shared_library import export
    from graphc.sparse import sparse_hessian, sparse_jacobian
    from graphc.storage import load, load_checkpoint, save, save_checkpoint

__version__ = "0.1.0.dev0"

__all__ = [
    "AxisRangeError",
    "ConcretizationError",
    "ConfigError",
    "CudaError",
    "CudaMemoryError",
    "DerivativeWarning",
    "GradientError",
    "GradientHistory",
    "GraphcError",
    "GraphcWarning",
    "IndexRangeError",
    "LeakedTracerError",
    "LinearAlgebraError",
    "NanError",
    "NumberError",
    "OutOfMemoryError",
    "OutputError",
    "ProgramError",
    "ShapeError",
    "SideEffectError",
    "TraceTypeError",
    "UnsupportedError",
    "checkpoint",
    "cond",
    "custom_jvp",
    "custom_vjp",
    "diagnose",
    "elementwise_grad",
    "export",
    "flatten_args",
    "fori_loop",
    "frozen",
    "grad",
    "hessian",
    "hvp",
    "implicit_minimum",
    "implicit_root",
    "jacobian",
    "jit",
    "jvp",
    "linearize",
    "load",
    "load_checkpoint",
    "opaque",
    "save",
    "save_checkpoint",
    "scan",
    "sparse_hessian",
    "sparse_jacobian",
    "stop_gradient",
    "to_jax",
    "to_torch",
    "unroll",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]


_MODULES = {"amp", "autograd", "func", "linalg", "nn", "numpy", "ode", "optim", "random", "special", "testing", "utils"}
_LATER = dict.fromkeys(("cond", "fori_loop", "scan", "unroll", "while_loop"), "graphc.loops") | {
    "GradScaler": "graphc.optim.grad_scaler",
    "GradientHistory": "graphc.health_history",
    "diagnose": "graphc.health",
    "checkpoint": "graphc.checkpoints",
    "custom_jvp": "graphc.custom",
    "custom_vjp": "graphc.custom",
    "implicit_minimum": "graphc.implicit",
    "implicit_root": "graphc.implicit",
    "opaque": "graphc.foreign_functions",
    "export": "graphc.shared_library",
    "flatten_args": "graphc.interop",
    **dict.fromkeys(("load", "load_checkpoint", "save", "save_checkpoint"), "graphc.storage"),
    "sparse_hessian": "graphc.sparse",
    "sparse_jacobian": "graphc.sparse",
    "to_jax": "graphc.interop",
    "to_torch": "graphc.interop",
    **dict.fromkeys(
        (
            "adaptive_avg_pool1d", "adaptive_max_pool1d", "avg_pool1d", "batch_norm",
            "binary_cross_entropy_with_logits", "celu", "conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d",
            "cosine_embedding_loss", "cosine_similarity", "dropout", "embedding", "group_norm", "hardshrink",
            "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm", "margin_ranking_loss", "max_pool1d",
            "max_pool2d", "pairwise_distance", "pixel_shuffle", "poisson_nll_loss", "prelu", "rms_norm", "selu",
            "threshold", "triplet_margin_loss",
        ),
        "graphc.nn.functional",
    ),
}  # fmt: skip


def __getattr__(name: str) -> object:
    """What most programs do without is imported when it is first asked for."""
    import importlib

    if name in _MODULES:
        return importlib.import_module(f"graphc.{name}")
    if name.startswith("__"):
        raise AttributeError(f"module 'graphc' has no attribute {name!r}")
    module = importlib.import_module(_LATER.get(name, "graphc.tensors.api"))
    if not hasattr(module, name):
        from graphc.errors import nearest
        from graphc.other_names import NAMES

        instead = f": {NAMES[name]}" if name in NAMES else nearest(name, {*__all__, *dir(module), *_MODULES})
        raise AttributeError(f"module 'graphc' has no attribute {name!r}{instead}")
    globals()[name] = found = getattr(module, name)
    return found
