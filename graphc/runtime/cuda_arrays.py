"""Arrays on a device, of whichever library: what programs read of them, and how results of the same kind are made.

A *view* describes an array for the length of a call. PyTorch's tensors, CuPy's and Numba's arrays get results from
their own library, which knows when the memory is free again. Any other object with ``__cuda_array_interface__`` gets a
``DeviceArray``, and one with DLPack and ``__array_namespace__`` what its ``from_dlpack`` makes of that.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

import numpy as np

from graphc.abi import DeviceLeaf, dtype_named
from graphc.errors import CudaError, TraceTypeError
from graphc.runtime import dlpack
from graphc.runtime.cuda_devices import device
from graphc.runtime.cuda_memory import STREAM_NUMBERS, DeviceArray, SharedArray

LEGACY_STREAM = 0
ALIGNED = 16  # bytes: kernels may load so many at once


Maker = Callable[["DeviceView", tuple[int, ...], np.dtype], Callable[[], Any]]


class Quick(NamedTuple):
    """How a library's arrays are read where every step of Python counts.

    ``text``, ``plain`` and ``there``: expressions over ``{0}``, an array, for its address, and for whether it lies in C
    order, and on the device with the number ``{1}``. ``pending``: methods that tell what is still to be done to each
    element, the last one of complex ones alone. ``current_stream(number)``: what gives the stream of this device;
    ``maker(like, shape, dtype)``: what makes new arrays like this one, in the context ``around(like)`` if there is one;
    ``quickest``: the same, where its device is the current one.
    """

    text: str
    plain: str
    there: str
    pending: tuple[str, ...]
    address: Callable[[Any], int]
    current_stream: Callable[[int], Callable[[], int]]
    maker: Maker
    quickest: Maker
    around: Callable[[DeviceView], AbstractContextManager[Any]] | None = None

    def asked(self, dtype: np.dtype) -> tuple[str, ...]:
        """The methods that must answer False for an array of this dtype."""
        return self.pending if dtype.kind == "c" else self.pending[:-1]


class Kind(Protocol):
    """A library's arrays. ``name``: for messages. ``quick``: None where there is no short way."""

    name: str

    @property
    def quick(self) -> Quick | None: ...

    def view(self, array: Any) -> DeviceView | None:
        """What the array is, or None where it is not on a device."""

    def empty(self, like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, int]:
        """A new C-ordered array on the device and stream of ``like``, and its address."""

    def finished(self, array: Any, size: int | None, shape: tuple[int, ...]) -> Any:
        """The array that a call returns: where ``size`` is given, the first so many elements in this shape."""


class DeviceView(DeviceLeaf):
    """An array on a device: ``strides`` in bytes; ``stream``: on which its library works now.

    ``is_plain``: it lies in C order, from a multiple of 16 bytes on.
    """

    __slots__ = ("address", "is_plain", "kind", "owner", "stream", "strides")

    def __init__(
        self, kind: Kind, owner: Any, address: int, shape: tuple[int, ...], strides: tuple[int, ...] | None,
        dtype: np.dtype, place: tuple[int, int],
    ):  # fmt: skip
        """``place``: the device's number and the stream."""
        number, self.stream = place
        super().__init__(shape, dtype, number)
        self.kind, self.owner, self.address = kind, owner, address
        expected = dlpack.contiguous_strides(shape, dtype.itemsize)
        self.strides = expected if strides is None else strides
        ordered = self.strides == expected or 0 in shape or _same_but_for_ones(self.strides, expected, shape)
        self.is_plain = ordered and address % ALIGNED == 0

    def key(self) -> tuple[Any, ...]:
        """What a program must know of the array."""
        return "device", self.device, self.kind.name, self.dtype.num, tuple([d if d < 2 else None for d in self.shape])


