"""Functions of scipy.special for devices, where SciPy's own compiled code cannot be called: scalar Python functions.

A kernel for the CPU calls ``scipy_j0_f64(x)`` at the address of SciPy's function; the same name in a kernel for a
device comes from here. The functions are plain Python over one number, with loops and branches, one file a family;
``table`` names those that kernels call, ``language`` tells what they may use, and ``translate`` makes one function of
the kernel's module of each, however often the kernel calls it.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    """The intrinsic ``scipy_<function>_<dtype>``, made when it is first asked for."""
    if not name.startswith("scipy_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphc.codegen.device_special.translate import device_call

    function, _, short = name.removeprefix("scipy_").rpartition("_")
    globals()[name] = device_call(function, short)
    return globals()[name]
