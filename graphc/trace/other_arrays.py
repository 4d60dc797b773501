"""What arrays of JAX and PyTorch have, and NumPy's have not: what to write instead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_WRITE = "y = x.copy(); y[i] = v, or y[i] += v: writes in place are compiled"
_HELD = "graphc.stop_gradient(x)"
_GRADIENT = "graphc.grad(f)(x) returns the gradient"
_MARKED = "argnums= says what grad differentiates by, and graphc.frozen(x) marks what it does not"
_THERE = "NumPy's functions take it as it is"
_AS_TYPE = "x.astype(dtype)"
_PLACE = "target='cuda' runs the whole function on a GPU"

INSTEAD: Mapping[str, str] = {
    "at": _WRITE,
    **dict.fromkeys(("index_put_", "index_add_", "index_add", "index_copy_", "scatter_", "scatter_add_"), _WRITE),
    **dict.fromkeys(("detach", "detach_"), _HELD),
    **dict.fromkeys(("backward", "grad", "grad_fn"), _GRADIENT),
    **dict.fromkeys(("requires_grad", "requires_grad_", "retain_grad"), _MARKED),
    **dict.fromkeys(("numpy", "contiguous", "block_until_ready", "data_ptr", "resolve_conj"), _THERE),
    **dict.fromkeys(("float", "double", "half", "long", "int", "bool", "type", "type_as"), _AS_TYPE),
    **dict.fromkeys(("cpu", "cuda", "to", "addressable_shards", "sharding"), _PLACE),
    "clone": "x.copy()",
    "unsqueeze": "x[None], or np.expand_dims(x, axis)",
    "permute": "np.transpose(x, axes)",
    "t": "x.T",
    "dim": "x.ndim",
    "numel": "x.size",
    "norm": "np.linalg.norm(x)",
    "det": "np.linalg.det(x)",
    "inverse": "np.linalg.inv(x)",
    **dict.fromkeys(("mm", "bmm", "mv"), "x @ y"),
    "expand": "np.broadcast_to(x, shape)",
    "expand_as": "np.broadcast_to(x, y.shape)",
    "view_as": "x.reshape(y.shape)",
    "gather": "np.take_along_axis(x, i, axis)",
    "index_select": "np.take(x, i, axis)",
    "masked_select": "x[mask]",
    "masked_fill": "np.where(mask, v, x)",
    "chunk": "np.array_split(x, n, axis)",
    "unbind": "np.unstack(x, axis), or a loop over x",
    "topk": "np.sort(x)[-k:]",
    "relu": "np.maximum(x, 0)",
    "sigmoid": "scipy.special.expit(x)",
    "softmax": "scipy.special.softmax(x, axis)",
    "log_softmax": "scipy.special.log_softmax(x, axis)",
    "logsumexp": "scipy.special.logsumexp(x, axis)",
    "lgamma": "scipy.special.gammaln(x)",
    **{f"{name}_": f"x {sign}= y" for name, sign in (("add", "+"), ("sub", "-"), ("mul", "*"), ("div", "/"))},
    **dict.fromkeys(("zero_", "fill_", "copy_"), "x[...] = v"),
}


def written_here(name: str) -> str | None:
    """What stands for that attribute of an array, if it is known: another name, or a function of NumPy."""
    if name in INSTEAD:
        return INSTEAD[name]
    own = getattr(np, name, None)
    return f"np.{name}(x)" if callable(own) and not isinstance(own, type) else None
