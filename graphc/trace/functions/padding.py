"""``np.pad``: axis after axis, so that corners come out as NumPy's do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.trace.functions.arguments import Implementation, as_array, as_dim, axis_of, shape_error, unsupported
from graphc.trace.functions.quantiles import FUNCTIONS as QUANTILES
from graphc.trace.functions.reductions import require_elements
from graphc.trace.functions.slicing import is_negative, take_range

Sides = tuple[Any, Any]


def _sides(F: Builder, what: str, given: Any, rank: int) -> list[Sides]:
    """A (before, after) pair an axis, from one number, one pair, or a pair (or a number) an axis."""
    if not isinstance(given, list | tuple):
        return [(given, given)] * rank
    nested = [tuple(part) if isinstance(part, list | tuple) else (part,) for part in given]
    flat = all(len(part) == 1 and not isinstance(p, list | tuple) for part, p in zip(nested, given, strict=True))
    if flat and len(given) in (1, 2):
        return [(given[0], given[-1])] * rank
    if not flat and len(nested) in (1, rank) and all(len(part) in (1, 2) for part in nested):
        pairs = [(part[0], part[-1]) for part in nested]
        return pairs * rank if len(pairs) == 1 else pairs
    raise shape_error(F, f"pad: {what} {given} does not fit an array of {rank} dimensions")


def _widths(F: Builder, pad_width: Any, rank: int) -> list[tuple[Dim, Dim]]:
    if isinstance(pad_width, dict):
        by_axis = {axis_of(F, "pad", axis, rank): _sides(F, "pad_width", w, 1)[0] for axis, w in pad_width.items()}
        pairs = [by_axis.get(axis, (0, 0)) for axis in range(rank)]
    else:
        pairs = _sides(F, "pad_width", pad_width, rank)
    widths = [(as_dim(F, "pad", before), as_dim(F, "pad", after)) for before, after in pairs]
    if any(is_negative(F, width) for pair in widths for width in pair):
        raise shape_error(F, f"pad: a pad_width in {pad_width} is negative")
    return widths


def pad(F: Builder, array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Value:
    """NumPy's ``pad`` with all modes that have a name; a function is not one of them."""
    a = as_array(F, array)
    widths = _widths(F, pad_width, a.rank)
    if mode in ("constant", "empty"):
        constants = kwargs.pop("constant_values", 0) if mode == "constant" else 0
        _no_more(F, mode, kwargs)
        return _constant(F, a, widths, _sides(F, "constant_values", constants, a.rank))
    extend = BY_AXIS.get(mode) if isinstance(mode, str) else None
    if extend is None:
        known = ", ".join(["constant", "empty", *BY_AXIS])
        raise unsupported(F, f"pad: mode={mode!r} is not supported; the modes are {known}")
    option = OPTIONS.get(mode)
    given = kwargs.pop(option[0], option[1]) if option else None
    _no_more(F, mode, kwargs)
    sides = [given] * a.rank if option is None or isinstance(given, str) else _sides(F, option[0], given, a.rank)
    for axis, (before, after) in enumerate(widths):
        if (before, after) != (0, 0):
            require_elements(F, f"pad with mode={mode!r}", a, (axis,))
            a = extend(F, a, axis, before, after) if option is None else extend(F, a, axis, before, after, sides[axis])
    return a


def _no_more(F: Builder, mode: str, kwargs: dict[str, Any]) -> None:
    if kwargs:
        name, value = next(iter(kwargs.items()))
        raise UnsupportedError(f"pad: {name}={value!r} is not supported with mode={mode!r}", location=F.location)


def _constant(F: Builder, a: Value, widths: list[tuple[Dim, Dim]], constants: list[Sides]) -> Value:
    if all(isinstance(c, int | float) and c == 0 for pair in constants for c in pair):
        dims = tuple(before + dim + after for dim, (before, after) in zip(a.dims, widths, strict=True))
        if dims == a.dims:
            return a
        return F.embed(a, starts=tuple(before for before, _ in widths), steps=(1,) * a.rank, dims=dims)
    for axis, (pair, values) in enumerate(zip(widths, constants, strict=True)):
        blocks = [
            _block(F, F.cast(as_array(F, v), a.type.dtype), a, axis, w) for w, v in zip(pair, values, strict=True)
        ]
        a = _around(F, a, axis, blocks[0], blocks[1])
    return a


def _block(F: Builder, number: Value, a: Value, axis: int, width: Dim) -> Value:
    """``number`` (that broadcasts along the axis) so many times along it."""
    return F.broadcast_to(number, (*a.dims[:axis], width, *a.dims[axis + 1 :]))


def _around(F: Builder, a: Value, axis: int, before: Value, after: Value) -> Value:
    parts = [part for part in (before, a, after) if part is a or part.dims[axis] != 0]
    return F.concat(*parts, axis=axis) if len(parts) > 1 else a


# --- modes that repeat what is there ----------------------------------------------------------------------------------


def _edge(F: Builder, a: Value, axis: int, before: Dim, after: Dim) -> Value:
    first, last = take_range(F, a, axis, 0, 1), take_range(F, a, axis, a.dims[axis] - 1, 1)
    return _around(F, a, axis, _block(F, first, a, axis, before), _block(F, last, a, axis, after))


