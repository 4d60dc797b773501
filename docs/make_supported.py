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
import scipy.special

from graphc.cuda_graph import is_missing
from graphc.ir.opdef import NotDifferentiable, Pointwise, Unknown, ZeroDerivative
from graphc.ops.table import OPS
from graphc.trace import creation
from graphc.trace.algorithms.table import ALGORITHMS
from graphc.trace.functions import (
    METHODS,
    NUMPY_FUNCTIONS,
    PROPERTIES,
    UFUNC_FUNCTIONS,
    UFUNC_METHODS,
    UFUNCS,
    VALUE_ONLY,
    WRITING_FUNCTIONS,
    WRITING_METHODS,
    complex_values,
    fourier,
    special_values,
)
from graphc.trace.functions.absent import NO_ARRAYS, NO_NUMBERS, reason
from graphc.trace.functions.complex_special import COMPLEX_FORMS
from graphc.trace.laws.calls import methods_of, names_of_laws
from graphc.trace.protocol import public_name
from graphc.trace.python_functions import MATH_FORMS

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

SPARSE = """A sparse array or matrix from outside, in CSR, CSC, COO, BSR or DIA format, times a traced vector or matrix:
`A @ x`, `x @ A`, `A.dot(x)`, `A.T @ x`. `scipy.sparse.linalg.spsolve(A, b)` of a traced `b`, and `cg`, `gmres`,
`bicgstab` and `minres`, solve by a dense factorisation; `splu(A).solve(b)` and `factorized(A)(b)` by the sparse one.
The numbers of A are read at each call, and are not differentiated. Functions that make sparse matrices of outside
arrays (`diags(w)`, `kron`, `csr_array((data, indices, indptr))`) are called at each call.
"""
SOLVERS = """Zeros have the derivatives of the implicit function theorem; of several, `brentq`, `brenth` and `bisect`
find SciPy's. What `linear_sum_assignment` chooses has no derivative, the costs at it have theirs. Solutions of
`minimize` and the like, and of other solvers, are differentiated by `graphc.implicit_minimum` and
`graphc.implicit_root`, around the solver, which calls SciPy's through `graphc.opaque`.
"""
INDEX_TRICKS = """`np.lib.stride_tricks.sliding_window_view` (not `writeable`), `np.r_[...]`, `np.c_[...]`,
`np.mgrid[...]`, `np.ogrid[...]`, functions made by `np.vectorize`, `np.poly1d` at traced points, and polynomials
of `numpy.polynomial` (functions and classes) with coefficients that are not traced; with traced ones, `polyval` and
others.
"""
SPLINES = """Objects of `scipy.interpolate` made outside can be called at traced points: `CubicSpline`,
`PchipInterpolator`, `Akima1DInterpolator`, `BSpline`, `PPoly`, `UnivariateSpline`, `RectBivariateSpline`, `interp1d`,
`RegularGridInterpolator`, `BarycentricInterpolator`, `RBFInterpolator`. Made of traced values, they are functions of
those too, with `derivative`, `antiderivative` and `integrate` where they are splines:
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
    return not is_zero(derivative) and not is_none(derivative) and not isinstance(derivative, Unknown)


def arguments(implementation: Callable[..., Any], *, skipped: int) -> str:
    """The arguments as a user writes them; ``skipped``: how many the implementation has in front of those."""
    parameters = list(inspect.signature(implementation).parameters.values())[skipped:]
    named = [p.replace(annotation=p.empty) for p in parameters if p.name not in UNNAMED_ARGUMENTS]
    return str(inspect.Signature(named)).replace("<class 'float'>", "float")


def listed(names: Iterable[str], indent: str = "", *, first: str = "") -> str:
    text = ", ".join(f"`{name}`" for name in names)
    return textwrap.fill(text, 120, initial_indent=first, subsequent_indent=indent, break_on_hyphens=False)


def signatures(table: Mapping[str, Callable[..., Any]], *, skipped: int) -> list[str]:
    return [f"- `{name}{arguments(function, skipped=skipped)}`" for name, function in sorted(table.items())]


def under(prefix: str, table: Mapping[str, Callable[..., Any]] = NUMPY_FUNCTIONS) -> dict[str, Callable[..., Any]]:
    """The functions of one module, by their names in it."""
    return {
        name.removeprefix(f"{prefix}."): function
        for name, function in table.items()
        if name.rpartition(".")[0] == prefix
    }


def version(package: Any) -> str:
    """The release without its last number, such as 2.4."""
    return ".".join(package.__version__.split(".")[:2])


def is_current_version() -> bool:
    """Whether the page was written for the versions of NumPy and SciPy that are installed here."""
    text = PAGE.read_text()
    return f"NumPy {version(np)} " in text and f"scipy.special {version(scipy)}\n" in text


def ufunc_methods() -> list[str]:
    by_method: dict[str, list[str]] = {}
    for name, method in UFUNC_METHODS:
        by_method.setdefault(method, []).append(name)
    lines = [f"- `{method}` of {listed(sorted(names), '  ')}" for method, names in sorted(by_method.items())]
    lines.append("- `reduce`, `accumulate` and `reduceat` of all other ufuncs of two numbers, as loops")
    return [*lines, "- `at` of all ufuncs at single positions, slices and masks; of `add` and `subtract` at any"]


def laws() -> list[str]:
    """The laws of scipy.stats, those with the same methods in one line."""
    by_methods: dict[tuple[str, ...], list[str]] = {}
    for name in names_of_laws():
        by_methods.setdefault(tuple(methods_of(name)), []).append(name)
    lines = [
        "As `norm.logpdf(x, m, s)` and as `norm(m, s).logpdf(x)`; what is `log` of another stays finite in the tails."
    ]
    for methods, names in by_methods.items():
        lines += [listed(names, "  ", first="- ") + ":", listed(methods, "  ", first="  ")]
    return lines


def taking_complex() -> list[str]:
    """What takes complex arrays: ufuncs, and the functions of each module."""
    ufuncs = sorted(n for n, op in UFUNCS.items() if isinstance(getattr(np, n, None), np.ufunc) and OPS[op].complex)
    special = special_values.TAKES_COMPLEX | {f"scipy.special.{name}" for name in COMPLEX_FORMS}
    names = complex_values.TAKES_COMPLEX | fourier.TAKES_COMPLEX | special
    names = sorted(name for name in names if "ndarray" not in name)
    plain = [name.removeprefix("numpy.") for name in names if name.startswith("numpy.")]
    lines = [
        "`complex64` and `complex128`; see [usage](usage.md#complex-numbers). All operators but comparisons by size."
    ]
    lines += ["", "Ufuncs:", "", listed([*ufuncs, "sign"]), "", "Functions of NumPy:", "", listed(plain), ""]
    lines += ["Functions of SciPy:", "", listed(n for n in names if not n.startswith("numpy.")), ""]
    return [
        *lines,
        "Refused with complex arrays, which SciPy's own take, on the CPU as on a GPU:",
        "",
        refused_complex(),
    ]


def refused_complex() -> str:
    """The ufuncs of scipy.special that have a loop over complex numbers, and here none."""
    taken = {name.rpartition(".")[2] for name in special_values.TAKES_COMPLEX} | COMPLEX_FORMS.keys()
    found = {name: getattr(scipy.special, name) for name in scipy.special.__all__}
    ufuncs = {name: u for name, u in found.items() if isinstance(u, np.ufunc) and not hasattr(np, name)}
    takes = {name for name, u in ufuncs.items() if any("D" in loop.partition("->")[0] for loop in u.types)}
    return listed(name for name in sorted(takes) if found[name].__name__ not in taken)


# --- every public function, yes or no ---------------------------------------------------------------------------------

MODULES = {"numpy": np, "numpy.linalg": np.linalg, "numpy.fft": np.fft, "scipy.special": scipy.special}
YES, VALUE, CONSTANT, NO, OTHER = "yes", "value only", "constants", "no", "no numbers"
TABLE = "no function of arrays"


def public_functions(module: str) -> list[str]:
    """Qualified names of the module's public functions and ufuncs, classes and modules left out."""
    holder = MODULES[module]
    found = (name for name in holder.__all__ if callable(getattr(holder, name, None)))
    return [f"{module}.{name}" for name in sorted(found) if not isinstance(getattr(holder, name), type)]


