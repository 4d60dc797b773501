"""The errors of asking a traced array for its numbers, each with the way out."""

from __future__ import annotations

import inspect
import linecache
import re
from typing import TYPE_CHECKING, Any, NoReturn

from graphc.errors import ConcretizationError, Location
from graphc.trace.location import library_function, user_function, user_location

if TYPE_CHECKING:
    from graphc.trace.values import TracedValue

_WAYS_OUT = {
    "bool(x)": "a decision by a traced value: write np.where(condition, a, b), np.maximum, np.minimum or np.clip; "
    "`and`, `or`, `not` are np.logical_and, np.logical_or, np.logical_not; shapes may be compared freely",
    "float(x)": "a function that cannot trace asked for it: use the one that NumPy or SciPy has",
    "int(x)": "a function that cannot trace asked for it: sizes (x.shape[0]) are integers already, x.astype(int) is an "
    "integer array",
    "round(x)": "use np.round(x), which gives a traced value",
    "an index": "a position or size that depends on a traced value: use np.take or x[index_array]; "
    "pass a Python int for a size",
    "a key": "a traced value as a key of a dict, in a set or as an argument of functools.lru_cache: use Python's own "
    "numbers for keys, or an array and an index",
    "v in x": "write (x == v).any()",
    "np.asarray(x)": "something that cannot trace asked for a NumPy array: call a NumPy function on x directly; "
    "np.array([a, b]) of traced values is np.stack([a, b])",
}
_OF_KNOWN: dict[str, Any] = {"bool(x)": bool, "float(x)": float, "int(x)": int, "an index": int, "a key": hash}
_DEFAULT_WAY_OUT = (
    "to print it, set GRAPHC_DISABLE_JIT=1, which prints numbers, or return the value and format the result"
)


def cannot_be_concrete(traced: TracedValue, what: str) -> Any:
    """Raise ``ConcretizationError`` at the user's line; ``what`` is the request as the user would write it."""
    from graphc.trace.values import alive

    captures = alive(traced).captures
    known = captures.concrete_number(traced) if what in _OF_KNOWN else None
    if known is not None:
        return _OF_KNOWN[what](known)
    try:
        if what == "bool(x)" and traced.value.dims:
            raise_ambiguous(traced)
        raise_at(user_location(), what)
    except ConcretizationError as error:
        captures.refused = captures.refused or error
        error.of_form = True  # the index of a loop that is written out is a number
        raise


def raise_ambiguous(traced: TracedValue) -> NoReturn:
    """An array in a decision, which NumPy refuses too."""
    raise ConcretizationError(
        f"a decision by {traced!r}: what is true of each element decides nothing; write .any() or .all() of it, or "
        "np.where(condition, a, b), which chooses for each element",
        location=user_location(),
    )


def _decision_way_out(location: Location | None) -> str:
    """The way out of a decision that was not made a branch of the program: of why it was not, as far as that shows."""
    code = user_function()
    if code is not None and code.co_flags & inspect.CO_GENERATOR and code.co_name != "<genexpr>":
        return "a generator cannot be compiled: write its loop where the elements are used, or fill an array"
    if code is not None and code.co_name in ("<listcomp>", "<genexpr>", "<setcomp>", "<dictcomp>"):
        return (
            "a comprehension cannot be decided by a traced value: write a loop, which becomes one of the compiled "
            "program, or np.where(condition, a, b)"
        )
    if location is not None and not linecache.getline(location.file, location.line):
        return (
            "the source of this function is not available, and without it no decision by a traced value can be "
            "compiled: define the function in a file, or write np.where(condition, a, b)"
        )
    return _WAYS_OUT["bool(x)"]


def raise_at(location: Location | None, what: str) -> NoReturn:
    asked = f"`{what}`"
    if location is not None:
        line = linecache.getline(location.file, location.line).strip()
        if what == "bool(x)" and re.match(r"(if|elif|while|assert)\b", line):
            asked = f"`{line}`"
    if what == "a count":
        raise ConcretizationError("how many elements a mask selects, or a slice with a bound of a loop's index, is "
                                  "known only when the program runs: it cannot decide anything, nor be a size by "
                                  "itself; np.count_nonzero(mask) is the number as a traced value, np.where(mask, x, "
                                  "0) keeps the shape, and the index itself can decide", location=location)  # fmt: skip
    library = library_function()
    if library is not None:
        from graphc.trace.missing import remark_on

        way_out = f"{library} cannot be traced{remark_on(library)}"
    else:
        way_out = _WAYS_OUT.get(what, _DEFAULT_WAY_OUT) if what != "bool(x)" else _decision_way_out(location)
    raise ConcretizationError(f"{asked} needs the numbers of a traced array, which are not known yet; {way_out}",
                              location=location)  # fmt: skip
