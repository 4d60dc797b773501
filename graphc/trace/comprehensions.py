"""Comprehensions that a function takes whole: ``np.array([f(row) for row in x])``, ``sum(v * v for v in x)``.

Where Python would loop over the elements of an array or a range, the program does: one that fills an array, or adds up.
"""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from graphc.errors import GraphcError
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.trace.branches import Piece, branch
from graphc.trace.callees import traced_callee
from graphc.trace.control import loop, needs_numbers
from graphc.trace.iteration import Counted, Elements, as_elements
from graphc.trace.regions import counted, trace_region
from graphc.trace.session import Session, current
from graphc.trace.trees import is_number, value_of
from graphc.trace.values import wrap
from graphc.trace.variables import Readers, Variables, seen_by
from graphc.trace.writes import Writes

_ARRAYS = (np.array, np.asarray, np.stack)
_OF_ARRAYS = (np.sum, np.mean, np.prod, np.max, np.min, np.amax, np.amin, np.any, np.all, np.median, np.cumsum)
_SUMS = (builtins.sum, math.fsum)


def collected(
    function: Any,
    plain: Callable[[Iterable[Any]], Any],
    iterable: Any,
    element: Callable[[Any], Any],
    test: Callable[[Any], Any] | None,
    peek: Readers,
) -> Any:
    """``function`` of a comprehension with ``element`` of each of ``iterable`` for which ``test`` holds.

    ``plain``: the same as Python does it.
    """
    session, elements = current(), as_elements(iterable)
    if session is None or elements is None or needs_numbers(session, elements, peek):
        return plain(iterable if elements is None else elements.plain())
    refused, state = session.captures.refused, seen_by(element, test).opened()
    before = state.read()
    try:
        if any(function is known for known in _SUMS):
            return _sum(elements, element, test)
        if test is None and any(function is known for known in (*_ARRAYS, *_OF_ARRAYS)):
            array = _array(session, elements, element, state)
            if array is not None:
                return array if any(function is known for known in _ARRAYS) else traced_callee(function)(array)
    except GraphcError:  # of something that needs the numbers of its elements
        session.captures.refused = refused
        state.bring_back(before)
    return plain(elements.plain())


def _sum(elements: Elements, element: Callable[[Any], Any], test: Callable[[Any], Any] | None) -> Any:
    total: list[Any] = [0]
    reader, changed = (lambda: total[0],), seen_by(element, test)
    variables = Variables(
        lambda: reader,
        lambda new: total.__setitem__(0, new[0]),
        ("sum",),
        ("sum",),
        changed.seen,
        changed.watched,
    )

    def add(value: Any) -> None:
        total[0] = total[0] + element(value)

    def body(value: Any) -> Any:
        return add(value) if test is None else branch(test(value), lambda: add(value), lambda: None, variables)

    _run(elements, body, variables)
    return total[0]


def _array(session: Session, elements: Elements, element: Callable[[Any], Any], state: Variables) -> Any:
    """The elements as rows of an array; None where they are no arrays of one shape. ``state``: what they may change."""
    trips, found, before = elements.count(session), [], state.read()

    def look(inside: Session, params: list[Value]) -> list[Value]:
        made = element(elements.at(inside, wrap(inside, params[0])))
        if is_number(made):
            found.append(value_of(inside, made).type)
        return []

    index = (ArrayType(I64, weak=True), "i")
    try:
        trace_region(session, "discovery", [index], counted(trips, look), Writes(), carry=False)
    finally:
        state.bring_back(before)
    if not found or any(session.F.facts.is_bound(dim) for dim in found[0].dims):
        return None
    array = wrap(session, session.F.zeros(ArrayType(found[0].dtype, (trips, *found[0].dims))))

    def fill(place: Any) -> None:
        k, value = place
        array[k] = element(value)

    _run(Counted(elements, 0), fill, seen_by(element))
    return array


def _run(elements: Elements, body: Piece, variables: Variables) -> None:
    loop(elements, body, variables, None, (), ())
