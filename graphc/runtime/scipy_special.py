"""Special functions by address, for object code that calls them: SciPy's, and graphc's own where those are wrong.

``scipy.special.cython_special`` publishes each as a C function over float64, with its signature (``__pyx_capi__``).
SciPy is imported where a program that needs one is loaded, and not before.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Mapping

from graphc.abi import OWN_SPECIAL, SCIPY_PART, SCIPY_SIGNATURES, scipy_symbol
from graphc.errors import ProgramError
from graphc.runtime import cache, native

_CALLS = re.compile(r"\bscipy_(\w+)_f(?:64|32)\(")
_defined: set[str] = set()


def names_in(source: str) -> list[str]:
    """The functions (list of str) that printed source calls.

    >>> names_in("y = scipy_j0_f64(x) + scipy_gammainc_f32(a, b) * scipy_airy__1_f64(x)")
    ['airy', 'gammainc', 'j0']
    """
    found = _CALLS.findall(source) if "scipy_" in source else []
    return sorted({name.partition(SCIPY_PART)[0] for name in found})


_C_TYPES = {"d": "double", "n": "Py_ssize_t", "z": "__pyx_t_double_complex"}


def _pattern(name: str) -> str:
    """What the signature of the function must be, as a regular expression."""
    if name not in SCIPY_SIGNATURES:
        return r"double \((?:double, )+int __pyx_skip_dispatch\)"
    inputs, results = SCIPY_SIGNATURES[name].split("->")
    given = ", ".join(_C_TYPES[letter] for letter in inputs.removesuffix("~"))
    if len(results) == 1:
        optional = r", struct \w+ \*__pyx_optional_args" if inputs.endswith("~") else ""
        return rf"{_C_TYPES[results]} \({given}, int __pyx_skip_dispatch{optional}\)"
    places = ", ".join(rf"{_C_TYPES[letter]} \*" for letter in results)
    return rf"void \({given}, {places}\)"


def _capsule(name: str, capsules: Mapping[str, object]) -> object:
    """The one of the function's forms that takes and gives what graphc calls it with."""
    get_name = ctypes.pythonapi.PyCapsule_GetName
    get_name.restype, get_name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    public = name.removesuffix("_z")
    for key in (public, *(f"__pyx_fuse_{form}{public}" for form in ("0", "1", "0_1"))):
        signature = (get_name(capsules[key]) or b"").decode() if key in capsules else ""
        if re.fullmatch(_pattern(name), signature):
            return capsules[key]
    raise ProgramError(f"scipy.special.{public} is not there, or not as it was: this SciPy is of another version")


def define(names: Iterable[str]) -> None:
    """Let objects that are loaded from now on call these. Raises: ProgramError: SciPy has no such function."""
    missing = [name for name in names if name not in _defined]
    if not missing:
        return
    addresses = {scipy_symbol(name): (own_address if name in OWN_SPECIAL else _scipys)(name) for name in missing}
    native.define_symbols(addresses)
    _defined.update(missing)


def _scipys(name: str) -> int:
    """The address of SciPy's function."""
    from scipy.special import cython_special

    get_pointer = ctypes.pythonapi.PyCapsule_GetPointer
    get_pointer.restype, get_pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    get_name = ctypes.pythonapi.PyCapsule_GetName
    capsule = _capsule(name, cython_special.__pyx_capi__)
    return int(get_pointer(capsule, get_name(capsule)))


def own_address(name: str) -> int:
    """The address of graphc's own function, which is compiled once for all kernels and kept on disk."""
    symbol = scipy_symbol(name)
    entry = cache.get("runtime", symbol)
    if entry is not None:
        data = entry.data
    else:
        from graphc.codegen.own_special import own_function_ir  # Numba, which only compiling needs

        data = native.compile_module(own_function_ir(name))
        cache.put("runtime", symbol, data)
    return native.load_object(data, [symbol])[symbol]
