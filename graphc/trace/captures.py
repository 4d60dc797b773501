"""What the user's function reads from outside: recorded with its access path, and read again at each call.

Arrays and floats become hidden inputs. Everything else that is read is a guard. A container (dict, list, tuple) is
seen as a copy whose arrays and floats are traced; its structure is guarded. An object is remembered with its path, so
that what is read from it is recorded in turn.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from io import IOBase
from types import BuiltinMethodType, ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from graphc import pytree
from graphc.abi import DeviceLeaf, LeafKind
from graphc.errors import ConcretizationError, Location, SideEffectError, TraceTypeError
from graphc.ir.dims import symbol
from graphc.ir.graph import Node, Value
from graphc.ir.interp import concrete
from graphc.ir.opdef import Pointwise
from graphc.ir.sizes import sizes_of
from graphc.ir.types import is_floating, is_real_float
from graphc.trace.holders import is_method_of_container, method_seen, remember_keys
from graphc.trace.inputs import new_input, oriented
from graphc.trace.leaves import (
    PLAIN_ARRAYS,
    UNKNOWN_CONTAINERS,
    LeafSpec,
    input_spec,
    is_builtin,
    is_factored,
    is_foreign,
    is_object,
    is_polynomial,
    raise_kind,
)
from graphc.trace.location import user_location
from graphc.trace.outside import Outside
from graphc.trace.paths import Paths
from graphc.trace.session import Session, hint_of
from graphc.trace.tracer import LazyTracer
from graphc.trace.values import TracedValue

# What an object from outside is on a device, or None; with its name for errors.
SeenThere = Callable[[Any, str], DeviceLeaf | None]
DEVICE_PROTOCOLS = "__cuda_array_interface__", "__dlpack_device__"
_PLAIN = (bool, int, str, bytes, type(None), np.bool_, np.integer, complex, range, slice, np.dtype, np.datetime64)


@dataclass(frozen=True)
class Hidden:
    """A hidden input: where it is read, what it is, its parameter in the root graph, the object at trace time."""

    path: int
    spec: LeafSpec
    value: Value
    current: Any


class Captures:
    """The record of one root trace."""

    def __init__(self, *, silent: bool = False, there: SeenThere | None = None) -> None:
        self.paths = Paths()
        self.outside = Outside(self.paths)
        self.there = there
        self.silent = silent  # ``print`` is noted in ``prints``, in place of printing stand-ins
        self.prints = False
        self.session: Session  # set by the trace that this record belongs to
        self.hidden: dict[Value, Hidden] = {}
        self.arguments: dict[Value, Any] = {}  # array arguments: param -> the object
        self._by_path: dict[int, Hidden] = {}
        self._seen: dict[int, tuple[Any, Any]] = {}  # path -> the object there, and what the function sees of it
        self._known: dict[int, tuple[Any, int]] = {}  # id -> object that was read from outside, its path
        self._copies: dict[int, tuple[Any, int]] = {}  # id of what is seen -> what it stands for, its path
        self._made_classes: dict[int, type] = {}  # by id: those that the traced functions defined
        self.stand_ins: dict[int, tuple[Any, Any]] = {}  # functions without source, by id, and what runs in their place
        self._snapshots: list[tuple[np.ndarray, np.ndarray]] = []
        self._constants: dict[tuple[Any, ...], np.ndarray] = {}  # by their numbers
        self.refused: ConcretizationError | None = None  # the first time a traced array was asked for its numbers
        self.recorded_if: tuple[Any, str] | None = None  # where this attribute is true, the call must not be compiled

    # --- reading ------------------------------------------------------------------------------------------------------

    def materialise(self, obj: Any, path: int) -> Any:
        """What the function sees of an object read at ``path``."""
        seen = self._seen.get(path)
        if seen is None or seen[0] is not obj:
            seen = self._seen[path] = (obj, self._seen_as(obj, path))
        return seen[1]

    def _seen_as(self, obj: Any, path: int) -> Any:
        kind = type(obj)
        if isinstance(obj, np.ndarray) or kind is float or (isinstance(obj, np.generic) and is_real_float(obj.dtype)):
            return self._number(obj, path)
        if isinstance(obj, TracedValue):
            return obj
        if isinstance(obj, dict):
            return self._mapping(obj, path)
        if isinstance(obj, tuple | list):
            return self._sequence(obj, path)
        if is_method_of_container(obj):
            return method_seen(self, obj, path)
        node = pytree.object_node(kind)
        if node is not None:
            return self._object(obj, node, path)
        if self.there is not None and any(hasattr(kind, name) for name in DEVICE_PROTOCOLS):
            view = self.there(obj, self.paths.describe(path))
            if view is not None:
                return LazyTracer(self.session, lambda: self._input(view, path))
        self.guard(obj, path)
        return obj

    def _object(self, obj: Any, node: pytree.ObjectNode, path: int) -> Any:
        """One of graphc's own objects, with traced arrays in it."""
        self.paths.require_type(path, type(obj))
        children, rest = node.take_apart(obj)
        owner = path if pytree.is_tensor(type(obj)) else None
        seen = [
            self._number(child, where, owner)
            if isinstance(child, np.ndarray | np.generic)
            else self.materialise(child, where)
            for child, where in zip(children, node.reach(self.paths, path, obj), strict=True)
        ]
        return self._copied(obj, node.rebuild(rest, seen), path)

    def drawn(self, source: Any, name: str, first: Any) -> Any:
        """An array that the source makes anew for each call, under this attribute, like the first one; traced."""
        path = self.paths.attribute(self.paths.const(source), name)
        return LazyTracer(self.session, lambda: self._input(first, path))

    def _sequence(self, obj: Any, path: int) -> Any:
        kind = type(obj)
        self.paths.require_type(path, kind, len(obj))
        parts = [self.materialise(part, self.paths.sequence_item(path, i)) for i, part in enumerate(obj)]
        if hasattr(kind, "_fields"):
            return self._copied(obj, kind(*parts), path)
        if kind in (list, tuple):
            return self._copied(obj, kind(parts), path)
        if not isinstance(obj, list):
            raise TraceTypeError(
                f"{self.paths.describe(path)} is a {kind.__name__}, a kind of tuple that graphc cannot rebuild: "
                "use a named tuple or a dataclass",
                location=user_location(),
            )
        copied = copy.copy(obj)
        list.__setitem__(copied, slice(None), parts)
        return self._copied(obj, copied, path)

    def _mapping(self, obj: dict, path: int) -> Any:
        self.paths.require_keys(path, obj)
        copied = copy.copy(obj)
        for key, value in dict.items(obj):
            dict.__setitem__(copied, key, self.materialise(value, self.paths.dict_item(path, key)))
        remember_keys(self, obj)
        return self._copied(obj, copied, path)

    def _copied(self, original: Any, copy: Any, path: int) -> Any:
        """Remember the copy: a write to it is a write to the outside object, which a program would not repeat."""
        self.shown_as(copy)
        self.outside.show(copy, path)
        self._copies[id(copy)] = (original, path)
        self.remember(original, path)
        return copy

    def _number(self, obj: Any, path: int, owner: int | None = None) -> Any:
        if is_foreign(obj):
            self.guard(obj, path)
            return obj
        seen = LazyTracer(self.session, lambda: self._input(obj, path), owner)
        self._copies[id(seen)] = (obj, path)
        return seen

    def guard(self, obj: Any, path: int) -> None:
        """Have the object compared at each call, and remember where it was found."""
        if isinstance(obj, _PLAIN) or type(obj) in (set, frozenset):
            self.paths.require_value(path, obj)
            remember_keys(self, obj if isinstance(obj, set | frozenset) else ())
        elif isinstance(obj, UNKNOWN_CONTAINERS):
            raise TraceTypeError(
                f"{self.paths.describe(path)} is a {type(obj).__name__}, which may change unseen: use a list",
                location=user_location(),
            )
        elif isinstance(obj, Iterator) and is_builtin(type(obj)) and not isinstance(obj, IOBase):
            raise SideEffectError(
                f"{self.paths.describe(path)} is a {type(obj).__name__}, which runs once: a compiled program would not "
                "take its next element again; take it outside and pass it in",
                location=user_location(),
            )
        elif is_foreign(obj):
            self.paths.require_type(path, type(obj))
            self.remember(obj, path)
        elif type(obj) is BuiltinMethodType and is_factored(obj.__self__):  # the object is another one, often
            self.paths.require_value(self.paths.attribute(path, "__name__"), obj.__name__)
            self.guard(obj.__self__, self.paths.attribute(path, "__self__"))
        elif isinstance(obj, ModuleType):
            self.remember(obj, path)
        elif is_object(obj):
            self.paths.require_type(path, type(obj))
            kind = type(obj)
            is_of_library = kind.__module__.partition(".")[0] in ("numpy", "scipy") and not is_polynomial(obj)
            if is_of_library or (is_builtin(kind) and kind is not SimpleNamespace):  # whose code is not followed
                self.paths.require_same(path, obj)
            self.remember(obj, path)
        else:
            self.paths.require_same(path, obj)
            self.remember(obj, path)

    def remember(self, obj: Any, path: int) -> None:
        """Loads from this object are recorded from here on."""
        if is_foreign(obj):  # made anew at each call, often; a method may return its object
            self._known[id(obj)] = (obj, path)
            self.outside.meet(obj, path)
            return
        self.outside.meet(obj, path)
        known = self._known.setdefault(id(obj), (obj, path))
        if known[1] != path:  # one object by two ways: the record follows one, so both must keep leading to it
            self.paths.require_same(path, obj)
            if known[1] >= 0:
                self.paths.require_same(known[1], obj)

    def shown_as(self, copy: Any) -> None:
        """The object is what the function sees of one from outside: a write to it would be one to that."""
        self._known[id(copy)] = (copy, -1)

    def outside_array(self, obj: Any) -> tuple[Any, int] | None:
        """The array or number that the function reads from outside as ``obj``, and its path; None of anything else."""
        return self._copies.get(id(obj)) if type(obj) is LazyTracer and obj.owner is None else None

    def original(self, obj: Any) -> Any:
        """The container or array from outside that the function sees as ``obj``, of which it then is guarded which one
        it is; any other object itself."""
        if id(obj) not in self._copies:
            return obj
        original, path = self._copies[id(obj)]
        self.paths.require_same(path, original)
        return original

    def note_class(self, cls: Any) -> None:
        """The class was defined in the trace."""
        if isinstance(cls, type):
            self._made_classes[id(cls)] = cls

    def is_made_class(self, obj: Any) -> bool:
        return id(obj) in self._made_classes

    def require_member(self, kind: type, name: str) -> None:
        """Guard: the class has the function under the name that it has now, also for objects that the trace makes."""
        if not self.is_made_class(kind):
            self.paths.require_same(self.paths.attribute(self.paths.const(kind), name), getattr(kind, name))

    def path_of(self, obj: Any) -> int | None:
        """Where the object was read from outside; None when it was not."""
        known = self._known.get(id(obj))
        return known[1] if known is not None and known[1] >= 0 else None

    def is_outside(self, obj: Any) -> bool:
        """True for objects and containers that were read from outside."""
        return id(obj) in self._known

    # --- hidden inputs ------------------------------------------------------------------------------------------------

    def _input(self, obj: Any, path: int) -> Value:
        if path not in self._by_path:
            spec = input_spec(obj)
            assert spec is not None
            name = re.sub(r"\W+", "_", self.paths.describe(path)).strip("_") or "outside"
            value = new_input(self.session, spec, obj, name)
            self._by_path[path] = self.hidden[value] = Hidden(path, spec, value, obj)
        hidden = self._by_path[path]
        return oriented(self.session, hidden.value, hidden.spec)

    def by_identity(self, array: np.ndarray) -> Value:
        """An array that the trace met without having seen it read: this very object is an input of each call."""
        if type(array) not in PLAIN_ARRAYS:
            raise_kind(array)
        path = self.paths.const(array)
        if path not in self._by_path:
            self._snapshots.append((array, array.copy()))
        if type(array) is not np.ndarray:
            array = np.asarray(array)
            path = self.paths.const(array)
        return self._input(array, path)

    def constant(self, array: np.ndarray) -> Value:
        """An array that the function made while it was traced, and that nothing changes: part of the program.

        One with the same numbers is the same input: a body that is traced often makes its arrays as often.
        """
        key = (array.dtype, array.shape, array.tobytes())
        array = self._constants.setdefault(key, array)
        return self._input(array, self.paths.const(array))

    @property
    def met_unseen(self) -> bool:
        """Whether an array was met without having been read by a recorded load."""
        return bool(self._snapshots)

    def change(self, location: Location | None) -> SideEffectError | None:
        """The error of a store in something that was read. Raises ``SideEffectError`` for any other change of such."""
        stored = self.outside.stored_in_read(self._seen)
        unseen = self.outside.change_unseen(self.hidden, location) or self._written_array(location)
        if unseen is None:
            return stored
        raise stored or unseen

    def _written_array(self, location: Location | None) -> SideEffectError | None:
        for array, before in self._snapshots:
            if not np.array_equal(array, before, equal_nan=is_floating(array.dtype)):
                return SideEffectError(
                    f"an array of shape {array.shape} that the function reads was changed while it was traced: "
                    "fill it before traced values meet it, or build it with np.where, np.stack or np.concatenate",
                    location=location,
                )
        return None

    def is_array_input(self, value: Value) -> bool:
        """True for the parameter of an array (not of a number): memory of the user's."""
        hidden = self.hidden.get(value)
        return isinstance(hidden.current if hidden else self.arguments.get(value), np.ndarray)

    def release(self) -> None:
        """Let go of the objects of the traced call, which the program must not keep alive; paths and guards stay."""
        self.arguments.clear()
        self.stand_ins.clear()
        for kept in (self._by_path, self._seen, self._known, self._copies, self._snapshots, self._constants):
            kept.clear()
        self._made_classes.clear()
        self.hidden = {value: replace(hidden, current=None) for value, hidden in self.hidden.items()}
        del self.outside, self.session

    # --- numbers that are known ---------------------------------------------------------------------------------------

    def concrete_number(self, traced: TracedValue) -> Any:
        """The number now, if it follows from outside floats and constants alone: those become guards. Else None."""
        number, sources = self._follow(traced.session, traced.value, None) or (None, ())
        for hidden in sources:
            self.paths.require_equal(hidden.path, hidden.current)
            self.session.note(f"specialised to {self.paths.describe(hidden.path)} == {hidden.current!r}: "
                              "the program decides by its value")  # fmt: skip
        return number

    def concrete_array(self, traced: TracedValue) -> np.ndarray | None:
        """The array now, if it follows from outside ones and constants alone: those are guarded, and so are the sizes
        that made it. Else None."""
        sizes: set[str] = set()
        array, sources = self._follow(traced.session, traced.value, sizes) or (None, ())
        if array is None:
            return None
        for size in sorted(sizes):
            traced.session.F.facts.equal(symbol(size), hint_of(traced.session, symbol(size)))
        for hidden in sources:
            self.paths.require_same(hidden.path, hidden.current)
            name = self.paths.describe(hidden.path)
            self.session.note(f"specialised to this {name}: a length follows from its numbers")
        return np.asarray(array)

    def _follow(self, session: Session, value: Value, sizes: set[str] | None) -> tuple[Any, tuple[Hidden, ...]] | None:
        """What the value is now, with the outside ones that it follows from. ``sizes``: arrays are followed, too, and
        the symbols that had to do with it are added."""
        if value.node is None:
            outer = next((o for o, inner in session.imports.items() if inner is value), None)
            if outer is not None and session.parent is not None:
                return self._follow(session.parent, outer, sizes)
            hidden = self.hidden.get(value)
            if hidden is None or (hidden.spec.kind is LeafKind.ARRAY and not self._may_follow(hidden, sizes)):
                return None
            return hidden.current, (hidden,)
        attrs = self._attrs_now(session, value.node, sizes)
        if attrs is None or (value.dims and sizes is None):
            return None
        parts = [self._follow(session, v, sizes) for v in value.node.inputs]
        if any(part is None for part in parts):
            return None
        with np.errstate(all="ignore"):
            number = value.node.op.ref(*(part[0] for part in parts if part), **attrs)
        return number, tuple(hidden for part in parts if part for hidden in part[1])

    @staticmethod
    def _attrs_now(session: Session, node: Node, sizes: set[str] | None) -> Mapping[str, Any] | None:
        """The node's attrs at the sizes of this call; None where it is none that is followed."""
        if len(node.outputs) > 1 or node.regions or node.op.name == "dim":
            return None
        if sizes is None or isinstance(node.op.kind, Pointwise):
            return node.attrs
        named, facts = sizes_of(node), session.F.facts
        if any(facts.is_bound(symbol(name)) for name in named):
            return None
        sizes |= named
        return {key: concrete(attr, facts.hints or {}) for key, attr in node.attrs.items()}

    @staticmethod
    def _may_follow(hidden: Hidden, sizes: set[str] | None) -> bool:
        return sizes is not None and type(hidden.current) is np.ndarray and not hidden.spec.transposed
