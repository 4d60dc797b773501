"""Exceptions that the user's function raises in a compiled program, by a number that stands for them in its graph.

A ``checked_index`` that fails stops the program. Where the function raises, the number stands for the axis of one that
always fails. It follows from the exception's class and arguments, so that the same function has the same graph, and the
same compiled code, in every process; each has noted the exception when it traced the function.
"""

from __future__ import annotations

import hashlib

from graphc.errors import Location

_LARGEST = -(2**16)  # above are the positions of axes, and the numbers of ``ops.index``
_noted: dict[int, BaseException] = {}


def number_of(error: BaseException) -> int:
    """The number that stands for the exception; its arguments are kept as texts, where they are traced values."""
    args = tuple(a if isinstance(a, str | int | float | bytes | None) else repr(a) for a in error.args)
    kind = type(error)
    text = f"{kind.__module__}.{kind.__qualname__}{args!r}"
    number = _LARGEST - int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")
    error.args = args
    _noted[number] = error.with_traceback(None)
    return number


def is_number(axis: int) -> bool:
    return axis <= _LARGEST


def exception_of(number: int, location: Location | None) -> BaseException:
    """A new exception like the one that was noted, with a note of the line."""
    noted = _noted[number]
    made = type(noted).__new__(type(noted), *noted.args)
    made.args = noted.args
    made.__dict__.update(vars(noted))
    if location is not None:
        made.add_note(f"raised at {location}, in a compiled program")
    return made