def _mirror(F: Builder, a: Value, axis: int, before: Dim, after: Dim, gap: int) -> Value:
    """Reflected at the edges; ``gap`` 1: the edge itself is not repeated."""
    size = a.dims[axis]
    if gap and F.facts.equal(size, 1):
        return _edge(F, a, axis, before, after)
    if F.facts.at_least(size - gap, before) and F.facts.at_least(size - gap, after):
        left = take_range(F, a, axis, before - 1 + gap, before, -1) if before != 0 else a
        right = take_range(F, a, axis, size - 1 - gap, after, -1) if after != 0 else a
        return F.concat(*([left] if before != 0 else []), a, *([right] if after != 0 else []), axis=axis)
    period = 2 * (size - gap)
    place = F.remainder(F.sub(F.iota(dims=(before + size + after,), axis=0), before), period)
    return F.gather(a, F.minimum(place, F.sub(F.sub(period, 1 - gap), place)), axes=(axis,), checked=False)


def _reflect(F: Builder, a: Value, axis: int, before: Dim, after: Dim, kind: str) -> Value:
    return _reflected(F, a, axis, before, after, kind, 1)


def _symmetric(F: Builder, a: Value, axis: int, before: Dim, after: Dim, kind: str) -> Value:
    return _reflected(F, a, axis, before, after, kind, 0)


def _reflected(F: Builder, a: Value, axis: int, before: Dim, after: Dim, kind: str, gap: int) -> Value:
    """The mirror image, or with the kind "odd" that of what rises from the edge."""
    whole = _mirror(F, a, axis, before, after, gap)
    if kind == "even":
        return whole
    size = a.dims[axis]
    if kind != "odd" or not (F.facts.at_least(size - gap, before) and F.facts.at_least(size - gap, after)):
        raise unsupported(
            F, f"pad: reflect_type={kind!r} is not supported; 'even' is, and 'odd' up to the axis' length"
        )
    parts = [a]
    if before != 0:
        first = F.mul(take_range(F, a, axis, 0, 1), 2)
        parts.insert(0, F.cast(F.sub(first, take_range(F, whole, axis, 0, before)), a.type.dtype))
    if after != 0:
        last = F.mul(take_range(F, a, axis, size - 1, 1), 2)
        parts.append(F.cast(F.sub(last, take_range(F, whole, axis, before + size, after)), a.type.dtype))
    return F.concat(*parts, axis=axis)


def _ramp(F: Builder, a: Value, axis: int, before: Dim, after: Dim, ends: Sides) -> Value:
    """A straight line from the edge to the number at the end."""
    if not a.type.is_float:
        raise unsupported(F, "pad: mode='linear_ramp' of integers; convert with x.astype(float) first")
    edges = take_range(F, a, axis, 0, 1), take_range(F, a, axis, a.dims[axis] - 1, 1)
    parts = [a]
    for is_right, (edge, end, width) in enumerate(zip(edges, ends, (before, after), strict=True)):
        if width == 0:
            continue
        steps = F.iota(dims=(width, *(1,) * (a.rank - 1 - axis)), axis=0)
        share = F.div(F.cast(F.sub(width - 1, steps) if is_right else steps, a.type.dtype), width)
        number = F.cast(as_array(F, end), a.type.dtype)
        part = F.add(number, F.mul(F.sub(edge, number), share))
        parts.insert(len(parts) if is_right else 0, part)
    return F.concat(*parts, axis=axis)


def _wrap(F: Builder, a: Value, axis: int, before: Dim, after: Dim) -> Value:
    size = a.dims[axis]
    if F.facts.at_least(size, before) and F.facts.at_least(size, after):
        left, right = take_range(F, a, axis, size - before, before), take_range(F, a, axis, 0, after)
        return _around(F, a, axis, left, right)
    place = F.remainder(F.sub(F.iota(dims=(before + size + after,), axis=0), before), size)
    return F.gather(a, place, axes=(axis,), checked=False)


def _folded(name: str) -> Callable[..., Value]:
    """Both sides hold a fold over the axis, or over so many elements at their end of it."""

    def extend(F: Builder, a: Value, axis: int, before: Dim, after: Dim, lengths: Sides) -> Value:
        if name in ("mean", "median") and not a.type.is_float:
            raise unsupported(F, f"pad: mode={name!r} of integers; convert with x.astype(float) first")
        size = a.dims[axis]
        folds = []
        for is_right, given in enumerate(lengths):
            length = size if given is None or not F.facts.at_least(size, given) else as_dim(F, "pad", given)
            part = take_range(F, a, axis, size - length if is_right else 0, length)
            folds.append(_fold(F, name, part, axis))
        return _around(F, a, axis, _block(F, folds[0], a, axis, before), _block(F, folds[1], a, axis, after))

    return extend


def _fold(F: Builder, name: str, part: Value, axis: int) -> Value:
    if name == "median":
        return QUANTILES["numpy.median"](F, part, axis=axis, keepdims=True)
    if name == "mean":
        return F.div(F.reduce("sum", part, (axis,), keepdims=True), part.dims[axis])
    return F.reduce(name, part, (axis,), keepdims=True)


BY_AXIS: dict[str, Callable[..., Value]] = {
    "edge": _edge, "reflect": _reflect, "symmetric": _symmetric, "wrap": _wrap, "maximum": _folded("max"),
    "minimum": _folded("min"), "mean": _folded("mean"), "median": _folded("median"), "linear_ramp": _ramp,
}  # fmt: skip
OPTIONS: dict[str, tuple[str, Any]] = {  # each mode's own argument, and what it is without
    **dict.fromkeys(("reflect", "symmetric"), ("reflect_type", "even")),
    **dict.fromkeys(("maximum", "minimum", "mean", "median"), ("stat_length", None)), "linear_ramp": ("end_values", 0),
}  # fmt: skip

FUNCTIONS: dict[str, Implementation] = {"numpy.pad": pad}
