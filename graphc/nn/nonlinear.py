"""More activations, distances and losses as modules: each calls the function of its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from graphc.nn import functional as F
from graphc.nn.module import Module
from graphc.nn.parameter import Parameter
from graphc.tensors.creation import full


class _Calls(Module):
    """Calls a function with what it is given and with options of its own, by the names that the function has."""

    function: Callable[..., Any]
    options: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__()
        parameters = inspect.signature(type(self).function).parameters
        given = dict(zip(self.options, args, strict=False)) | kwargs
        unknown = [name for name in given if name not in (*self.options, "inplace")]
        if unknown or len(args) > len(self.options):
            known = ", ".join(self.options) or "no options"
            raise TypeError(f"{type(self).__name__} takes {known}, not {args or unknown}")
        for name in self.options:
            setattr(self, name, given.get(name, parameters[name].default))

    def forward(self, *args: Any) -> Any:
        return type(self).function(*args, **{name: getattr(self, name) for name in self.options})

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self.options)


def _module(name: str, function: str, *options: str) -> type[_Calls]:
    doc = f"See ``functional.{function}``."
    members = {"function": staticmethod(getattr(F, function)), "options": options, "__doc__": doc,
               "__module__": __name__, "__qualname__": name}  # fmt: skip
    return type(name, (_Calls,), members)


MODULES: dict[str, type[Module]] = {
    name: _module(name, function, *options)
    for name, (function, *options) in {
        "Hardtanh": ("hardtanh", "min_val", "max_val"), "ReLU6": ("relu6",), "SELU": ("selu",),
        "CELU": ("celu", "alpha"),
        "Hardsigmoid": ("hardsigmoid",), "Hardswish": ("hardswish",), "Mish": ("mish",), "Softsign": ("softsign",),
        "Tanhshrink": ("tanhshrink",), "Softshrink": ("softshrink", "lambd"), "Hardshrink": ("hardshrink", "lambd"),
        "LogSigmoid": ("logsigmoid",), "Threshold": ("threshold", "threshold", "value"), "GLU": ("glu", "dim"),
        "Softmin": ("softmin", "dim"),
        "CosineSimilarity": ("cosine_similarity", "dim", "eps"),
        "PairwiseDistance": ("pairwise_distance", "p", "eps", "keepdim"),
        "KLDivLoss": ("kl_div", "reduction", "log_target"),
        "PoissonNLLLoss": ("poisson_nll_loss", "log_input", "full", "eps", "reduction"),
        "GaussianNLLLoss": ("gaussian_nll_loss", "full", "eps", "reduction"),
        "MarginRankingLoss": ("margin_ranking_loss", "margin", "reduction"),
        "HingeEmbeddingLoss": ("hinge_embedding_loss", "margin", "reduction"),
        "SoftMarginLoss": ("soft_margin_loss", "reduction"),
        "CosineEmbeddingLoss": ("cosine_embedding_loss", "margin", "reduction"),
        "TripletMarginLoss": ("triplet_margin_loss", "margin", "p", "eps", "swap", "reduction"),
        "AvgPool1d": ("avg_pool1d", "kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
        "AdaptiveAvgPool1d": ("adaptive_avg_pool1d", "output_size"),
        "AdaptiveMaxPool1d": ("adaptive_max_pool1d", "output_size"),
        "AdaptiveMaxPool2d": ("adaptive_max_pool2d", "output_size"),
        "Upsample": ("interpolate", "size", "scale_factor", "mode", "align_corners"),
        "PixelShuffle": ("pixel_shuffle", "upscale_factor"),
    }.items()
}  # fmt: skip


class PReLU(Module):
    """x where it is positive, else weight times x; the weight, one or one for each channel, is trained."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, dtype: Any = None):
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype))

    def forward(self, input: Any) -> Any:
        return F.prelu(input, self.weight)


MODULES["PReLU"] = PReLU
