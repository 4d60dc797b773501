"""Tensors inside a compiled function: what its arguments, and the tensors that it reads from outside, are while it is
traced.

A ``TracedTensor`` is a tensor around a traced array. Functions of tensors are composed of the same ops as in a
recording (``functions``), but at once, in the trace. NumPy's functions take traced tensors too, and give them back.
Tensors that are made while a trace is active are constants of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from graphc.errors import SideEffectError, UnsupportedError
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.tensors.core import Tensor
from graphc.tensors.functions.function import Function, built
from graphc.tensors.functions.promotion import Default
from graphc.tensors.halves import half_of, rounded_back, widened_halves
from graphc.tensors.kinds import known_dtype
from graphc.tensors.recording import Recording, now
from graphc.trace import inplace, protocol
from graphc.trace.functions.arguments import as_array
from graphc.trace.location import user_location
from graphc.trace.made import Made
from graphc.trace.session import Session, current, when_a_trace_begins, when_a_trace_ends
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.tracer import Tracer
from graphc.trace.values import TracedBox, TracedValue, session_of, unwrap, wrap

OPERANDS = (Tensor, TracedValue, SymbolicInt, int, float, np.generic, np.ndarray)


class TracedKind(NamedTuple):
    """What ``Kind`` is for a tensor with values; sizes may be symbolic."""

    dtype: np.dtype
    shape: tuple[Any, ...]
    requires_grad: bool
    place: int | None = None  # a program is compiled for where its arguments are


class Origin:
    """What a traced tensor was before the trace: two of them are equal, since they do not make another structure.

    ``is_kept``: it is part of a module and not trained, so that the function may write into it.
    """

    __slots__ = ("cls", "is_input", "is_kept", "requires_grad")

    def __init__(self, cls: type[Tensor] = Tensor, requires_grad: bool = False, is_input: bool = False):
        self.cls, self.requires_grad, self.is_input, self.is_kept = cls, requires_grad, is_input, False

    def of_view(self) -> Origin:
        """The origin of a view of the tensor."""
        made = Origin(is_input=self.is_input)
        made.is_kept = self.is_kept
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return 0


OWN = Origin()  # of what the function makes


class TracedTensor(Tensor, TracedBox):
    """``traced``: the traced array; ``origin``: what this was before the trace, of an input."""

    traced: Any
    origin: Origin

    def __init__(self, traced: TracedValue, origin: Origin = OWN):
        self.traced, self.origin = traced, origin

    @property
    def _kind(self) -> TracedKind:  # type: ignore[override]
        return TracedKind(self.traced.dtype, self.traced.shape, self.origin.requires_grad)

    @property
    def _array(self) -> NoReturn:
        """Asked for where values are needed: they are not there."""
        self.traced.__array__()
        raise AssertionError("a traced array gave its numbers")

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return boxed(protocol.call_ufunc(ufunc, method, inputs, kwargs))

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        return boxed(protocol.call_function(function, args, kwargs))

    def __repr__(self) -> str:
        return f"tensor({self.traced!r})"


class Tracing(Recording):
    """What stands in place of the thread's recording while a trace is active: nothing is recorded in it."""

    __slots__ = ()
    traced = True


def _begin() -> None:
    now.outer.append(now.recording)
    now.recording = Tracing()


def _end() -> None:
    if now.outer:  # none where another thread imported this while a trace was in progress
        now.recording = now.outer.pop()


when_a_trace_begins.append(_begin)
when_a_trace_ends.append(_end)
if current() is not None:  # a traced function is the first that asks for tensors
    _begin()


# --- into the trace and out of it -------------------------------------------------------------------------------------


def boxed(obj: Any) -> Any:
    """Traced arrays as tensors, in tuples and lists too."""
    if isinstance(obj, TracedValue):
        return TracedTensor(obj)
    if isinstance(obj, tuple | list):
        return type(obj)([boxed(part) for part in obj])
    return obj


def seen(tensor: Tensor) -> TracedTensor:
    """The traced tensor for one that the trace met without having seen it read: this very tensor, at each call."""
    session = current()
    assert session is not None
    captures = session.captures
    return captures.materialise(tensor, captures.paths.const(tensor))


def lifted(obj: Any) -> Any:
    """Inside a trace traced arrays and tensors as traced tensors, elsewhere NumPy's arrays as tensors."""
    if isinstance(obj, TracedTensor):
        return obj
    if isinstance(obj, TracedValue):
        return TracedTensor(obj)
    if isinstance(obj, Tensor):
        return seen(obj) if now.recording.traced else obj
    if type(obj) is np.ndarray:
        from graphc.tensors.creation import from_numpy

        return from_numpy(obj)
    return obj


