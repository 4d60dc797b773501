"""The functions of scipy.special that kernels of devices have: by SciPy's name, over as many numbers as SciPy's.

One that gives several numbers returns them all, as SciPy does, complex ones as two each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphc.codegen.device_special import bessel_01

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        bessel_01.j0, bessel_01.j1, bessel_01.y0, bessel_01.y1, bessel_01.k0, bessel_01.k0e, bessel_01.k1,
        bessel_01.k1e,
    )
}  # fmt: skip
