"""Where in the user's source an operation stands: the innermost frame outside graphc, NumPy, SciPy and Numba."""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType, FunctionType

import numpy as np

from graphc.errors import Location

_GRAPHC = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_LIBRARIES = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__))) + os.sep
_STANDARD = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_HIDDEN = (
    _GRAPHC,
    *(f"{_LIBRARIES}{name}{os.sep}" for name in ("numpy", "scipy", "optree", "numba")),
    *(f"{_STANDARD}{name}" for name in ("functools.py", "contextlib.py", "copy.py", "dataclasses.py")),
    "<__array_function__",  # the dispatchers that NumPy generates
)

_user_code: dict[int, tuple[CodeType, bool]] = {}  # by id: hashing a code object hashes all that it holds
_locations: dict[tuple[int, int], Location] = {}


def is_user_code(code: CodeType) -> bool:
    """False for code of graphc, NumPy, SciPy, Numba and the glue of the standard library."""
    known = _user_code.get(id(code))
    if known is None:
        known = _user_code[id(code)] = (code, not code.co_filename.startswith(_HIDDEN))
    return known[1]


def user_location() -> Location | None:
    """The file and line that the user's code is at; None when no frame is the user's."""
    frame: FrameType | None = sys._getframe(1)
    known = _user_code.get
    while frame is not None:  # asked for at every operation, from under dozens of frames: no call for a known one
        code = frame.f_code
        found = known(id(code))
        if is_user_code(code) if found is None else found[1]:
            key = (id(code), frame.f_lasti)
            location = _locations.get(key)
            if location is None:
                location = _locations[key] = Location(code.co_filename, frame.f_lineno)
            return location
        frame = frame.f_back
    return None


def user_module() -> str:
    """The name of the module that the user's code is in."""
    frame = _user_frame()
    return "__main__" if frame is None else frame.f_globals.get("__name__", "__main__")


def user_function() -> CodeType | None:
    """The code of the user's function that is running."""
    frame = _user_frame()
    return None if frame is None else frame.f_code


def _user_frame() -> FrameType | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and not is_user_code(frame.f_code):
        frame = frame.f_back
    return frame


def library_function() -> str | None:
    """The public name of the NumPy or SciPy function, written in Python, that the user's code has called and that runs.

    None where the user's own code runs, or a function without a frame, such as one of C.
    """
    frame: FrameType | None = sys._getframe(1)
    name = None
    while frame is not None and not is_user_code(frame.f_code):
        module = frame.f_globals.get("__name__", "")
        if module.startswith(("numpy.", "scipy.")):
            name = _name_of(frame, module) or name
        frame = frame.f_back
    return name if frame is not None else None


def _name_of(frame: FrameType, module: str) -> str | None:
    """The public name of the library's function in the frame; of a decorator's wrapper that of the function in it."""
    qualified = frame.f_code.co_qualname
    if "<locals>" in qualified:
        wrapped = [part for part in frame.f_locals.values() if isinstance(part, FunctionType)]
        wrapped = [part for part in wrapped if part.__module__.startswith(("numpy.", "scipy."))]
        if not wrapped:
            return None
        module, qualified = wrapped[0].__module__, wrapped[0].__qualname__
    parts = f"{module}.{qualified}".split(".")
    return ".".join(part for part in parts if part[0] not in "_<")  # CubicSpline.__init__ is CubicSpline


def definition_location(code: CodeType) -> Location:
    """Where a function is defined."""
    return Location(code.co_filename, code.co_firstlineno)