def constant(array: Any) -> TracedTensor:
    """A tensor of the program's own, with these values."""
    session = current()
    assert session is not None
    return TracedTensor(Made(session, np.asarray(array)))


def from_traced(data: Any, dtype: Any) -> TracedTensor:
    """A tensor of data with traced values in it: lists of numbers are joined."""
    session = current()
    assert session is not None
    session.F.location = user_location()
    value = as_array(session.F, unwrap(session, _lifted_parts(data)))
    wanted = value.type.dtype if not value.type.weak else Default.dtype if value.type.is_float else value.type.dtype
    return TracedTensor(Tracer(session, session.F.cast(value, known_dtype(dtype or wanted))))


def _lifted_parts(data: Any) -> Any:
    return [_lifted_parts(part) for part in data] if isinstance(data, list | tuple) else lifted(data)


def filled(shape: Sequence[Any], number: Any, dtype: np.dtype) -> TracedTensor:
    """A tensor of the program's own, of sizes that may be symbolic."""
    session = current()
    assert session is not None
    session.F.location = user_location()
    dims = tuple([unwrap(session, size) for size in shape])
    return TracedTensor(Tracer(session, session.F.full(ArrayType(dtype, dims), dtype.type(number).item())))


class Draw:
    """Random numbers that a program takes anew at each call: those of the trace serve the first one."""

    def __init__(self, make: Callable[[], Any]):
        self._make, self._first = make, make()

    @property
    def array(self) -> Any:
        """Numbers that were not given before."""
        array, self._first = self._first, None
        return self._make() if array is None else array

    @property
    def shown(self) -> Any:
        """Those of the trace."""
        return self._first


def drawn(make: Callable[[], Any]) -> TracedTensor:
    """A tensor of random numbers, other ones at each call. Raises ``SideEffectError`` in a loop or branch."""
    session = current()
    assert session is not None
    if session.is_region:
        raise SideEffectError(
            "random numbers in a loop or branch of a compiled program would be the same in every iteration: draw all "
            "of them before it, one for each iteration, and take them by the index",
            location=user_location(),
        )
    draw = Draw(make)
    return TracedTensor(session.captures.drawn(draw, "array", draw.shown))


# --- functions --------------------------------------------------------------------------------------------------------


def is_cut(session: Session) -> bool:
    """Whether no gradient is to flow: under a ``no_grad`` that the traced function entered."""
    return not now.enabled and now.switched_in is session.root


def apply(function: Function, operands: Sequence[Any], statics: tuple[Any, ...]) -> tuple[TracedTensor, ...]:
    """What the function makes of tensors, traced arrays, numbers and None, as nodes of the trace."""
    return tuple([TracedTensor(Tracer(session, value)) for session, value in _applied(function, operands, statics)])


def _applied(
    function: Function, operands: Sequence[Any], statics: tuple[Any, ...], moves: bool = False
) -> list[tuple[Session, Value]]:
    """``moves``: what the function gives is a view, of halves too; any other is computed of them in float32."""
    operands = [seen(x) if isinstance(x, Tensor) and not isinstance(x, TracedTensor) else x for x in operands]
    if now.autocast is not None:
        operands = [now.autocast.lowered(function.name, boxed(x)) for x in operands]
    session = session_of(list(operands))
    values = [unwrap(session, x) for x in operands]
    session.F.location = user_location()
    with protocol.sizes_in_errors(session, values):
        if moves:
            made = built(session.F, function, values, unwrap(session, statics))
        else:
            wide = widened_halves(session.F, values)
            made = built(session.F, function, wide, unwrap(session, statics))
            made = rounded_back(session.F, made, half_of(function, values, statics))
    cut = is_cut(session)
    return [(session, session.F.stop_gradient(v) if cut and v.type.is_float else v) for v in made]


def view(function: Function, tensor: TracedTensor, statics: tuple[Any, ...], kind: str = "view") -> TracedTensor:
    """As ``apply``, for a function that gives a view."""
    [(session, value)] = _applied(function, (tensor,), statics, moves=True)
    source = unwrap(session, tensor)
    origin = tensor.origin.of_view()
    if value is source:
        return TracedTensor(tensor.traced, origin)
    return TracedTensor(tensor.traced.viewed(session, source, value, kind), origin)


