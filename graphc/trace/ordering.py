"""Python's ``sorted``, and ``max`` and ``min`` by a key, where traced numbers decide: elements at traced positions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from graphc.errors import TraceTypeError
from graphc.trace.location import user_location
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, lifted

Key = Callable[[Any], Any]
_NUMBERS = (TracedValue, SymbolicInt, int, float, complex, np.generic, np.ndarray)


def in_order(items: Iterable[Any], *, key: Key | None = None, reverse: bool = False) -> list[Any]:
    """``sorted(items)``: equal ones stay in their order, also where it is reversed."""
    listed = list(items)
    keys = _keys(listed, key)
    if keys is None:
        return sorted(listed, key=key, reverse=reverse)
    order = np.argsort(-keys if reverse else keys, kind="stable")
    return [_element(listed, order[place]) for place in range(len(listed))]


def largest(items: Sequence[Any], key: Key) -> Any:
    """``max(items, key=key)``: the first of equal ones."""
    keys = _keys(items, key)
    return max(items, key=key) if keys is None else _element(items, np.argmax(keys))


def smallest(items: Sequence[Any], key: Key) -> Any:
    """``min(items, key=key)``: the first of equal ones."""
    keys = _keys(items, key)
    return min(items, key=key) if keys is None else _element(items, np.argmin(keys))


def _keys(items: Sequence[Any], key: Key | None) -> Any:
    """The keys as a traced vector, or None where no traced number is among them."""
    keys = list(items) if key is None else [key(item) for item in items]
    if not any(isinstance(k, TracedValue) for k in keys):
        return None
    if not all(isinstance(k, _NUMBERS) and not getattr(k, "shape", ()) for k in keys):
        _refuse("the keys", "numbers")
    return np.stack(keys)


def _element(items: Sequence[Any], position: Any) -> Any:
    """The element at a traced position: like parts of all elements stand in one array."""
    if all(isinstance(item, tuple) for item in items) and len({len(item) for item in items}) == 1:
        return tuple([_element(parts, position) for parts in zip(*items, strict=True)])
    if not all(isinstance(item, _NUMBERS) for item in items) or len({np.shape(item) for item in items}) > 1:
        _refuse("the elements", "numbers, arrays of one shape, or tuples of those")
    return lifted(np.stack(list(items)))[position]


def _refuse(what: str, wanted: str) -> None:
    raise TraceTypeError(f"sorted, max and min by traced numbers: {what} must be {wanted}", location=user_location())
