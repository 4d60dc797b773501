"""Arrays as sets: ``unique union1d intersect1d setdiff1d setxor1d isin``.

How many different elements there are shows when the program runs; the results have that length then. The gradient of
an element of ``unique`` goes to the first of its equals.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.trace.functions.arguments import Implementation, as_array, promoted, shape_error, unsupported
from graphc.trace.functions.indexing import true_positions
from graphc.trace.functions.joining import join
from graphc.trace.functions.slicing import take_range
from graphc.trace.functions.sorting import positions_in


class Unique(NamedTuple):
    """The different elements, sorted, and how they stand in the flattened array; lengths show at run time."""

    values: Value
    indices: Value
    inverse: Value
    counts: Value


class UniqueAllResult(NamedTuple):
    """The array API's."""

    values: Value
    indices: Value
    inverse_indices: Value
    counts: Value


class UniqueCountsResult(NamedTuple):
    """The array API's."""

    values: Value
    counts: Value


class UniqueInverseResult(NamedTuple):
    """The array API's."""

    values: Value
    inverse_indices: Value


def flat_of(F: Builder, a: Any) -> Value:
    value = as_array(F, a)
    return F.reshape(value, (product(value.dims),))


def _pick(F: Builder, a: Value, mask: Value) -> Value:
    return F.gather(a, true_positions(F, mask, mask.dims), axes=(0,), checked=False)


def differs_from_before(F: Builder, ordered: Value, equal_nan: bool) -> Value:
    """bool[n]: whether an element of a sorted vector is another than the one before; the first is."""
    length = ordered.dims[0]
    rest = length - 1
    after, before = take_range(F, ordered, 0, 1, rest), take_range(F, ordered, 0, 0, rest)
    other = F.ne(after, before)
    if equal_nan and ordered.type.is_float:
        other = F.logical_and(other, F.logical_not(F.logical_and(F.isnan(after), F.isnan(before))))
    return F.concat(F.full(ArrayType(BOOL, (1,)), True), other, axis=0)


def different(F: Builder, a: Any, equal_nan: bool = True) -> Unique:
    """What there is to know about the different elements."""
    value = as_array(F, a)
    flat = flat_of(F, value)
    if not F.facts.at_least(flat.dims[0], 1):
        nothing = F.zeros(ArrayType(I64, (0,)))
        return Unique(flat, nothing, F.reshape(nothing, value.dims), nothing)
    ordered, positions = F.sort(flat)
    first = differs_from_before(F, ordered, equal_nan)
    starts = true_positions(F, first, first.dims)
    values = F.gather(ordered, starts, axes=(0,), checked=False)
    indices = F.gather(positions, starts, axes=(0,), checked=False)
    rank = F.sub(F.cumsum(F.cast(first, I64), axis=0, reverse=False, exclusive=False), 1)
    inverse = F.gather(rank, F.sort(positions)[1], axes=(0,), checked=False)
    at_rank = F.scatter_add(
        F.broadcast_to(F.constant(1, ArrayType(I64)), flat.dims), rank, axes=(0,), dims=flat.dims, checked=False
    )
    counts = F.gather(at_rank, F.gather(rank, starts, axes=(0,), checked=False), axes=(0,), checked=False)
    return Unique(values, indices, F.reshape(inverse, value.dims), counts)


def unique(
    F: Builder, ar: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False,
    axis: Any = None, *, equal_nan: bool = True, sorted: bool = True,
) -> Any:  # fmt: skip
    """The different elements of the flattened array, sorted."""
    if axis is not None and as_array(F, ar).rank != 1:
        raise unsupported(F, "unique: axis= is not supported; make one number of each row first")
    found = different(F, ar, equal_nan)
    wanted = [
        part for part, asked in zip(found[1:], (return_index, return_inverse, return_counts), strict=True) if asked
    ]
    return (found.values, *wanted) if wanted else found.values


def unique_all(F: Builder, x: Any) -> UniqueAllResult:
    return UniqueAllResult(*different(F, x, equal_nan=False))


def unique_counts(F: Builder, x: Any) -> UniqueCountsResult:
    found = different(F, x, equal_nan=False)
    return UniqueCountsResult(found.values, found.counts)