def status(name: str) -> tuple[str, str]:
    """What graphc does with the function of that name on traced values, and why where that is nothing."""
    module, _, last = name.rpartition(".")
    function = getattr(MODULES[module], last)
    ufunc = function.__name__ if isinstance(function, np.ufunc) else last
    if name in NO_NUMBERS:
        return OTHER, ""
    if name in VALUE_ONLY or (ufunc in UFUNCS and not has_derivative(OPS[UFUNCS[ufunc]].derivative)):
        return VALUE, ""
    if name in creation.CONSTANT_ONLY:
        return CONSTANT, ""
    of_ufunc = isinstance(function, np.ufunc) and (ufunc in UFUNCS or ufunc in UFUNC_FUNCTIONS)
    if of_ufunc or name in ALGORITHMS or public_name(function) in NUMPY_FUNCTIONS:
        return YES, ""
    if name in NUMPY_FUNCTIONS or name in WRITING_FUNCTIONS or name in creation.COPYING:
        return YES, ""
    why = reason(name) or "not yet"
    return TABLE if why in NO_ARRAYS else NO, why


def coverage() -> list[str]:
    """For each module: how many functions there are of each kind, and the names."""
    lines = [
        "*yes*: value and derivatives; *value only*: piecewise constant, integers, truth values or shapes;",
        "*constants*: made while tracing, of what is no traced value. The share leaves out functions that compute no",
        "numbers (dtypes, text, files, settings), and those that are none of arrays (tables for one number, counts).",
    ]
    for module in MODULES:
        found: dict[tuple[str, str], list[str]] = {}
        names = public_functions(module)
        for name in names:
            found.setdefault(status(name), []).append(name.rpartition(".")[2])
        asked = sum(len(names) for (kind, _), names in found.items() if kind not in (OTHER, TABLE))
        there = sum(len(names) for (kind, _), names in found.items() if kind in (YES, VALUE, CONSTANT))
        lines += ["", f"### {module}: {there} of {asked}", ""]
        for (kind, why), members in sorted(found.items(), key=lambda item: (ORDER.index(item[0][0]), item[0][1])):
            what = f"{kind}, {why}" if why else kind
            lines += [f"- **{what}** ({len(members)}):", listed(members, "  ", first="  ")]
    return lines