def write(target: Tensor, value: Tensor) -> None:
    """The value, of the tensor's shape, written into it. Raises ``SideEffectError`` for a tensor from outside."""
    tensor = lifted(target)
    check_own(tensor)
    session = session_of([tensor, value])
    before, after = unwrap(session, tensor), unwrap(session, value)
    tensor.traced.assign(session.F.cast(after, before.type.dtype))


def check_own(tensor: TracedTensor) -> None:
    """Raise ``SideEffectError`` unless the function made the tensor itself, or a module keeps it."""
    if not tensor.origin.is_input:
        return
    session = current()
    assert session is not None
    if not tensor.origin.is_kept:
        raise SideEffectError(
            "a tensor from outside of the compiled function, an argument or a parameter of a module, is written into: "
            "a compiled function leaves what it is given as it is, but for buffers of modules; write into x.clone() "
            "and return it",
            location=user_location(),
        )
    if not session.keeps:
        raise SideEffectError(
            "a module writes into its buffer (running statistics of BatchNorm2d in training, for instance) in a "
            "function that is called for many arguments at once or more than once, by vmap, jacobian, hessian, jvp or "
            "a custom rule: what is to stand there afterwards is not known; call eval() on the module, or keep the "
            "statistics outside",
            location=user_location(),
        )


def refused(what: str, instead: str) -> NoReturn:
    """Raise ``UnsupportedError`` for what has no meaning while a function is traced."""
    message = f"{what} inside a compiled function, whose values are not computed yet: {instead}"
    raise UnsupportedError(message, location=user_location())


# --- the class --------------------------------------------------------------------------------------------------------


def _binary(function: Function) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def forward(self: TracedTensor, other: Any) -> Any:
        return apply(function, (self, other), ())[0] if isinstance(other, OPERANDS) else NotImplemented

    def reflected(self: TracedTensor, other: Any) -> Any:
        return apply(function, (other, self), ())[0] if isinstance(other, OPERANDS) else NotImplemented

    return forward, reflected


def get_item(self: TracedTensor, key: Any) -> TracedTensor:
    """``x[key]``: a view for integers, slices, None and ``...``; a copy for positions and masks."""
    found = protocol.get_item(self.traced, _opened_key(key))
    return TracedTensor(found, self.origin.of_view() if found.is_array else OWN)


def set_item(self: TracedTensor, key: Any, value: Any) -> None:
    """``x[key] = value``, in x's dtype."""
    check_own(self)
    value = lifted(value)
    if isinstance(value, TracedTensor) and value.traced.dtype != self.traced.dtype:
        value = value.to(self.traced.dtype)
    inplace.set_item(self.traced, _opened_key(key), getattr(value, "traced", value))


def _opened_key(key: Any) -> Any:
    if isinstance(key, tuple):
        return tuple([_opened_key(part) for part in key])
    if isinstance(key, list):
        return np.asarray(key)
    return lifted(key).traced if isinstance(key, Tensor) else key


def _item(self: TracedTensor) -> Any:
    return self.traced.item()


def _refusal(name: str, instead: str) -> Callable[..., NoReturn]:
    def refuse(self: TracedTensor, *args: Any, **kwargs: Any) -> NoReturn:
        refused(f"x.{name}()", instead)

    return refuse


_GRADIENT = "graphc.grad and graphc.value_and_grad of a function give its gradient, also of one in another"
METHODS: dict[str, Callable[..., Any]] = {
    "__getitem__": get_item, "__setitem__": set_item, "item": _item,
    "__bool__": lambda self: bool(self.traced), "__float__": lambda self: float(self.traced),
    "__int__": lambda self: int(self.traced), "__index__": lambda self: self.traced.__index__(),
    "__len__": lambda self: len(self.traced), "__hash__": object.__hash__,
    "__deepcopy__": lambda self, memo: TracedTensor(self.traced.__deepcopy__(memo), self.origin),
    "backward": _refusal("backward", _GRADIENT),
    "register_hook": _refusal("register_hook", "graphc.custom_vjp gives a function another gradient"),
    "retain_grad": _refusal("retain_grad", _GRADIENT),
}  # fmt: skip


def complete(operators: dict[str, Function]) -> None:
    """Give the class its operators, by their names without underscores, and its own methods."""
    for name, function in operators.items():
        forward, reflected = _binary(function)
        setattr(TracedTensor, f"__{name}__", forward)
        setattr(TracedTensor, f"__r{name}__", reflected)
    for name, method in METHODS.items():
        setattr(TracedTensor, name, method)


def wrapped(session: Session, value: Value) -> TracedTensor:
    """A value of the session's graph as a tensor."""
    return TracedTensor(wrap(session, value))