def unique_inverse(F: Builder, x: Any) -> UniqueInverseResult:
    found = different(F, x, equal_nan=False)
    return UniqueInverseResult(found.values, found.inverse)


def unique_values(F: Builder, x: Any, /) -> Value:
    return different(F, x, equal_nan=False).values


def contained(F: Builder, elements: Value, among: Value) -> Value:
    """Which elements stand in a vector; NaN stands in none."""
    if not F.facts.at_least(among.dims[0], 1):
        return F.broadcast_to(F.value(False), elements.dims)
    elements, among = promoted(F, [elements, among])
    ordered = F.sort(among)[0]
    place = F.minimum(positions_in(F, "isin", ordered, elements, False), F.sub(among.dims[0], 1))
    return F.eq(F.gather(ordered, place, axes=(0,), checked=False), elements)


def isin(
    F: Builder, element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Value:
    """Which elements stand among the others."""
    if kind not in (None, "sort", "table"):
        raise shape_error(F, f"isin: kind={kind!r} is none of None, 'sort' and 'table', which give the same")
    found = contained(F, as_array(F, element), flat_of(F, test_elements))
    return F.logical_not(found) if invert else found


def union1d(F: Builder, ar1: Any, ar2: Any) -> Value:
    """The different elements of both."""
    return different(F, join(F, "union1d", [flat_of(F, ar1), flat_of(F, ar2)], 0)).values


def intersect1d(F: Builder, ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Value:
    """The different elements that stand in both, sorted."""
    if return_indices:
        raise unsupported(F, "intersect1d: return_indices=True is not supported; use np.isin and np.nonzero")
    first, second = promoted(F, [flat_of(F, ar1), flat_of(F, ar2)])
    ordered = F.sort(first)[0]
    if not F.facts.at_least(ordered.dims[0], 1):
        return ordered
    kept = F.logical_and(differs_from_before(F, ordered, True), contained(F, ordered, second))
    return _pick(F, ordered, kept)


def setdiff1d(F: Builder, ar1: Any, ar2: Any, assume_unique: bool = False) -> Value:
    """The different elements of the first that do not stand in the second."""
    first, second = flat_of(F, ar1), flat_of(F, ar2)
    if assume_unique:
        return _pick(F, first, F.logical_not(contained(F, first, second)))
    ordered = F.sort(first)[0]
    if not F.facts.at_least(ordered.dims[0], 1):
        return ordered
    kept = F.logical_and(differs_from_before(F, ordered, True), F.logical_not(contained(F, ordered, second)))
    return _pick(F, ordered, kept)


def setxor1d(F: Builder, ar1: Any, ar2: Any, assume_unique: bool = False) -> Value:
    """The different elements that stand in one of both alone, sorted."""
    first, second = promoted(F, [flat_of(F, ar1), flat_of(F, ar2)])
    both = join(F, "setxor1d", [first, second], 0)
    ordered = F.sort(both)[0]
    if not F.facts.at_least(ordered.dims[0], 1):
        return ordered
    alone = F.ne(contained(F, ordered, first), contained(F, ordered, second))
    kept = F.logical_and(differs_from_before(F, ordered, True), alone)
    if both.type.is_float:  # NaN is equal to nothing: one stays of each array that has some
        lost = F.isnan(ordered)
        rank = F.cumsum(F.cast(lost, I64), axis=0, reverse=False, exclusive=False)
        wanted = F.add(*(F.cast(F.reduce("any", F.isnan(part), (0,), False), I64) for part in (first, second)))
        kept = F.logical_or(kept, F.logical_and(lost, F.le(rank, wanted)))
    return _pick(F, ordered, kept)


FUNCTIONS: dict[str, Implementation] = {
    "numpy.unique": unique, "numpy.unique_all": unique_all, "numpy.unique_counts": unique_counts,
    "numpy.unique_inverse": unique_inverse, "numpy.unique_values": unique_values, "numpy.isin": isin,
    "numpy.union1d": union1d, "numpy.intersect1d": intersect1d, "numpy.setdiff1d": setdiff1d,
    "numpy.setxor1d": setxor1d,
}  # fmt: skip
