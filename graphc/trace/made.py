"""Arrays that the traced function makes of constants alone: NumPy arrays, until a traced value is written into them.

    t = np.zeros(3)         # a ``Made``: what is done with it and with constants is done by NumPy, while tracing
    t[0] = 1.0              # still
    row = t[1:]             # a view of it
    row[0] = x.sum()        # from here on t and row are traced arrays

A constant is part of the program: one number for an array that holds nothing else, an input for any other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphc.ir.graph import Value
from graphc.ir.types import ArrayType, dtype_of, is_known
from graphc.trace.memory_order import in_other_order
from graphc.trace.operators import OPERATORS
from graphc.trace.session import Session, current, resumed
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.tracer import Tracer
from graphc.trace.values import TracedValue, value_in

_WRITING = frozenset(["fill", "sort", "put", "partition", "resize", "setfield", "byteswap", "setflags"])
_WRITING_FUNCTIONS = (np.copyto, np.put, np.putmask, np.place, np.fill_diagonal, np.put_along_axis)
Again = Callable[..., Any]


class ZeroDim(Tracer):
    """An array without dimensions, which, unlike a number, can be written into."""

    __slots__ = ()

    @property
    def is_array(self) -> bool:
        return True


class Made(Tracer):
    """``array`` as long as it is constant, then ``traced``.

    A view has a ``base``, and ``again`` makes of the base, once that is traced, what the view then is. ``known``: the
    bytes of the array when it was last needed as a value, and that value.
    """

    __slots__ = ("again", "array", "base", "home", "known", "traced")

    def __init__(self, session: Session, array: np.ndarray, base: Made | None = None, again: Again | None = None):
        self.home, self.array, self.base, self.again = session, array, base, again
        self.traced: Any = None
        self.known: tuple[bytes, Value] | None = None

    # --- constant or traced -------------------------------------------------------------------------------------------

    @property
    def is_constant(self) -> bool:
        return self._root().traced is None

    def _root(self) -> Made:
        root = self
        while root.base is not None:
            root = root.base
        return root

    @property
    def is_array(self) -> bool:
        return True

    @property
    def session(self) -> Session:  # type: ignore[override]
        return self.home if self.is_constant else self.as_traced().session

    @property
    def value(self) -> Value:  # type: ignore[override]
        return self._as_constant() if self.is_constant else self.as_traced().value

    def as_traced(self) -> Any:
        """The traced array that this is from now on."""
        if self.traced is None:
            if self.base is None:
                self.traced = ZeroDim(self.home, self._as_constant())
            else:
                assert self.again is not None
                with self._before_regions():
                    base = self.base.as_traced()
                    value_in(self.home, base)  # reads it again, if it is a view itself
                    self.traced = self.again(base)
        return self.traced

    @contextmanager
    def _before_regions(self) -> Iterator[None]:
        """Within the block it is as if no loop or branch that is being traced had written into the array yet: the view
        is older than these, and is there after them."""
        array, session = self._root().as_traced(), current()
        now, moved = (array.session, array.value), len(self.home.moved_views)
        while session is not None and session is not self.home:
            _, array.session, array.value = session.written.get(id(array), (None, array.session, array.value))
            session = session.parent
        try:
            with resumed(self.home):
                yield
        finally:
            array.session, array.value = now
            del self.home.moved_views[moved:]  # what they were in a region is no state to go back to

    @property
    def place(self) -> Tracer:
        return self if self.is_constant else self.as_traced().place

    def assign(self, value: Value) -> None:
        self.as_traced().assign(value)

    def _as_constant(self) -> Value:
        contents = self.array.tobytes()
        if self.known is None or self.known[0] != contents:
            self.known = contents, self._constant(contents)
        return self.known[1]

    def _constant(self, contents: bytes) -> Value:
        array, session, F = self.array, self.home, self.home.F
        first = array.reshape(-1)[:1]
        if not array.size or first.tobytes() * array.size == contents:
            number = first[0].item() if array.size else 0
            value = F.full(ArrayType(dtype_of(array.dtype), array.shape), number)
        else:
            value = session.import_value(session.root, session.captures.constant(array.copy(order="C")))
        return value if array.flags.c_contiguous else in_other_order(F, value)

    def known_positions(self) -> tuple[Any, ...] | None:
        """Where a constant mask is true."""
        if not self.is_constant or self.array.dtype != np.bool_ or not self.array.ndim:
            return None
        return tuple(Made(self.home, places) for places in np.nonzero(self.array))

    def writable(self) -> bool:
        """Whether a write of constants is one that only the trace sees: not in a region, which runs more than once."""
        return self.is_constant and self.home is current()

    # --- as an array --------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[Any, ...]:
        return self.array.shape

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.array.dtype

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        if not self.is_constant:
            return super().__array__(dtype, copy)
        return np.asarray(self.array, dtype) if not copy else np.array(self.array, dtype)

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return iter([self[k] for k in range(len(self.array))])

    def __getitem__(self, key: Any) -> Any:
        operands = constants((self, key))
        if operands is None:
            return super().__getitem__(key)
        return made(operands[0][operands[1]], self, lambda traced: traced[key])

    def __setitem__(self, key: Any, value: Any) -> None:
        operands = constants((key, value)) if self.writable() else None
        if operands is None:
            super().__setitem__(key, value)
        else:
            self.array[operands[0]] = operands[1]

    def __copy__(self) -> Any:
        return Made(self.home, self.array.copy()) if self.is_constant else self.as_traced().__copy__()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(np.ndarray, name) or not self.is_constant:
            return super().__getattr__(name)
        found = getattr(self.array, name)
        if not callable(found):
            return made(found, self, lambda traced: getattr(traced, name))
        return lambda *args, **kwargs: self._method(name, args, kwargs)

    def _method(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        operands = constants((self, args, kwargs)) if name not in _WRITING or self.writable() else None
        if operands is None:
            return super().__getattr__(name)(*args, **kwargs)
        array, given, named = operands
        result = getattr(array, name)(*given, **named)
        return _out(kwargs, made(result, self, lambda traced: getattr(traced, name)(*args, **kwargs)))

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        writes = [*(kwargs.get("out") or ()), *(inputs[:1] if method == "at" else ())]
        operands = constants((inputs, kwargs)) if _writable(writes) else None
        if operands is None:
            return super().__array_ufunc__(ufunc, method, *inputs, **kwargs)
        return _out(kwargs, made(getattr(ufunc, method)(*operands[0], **operands[1])))

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        writes = [kwargs.get("out"), *(args[:1] if function in _WRITING_FUNCTIONS else ())]
        operands = constants((args, kwargs)) if _writable(writes) else None
        if operands is None:
            return super().__array_function__(function, types, args, kwargs)
        return _out(kwargs, on_constants(function, function, args, kwargs, *operands))


def _writable(arrays: list[Any]) -> bool:
    return all(array.writable() for array in arrays if isinstance(array, Made))


def _out(kwargs: dict[str, Any], result: Any) -> Any:
    """What was given as ``out``, where something was."""
    out = kwargs.get("out")
    out = out[0] if isinstance(out, tuple) and len(out) == 1 else out
    return result if out is None else out


def _add_constant_forms(cls: type) -> None:
    """Give the class Python's operators and conversions on constants."""
    conversions = ["bool", "float", "int", "complex", "index", "len", "round", "contains", "format", "repr"]
    for name in [*OPERATORS, *(f"__{c}__" for c in conversions), "item", "tolist"]:
        setattr(cls, name, _constant_form(name))