def _same_but_for_ones(strides: Sequence[int], expected: Sequence[int], shape: Sequence[int]) -> bool:
    """Whether the strides differ only along axes that have one element."""
    return all(s == e or n < 2 for s, e, n in zip(strides, expected, shape, strict=True))


# --- libraries --------------------------------------------------------------------------------------------------------


def _torch_stream(number: int) -> Callable[[], int]:
    """PyTorch's current stream, as its own compiler asks for it: the public way takes microseconds."""
    torch = sys.modules["torch"]
    raw: Callable[[int], int] | None = getattr(torch._C, "_cuda_getCurrentRawStream", None)
    if raw is None:
        return lambda: int(torch.cuda.current_stream(number).cuda_stream)
    return functools.partial(raw, number)


def _torch_maker(like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> Callable[[], Any]:
    """By an array that is there: what ``torch.empty`` reads of its arguments takes it longer than the memory."""
    torch = sys.modules["torch"]
    first = functools.partial(torch.empty, dtype=getattr(torch, dtype.name), device=like.owner.device)
    if 0 in shape:
        return functools.partial(first, shape)
    return functools.partial(torch.empty_like, first((1,) * len(shape)).expand(shape))


def _torch_quickest(like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> Callable[[], Any]:
    """As PyTorch's own compiler makes its results: half the time of its public ways."""
    torch = sys.modules["torch"]
    make = getattr(torch._C._dynamo.guards, f"_empty_strided_{like.owner.device.type}", None)
    if make is None:
        return _torch_maker(like, shape, dtype)
    strides = [step // dtype.itemsize for step in dlpack.contiguous_strides(shape, dtype.itemsize)]
    return functools.partial(make, shape, tuple(strides), getattr(torch, dtype.name))


def _cupy_stream(number: int) -> Callable[[], int]:
    current = sys.modules["cupy"].cuda.get_current_stream
    return lambda: int(current().ptr)


def _cupy_maker(like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> Callable[[], Any]:
    """On the current device: entering and leaving one takes as long as making an array, and serves all of them."""
    return functools.partial(sys.modules["cupy"].ndarray, shape, dtype)


def _cupy_device(like: DeviceView) -> AbstractContextManager[Any]:
    device: AbstractContextManager[Any] = like.owner.device
    return device


class _Torch:
    name = "torch.Tensor"
    quick = Quick(
        "{0}.data_ptr()", "{0}.is_contiguous()", "({0}.is_cuda and ({0}.device.index or 0) == {1})",
        ("is_neg", "is_conj"),
        operator.methodcaller("data_ptr"), _torch_stream, _torch_maker, _torch_quickest,
    )  # fmt: skip

    def view(self, array: Any) -> DeviceView | None:
        if not array.is_cuda:
            return None
        name = str(array.dtype).removeprefix("torch.")
        try:
            dtype = dtype_named(name)
        except TypeError:
            raise TraceTypeError(
                f"a tensor of dtype {array.dtype}: NumPy has no such dtype; convert it first"
            ) from None
        array = array.resolve_conj().resolve_neg()  # PyTorch may have put them off
        number = array.device.index or 0
        stream = sys.modules["torch"].cuda.current_stream(number).cuda_stream
        strides = tuple([dtype.itemsize * step for step in array.stride()])
        return DeviceView(self, array, array.data_ptr(), tuple(array.shape), strides, dtype, (number, stream))

    def empty(self, like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, int]:
        torch = sys.modules["torch"]
        array = torch.empty(shape, dtype=getattr(torch, dtype.name), device=like.owner.device)
        return array, array.data_ptr()

    def finished(self, array: Any, size: int | None, shape: tuple[int, ...]) -> Any:
        return array if size is None else array[:size].reshape(shape)


class _CuPy:
    name = "cupy.ndarray"

    @functools.cached_property
    def quick(self) -> Quick:
        knows = hasattr(sys.modules["cupy"].ndarray, "_c_contiguous")  # its flags are an object made for each question
        return Quick(
            "{0}.data.ptr", "{0}._c_contiguous" if knows else "{0}.flags.c_contiguous",
            "{0}.data.device_id == {1}", (), operator.attrgetter("data.ptr"), _cupy_stream, _cupy_maker, _cupy_maker,
            _cupy_device,
        )  # fmt: skip

    def view(self, array: Any) -> DeviceView | None:
        stream = sys.modules["cupy"].cuda.get_current_stream().ptr
        place = (array.device.id, stream)
        return DeviceView(self, array, array.data.ptr, array.shape, array.strides, array.dtype, place)

    def empty(self, like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, int]:
        with like.owner.device:
            array = sys.modules["cupy"].empty(shape, dtype)
        return array, array.data.ptr

    def finished(self, array: Any, size: int | None, shape: tuple[int, ...]) -> Any:
        return array if size is None else array[:size].reshape(shape)


class _Numba:
    name = "numba.cuda device array"
    quick = None

    def view(self, array: Any) -> DeviceView | None:
        return interface_view(self, array)

    def empty(self, like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, int]:
        array = sys.modules["numba.cuda"].device_array(shape, dtype, stream=getattr(like.owner, "stream", 0))
        return array, array.__cuda_array_interface__["data"][0]

    def finished(self, array: Any, size: int | None, shape: tuple[int, ...]) -> Any:
        return array if size is None else array[:size].reshape(shape)


class _Interface:
    """Whatever has ``__cuda_array_interface__``: results are ``DeviceArray``."""

    name = "__cuda_array_interface__"
    quick: Quick | None = None

    def view(self, array: Any) -> DeviceView | None:
        return interface_view(self, array)

    def empty(self, like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> tuple[Any, int]:
        array = DeviceArray(shape, dtype, like.device, like.stream)
        return array, array.address

    def finished(self, array: Any, size: int | None, shape: tuple[int, ...]) -> Any:
        if size is not None:
            array.shape = shape
        return array


class _DLPack(_Interface):
    """Whatever has DLPack alone: it is asked to be ready on the device's own stream."""

    name = "DLPack"

    def view(self, array: Any) -> DeviceView | None:
        kind, number = array.__dlpack_device__()
        if int(kind) != dlpack.CUDA:
            return None
        stream = device(number).stream
        capsule = array.__dlpack__(stream=stream or 1)
        found = dlpack.described(capsule)
        owner = (array, capsule)
        return DeviceView(self, owner, found.address, found.shape, found.strides, found.dtype, (number, stream))


class _Namespace(_DLPack):
    """DLPack and the array API: results come from the library's own ``from_dlpack``."""

    name = "array API"

    def view(self, array: Any) -> DeviceView | None:
        view = super().view(array)
        if view is not None:
            view.kind = _Made(array.__array_namespace__(), type(array).__name__)
        return view


class _Made(_DLPack):
    def __init__(self, namespace: Any, name: str):
        self.namespace, self.name = namespace, name

    def finished(self, array: Any, size: int | None, shape: tuple[int, ...]) -> Any:
        return self.namespace.from_dlpack(super().finished(array, size, shape))


def interface_view(kind: Kind, array: Any) -> DeviceView:
    """What ``__cuda_array_interface__`` says (version 2 or 3)."""
    said = array.__cuda_array_interface__
    if said.get("mask") is not None:
        raise TraceTypeError("a device array with a mask: graphc computes with whole arrays")
    address = said["data"][0] or 0
    stream = said.get("stream")
    place = (device(0).number_of(address), STREAM_NUMBERS.get(stream, stream))
    return DeviceView(kind, array, address, tuple(said["shape"]), said.get("strides"), np.dtype(said["typestr"]), place)


def shared(view: DeviceView) -> DeviceArray:
    """What a view describes, over the same memory. Raises ``CudaError`` for one that does not lie in C order."""
    if not view.is_plain:
        raise CudaError(f"a {view.kind.name} that does not lie in C order from a multiple of 16 bytes on: copy it")
    return SharedArray(view, view.address, view.shape, view.dtype, view.device, view.stream)


def _own_maker(like: DeviceView, shape: tuple[int, ...], dtype: np.dtype) -> Callable[[], Any]:
    return functools.partial(DeviceArray, shape, dtype, like.device, like.stream, device(like.device))


class _Own(_Interface):
    """graphc's own arrays, on the device's own stream."""

    quick = Quick(
        "{0}.address", "{0}.stream == {0}.on.stream", "{0}.number == {1}", (), operator.attrgetter("address"),
        lambda number: functools.partial(int, device(number).stream), _own_maker, _own_maker,
    )  # fmt: skip


OWN: Kind = _Own()


def at_home(number: int) -> DeviceView:
    """Stands for arrays of graphc's own on a device, where a call has none: results are ``DeviceArray``."""
    return DeviceView(OWN, None, 0, (), None, np.dtype(np.float64), (number, device(number).stream))


def own_view(array: DeviceArray) -> DeviceView:
    """A view of an array of graphc's own."""
    place = (array.number, array.stream)
    return DeviceView(OWN, array, array.address, array.shape, None, array.dtype, place)


# --- finding them -----------------------------------------------------------------------------------------------------

_KINDS: dict[type, Kind | None] = dict.fromkeys((np.ndarray, float, int, bool, str, type(None), np.float64))


_BY_LIBRARY: dict[str, Kind] = {"torch": _Torch(), "cupy": _CuPy(), "numba": _Numba()}


def _kind_of(cls: type) -> Kind | None:
    library = cls.__module__.partition(".")[0]
    has_interface = hasattr(cls, "__cuda_array_interface__")
    if library in ("numpy", "graphc") and not has_interface:
        return None
    if issubclass(cls, DeviceArray):
        return OWN
    if has_interface and library in _BY_LIBRARY:
        return _BY_LIBRARY[library]
    if hasattr(cls, "__dlpack_device__") and hasattr(cls, "__array_namespace__"):
        return _Namespace()
    if has_interface:
        return _Interface()
    return _DLPack() if hasattr(cls, "__dlpack_device__") else None


def view_of(leaf: Any) -> DeviceView | None:
    """The leaf of a call as an array on a device, or None where it is none."""
    cls = type(leaf)
    if cls not in _KINDS:
        _KINDS[cls] = _kind_of(cls)
    kind = _KINDS[cls]
    return None if kind is None else kind.view(leaf)


def require_together(leaves: Sequence[Any], names: Callable[[], Sequence[str]]) -> None:
    """Raises: CudaError: some arrays are on a device and others are not, or on another one, or of another library.

    ``names()``: how a user would call the leaves, of which some are views.
    """
    views = [leaf for leaf in leaves if isinstance(leaf, DeviceView)]
    like = views[0]
    alike = all(view.device == like.device and view.kind.name == like.kind.name for view in views)
    if alike and not any(isinstance(leaf, np.ndarray) for leaf in leaves):
        return
    named = list(zip(names(), leaves, strict=True))
    (first, view), *others = [(name, leaf) for name, leaf in named if isinstance(leaf, DeviceView)]
    for name, leaf in named:
        if isinstance(leaf, np.ndarray):
            raise CudaError(
                f"{first} is on device {view.device} ({view.kind.name}), and {name} is a NumPy array: move one of "
                "them, so that all arrays of a call are in one place"
            )
    for name, other in others:
        if other.device != view.device:
            raise CudaError(
                f"{first} is on device {view.device}, and {name} on device {other.device}: move one of them"
            )
        if other.kind.name != view.kind.name:
            raise CudaError(
                f"{first} is a {view.kind.name}, and {name} a {other.kind.name}: convert one of them, so that the kind "
                "of the results is plain"
            )
