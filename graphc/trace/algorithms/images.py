"""``scipy.ndimage``: filters by sums over neighbours.

The windows around all elements are read by position, and folded; beyond the ends an array goes on as its mode says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import one_of, refuse, refuse_shape
from graphc.trace.values import has_traced

PADDINGS: Mapping[str, str] = {  # SciPy's names of how an array goes on, and NumPy's
    "reflect": "symmetric", "grid-mirror": "symmetric", "mirror": "reflect", "nearest": "edge", "wrap": "wrap",
    "grid-wrap": "wrap", "constant": "constant", "grid-constant": "constant",
}  # fmt: skip


def _widened(name: str, x: Any, axis: int, before: Any, after: Any, mode: Any, cval: Any) -> Any:
    one_of(f"scipy.ndimage.{name}", "mode", mode, list(PADDINGS))
    sides = [(0, 0)] * x.ndim
    sides[axis] = (before, after)
    kind = PADDINGS[mode]
    return np.pad(x, sides, constant_values=cval) if kind == "constant" else np.pad(x, sides, mode=kind)  # type: ignore[call-overload]


def _windows(name: str, x: Any, size: Any, axis: int, mode: Any, cval: Any, origin: Any) -> Any:
    """The neighbours of every element along the axis, along a new last axis."""
    axis = axis % x.ndim
    count = x.shape[axis]
    before = size // 2 + origin
    wide = _widened(name, x, axis, before, size - 1 - before, mode, cval)
    places = np.arange(count)[:, np.newaxis] + np.arange(size)
    return np.moveaxis(np.take(wide, places, axis=axis), axis + 1, -1)


def correlate1d(input: Any, weights: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                origin: int = 0) -> Any:  # fmt: skip
    """Weighted sums of neighbours along the axis."""
    _no_output("correlate1d", output)
    x, weights = _floats(input), np.asarray(weights)
    return np.sum(_windows("correlate1d", x, weights.shape[0], axis, mode, cval, origin) * weights, axis=-1)


def convolve1d(input: Any, weights: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
               origin: int = 0) -> Any:  # fmt: skip
    """``correlate1d`` with the weights reversed."""
    weights = np.asarray(weights)
    shift = -origin - (1 if weights.shape[0] % 2 == 0 else 0)
    return correlate1d(input, weights[::-1], axis, output, mode, cval, shift)


def _no_output(name: str, output: Any) -> None:
    if output is not None:
        refuse(f"scipy.ndimage.{name}: output= is not supported on traced arrays; use what the function returns")


def _floats(input: Any) -> Any:
    """An array whose sums are no integers."""
    x = np.asarray(input)
    if x.dtype.kind not in "fc":
        refuse(f"scipy.ndimage: sums over {x.dtype} are cut to integers there; give x.astype(float)")
    return x


def _per_axis(given: Any, count: int) -> list[Any]:
    if not isinstance(given, list | tuple) and getattr(given, "ndim", 0) == 0:
        return [given] * count
    if len(given) != count:
        refuse_shape(f"scipy.ndimage: {len(given)} numbers for {count} axes; give one, or one for each axis")
    return [given[k] for k in range(count)]


def correlate(input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
              origin: Any = 0) -> Any:  # fmt: skip
    """Weighted sums of neighbours; weights of as many dimensions as the array."""
    _no_output("correlate", output)
    x, weights = _floats(input), np.asarray(weights)
    if x.ndim != weights.ndim:
        refuse_shape(f"scipy.ndimage.correlate: weights of shape {weights.shape} for an array of shape {x.shape}")
    found = x
    for axis, shift in enumerate(_per_axis(origin, x.ndim)):
        found = _windows("correlate", found, weights.shape[axis], axis, mode, cval, shift)
    return np.sum(found * weights, axis=tuple(range(x.ndim, 2 * x.ndim)))


def convolve(input: Any, weights: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
             origin: Any = 0) -> Any:  # fmt: skip
    """``correlate`` with the weights reversed."""
    weights = np.asarray(weights)
    shifts = [
        -shift - (1 if size % 2 == 0 else 0)
        for shift, size in zip(_per_axis(origin, weights.ndim), weights.shape, strict=True)
    ]
    return correlate(input, np.flip(weights), output, mode, cval, shifts)


# --- Gauss ------------------------------------------------------------------------------------------------------------


def gaussian_filter1d(input: Any, sigma: Any, axis: int = -1, order: int = 0, output: Any = None,
                      mode: Any = "reflect", cval: Any = 0.0, truncate: Any = 4.0, *,
                      radius: Any = None) -> Any:  # fmt: skip
    """With the normal density of that width, or its derivative; a traced ``sigma`` needs ``radius=``."""
    if radius is None:
        radius = int(truncate * sigma + 0.5)
        if has_traced(radius):
            refuse("scipy.ndimage.gaussian_filter1d of a traced sigma needs radius=: how many neighbours there are")
    return correlate1d(input, _gaussian(sigma, order, radius)[::-1], axis, output, mode, cval)


def _gaussian(sigma: Any, order: int, radius: int) -> Any:
    """The sampled density of sum 1, times the polynomial that the derivatives bring."""
    x = np.arange(-radius, radius + 1)
    square = sigma * sigma
    density = np.exp(-0.5 / square * x**2)
    density = density / np.sum(density)
    factors = [1.0] + [0.0] * order  # of 1, x, x**2, ...
    for _ in range(order):
        raised = [0.0, *[-c / square for c in factors[:-1]]]
        lowered = [*[(power + 1) * c for power, c in enumerate(factors[1:])], 0.0]
        factors = [a + b for a, b in zip(raised, lowered, strict=True)]
    polynomial: Any = 0.0
    for power, c in enumerate(factors):
        polynomial = polynomial + c * (x * 1.0) ** power
    return polynomial * density


def gaussian_filter(input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                    truncate: Any = 4.0, *, radius: Any = None, axes: Any = None) -> Any:  # fmt: skip
    """Along one axis after the other."""
    _no_output("gaussian_filter", output)
    found = _floats(input)
    along = _axes(axes, found.ndim)
    given = [_per_axis(option, len(along)) for option in (sigma, order, mode, radius)]
    for k, axis in enumerate(along):
        width, rank, kind, reach = (option[k] for option in given)
        if has_traced(width) or width > 1e-15:
            found = gaussian_filter1d(found, width, axis, rank, None, kind, cval, truncate, radius=reach)
    return found


def _axes(axes: Any, rank: int) -> list[int]:
    if axes is None:
        return list(range(rank))
    return [axis % rank for axis in (axes if isinstance(axes, list | tuple) else [axes])]


def gaussian_laplace(input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    """The sum of the second derivatives of the smoothed array."""
    x = _floats(input)
    found = 0.0
    for axis in range(x.ndim):
        order = [2 if other == axis else 0 for other in range(x.ndim)]
        found = found + gaussian_filter(x, sigma, order, output, mode, cval)
    return found


def gaussian_gradient_magnitude(input: Any, sigma: Any, output: Any = None, mode: Any = "reflect",
                                cval: Any = 0.0) -> Any:  # fmt: skip
    """The length of the gradient of the smoothed array."""
    x = _floats(input)
    found = 0.0
    for axis in range(x.ndim):
        order = [1 if other == axis else 0 for other in range(x.ndim)]
        found = found + gaussian_filter(x, sigma, order, output, mode, cval) ** 2
    return np.sqrt(found)


# --- means, differences -----------------------------------------------------------------------------------------------


def uniform_filter1d(input: Any, size: int, axis: int = -1, output: Any = None, mode: Any = "reflect",
                     cval: Any = 0.0, origin: int = 0) -> Any:  # fmt: skip
    """Means of neighbours along the axis."""
    return correlate1d(input, np.full(size, 1.0 / size), axis, output, mode, cval, origin)


def uniform_filter(input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: Any = 0.0,
                   origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    """Means of blocks."""
    found = _floats(input)
    along = _axes(axes, found.ndim)
    given = [_per_axis(option, len(along)) for option in (size, mode, origin)]
    for k, axis in enumerate(along):
        count, kind, shift = (option[k] for option in given)
        if count > 1:
            found = uniform_filter1d(found, count, axis, output, kind, cval, shift)
    return found


def _edges(x: Any, axis: int, output: Any, mode: Any, cval: Any, smooth: list[float]) -> Any:
    """Differences along the axis, sums along the others."""
    x = _floats(x)
    found = correlate1d(x, np.array([-1.0, 0.0, 1.0]), axis, output, mode, cval)
    for other in range(x.ndim):
        if other != axis % x.ndim:
            found = correlate1d(found, np.array(smooth), other, output, mode, cval)
    return found


def sobel(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    return _edges(input, axis, output, mode, cval, [1.0, 2.0, 1.0])


def prewitt(input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    return _edges(input, axis, output, mode, cval, [1.0, 1.0, 1.0])


def laplace(input: Any, output: Any = None, mode: Any = "reflect", cval: Any = 0.0) -> Any:
    """The sum of the second differences."""
    x = _floats(input)
    found = 0.0
    for axis in range(x.ndim):
        found = found + correlate1d(x, np.array([1.0, -2.0, 1.0]), axis, output, mode, cval)
    return found


_ALL = (
    correlate1d, convolve1d, correlate, convolve, gaussian_filter1d, gaussian_filter, gaussian_laplace,
    gaussian_gradient_magnitude, uniform_filter1d, uniform_filter, sobel, prewitt, laplace,
)  # fmt: skip
FUNCTIONS = {f"scipy.ndimage.{function.__name__}": function for function in _ALL}
