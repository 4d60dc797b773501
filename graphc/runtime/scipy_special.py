"""SciPy's special functions by address, for object code that calls them.

``scipy.special.cython_special`` publishes each as a C function over float64, with its signature (``__pyx_capi__``).
SciPy is imported where a program that needs one is loaded, and not before.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable

from graphc.abi import scipy_symbol
from graphc.errors import ProgramError
from graphc.runtime import native

_CALLS = re.compile(r"\bscipy_(\w+)_f(?:64|32)\(")
_defined: set[str] = set()


def names_in(source: str) -> list[str]:
    """The functions (list of str) that printed source calls.

    >>> names_in("y = scipy_j0_f64(x) + scipy_gammainc_f32(a, b)")
    ['gammainc', 'j0']
    """
    return sorted(set(_CALLS.findall(source))) if "scipy_" in source else []


def _capsule(name: str, capsules: dict[str, object]) -> object:
    """The one of the function's forms that takes and gives float64 alone."""
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    for key in (name, *(f"__pyx_fuse_{form}{name}" for form in ("0", "1", "0_1"))):
        signature = (get_name(capsules[key]) or b"").decode() if key in capsules else ""
        if re.fullmatch(r"double \((?:double, )+int __pyx_skip_dispatch\)", signature):
            return capsules[key]
    raise ProgramError(f"scipy.special.{name} is not there, or not as it was: this SciPy is of another version")


def define(names: Iterable[str]) -> None:
    """Let objects that are loaded from now on call these. Raises: ProgramError: SciPy has no such function."""
    missing = [name for name in names if name not in _defined]
    if not missing:
        return
    from scipy.special import cython_special

    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    addresses = {}
    for name in missing:
        capsule = _capsule(name, cython_special.__pyx_capi__)
        addresses[scipy_symbol(name)] = get_pointer(capsule, get_name(capsule))
    native.define_symbols(addresses)
    _defined.update(missing)
