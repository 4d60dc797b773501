"""The same elements under another shape or order of axes; broadcasting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, floordiv, product
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    as_dims,
    as_int,
    axes_of,
    axis_of,
    broadcast_dims,
    shape_error,
    shape_text,
    specialised,
    unsupported,
)


def column_order(F: Builder, name: str, order: str) -> bool:
    """Whether elements are counted as in Fortran; raises for the orders that depend on how memory lies."""
    if order not in ("C", "F"):
        raise unsupported(F, f"{name}: order={order!r} depends on the memory layout of the array; use 'C' or 'F'")
    return order == "F"


def ignore_order(F: Builder, order: str | None) -> None:
    """``order=`` of a function whose elements do not depend on it: every value that NumPy takes is right."""
    if order not in (None, "C", "F", "A", "K"):
        raise unsupported(F, f"order={order!r} is none of 'C', 'F', 'A', 'K'")


def _reversed(F: Builder, a: Value) -> Value:
    return F.transpose(a, range(a.rank)[::-1])


def _is_unknown(size: Any) -> bool:
    return not isinstance(size, Expr | Value) and index(size) == -1


def _without_common(F: Builder, ours: Sequence[Dim], theirs: Sequence[Dim]) -> tuple[list[Dim], list[Dim]]:
    """Both shapes without the dims that stand in both and are not 0, so that their quotient is a clean expression."""
    left, right = ([F.facts.resolve(dim) for dim in dims] for dims in (ours, theirs))
    for dim in list(left):
        if dim in right and (F.facts.lower_bound(dim) or 0) >= 1:
            left.remove(dim)
            right.remove(dim)
    return left, right


def reshape_dims(F: Builder, a: Value, shape: Any) -> tuple[Dim, ...]:
    """The new shape with its -1 filled in; raises ``ShapeError`` when the sizes differ."""
    sizes = tuple(_known_sign(F, s) for s in (shape if isinstance(shape, list | tuple) else (shape,)))
    unknown = [place for place, size in enumerate(sizes) if _is_unknown(size)]
    if len(unknown) > 1:
        raise shape_error(F, f"reshape: only one size of {shape_text(sizes)} can be -1")
    total = product(a.dims)
    dims = [1 if place in unknown else as_dim(F, "reshape", size) for place, size in enumerate(sizes)]
    message = f"reshape: an array of shape {shape_text(a.dims)} does not fit into shape {shape_text(sizes)}"
    if any(isinstance(dim, int) and dim < 0 for dim in dims):
        raise shape_error(F, f"{message}: a size is negative")
    if unknown:
        rest = product(dims)
        if not F.facts.at_least(rest, 1):
            raise shape_error(F, f"{message}: any -1 would do")
        ours, theirs = _without_common(F, a.dims, dims)
        dims[unknown[0]] = floordiv(product(ours), product(theirs))
    if not F.facts.equal(total, product(dims)):
        raise shape_error(F, message)
    return tuple(dims)


def _known_sign(F: Builder, size: Any) -> Any:
    """The size; an int argument that is negative in this call (-1: whatever fits) as the number."""
    is_open = isinstance(size, Expr) and not F.facts.is_bound(size)
    return size if not is_open or F.facts.at_least(size, 0) else specialised(F, size)


def reshape(F: Builder, a: Any, shape: Any, order: str = "C", *, copy: Any = None) -> Value:
    """NumPy's ``reshape``; one size may be -1, sizes may be symbolic."""
    a = as_array(F, a)
    dims = reshape_dims(F, a, shape)
    if column_order(F, "reshape", order):
        return _reversed(F, F.reshape(_reversed(F, a), dims[::-1]))
    return F.reshape(a, dims)


def ravel(F: Builder, a: Any, order: str = "C") -> Value:
    """The elements in one row."""
    a = as_array(F, a)
    return F.reshape(_reversed(F, a) if column_order(F, "ravel", order) else a, (product(a.dims),))


def transpose(F: Builder, a: Any, axes: Any = None) -> Value:
    """The axes in another order: reversed without ``axes``."""
    a = as_array(F, a)
    if axes is None:
        return _reversed(F, a)
    perm = axes_of(F, "transpose", tuple(axes) if isinstance(axes, list | tuple) else (axes,), a.rank)
    if len(perm) != a.rank:
        raise shape_error(F, f"transpose: axes {axes} do not name each of the {a.rank} axes of {a.type}")
    return F.transpose(a, perm)


def swapaxes(F: Builder, a: Any, axis1: int, axis2: int) -> Value:
    a = as_array(F, a)
    first, second = axis_of(F, "swapaxes", axis1, a.rank), axis_of(F, "swapaxes", axis2, a.rank)
    perm = list(range(a.rank))
    perm[first], perm[second] = second, first
    return F.transpose(a, perm)


