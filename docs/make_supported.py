"""Write docs/supported.md from the tables that the tracer dispatches on.

python docs/make_supported.py
"""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphc.ir.opdef import NotDifferentiable, ZeroDerivative
from graphc.ops.table import OPS
from graphc.trace import callees
from graphc.trace.functions import (
    METHODS,
    NUMPY_FUNCTIONS,
    PROPERTIES,
    UFUNC_FUNCTIONS,
    UFUNC_METHODS,
    UFUNCS,
    WRITING_FUNCTIONS,
    WRITING_METHODS,
)

PAGE = Path(__file__).with_name("supported.md")

# They are accepted, and say where or how NumPy would store a result: nothing that a compiled program could follow.
UNNAMED_ARGUMENTS = {"out", "order", "subok", "device", "copy", "casting"}

HEAD = """# What is supported

*Written by `docs/make_supported.py` from the tables that tracing uses; a test checks that it is current.*

This is what may be called on a **traced** value: an argument, or what was computed from one. What is computed from
constants alone is computed by NumPy itself while the function is traced, so everything is allowed there.

A function or an argument that is not listed raises `graphc.UnsupportedError`. `out=` works where NumPy has it, and
`where=` of ufuncs beside it.

All operators work, also in place: arithmetic, `@`, comparisons, `&`, `|`, `^`, `~`, `abs()`, and indexing for reading
and writing with integers, slices (also negative steps), `...`, `None`, integer arrays and boolean masks. `np.array` and
`np.asarray` of traced values, and of lists that hold some, work where graphc can read the function's source.
"""


def ufunc_names(wanted: Callable[[Any], bool], of_numpy: bool) -> list[str]:
    """Names of the ufuncs whose op has such a derivative; NumPy's, or those of ``scipy.special``."""
    return sorted(
        name
        for name, op in UFUNCS.items()
        if isinstance(getattr(np, name, None), np.ufunc) == of_numpy and wanted(OPS[op].derivative)
    )


def is_zero(derivative: Any) -> bool:
    return isinstance(derivative, ZeroDerivative)


def is_none(derivative: Any) -> bool:
    return isinstance(derivative, NotDifferentiable)


def has_derivative(derivative: Any) -> bool:
    return not is_zero(derivative) and not is_none(derivative)


def arguments(implementation: Callable[..., Any], *, skipped: int) -> str:
    """The arguments as a user writes them; ``skipped``: how many the implementation has in front of those."""
    parameters = list(inspect.signature(implementation).parameters.values())[skipped:]
    named = [p.replace(annotation=p.empty) for p in parameters if p.name not in UNNAMED_ARGUMENTS]
    return str(inspect.Signature(named)).replace("<class 'float'>", "float")


def listed(names: Iterable[str], indent: str = "") -> str:
    return textwrap.fill(
        ", ".join(f"`{name}`" for name in names), 120, subsequent_indent=indent, break_on_hyphens=False
    )


def signatures(table: Mapping[str, Callable[..., Any]], *, skipped: int) -> list[str]:
    return [f"- `{name}{arguments(function, skipped=skipped)}`" for name, function in sorted(table.items())]


def under(prefix: str, table: Mapping[str, Callable[..., Any]] = NUMPY_FUNCTIONS) -> dict[str, Callable[..., Any]]:
    """The functions of one module, by their names in it."""
    return {
        name.removeprefix(f"{prefix}."): function
        for name, function in table.items()
        if name.rpartition(".")[0] == prefix
    }


def ufunc_methods() -> list[str]:
    by_method: dict[str, list[str]] = {}
    for name, method in UFUNC_METHODS:
        by_method.setdefault(method, []).append(name)
    lines = [f"- `{method}` of {listed(sorted(names), '  ')}" for method, names in sorted(by_method.items())]
    return [*lines, "- `at` of all ufuncs at single positions, slices and masks; of `add` and `subtract` at any"]


def page() -> str:
    """The text of docs/supported.md."""
    composed = sorted(UFUNC_FUNCTIONS)
    sections = [
        ("## NumPy ufuncs", [listed(ufunc_names(has_derivative, True) + composed)]),
        ("Derivative zero everywhere, as it is almost everywhere:", [listed(ufunc_names(is_zero, True))]),
        ("No derivative (booleans and integers):", [listed(ufunc_names(is_none, True))]),
        ("Methods of ufuncs:", ufunc_methods()),
        ("## NumPy functions", signatures(under("numpy"), skipped=1)),
        ("Functions that write into their first argument:", signatures(under("numpy", WRITING_FUNCTIONS), skipped=1)),
        ("## numpy.linalg", signatures(under("numpy.linalg"), skipped=1)),
        (
            "## scipy.special",
            [listed(ufunc_names(lambda _: True, False)), "", *signatures(under("scipy.special"), skipped=1)],
        ),
        ("## Methods of arrays", signatures(METHODS, skipped=2)),
        ("Methods that write into the array:", signatures(WRITING_METHODS, skipped=2)),
        ("## Attributes of arrays", [listed([*PROPERTIES, "shape", "ndim", "dtype", "size", "itemsize", "nbytes"])]),
        ("## Functions of Python's math module", [listed(sorted(f.__name__ for f in callees._MATH))]),
    ]
    body = "\n\n".join("\n\n".join([title, "\n".join(lines)]) for title, lines in sections)
    return f"{HEAD}\n{body}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