def _constant_form(name: str) -> Callable[..., Any]:
    traced = getattr(Tracer, name)
    in_place = f"__{name[3:]}" in OPERATORS and name.startswith("__i")

    def method(self: Made, *others: Any) -> Any:
        operands = constants((self, others)) if not in_place or self.writable() else None
        if operands is None:
            return traced(self, *others)
        result = getattr(operands[0], name)(*operands[1])
        return result if result is NotImplemented else self if in_place else made(result)

    return method


_add_constant_forms(Made)


# --- between both worlds ----------------------------------------------------------------------------------------------


def is_constant(obj: Any) -> bool:
    return isinstance(obj, Made) and obj.is_constant


def constants(obj: Any) -> Any:
    """The object with its constant arrays as NumPy's, containers too; None where something in it is traced."""
    if isinstance(obj, Made):
        return obj.array if obj.is_constant else None
    if isinstance(obj, TracedValue | SymbolicInt):
        return None
    if isinstance(obj, slice):
        return None if _any_traced((obj.start, obj.stop, obj.step)) else obj
    if isinstance(obj, dict):
        values = constants(list(obj.values()))
        return None if values is None else dict(zip(obj, values, strict=True))
    if type(obj) in (list, tuple):
        parts = []
        for part in obj:
            found = constants(part)
            if found is None and part is not None:
                return None
            parts.append(found)
        return type(obj)(parts)
    return obj


def _any_traced(parts: tuple[Any, ...]) -> bool:
    return any(isinstance(part, TracedValue | SymbolicInt) for part in parts)


def settled(obj: Any) -> Any:
    """The object as it can be kept outside of the trace: constant arrays in it as NumPy's; itself where it has none."""
    found = constants(obj) if _holds_made(obj) else None
    return obj if found is None else found


def _holds_made(obj: Any) -> bool:
    if isinstance(obj, dict):
        return any(map(_holds_made, obj.values()))
    return any(map(_holds_made, obj)) if type(obj) in (list, tuple) else isinstance(obj, Made)


def made(result: Any, source: Made | None = None, again: Again | None = None) -> Any:
    """What the function sees of NumPy's result: ``again`` would make it of ``source``, if they share memory."""
    session = current()
    if isinstance(result, tuple | list) and not hasattr(result, "_fields"):
        parts = [made(part, source, _part(again, k)) for k, part in enumerate(result)]
        return tuple(parts) if isinstance(result, tuple) else parts
    if type(result) is not np.ndarray or session is None or not is_known(result.dtype):
        return result
    if source is not None and result is source.array:
        return source
    if source is not None and np.may_share_memory(result, source.array):
        return Made(source.home, result, source, again)
    return Made(session, result)


def _part(again: Again | None, k: int) -> Again | None:
    return None if again is None else lambda traced: again(traced)[k]


def on_constants(plain: Again, traced: Again, args: Any, kwargs: Any, given: Any, named: Any) -> Any:
    """A function on constants: ``given`` and ``named`` are the arguments as NumPy takes them; ``traced`` its form for
    when the first of them is traced, and what it gave shares memory with that."""
    source = args[0] if args and isinstance(args[0], Made) else None
    return made(plain(*given, **named), source, lambda first: traced(first, *args[1:], **kwargs))
