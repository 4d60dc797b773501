"""``scipy.ndimage`` and ``scipy.signal``: extremes, medians and other ranks of neighbours; Wiener's filter.

The derivative is that of the number which is taken: 1 for it, 0 for its neighbours.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import refuse_shape
from graphc.trace.algorithms.convolutions import correlate
from graphc.trace.algorithms.images import _axes, _floats, _no_output, _per_axis, _windows
from graphc.trace.values import has_traced


def _blocks(name: str, x: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
            axes: Any) -> Any:  # fmt: skip
    """The neighbours of every element, along a new last axis."""
    _no_output(name, output)
    along = _axes(axes, x.ndim)
    if size is None and footprint is None:
        raise RuntimeError(f"scipy.ndimage.{name}: no size= and no footprint=")
    sizes = _per_axis(size, len(along)) if footprint is None else np.shape(footprint)
    if len(sizes) != len(along):
        refuse_shape(f"scipy.ndimage.{name}: a footprint of {len(sizes)} axes for {len(along)} axes")
    found = x
    for axis, count, shift in zip(along, sizes, _per_axis(origin, len(along)), strict=True):
        found = _windows(name, found, count, axis, mode, cval, shift)
    flat = np.reshape(found, (*x.shape, -1))
    return flat if footprint is None else flat[..., np.reshape(np.asarray(footprint) != 0, -1)]


def _extreme(name: str, input: Any, size: Any, footprint: Any, output: Any, mode: Any, cval: Any, origin: Any,
             axes: Any) -> Any:  # fmt: skip
    fold: Any = np.max if name == "maximum_filter" else np.min
    found = np.asarray(input)
    if footprint is not None or size is None:
        return fold(_blocks(name, found, size, footprint, output, mode, cval, origin, axes), axis=-1)
    _no_output(name, output)
    along = _axes(axes, found.ndim)
    for axis, count, shift in zip(along, _per_axis(size, len(along)), _per_axis(origin, len(along)), strict=True):
        found = fold(_windows(name, found, count, axis, mode, cval, shift), axis=-1)
    return found


def maximum_filter(input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
                   cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    """The largest number of each block."""
    return _extreme("maximum_filter", input, size, footprint, output, mode, cval, origin, axes)


def minimum_filter(input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
                   cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    """The smallest number of each block."""
    return _extreme("minimum_filter", input, size, footprint, output, mode, cval, origin, axes)


def rank_filter(input: Any, rank: Any, size: Any = None, footprint: Any = None, output: Any = None,
                mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    """The number of that rank in each block: 0 is the smallest, -1 the largest."""
    blocks = _blocks("rank_filter", np.asarray(input), size, footprint, output, mode, cval, origin, axes)
    return np.sort(blocks, axis=-1)[..., rank]


def percentile_filter(input: Any, percentile: Any, size: Any = None, footprint: Any = None, output: Any = None,
                      mode: Any = "reflect", cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    """The number of each block below which so many percent are; a negative one counts from 100."""
    blocks = _blocks("percentile_filter", np.asarray(input), size, footprint, output, mode, cval, origin, axes)
    count = blocks.shape[-1]
    share = percentile + 100.0 if percentile < 0 else percentile * 1.0
    if not 0 <= share <= 100:
        raise RuntimeError(f"scipy.ndimage.percentile_filter: {percentile} is no percentile")
    return np.sort(blocks, axis=-1)[..., count - 1 if share == 100 else int(count * share / 100.0)]


def median_filter(input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
                  cval: Any = 0.0, origin: Any = 0, *, axes: Any = None) -> Any:  # fmt: skip
    """The middle number of each block, the upper one of an even number of them."""
    blocks = _blocks("median_filter", np.asarray(input), size, footprint, output, mode, cval, origin, axes)
    return np.sort(blocks, axis=-1)[..., blocks.shape[-1] // 2]


# --- scipy.signal -----------------------------------------------------------------------------------------------------


def _odd_sizes(name: str, sizes: Any, rank: int) -> list[Any]:
    found = _per_axis(3 if sizes is None else sizes, rank)
    if any(not has_traced(size) and size % 2 != 1 for size in found):
        raise ValueError(f"scipy.signal.{name}: sizes {found} of blocks must be odd")
    return found


def medfilt(volume: Any, kernel_size: Any = None) -> Any:
    """The median of each block of odd sizes; there are zeros beyond the ends."""
    x = np.atleast_1d(np.asarray(volume))
    return median_filter(x, _odd_sizes("medfilt", kernel_size, x.ndim), mode="constant")


def medfilt2d(input: Any, kernel_size: Any = 3) -> Any:
    """``medfilt`` of a matrix."""
    x = np.asarray(input)
    if x.ndim != 2:
        refuse_shape(f"scipy.signal.medfilt2d: an array of shape {x.shape} is no matrix; use medfilt")
    return median_filter(x, _odd_sizes("medfilt2d", kernel_size, 2), mode="constant")


def wiener(im: Any, mysize: Any = None, noise: Any = None) -> Any:
    """Where a block's variance is above the noise (by default the mean of all variances), the less of its deviation
    from the block's mean is taken away."""
    x = _floats(im)
    sizes = _per_axis(3 if mysize is None else mysize, x.ndim)
    block = np.ones(tuple(sizes))
    count = np.prod(np.array(sizes) * 1.0)
    mean = correlate(x, block, "same") / count
    variance = correlate(x * x, block, "same") / count - mean * mean
    noise = np.mean(variance) if noise is None else noise
    is_flat = variance < noise
    return np.where(is_flat, mean, mean + (x - mean) * (1.0 - noise / np.where(is_flat, 1.0, variance)))


_ALL = (maximum_filter, minimum_filter, rank_filter, percentile_filter, median_filter)
FUNCTIONS = {
    **{f"scipy.ndimage.{function.__name__}": function for function in _ALL},
    **{f"scipy.signal.{function.__name__}": function for function in (medfilt, medfilt2d, wiener)},
}
