"""``Tracer``: what the user's function gets instead of an array. Each operation on it appends a node to its session.

Operators, methods and properties go through the tables of ``graphc.trace.functions``; NumPy's functions arrive through
``__array_ufunc__`` and ``__array_function__`` (see ``protocol``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from graphc.errors import ShapeError, SideEffectError, TraceTypeError, UnsupportedAttributeError, UnsupportedError
from graphc.ir.graph import Value
from graphc.trace import inplace, protocol, views
from graphc.trace.concretization import cannot_be_concrete
from graphc.trace.location import user_location
from graphc.trace.memory_order import lies_in_c_order
from graphc.trace.operators import add_operators
from graphc.trace.session import Session, current, hint_of
from graphc.trace.standard import OfTheStandard
from graphc.trace.symbolic import wrap_dim
from graphc.trace.twins import retire_twins
from graphc.trace.values import TracedValue, alive, make_weak, session_at, value_in


class Tracer(OfTheStandard, TracedValue):
    """An array of the program that is being recorded."""

    __slots__ = ()
    __array_priority__ = 1000.0

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[Any, ...]:
        session = alive(self)
        return tuple([d if type(d) is int else wrap_dim(session, d) for d in self.value.type.dims])

    @property
    def ndim(self) -> int:
        return len(self.value.type.dims)

    @property
    def dtype(self) -> np.dtype:
        return self.value.type.dtype

    @property
    def size(self) -> Any:
        result: Any = 1
        for size in self.shape:
            result = result * size
        return result

    @property
    def itemsize(self) -> int:
        return self.value.type.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        return self.size * self.itemsize

    def __repr__(self) -> str:
        if not self.session.alive:
            return "<traced array of an ended trace>"
        sizes = ", ".join(str(hint_of(self.session, d)) for d in self.value.type.dims)
        return f"<traced {self.dtype.name} array of shape ({sizes}{',' if self.ndim == 1 else ''})>"

    def __str__(self) -> str:  # the text of a number from outside may decide something: a key, a name
        known = alive(self).captures.concrete_number(self) if self.session.alive else None
        return repr(self) if known is None else str(known)

    def __format__(self, spec: str) -> str:
        known = alive(self).captures.concrete_number(self)
        if known is None and spec:
            cannot_be_concrete(self, f"format(x, {spec!r})")
        return repr(self) if known is None else format(known, spec)

    def __len__(self) -> int:
        if not self.ndim:
            raise TraceTypeError("len() of a 0-d array has no value", location=user_location())
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TraceTypeError("iteration over a 0-d array", location=user_location())
        return iter([self[i] for i in range(int(self.shape[0]))])

    def __getitem__(self, key: Any) -> Any:
        return protocol.get_item(self, key)

    # --- writing ------------------------------------------------------------------------------------------------------

    def viewed(self, session: Session, source: Value, value: Value, kind: str, key: Any = None) -> Tracer:
        """What NumPy gives for a rearrangement of this array, ``value`` made of ``source``: see ``View``."""
        if session.holds and value.type.is_float:
            raise UnsupportedError(
                "a part of a traced array under graphc.no_grad(): take it outside of the block, or "
                "graphc.stop_gradient(x)[...], through which no gradient flows",
                location=user_location(),
            )
        return View(self, session, source, value, kind, key)

    def assign(self, value: Value) -> None:
        """Make this value of the session that records the array's, for all that share its memory.

        Every write comes here in the end. Raises ``SideEffectError`` for an array of a function around the one that is
        traced, but for those that last.
        """
        session, here = session_at(self), current()
        if session is not here:
            if here is None or not here.keeps or id(self) not in here.lasting:
                refuse_outer(self)
            session = here
        session.written.setdefault(id(self), (self, self.session, self.value))
        retire_twins(session, self)
        self.session, self.value = session, value

    @property
    def place(self) -> Tracer:
        """The traced array that stands for this one."""
        return self

    def __setitem__(self, key: Any, value: Any) -> None:
        inplace.set_item(self, key, value)

    @property
    def is_array(self) -> bool:
        """Whether it can be written into: a result without dimensions is a number."""
        return bool(self.value.dims) or alive(self).root.captures.is_array_input(self.value)

    def item(self, *index: Any) -> Any:
        """The element at the position, or the only one, as a Python number; it stays traced."""
        chosen = self[index] if len(index) > 1 else self.reshape(-1)[index[0]] if index else self.reshape(())
        return protocol.python_number(chosen, _python_dtype(self.dtype))

    def view(self, dtype: Any = None) -> Any:
        """The same elements in the same memory; there is none of another dtype."""
        if dtype not in (None, np.ndarray, self.dtype):
            message = f"view: the bytes of a traced array as {dtype!r} are not known; x.astype(dtype) converts numbers"
            raise UnsupportedError(message, location=user_location())
        return self[...]

    def tolist(self) -> Any:
        """Nested lists of the elements as Python numbers, which stay traced; for the sizes of this call."""
        return [row.tolist() for row in self] if self.ndim else self.item()

    # --- what it cannot do --------------------------------------------------------------------------------------------

    def __delitem__(self, key: Any) -> NoReturn:
        alive(self)
        message = "del x[i]: an array cannot lose elements; select what is kept: x[keep]"
        raise UnsupportedError(message, location=user_location())

    def __bool__(self) -> bool:
        return cannot_be_concrete(self, "bool(x)")

    def __float__(self) -> float:
        return cannot_be_concrete(self, "float(x)")

    def __int__(self) -> int:
        return cannot_be_concrete(self, "int(x)")

    def __round__(self, digits: Any = None) -> Any:
        if self.ndim:
            return cannot_be_concrete(self, "round(x)")
        if digits is None:
            return protocol.python_number(protocol.find_attribute(self, "round")(), np.int64)
        rounded = protocol.find_attribute(self, "round")(digits)
        if self.value.type.weak:
            make_weak(rounded.value)
        return rounded

    def __complex__(self) -> complex:
        return cannot_be_concrete(self, "complex(x)")

    def __index__(self) -> int:
        return cannot_be_concrete(self, "an index")

    def __hash__(self) -> int:
        if self.ndim:
            raise TypeError("unhashable type: 'numpy.ndarray'")
        return cannot_be_concrete(self, "a key")

    def __contains__(self, item: Any) -> bool:
        return cannot_be_concrete(self, "v in x")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return cannot_be_concrete(self, "np.asarray(x)")

    def __reduce__(self) -> NoReturn:
        alive(self)
        raise TraceTypeError("a traced array cannot be pickled or copied out of its trace", location=user_location())

    def __copy__(self) -> Tracer:
        return Tracer(self.session, self.value)

    def __deepcopy__(self, memo: Any) -> Tracer:
        return Tracer(self.session, self.value)

    # --- NumPy's protocols and the tables -----------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return protocol.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        return protocol.call_function(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = protocol.find_attribute(self, name)
        if found is None:
            raise UnsupportedAttributeError(
                f"a traced array has no {name!r}{protocol.nearest_attribute(name)}", location=user_location()
            )
        return found


class LazyTracer(Tracer):
    """An array read from outside: becomes an input of the program only when something asks for its value.

    ``owner``: the path of the tensor that it is the values of; None of an array.
    """

    __slots__ = ("make", "owner")

    def __init__(self, session: Session, make: Callable[[], Value], owner: int | None = None):
        self.session = session
        self.make, self.owner = make, owner

    def __getattr__(self, name: str) -> Any:
        if name == "value":
            alive(self)
            self.value = self.make()
            return self.value
        return super().__getattr__(name)

    def assign(self, value: Value) -> None:
        alive(self)
        if self.owner is not None:
            super().assign(value)
            return
        raise SideEffectError(
            "writing into an array from outside of the function: a compiled program would not write into it again; "
            "write into a copy (x = x.copy()) and return it",
            location=user_location(),
        )


def _python_dtype(dtype: np.dtype) -> np.dtype:
    """Of the Python number that ``item`` gives: an integer is one of 64 bits, as all of Python's are in a program."""
    return dtype if dtype == np.uint64 else np.result_type(dtype, _WIDE[dtype.kind])