def missing_on_a_device() -> list[str]:
    """What a device has no code of."""
    missing = sorted({op.name for op in OPS.values() if isinstance(op.kind, Pointwise) and is_missing(op)})
    assert not missing, f"ops that a device lacks, which this page does not name: {missing}"
    return [
        "All functions of `scipy.special` that are there for the CPU are, and the laws of `scipy.stats`",
        '([what differs](cuda.md)). Refused with `target="cuda"` and for arrays on a device, at their line: functions',
        "of your own that are called by address, with whatever is computed by them.",
    ]


ORDER = (YES, VALUE, CONSTANT, NO, TABLE, OTHER)


def page() -> str:
    """The text of docs/supported.md."""
    composed = sorted(UFUNC_FUNCTIONS.keys() - special_values.UFUNC_FUNCTIONS.keys())
    sections = [
        ("## NumPy ufuncs", [listed(ufunc_names(has_derivative, True) + composed)]),
        ("Derivative zero everywhere, as it is almost everywhere:", [listed(ufunc_names(is_zero, True))]),
        ("No derivative (booleans and integers):", [listed(ufunc_names(is_none, True))]),
        ("Methods of ufuncs:", ufunc_methods()),
        ("## NumPy functions", signatures(under("numpy"), skipped=1)),
        ("Written in NumPy, and traced so:", [*signatures(under("numpy", ALGORITHMS), skipped=0), "", INDEX_TRICKS]),
        ("Functions that write into their first argument:", signatures(under("numpy", WRITING_FUNCTIONS), skipped=1)),
        ("## numpy.linalg", signatures(under("numpy.linalg"), skipped=1)),
        ("## numpy.fft", signatures(under("numpy.fft"), skipped=1)),
        ("## scipy.fft", signatures(under("scipy.fft"), skipped=1)),
        ("## Complex numbers", taking_complex()),
        ("## scipy.linalg", signatures(under("scipy.linalg"), skipped=1)),
        ("Written in NumPy, and traced so:", signatures(under("scipy.linalg", ALGORITHMS), skipped=0)),
        ("## scipy.integrate", signatures(under("scipy.integrate", ALGORITHMS), skipped=0)),
        ("## scipy.interpolate", [SPLINES, *signatures(under("scipy.interpolate", ALGORITHMS), skipped=0)]),
        ("## scipy.sparse", [SPARSE]),
        ("## scipy.signal", signatures(under("scipy.signal", ALGORITHMS), skipped=0)),
        ("## scipy.ndimage", signatures(under("scipy.ndimage", ALGORITHMS), skipped=0)),
        ("## scipy.spatial.distance", signatures(under("scipy.spatial.distance", ALGORITHMS), skipped=0)),
        ("## scipy.optimize", [SOLVERS, *signatures(under("scipy.optimize", ALGORITHMS), skipped=0)]),
        (
            "## scipy.special",
            [
                listed(sorted([*ufunc_names(lambda _: True, False), *special_values.UFUNC_FUNCTIONS])),
                "",
                *signatures(under("scipy.special"), skipped=1),
                *signatures(under("scipy.special", ALGORITHMS), skipped=0),
            ],
        ),
        ("## scipy.stats", [*laws(), "", *signatures(under("scipy.stats", ALGORITHMS), skipped=0)]),
        ("## Methods of arrays", signatures(METHODS, skipped=2)),
        ("Methods that write into the array:", signatures(WRITING_METHODS, skipped=2)),
        ("## Attributes of arrays", [listed([*PROPERTIES, "shape", "ndim", "dtype", "size", "itemsize", "nbytes"])]),
        ("## Functions of Python's math module", [listed(sorted(f.__name__ for f in MATH_FORMS))]),
        ("## On a GPU", missing_on_a_device()),
        (f"## Every function of NumPy {version(np)} and of scipy.special {version(scipy)}", coverage()),
    ]
    body = "\n\n".join("\n\n".join([title, "\n".join(lines)]) for title, lines in sections)
    return f"{HEAD}\n{body}\n"


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"wrote {PAGE}")
