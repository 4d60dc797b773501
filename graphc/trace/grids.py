"""Heads of loops that stand for nested ones: ``np.ndindex``, ``np.ndenumerate``, ``itertools.product`` and the like.

for i, j in np.ndindex(a.shape): ...       for i in range(a.shape[0]):
                                               for j in range(a.shape[1]): ...
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from graphc.ir.dims import Dim
from graphc.trace.iteration import Elements, Endless, Numbers, as_elements
from graphc.trace.regions import trip_count
from graphc.trace.session import Session, current
from graphc.trace.symbolic import as_dim, wrap_dim
from graphc.trace.tracer import Tracer

Chosen = tuple[Any, ...]  # what the outer loops are at


class Grid:
    """Nested loops: ``axes`` gives each, of where those around it are; ``value`` what the body sees of all."""

    def __init__(self, axes: Sequence[Callable[[Chosen], Elements]], value: Callable[[Chosen], Any] = lambda at: at):
        self.axes, self.value = axes, value

    def __iter__(self) -> Iterator[Any]:
        return self._from(())

    def _from(self, chosen: Chosen) -> Iterator[Any]:
        if len(chosen) == len(self.axes):
            yield self.value(chosen)
            return
        for k in self.axes[len(chosen)](chosen).plain():
            yield from self._from((*chosen, k))


class Neighbours(Elements):
    """``itertools.pairwise(inner)``"""

    def __init__(self, inner: Elements):
        self.inner, self.ends = inner, inner.ends

    def count(self, session: Session) -> Dim:
        return trip_count(session, 1, self.inner.count(session))

    def at(self, inside: Session, k: Any) -> Any:
        return self.inner.at(inside, k), self.inner.at(inside, k + 1)

    def plain(self) -> Iterable[Any]:
        return itertools.pairwise(self.inner.plain())


def grid(function: Any, callee: Callable[[Any], Any], *args: Any) -> Any:
    """A call in the head of a loop, as something to loop over if it is one of those that are known here; else what
    ``callee`` of the function gives."""
    session = current()
    make = _GRIDS.get(function) if isinstance(function, type) and session is not None else None
    found = None if make is None or session is None else make(session, *args)
    if found is not None:
        return found
    plain = [arg.plain() if isinstance(arg, Elements) else arg for arg in args]
    return callee(function)(*plain)


def _of_sizes(sizes: Iterable[Any], value: Callable[[Chosen], Any] = lambda at: at) -> Grid:
    return Grid([partial(_always, Numbers(0, size, 1)) for size in sizes], value)


def _elements_of(obj: Any) -> Elements | None:
    """As something to count; Python's containers stay its own."""
    found = as_elements(obj)
    return None if found is None or found.by_python else found


def _always(elements: Elements, chosen: Chosen) -> Elements:
    return elements


def _ndindex(session: Session, *shape: Any) -> Grid | None:
    sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    return _of_sizes(sizes) if sizes and all(as_dim(size) is not None for size in sizes) else None


def _ndenumerate(session: Session, array: Any) -> Grid | None:
    return _of_sizes(array.shape, lambda at: (at, array[at])) if _has_axes(array) else None


def _nditer(session: Session, array: Any) -> Grid | None:
    return _of_sizes(array.shape, lambda at: array[at]) if _has_axes(array) else None


def _has_axes(array: Any) -> bool:
    return isinstance(array, Tracer) and array.ndim > 0


def _product(session: Session, *parts: Any) -> Grid | None:
    known = [_elements_of(part) for part in parts]
    axes = [part for part in known if part is not None]
    return Grid([partial(_always, part) for part in axes]) if axes and len(axes) == len(parts) else None


def _pairwise(session: Session, iterable: Any) -> Neighbours | None:
    inner = _elements_of(iterable)
    return None if inner is None else Neighbours(inner)


def _combinations(session: Session, iterable: Any, r: Any) -> Grid | None:
    inner = _elements_of(iterable)
    if inner is None or not isinstance(r, int) or r < 1:
        return None
    size = wrap_dim(session, inner.count(session))

    def axis(place: int, chosen: Chosen) -> Elements:
        return Numbers(chosen[-1] + 1 if chosen else 0, size - (r - 1 - place), 1)

    def value(at: Chosen) -> Any:
        here = current()
        assert here is not None
        return tuple([inner.at(here, k) for k in at])

    return Grid([partial(axis, place) for place in range(r)], value)


def _count(session: Session, start: Any = 0, step: Any = 1) -> Endless:
    return Endless(lambda k: k * step + start, partial(itertools.count, start, step))


def _repeat(session: Session, element: Any) -> Endless:
    return Endless(lambda k: element, partial(itertools.repeat, element))


def _cycle(session: Session, iterable: Any) -> Endless | None:
    inner = _elements_of(iterable)
    if inner is None or not inner.ends:
        return None
    count = wrap_dim(session, inner.count(session))

    def element(k: Any) -> Any:
        here = current()
        assert here is not None
        return inner.at(here, k % count)

    return Endless(element, lambda: itertools.cycle(inner.plain()))


_GRIDS: dict[Any, Callable[..., Any]] = {
    np.ndindex: _ndindex,
    np.ndenumerate: _ndenumerate,
    np.nditer: _nditer,
    itertools.product: _product,
    itertools.pairwise: _pairwise,
    itertools.combinations: _combinations,
    itertools.count: _count,
    itertools.repeat: _repeat,
    itertools.cycle: _cycle,
}
