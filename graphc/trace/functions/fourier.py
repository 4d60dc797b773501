"""``numpy.fft`` and ``scipy.fft``: transforms along one axis or several, composed of the three unscaled ones.

Norms are factors: "backward" (or None) scales inverse transforms by 1/n, "forward" the others, "ortho" both by its
root.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import TraceTypeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.types import F64, complex_dtype
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    axes_of,
    axis_of,
    qualified,
    shape_error,
)
from graphc.trace.functions.slicing import take_range

NORMS = {None: "backward", "backward": "backward", "ortho": "ortho", "forward": "forward"}
SWAPPED = {"backward": "forward", "ortho": "ortho", "forward": "backward"}


# --- parts of a transform ---------------------------------------------------------------------------------------------


def norm_of(F: Builder, name: str, norm: Any) -> str:
    if norm not in NORMS:
        raise shape_error(F, f"{name}: norm={norm!r} is none of 'backward', 'ortho', 'forward'")
    return NORMS[norm]


def scaled(F: Builder, value: Value, points: Dim, norm: str, *, inverse: bool) -> Value:
    if norm == "ortho":
        root = F.sqrt(F.cast(F.value(points), value.type.real_dtype))
        return F.mul(value, F.div(1.0, root))
    if (norm == "backward") is not inverse:
        return value
    return F.mul(value, F.div(1.0, F.cast(F.value(points), value.type.real_dtype)))


def resized(F: Builder, a: Value, axis: int, size: Dim) -> Value:
    """The first ``size`` elements along the axis, zeros behind them where there are too few."""
    own = a.dims[axis]
    if F.facts.equal(own, size):
        return a
    if F.facts.at_least(own, size):
        return take_range(F, a, axis, 0, size)
    dims = tuple(size if i == axis else d for i, d in enumerate(a.dims))
    return F.embed(a, starts=(0,) * a.rank, steps=(1,) * a.rank, dims=dims)


def points_of(F: Builder, name: str, n: Any, default: Dim) -> Dim:
    """The number of points, at least 1."""
    size = default if n is None else as_dim(F, name, n)
    if not F.facts.at_least(size, 1):
        raise shape_error(F, f"{name}: {size} is no number of points")
    return size


def along_last(F: Builder, a: Value, axis: int, transform: Callable[[Value], Value]) -> Value:
    """The transform of the last axis, of another one."""
    order = [*(i for i in range(a.rank) if i != axis), axis]
    found = transform(F.transpose(a, order))
    return F.transpose(found, [order.index(i) for i in range(a.rank)])


def as_complex(F: Builder, a: Value) -> Value:
    return F.cast(a, complex_dtype(a.type.dtype if a.type.is_float else F64))


# --- one axis ---------------------------------------------------------------------------------------------------------


def whole(F: Builder, name: str, a: Any, n: Any, axis: Any, norm: Any, *, inverse: bool) -> Value:
    value = as_array(F, a)
    place, scale = axis_of(F, name, axis, value.rank), norm_of(F, name, norm)
    points = points_of(F, name, n, value.dims[place])
    given = resized(F, as_complex(F, value), place, points)
    found = along_last(F, given, place, lambda rows: F.fft(rows, inverse=inverse))
    return scaled(F, found, points, scale, inverse=inverse)


def from_real(F: Builder, name: str, a: Any, n: Any, axis: Any, norm: Any) -> Value:
    value = as_array(F, a)
    if value.type.is_complex:
        raise TraceTypeError(f"{name} takes real numbers; of complex ones use np.fft.fft", location=F.location)
    value = value if value.type.is_float else F.cast(value, F64)
    place, scale = axis_of(F, name, axis, value.rank), norm_of(F, name, norm)
    points = points_of(F, name, n, value.dims[place])
    found = along_last(F, resized(F, value, place, points), place, F.rfft)
    return scaled(F, found, points, scale, inverse=False)


def to_real(F: Builder, name: str, a: Any, n: Any, axis: Any, norm: Any) -> Value:
    value = as_array(F, a)
    place, scale = axis_of(F, name, axis, value.rank), norm_of(F, name, norm)
    points = points_of(F, name, n, 2 * (value.dims[place] - 1))
    given = resized(F, as_complex(F, value), place, points // 2 + 1)
    found = along_last(F, given, place, lambda rows: F.irfft(rows, points=points))
    return scaled(F, found, points, scale, inverse=True)


def fft(F: Builder, a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Value:
    """The discrete Fourier transform along the axis."""
    return whole(F, "fft", a, n, axis, norm, inverse=False)


def ifft(F: Builder, a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Value:
    """The inverse of ``fft``."""
    return whole(F, "ifft", a, n, axis, norm, inverse=True)


def rfft(F: Builder, a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Value:
    """The transform of real numbers: its first half, of which the other is the conjugate."""
    return from_real(F, "rfft", a, n, axis, norm)


def irfft(F: Builder, a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Value:
    """The inverse of ``rfft``: ``n`` real numbers, an even number of them by default."""
    return to_real(F, "irfft", a, n, axis, norm)


def hfft(F: Builder, a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Value:
    """The transform, which is real, of numbers of which the other half is the conjugate."""
    value = as_complex(F, as_array(F, a))
    return to_real(F, "hfft", F.conj(value), n, axis, SWAPPED[norm_of(F, "hfft", norm)])


def ihfft(F: Builder, a: Any, n: Any = None, axis: Any = -1, norm: Any = None, out: None = None) -> Value:
    """The inverse of ``hfft``."""
    return F.conj(from_real(F, "ihfft", a, n, axis, SWAPPED[norm_of(F, "ihfft", norm)]))


# --- several axes -----------------------------------------------------------------------------------------------------


def sizes_and_axes(F: Builder, name: str, a: Value, s: Any, axes: Any) -> tuple[list[Any], tuple[int, ...]]:
    """The number of points of each axis (None: its own), and the axes."""
    if axes is None:
        if s is not None and len(s) > a.rank:
            raise shape_error(F, f"{name}: {len(s)} sizes for the {a.rank} axes of {a.type}")
        places = tuple(range(a.rank)) if s is None else tuple(range(a.rank - len(s), a.rank))
    else:
        places = tuple(axis_of(F, name, axis, a.rank) for axis in axes)
    sizes = [None] * len(places) if s is None else [None if n is None or n == -1 else n for n in s]
    if len(sizes) != len(places):
        raise shape_error(F, f"{name}: {len(sizes)} sizes for {len(places)} axes")
    return sizes, places


def _some_axes(F: Builder, name: str, a: Value, s: Any, axes: Any) -> tuple[list[Any], tuple[int, ...]]:
    """Where half of the transform along the last axis is kept: one axis or more, each once."""
    sizes, places = sizes_and_axes(F, name, a, s, axes)
    if not places:
        raise shape_error(F, f"{name}: there is no axis to transform along")
    if len(set(places)) < len(places):
        raise shape_error(F, f"{name}: an axis stands twice in {axes}")
    return sizes, places


def over_axes(one: Callable[..., Value]) -> Implementation:
    """The transform of one axis after the other, the last first."""

    def transform(F: Builder, a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Value:
        value = as_array(F, a)
        sizes, places = sizes_and_axes(F, f"{one.__name__}n", value, s, axes)
        for n, axis in reversed(list(zip(sizes, places, strict=True))):
            value = one(F, value, n, axis, norm)
        return value

    return transform


fftn, ifftn = over_axes(fft), over_axes(ifft)


def rfftn(F: Builder, a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Value:
    """The transform of real numbers: half of it along the last axis."""
    value = as_array(F, a)
    sizes, places = _some_axes(F, "rfftn", value, s, axes)
    value = rfft(F, value, sizes[-1], places[-1], norm)
    for n, axis in reversed(list(zip(sizes[:-1], places[:-1], strict=True))):
        value = fft(F, value, n, axis, norm)
    return value


def irfftn(F: Builder, a: Any, s: Any = None, axes: Any = None, norm: Any = None, out: None = None) -> Value:
    """The inverse of ``rfftn``."""
    value = as_array(F, a)
    sizes, places = _some_axes(F, "irfftn", value, s, axes)
    for n, axis in zip(sizes[:-1], places[:-1], strict=True):
        value = ifft(F, value, n, axis, norm)
    return irfft(F, value, sizes[-1], places[-1], norm)


def of_two(several: Implementation) -> Implementation:
    def transform(F: Builder, a: Any, s: Any = None, axes: Any = (-2, -1), norm: Any = None, out: None = None) -> Value:
        return several(F, a, s, axes, norm)

    return transform


# --- order of the frequencies -----------------------------------------------------------------------------------------


def shifted(F: Builder, name: str, x: Any, axes: Any, *, back: bool) -> Value:
    """The halves of each axis exchanged."""
    a = as_array(F, x)
    for axis in axes_of(F, name, axes, a.rank):
        size = a.dims[axis]
        moved = size // 2 if not back else size - size // 2
        head, tail = take_range(F, a, axis, 0, size - moved), take_range(F, a, axis, size - moved, moved)
        a = F.concat(tail, head, axis=axis)
    return a


def fftshift(F: Builder, x: Any, axes: Any = None) -> Value:
    """Frequency 0 moved to the middle."""
    return shifted(F, "fftshift", x, axes, back=False)


def ifftshift(F: Builder, x: Any, axes: Any = None) -> Value:
    """The inverse of ``fftshift``."""
    return shifted(F, "ifftshift", x, axes, back=True)


def fftfreq(F: Builder, n: Any, d: Any = 1.0, device: Any = None) -> Value:
    """The frequencies of ``fft``, in cycles per unit of the sample spacing ``d``."""
    size = points_of(F, "fftfreq", n, 0)
    place = F.iota(dims=(size,), axis=0)
    folded = F.select(F.lt(F.mul(place, 2), F.value(size)), place, F.sub(place, F.value(size)))
    return F.div(F.cast(folded, F64), F.mul(F.cast(F.value(size), F64), d))


def rfftfreq(F: Builder, n: Any, d: Any = 1.0, device: Any = None) -> Value:
    """The frequencies of ``rfft``."""
    size = points_of(F, "rfftfreq", n, 0)
    place = F.iota(dims=(size // 2 + 1,), axis=0)
    return F.div(F.cast(place, F64), F.mul(F.cast(F.value(size), F64), d))


# --- scipy.fft --------------------------------------------------------------------------------------------------------


def scipys(transform: Implementation) -> Implementation:
    """The transform with the arguments that SciPy's has: ``plan`` must be None, the other two change no number."""

    def one(
        F: Builder, x: Any, n: Any = None, axis: Any = -1, norm: Any = None, overwrite_x: Any = False,
        workers: Any = None, *, plan: Any = None,
    ) -> Value:  # fmt: skip
        return transform(F, x, n, axis, norm)

    return one