_WIDE = {"b": np.bool_, "i": np.int64, "u": np.int64, "f": np.float64, "c": np.complex128}


class View(Tracer):
    """An array that shares the memory of ``base``: while the value of that is ``seen``, its own is ``cached``.

    ``source`` is ``seen`` in the session of ``cached``, which was made of it. ``kind``: ``view``; ``reshaped``, a copy
    where the elements do not lie so that they can be counted anew; ``raveled``, a copy where they do not lie in one
    piece; ``read-only``. ``base`` is None once it has turned out to be a copy. ``key``: the view is ``base[key]``.
    """

    __slots__ = ("base", "cached", "key", "kind", "seen", "source")
    base: Tracer | None

    def __init__(self, base: Tracer, session: Session, source: Value, value: Value, kind: str, key: Any):
        self.session, self.base, self.seen, self.source = session, base, base.value, source
        self.cached, self.kind, self.key = value, kind, key

    @property
    def value(self) -> Value:  # type: ignore[override]
        if self.base is not None and self.base.value is not self.seen and self.shares():
            self._renew(self.base)
        return self.cached

    @property
    def is_array(self) -> bool:
        return True

    def steps(self) -> views.Steps | None:
        """How this is made of its base; None for what shares no memory."""
        return views.steps_between(self.source, self.cached, only_read=self.kind == "read-only")

    def assign(self, value: Value) -> None:
        if self.base is None or not self.shares():
            session = session_at(self)
            session.written.setdefault(id(self), (self, self.session, self.cached))
            retire_twins(session, self)
            self.session, self.cached = session, value
            return
        steps, base = self.steps(), self.base
        if steps is None or self.kind == "read-only":
            message = "assignment destination is read-only: write into the array itself, or into a copy"
            raise ShapeError(message, location=user_location())
        session = session_at(base)
        before = value_in(session, base)
        base.assign(views.written_through(session.F, before, self._steps_in(session, steps), value))
        self._renew(base)

    def _renew(self, base: Tracer) -> None:
        """Read again."""
        steps, session = self.steps(), session_at(base)
        assert steps is not None
        source = value_in(session, base)
        steps = self._steps_in(session, steps)
        if session is not self.session:
            session.moved_views.append((self, (self.session, self.source, self.seen, self.cached)))
        self.cached = views.replayed(session.F, source, steps)
        self.session, self.source, self.seen = session, source, base.value

    def _steps_in(self, session: Session, steps: views.Steps) -> views.Steps:
        """The steps with their positions as values of the session, one in the view's own."""
        if session is self.session or not self.session.encloses(session):
            return steps
        return [views.moved(node, lambda v: session.import_value(self.session, v)) for node in steps]

    def shares(self) -> bool:
        """Whether this is a view and no copy, which for a reshape depends on how the elements lie."""
        if self.base is None:
            return False
        own = self.steps()
        if own is None or not self.base.is_array:  # what is made of a number is new memory
            self.base = None
            return False
        if self.kind in ("view", "read-only"):
            return True
        root, before = whole_path(self.base)
        if not lies_in_c_order(root):
            refuse_unknown_layout()
        if views.is_view(self.session.F, root, before, own, whole=self.kind == "raveled"):
            self.kind = "view"
            return True
        self.base = None
        return False


def whole_path(traced: Tracer) -> tuple[Value, views.Steps]:
    """The first value of the array whose memory this one shares, and the steps from there."""
    steps: views.Steps = ()
    while isinstance(traced := traced.place, View) and traced.base is not None and traced.shares():
        steps, traced = (*(traced.steps() or ()), *steps), traced.base
    value, session = traced.value, current()
    while session is not None:
        _, _, value = session.written.get(id(traced), (None, None, value))
        session = session.parent
    return value, steps


def refuse_unknown_layout() -> NoReturn:
    raise UnsupportedError(
        "whether a reshaped array shares memory with what it was made of depends here on how that lies in memory, and "
        "one of them was written into: reshape after writing, or write through an index",
        location=user_location(),
    )


def refuse_outer(traced: Tracer) -> NoReturn:
    raise SideEffectError(
        f"writing into an array of {traced.session.name!r}, which is outside of the function being traced: return the "
        "new values instead, or write into a copy: x = x.copy()",
        location=user_location(),
    )


add_operators(Tracer)
