"""The functions of scipy.special that printed kernels of devices call: ``scipy_j0_f64(x)``, from ``scalar_special``."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """The intrinsic ``scipy_<function>_<dtype>``, made when it is first asked for."""
    if not name.startswith("scipy_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphc.codegen.scalar_code import scalar_call

    function, _, short = name.removeprefix("scipy_").rpartition("_")
    globals()[name] = scalar_call(function, short)
    return globals()[name]
