"""Exceptions that a traced value decides: the compiled program stops, and the call raises what the function would.

    if np.any(x < 0):                    The side that raises ends in a check that always fails, so nothing follows it
        raise ValueError("negative")     (``signals.RAISES``): after the branch, all is as the other side leaves it.

That the check was made is a number of the program: carried by the loops around it, as an array is that they write into,
and asked by every result, so that no program leaves it out.
"""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, NoReturn

from graphc.errors import Location, UnsupportedError
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.ops.exceptions import number_of
from graphc.trace.location import is_user_code, user_location
from graphc.trace.session import Session, current
from graphc.trace.signals import RAISES, Signal
from graphc.trace.tracer import Tracer
from graphc.trace.values import value_in


def raising(error: Any) -> Any:
    """What ``raise error`` raises: in a branch or loop, ``attempted`` will know it again."""
    session = current()
    if session is None or not (isinstance(error, BaseException) or _is_class(error)):
        return error
    if not session.is_region:
        if session.raised is not None:
            raise _every_way(error)
        return error
    thrown = error() if isinstance(error, type) else error
    if not session.takes_exceptions:
        name = type(thrown).__name__
        raise UnsupportedError(
            f"`raise {name}` in a function that graphc.cond or a loop in its explicit form runs, which cannot raise "
            "it: write a plain `if`, `for` or `while`, or return a value that shows it, such as np.nan",
            location=user_location(),
        )
    session.root.thrown = thrown
    return thrown


def _is_class(error: Any) -> bool:
    return isinstance(error, type) and issubclass(error, BaseException)


def attempted(inside: Session, piece: Callable[[], Signal | None]) -> Signal | None:
    """The signal of the piece, also where it ends in a ``raise``."""
    inside.takes_exceptions = True
    try:
        return piece()
    except BaseException as error:
        if error is not inside.root.thrown:
            raise
        inside.root.thrown = None
        place = _place_of(error.__traceback__)
        if inside.root.handlers:
            raise UnsupportedError(
                f"`raise {type(error).__name__}`, decided by a traced value, inside of a `try` that may catch it: the "
                "compiled program cannot, decide with `if` what the handler would do",
                location=place,
            ) from None
        _stop(inside, error, place)
        return Signal(frozenset([RAISES]), RAISES, error)


def raise_again(session: Session, error: BaseException) -> NoReturn:
    """Raise what both sides of a branch raise, for the branch or loop around it."""
    if not session.takes_exceptions:
        raise _every_way(error)
    session.root.thrown = error
    raise error


def _every_way(error: Any) -> UnsupportedError:
    return UnsupportedError(
        f"every way through the function raises an exception, such as {error!r}: call it without graphc, which shows "
        "where",
        location=user_location(),
    )


def _place_of(traceback: TracebackType | None) -> Location | None:
    """The user's line that raised."""
    found = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_user_code(code):
            found = Location(code.co_filename, traceback.tb_lineno)
        traceback = traceback.tb_next
    return found


def _stop(inside: Session, error: BaseException, place: Location | None) -> None:
    """End the program here; that it got here is noted in the function's own session."""
    owner = inside
    while owner.is_region and owner.parent is not None:
        owner = owner.parent
    if owner.raised is None:
        owner.raised = Tracer(owner, owner.F.full(ArrayType(I64), 0))
    with inside.F.at(place):
        failed = inside.F.checked_index(inside.F.full(ArrayType(I64), 1), axis=number_of(error), size=1)
        whole = inside.F.add(value_in(inside, owner.raised), failed)  # no check replaces one that was made before
    owner.raised.assign(whole)


def after_checks(session: Session, value: Value) -> Value:
    """The value as a result of the session's function, which is there only if the function has not raised."""
    if session.raised is None:
        return value
    F = session.F
    nothing = F.full(ArrayType(value.type.dtype), value.type.dtype.type(0).item())
    chosen: Value = F.select(F.ge(value_in(session, session.raised), 1), nothing, value)
    return chosen


class Handler:
    """Stands around the body of a ``try`` that has handlers."""

    def __enter__(self) -> None:
        self.session = current()
        if self.session is not None:
            self.session.root.handlers += 1

    def __exit__(self, *error: object) -> None:
        if self.session is not None:
            self.session.root.handlers -= 1