def moveaxis(F: Builder, a: Any, source: Any, destination: Any) -> Value:
    a = as_array(F, a)
    sources, places = axes_of(F, "moveaxis", source, a.rank), axes_of(F, "moveaxis", destination, a.rank)
    if len(sources) != len(places):
        raise shape_error(F, f"moveaxis: {source} and {destination} differ in length")
    perm = [axis for axis in range(a.rank) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        perm.insert(place, axis)
    return F.transpose(a, perm)


def rollaxis(F: Builder, a: Any, axis: int, start: int = 0) -> Value:
    """The axis moved before the axis that stands at ``start``."""
    a = as_array(F, a)
    moved = axis_of(F, "rollaxis", axis, a.rank)
    place = as_int(F, "rollaxis", "start", start)
    place += a.rank if place < 0 else 0
    if not 0 <= place <= a.rank:
        raise shape_error(F, f"rollaxis: start {start} is outside the {a.rank} axes of {a.type}")
    return moveaxis(F, a, moved, place - 1 if moved < place else place)


def expand_dims(F: Builder, a: Any, axis: Any) -> Value:
    """Axes of length 1 at these positions of the result."""
    a = as_array(F, a)
    count = len(axis) if isinstance(axis, list | tuple) else 1
    return F.expand_dims(a, axes_of(F, "expand_dims", axis, a.rank + count))


def squeeze(F: Builder, a: Any, axis: Any = None) -> Value:
    """Without the axes of length 1, or the given ones of them; a symbolic length is guarded."""
    a = as_array(F, a)
    if axis is None:
        return F.squeeze(a, [i for i, dim in enumerate(a.dims) if F.facts.is_one(dim)])
    axes = axes_of(F, "squeeze", axis, a.rank)
    for i in axes:
        if not F.facts.is_one(a.dims[i]):
            raise shape_error(F, f"squeeze: axis {i} of {shape_text(a.dims)} is not of length 1")
    return F.squeeze(a, axes)


def broadcast_to(F: Builder, array: Any, shape: Any, subok: bool = False) -> Value:
    """The array repeated along axes of length 1 and new leading axes."""
    a, dims = as_array(F, array), as_dims(F, "broadcast_to", shape)
    extra = len(dims) - a.rank
    fits = extra >= 0 and all(
        F.facts.equal(old, new) or F.facts.is_one(old) for old, new in zip(a.dims, dims[extra:], strict=True)
    )
    if not fits:
        raise shape_error(F, f"broadcast_to: shape {shape_text(a.dims)} does not broadcast to {shape_text(dims)}")
    return F.broadcast_to(a, dims)


def broadcast_arrays(F: Builder, *args: Any, subok: bool = False) -> tuple[Value, ...]:
    arrays = [as_array(F, a) for a in args]
    dims = broadcast_dims(F, "broadcast_arrays", [a.dims for a in arrays])
    return tuple(F.broadcast_to(a, dims) for a in arrays)


def one_axis(F: Builder, a: Value) -> Value:
    return a if a.rank else F.expand_dims(a, (0,))


def two_axes(F: Builder, a: Value) -> Value:
    return a if a.rank >= 2 else F.expand_dims(a, range(2 - a.rank))


def three_axes(F: Builder, a: Value) -> Value:
    places: dict[int, tuple[int, ...]] = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}
    return F.expand_dims(a, places[a.rank]) if a.rank < 3 else a


def _at_least(raise_rank: Callable[[Builder, Value], Value]) -> Implementation:
    """The function for any number of arrays: one result for one array, a tuple for more."""

    def at_least(F: Builder, *arys: Any) -> Value | tuple[Value, ...]:
        results = tuple(raise_rank(F, as_array(F, a)) for a in arys)
        return results[0] if len(results) == 1 else results

    return at_least


def matrix_transpose(F: Builder, x: Any, /) -> Value:
    """The last two axes swapped."""
    x = as_array(F, x)
    if x.rank < 2:
        raise shape_error(F, f"matrix_transpose: {x.type} has fewer than two axes")
    return F.transpose(x, [*range(x.rank - 2), x.rank - 1, x.rank - 2])


def shape(F: Builder, a: Any) -> tuple[Dim, ...]:
    """``np.shape``: the dims, symbolic where they are."""
    return as_array(F, a).dims


def ndim(F: Builder, a: Any) -> int:
    return as_array(F, a).rank


def size(F: Builder, a: Any, axis: Any = None) -> Dim:
    """The number of elements, or of those along the axes."""
    a = as_array(F, a)
    return product(a.dims[i] for i in axes_of(F, "size", axis, a.rank))


FUNCTIONS: dict[str, Implementation] = {
    "numpy.reshape": reshape, "numpy.ravel": ravel, "numpy.transpose": transpose, "numpy.permute_dims": transpose,
    "numpy.swapaxes": swapaxes, "numpy.moveaxis": moveaxis, "numpy.rollaxis": rollaxis,
    "numpy.expand_dims": expand_dims, "numpy.squeeze": squeeze, "numpy.broadcast_to": broadcast_to,
    "numpy.broadcast_arrays": broadcast_arrays, "numpy.atleast_1d": _at_least(one_axis),
    "numpy.atleast_2d": _at_least(two_axes), "numpy.atleast_3d": _at_least(three_axes),
    "numpy.shape": shape, "numpy.ndim": ndim, "numpy.size": size,
    "numpy.matrix_transpose": matrix_transpose, "numpy.linalg.matrix_transpose": matrix_transpose,
}  # fmt: skip