def scipys_over_axes(transform: Implementation, default: Sequence[int] | None = None) -> Implementation:
    def several(
        F: Builder, x: Any, s: Any = None, axes: Any = default, norm: Any = None, overwrite_x: Any = False,
        workers: Any = None, *, plan: Any = None,
    ) -> Value:  # fmt: skip
        return transform(F, x, s, axes, norm)

    return several


def _both_names(name: str, implementation: Implementation, scipy: Implementation) -> dict[str, Implementation]:
    return {f"numpy.fft.{name}": implementation, f"scipy.fft.{name}": scipy}


ONE = {"fft": fft, "ifft": ifft, "rfft": rfft, "irfft": irfft, "hfft": hfft, "ihfft": ihfft}
SEVERAL = {"fftn": fftn, "ifftn": ifftn, "rfftn": rfftn, "irfftn": irfftn}
FUNCTIONS: dict[str, Implementation] = {
    **{k: v for name, f in ONE.items() for k, v in _both_names(name, f, scipys(f)).items()},
    **{k: v for name, f in SEVERAL.items() for k, v in _both_names(name, f, scipys_over_axes(f)).items()},
    **{
        k: v
        for name, f in SEVERAL.items()
        for k, v in _both_names(f"{name[:-1]}2", of_two(f), scipys_over_axes(f, (-2, -1))).items()
    },
    **{f"{module}.fft.{f.__name__}": f for module in ("numpy", "scipy") for f in (fftshift, ifftshift)},
    **{f"{module}.fft.{f.__name__}": f for module in ("numpy", "scipy") for f in (fftfreq, rfftfreq)},
}
TAKES_COMPLEX = frozenset(
    qualified("numpy.fft", " ".join([*ONE, *SEVERAL, "fft2 ifft2 irfft2 fftshift ifftshift"]))
    + qualified("scipy.fft", " ".join([*ONE, *SEVERAL, "fft2 ifft2 irfft2 fftshift ifftshift"]))
)
