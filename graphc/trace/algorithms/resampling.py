"""``scipy.ndimage``: images at other points, by B-splines of order 0 to 5 (``map_coordinates``, ``shift``, ``zoom``,
``rotate``, ``affine_transform``, ``geometric_transform``), and their coefficients (``spline_filter``).

The coefficients of a periodic line are its quotient by the sampled B-spline in Fourier space, and beyond its ends a
line goes on as a periodic one: as its mirror image, say. Source: M. Unser, Splines: a perfect fit for signal and image
processing, IEEE Signal Processing Magazine 16 (1999). Numbers are computed in float64, as SciPy does, and given in the
input's dtype. A point's derivative is that of the polynomial piece in which it lies; at order 0 it is zero. In mode
"reflect", SciPy's own coefficients miss the numbers on short lines: by 1e-6 of 6 at order 3, by rounding of 20.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from math import comb, factorial
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import in_double, one_of, refuse, refuse_shape
from graphc.trace.algorithms.images import _axes, _floats, _no_output, _per_axis
from graphc.trace.values import has_traced, lifted

MODES = ("constant", "grid-constant", "nearest", "mirror", "reflect", "grid-mirror", "wrap", "grid-wrap")
_MARGIN = 12  # what SciPy lays around an image whose spline it cannot go on periodically


@cache
def _pieces(order: int) -> np.ndarray:
    """The weights of the order + 1 neighbours as polynomials of the place between them: rows are powers, from the
    highest, columns neighbours. The place runs over [0, 1) where the order is odd, else over [-1/2, 1/2)."""
    half, start = Fraction(order + 1, 2), order // 2
    table = np.zeros((order + 1, order + 1))
    for tap in range(order + 1):
        shift = half + start - tap  # the centred B-spline at place + start - tap, from its left end
        middle = shift + (Fraction(1, 2) if order % 2 == 1 else 0)
        for k in range(order + 2):
            if middle > k:  # the truncated power is one here
                for power in range(order + 1):
                    sign = -1 if k % 2 == 1 else 1
                    part = sign * comb(order + 1, k) * comb(order, power) * (shift - k) ** (order - power)
                    table[order - power, tap] += float(Fraction(part) / factorial(order))
    return table


@cache
def _samples(order: int) -> tuple[float, ...]:
    """The centred B-spline at 0, 1, 2, ..."""
    half = Fraction(order + 1, 2)
    terms = [
        [(-1) ** k * comb(order + 1, k) * max(half + at - k, Fraction(0)) ** order for k in range(order + 2)]
        for at in range(order // 2 + 1)
    ]
    return tuple(float(sum(row, Fraction(0)) / factorial(order)) for row in terms)


# --- coefficients -----------------------------------------------------------------------------------------------------


def _order(name: str, order: Any) -> int:
    if not isinstance(order, int | np.integer) or not 0 <= order <= 5:
        raise RuntimeError(f"scipy.ndimage.{name}: the order of a spline is 0 to 5, not {order!r}")
    return int(order)


def _coefficients(x: Any, order: int, axis: int, mode: str) -> Any:
    """Those of the spline through the line's numbers, whose ends are those of the mode."""
    count = x.shape[axis]
    if order < 2 or count == 1:
        return x
    x = np.moveaxis(x, axis, -1)
    if mode in ("reflect", "grid-mirror", "nearest"):
        period = np.concatenate([x, np.flip(x, -1)], axis=-1)
    elif mode == "grid-wrap":
        period = x
    else:
        period = np.concatenate([x, np.flip(x[..., 1:-1], -1)], axis=-1)
    length = period.shape[-1]
    is_complex = x.dtype.kind == "c"
    frequencies = np.arange(length if is_complex else length // 2 + 1) * (2 * np.pi / length)
    response: Any = _samples(order)[0]
    for distance, height in enumerate(_samples(order)[1:], 1):
        response = response + 2 * height * np.cos(distance * frequencies)
    found: Any
    if is_complex:
        found = np.fft.ifft(np.fft.fft(period) / response)
    else:
        found = np.fft.irfft(np.fft.rfft(period) / response, length)
    return np.moveaxis(found[..., :count], -1, axis)


def spline_filter1d(input: Any, order: Any = 3, axis: int = -1, output: Any = np.float64, mode: Any = "mirror") -> Any:
    """The coefficients of the spline through the numbers along the axis."""
    name = "spline_filter1d"
    x = in_double(_floats(input))
    one_of(f"scipy.ndimage.{name}", "mode", mode, MODES)
    return _coefficients(x, _order(name, order), axis % x.ndim, mode).astype(_dtype_of(name, output, x))


def spline_filter(input: Any, order: Any = 3, output: Any = np.float64, mode: Any = "mirror") -> Any:
    """The coefficients of the spline through the numbers, along all axes."""
    name = "spline_filter"
    x = in_double(_floats(input))
    one_of(f"scipy.ndimage.{name}", "mode", mode, MODES)
    if _order(name, order) < 2:
        raise RuntimeError("scipy.ndimage.spline_filter: the order of a spline is 2 to 5 here")
    for axis in range(x.ndim):
        x = _coefficients(x, int(order), axis, mode)
    return x.astype(_dtype_of(name, output, x))


def _dtype_of(name: str, output: Any, x: Any) -> Any:
    if isinstance(output, np.ndarray) or has_traced(output):
        refuse(f"scipy.ndimage.{name}: an array as output= is not supported on traced arrays; use what it returns")
    return x.dtype if x.dtype.kind == "c" else np.dtype(output)


# --- points -----------------------------------------------------------------------------------------------------------


def _brought_in(at: Any, count: Any, mode: str) -> Any:
    """The point of the line 0 ... count - 1 where the number is that the mode puts there; a place inside stays."""
    if mode in ("constant", "grid-constant", "nearest"):
        return at
    last = count - 1
    if mode == "mirror":
        found = np.abs(np.mod(at + last, 2 * np.maximum(last, 1)) - last)
    elif mode in ("reflect", "grid-mirror"):
        found = np.abs(np.mod(at + count + 0.5, 2 * count) - count) - 0.5
    else:
        found = np.mod(at, count if mode == "grid-wrap" else np.maximum(last, 1))
    return np.where((at < 0) | (at > last), found, at)


def _neighbour(place: Any, count: Any, mode: str) -> Any:
    """Which coefficient stands for one beyond the ends; the places are whole numbers."""
    last = count - 1
    if mode == "grid-wrap":
        return np.mod(place, count)
    if mode in ("reflect", "grid-mirror"):
        place = np.mod(place, 2 * count)
        return np.where(place < count, place, 2 * count - 1 - place)
    if mode in ("grid-constant", "nearest"):  # of the first, the constant stands there
        return np.clip(place, 0, last)
    return np.minimum(np.abs(np.mod(place + last, 2 * np.maximum(last, 1)) - last), last)


def _sampled(name: str, x: Any, points: list[Any], order: Any, mode: Any, cval: Any, prefilter: Any) -> Any:
    """The first axes of x at the points, an array of one shape for each of them; (*that shape, *further axes)."""
    found = _interpolated(name, in_double(x), points, order, mode, cval, prefilter)
    if mode == "constant":
        outside: Any = False
        for axis, at in enumerate(points):
            outside = outside | ~((at >= 0) & (at <= x.shape[axis] - 1))
        found = np.where(_wide(outside, found.ndim), cval, found)
    return found.astype(x.dtype)


def _wide(x: Any, rank: int) -> Any:
    return np.reshape(x, x.shape + (1,) * (rank - x.ndim))


def _interpolated(name: str, c: Any, points: list[Any], order: Any, mode: Any, cval: Any, prefilter: Any) -> Any:
    """The splines at the points; in mode "constant" they go on beyond the ends."""
    order, margin, rank = _order(name, order), 0, len(points)
    points = [in_double(at) for at in points]
    one_of(f"scipy.ndimage.{name}", "mode", mode, MODES)
    if prefilter and order > 1:
        if mode in ("nearest", "grid-constant"):
            margin = _MARGIN
            sides = [(margin, margin)] * rank + [(0, 0)] * (c.ndim - rank)
            c = np.pad(c, sides, mode="edge") if mode == "nearest" else np.pad(c, sides, constant_values=cval)
        for axis in range(rank):
            c = _coefficients(c, order, axis, mode)
    places: list[Any] = []
    weight: Any = 1.0
    beyond: Any = False
    for axis, at in enumerate(points):
        place, heights, is_beyond = _neighbours(at + margin, c.shape[axis], order, mode)
        wide = at.shape + (1,) * axis + (order + 1,) + (1,) * (rank - 1 - axis)  # the neighbours along one axis each
        places.append(np.reshape(place, wide))
        weight, beyond = weight * np.reshape(heights, wide), beyond | np.reshape(is_beyond, wide)
    values = c[tuple(places)]
    if mode == "grid-constant":
        values = np.where(_wide(beyond, values.ndim), cval, values)
    lead = weight.ndim - rank
    return np.sum(values * _wide(weight, values.ndim), axis=tuple(range(lead, lead + rank)))


def _neighbours(at: Any, count: Any, order: int, mode: str) -> tuple[Any, Any, Any]:
    """For points of a line the places of order + 1 neighbours, their weights, and which of them are beyond the ends."""
    at = _brought_in(at, count, mode)
    first = np.floor(at) if order % 2 == 1 else np.floor(at + 0.5)
    within = (at - first)[..., np.newaxis]
    heights: Any = 0.0
    table = lifted(_pieces(order))
    for power in [*range(order + 1)]:
        heights = heights * within + table[power]
    first = np.clip(np.where(np.isnan(first), 0.0, first), -1 - order, count + order).astype(np.int64)  # all beyond
    wanted = first[..., np.newaxis] + (np.arange(order + 1) - order // 2)
    return _neighbour(wanted, count, mode), heights, (wanted < 0) | (wanted >= count)


def map_coordinates(input: Any, coordinates: Any, output: Any = None, order: Any = 3, mode: Any = "constant",
                    cval: Any = 0.0, prefilter: Any = True) -> Any:  # fmt: skip
    """The array (d axes) at the points of coordinates (d, ...)."""
    name = "map_coordinates"
    _no_output(name, output)
    x, at = _floats(input), np.asarray(coordinates)
    if at.ndim < 1 or at.shape[0] != x.ndim:
        refuse_shape(f"scipy.ndimage.{name}: coordinates of shape {at.shape} for an array of {x.ndim} axes; their "
                     "first axis counts those")  # fmt: skip
    return _sampled(name, x, [at[k] for k in range(x.ndim)], order, mode, cval, prefilter)


def _lattice(shape: Any) -> list[Any]:
    """The positions of an array of that shape along each axis, such that they broadcast."""
    rank = len(shape)
    return [np.reshape(np.arange(n), (1,) * k + (-1,) + (1,) * (rank - 1 - k)) for k, n in enumerate(shape)]


def _along_axes(name: str, x: Any, lines: list[Any], order: Any, mode: Any, cval: Any, prefilter: Any) -> Any:
    """The array at the points of a grid, whose lines need not be the array's: one axis after the other."""
    found = in_double(x)
    for axis, at in enumerate(lines):
        moved = _interpolated(name, np.moveaxis(found, axis, 0), [at], order, mode, cval, prefilter)
        found = np.moveaxis(moved, 0, axis)
    if mode == "constant":
        for axis, at in enumerate(lines):
            outside = ~((at >= 0) & (at <= x.shape[axis] - 1))
            found = np.where(np.reshape(outside, (-1,) + (1,) * (x.ndim - 1 - axis)), cval, found)
    return found.astype(x.dtype)


def shift(input: Any, shift: Any, output: Any = None, order: Any = 3, mode: Any = "constant", cval: Any = 0.0,
          prefilter: Any = True) -> Any:  # fmt: skip
    """The array moved by so many elements along each axis."""
    _no_output("shift", output)
    x = _floats(input)
    lines = [np.arange(n) - by for n, by in zip(x.shape, _per_axis(shift, x.ndim), strict=True)]
    return _along_axes("shift", x, lines, order, mode, cval, prefilter)


def zoom(input: Any, zoom: Any, output: Any = None, order: Any = 3, mode: Any = "constant", cval: Any = 0.0,
         prefilter: Any = True, *, grid_mode: bool = False) -> Any:  # fmt: skip
    """The array with so many times the elements along each axis: the factors, which give its shape, are plain numbers.

    ``grid_mode``: an element is an interval, not a point.
    """
    _no_output("zoom", output)
    x, lines = _floats(input), []
    for n, factor in zip(x.shape, _per_axis(zoom, x.ndim), strict=True):
        count = int(np.rint(int(n) * factor))
        if has_traced(count):
            refuse("scipy.ndimage.zoom: a traced factor would make the shape; take map_coordinates")
        if grid_mode:
            lines.append((np.arange(count) + 0.5) * (n / count if count else 1.0) - 0.5)
        else:
            lines.append(np.arange(count) * ((n - 1) / (count - 1) if count > 1 else 1.0))
    return _along_axes("zoom", x, lines, order, mode, cval, prefilter)


def affine_transform(input: Any, matrix: Any, offset: Any = 0.0, output_shape: Any = None, output: Any = None,
                     order: Any = 3, mode: Any = "constant", cval: Any = 0.0,
                     prefilter: Any = True) -> Any:  # fmt: skip
    """The array at ``matrix @ o + offset`` for each position o of the result; the matrix (d, d), its diagonal (d,), or
    with the offset beside it (d, d + 1) or (d + 1, d + 1)."""
    name = "affine_transform"
    _no_output(name, output)
    x, matrix = _floats(input), np.asarray(matrix) * 1.0
    rank = x.ndim
    shape = x.shape if output_shape is None else tuple(output_shape)
    if matrix.ndim == 2 and matrix.shape[1] == rank + 1 and matrix.shape[0] in (rank, rank + 1):
        if matrix.shape[0] == rank + 1 and np.any(matrix[rank] != np.eye(rank + 1)[rank]):
            raise ValueError(f"scipy.ndimage.{name}: the last row of a matrix with the offset beside it is 0 ... 0 1")
        matrix, offset = matrix[:rank, :rank], matrix[:rank, rank]
    offsets = _per_axis(offset, rank)
    if matrix.ndim == 1 and matrix.shape[0] == rank:
        lines = [matrix[k] * np.arange(n) + offsets[k] for k, n in enumerate(shape)]
        return _along_axes(name, x, lines, order, mode, cval, prefilter)
    if matrix.ndim != 2 or matrix.shape[0] != rank or matrix.shape[1] != rank:
        refuse_shape(f"scipy.ndimage.{name}: a matrix of shape {matrix.shape} for an array of {rank} axes; it is "
                     f"({rank},), ({rank}, {rank}), or with the offset ({rank}, {rank + 1})")  # fmt: skip
    return _sampled(name, x, _moved(matrix, offsets, shape), order, mode, cval, prefilter)


def _moved(matrix: Any, offsets: list[Any], shape: Any) -> list[Any]:
    at = _lattice(shape)
    rank = len(at)
    return [sum((matrix[k][j] * at[j] for j in [*range(rank)]), start=offsets[k] * 1.0) for k in [*range(rank)]]


def _turned_size(along: int, across: int, c: Any, s: Any) -> Any:
    """The extent of a turned rectangle."""
    return int(abs(along * c) + abs(across * s) + 0.5)


def rotate(input: Any, angle: Any, axes: Any = (1, 0), reshape: bool = True, output: Any = None, order: Any = 3,
           mode: Any = "constant", cval: Any = 0.0, prefilter: Any = True) -> Any:  # fmt: skip
    """The array turned by so many degrees in the plane of two axes; a traced angle needs ``reshape=False``."""
    from scipy.special import cosdg, sindg

    _no_output("rotate", output)
    x = _floats(input)
    if len(axes) != 2:
        raise ValueError(f"scipy.ndimage.rotate: two axes span a plane, not {axes}")
    first, second = sorted(_axes(tuple(axes), x.ndim))
    plane = np.moveaxis(x, (first, second), (0, 1))
    c, s = cosdg(angle), sindg(angle)
    sizes = [plane.shape[0], plane.shape[1]]
    shape = sizes
    if reshape:
        high, wide = int(sizes[0]), int(sizes[1])
        shape = [_turned_size(high, wide, c, s), _turned_size(wide, high, c, s)]
        if has_traced(shape):
            refuse("scipy.ndimage.rotate: a traced angle would make the shape of the result; give reshape=False")
    middles = [[(n - 1) / 2 for n in counts] for counts in (sizes, shape)]
    matrix = [[c, s], [-s, c]]
    offsets = [middles[0][k] - (matrix[k][0] * middles[1][0] + matrix[k][1] * middles[1][1]) for k in (0, 1)]
    found = _sampled("rotate", plane, _moved(matrix, offsets, shape), order, mode, cval, prefilter)
    return np.moveaxis(found, (0, 1), (first, second))


def geometric_transform(
    input: Any, mapping: Callable[..., Any], output_shape: Any = None, output: Any = None, order: Any = 3,
    mode: Any = "constant", cval: Any = 0.0, prefilter: Any = True, extra_arguments: Any = (),
    extra_keywords: Any = None,
) -> Any:  # fmt: skip
    """The array at ``mapping(o)`` for each position o of the result, a tuple of integers: called for each."""
    _no_output("geometric_transform", output)
    x = _floats(input)
    shape = x.shape if output_shape is None else tuple(output_shape)
    places = [np.reshape(at, -1) for at in np.broadcast_arrays(*_lattice(shape))]
    more = {} if extra_keywords is None else extra_keywords
    points = np.zeros((places[0].shape[0], x.ndim))
    for k in range(places[0].shape[0]):
        found = mapping(tuple([place[k] for place in places]), *extra_arguments, **more)
        for axis in [*range(x.ndim)]:
            points[k, axis] = found[axis]
    at = [np.reshape(points[:, axis], shape) for axis in range(x.ndim)]
    return _sampled("geometric_transform", x, at, order, mode, cval, prefilter)


_ALL = (
    spline_filter1d, spline_filter, map_coordinates, shift, zoom, affine_transform, rotate, geometric_transform,
)  # fmt: skip
FUNCTIONS = {f"scipy.ndimage.{function.__name__}": function for function in _ALL}
