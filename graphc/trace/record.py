"""Tracing one call: the user's function runs on tracers, and what it did comes out as a graph."""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from graphc import pytree
from graphc.abi import LeafKind
from graphc.errors import Location, SideEffectError, TraceTypeError, UndecidedSizeError
from graphc.ir.builder import finish
from graphc.ir.dims import Expr, symbols_of
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import resolve_dims
from graphc.ir.text import print_graph
from graphc.ir.types import is_floating
from graphc.trace.arguments import ArgumentLeaf, ArgumentWalk, handed_to
from graphc.trace.captures import Captures, SeenThere
from graphc.trace.concretization import raise_at
from graphc.trace.inputs import new_input, oriented
from graphc.trace.leaves import LeafSpec, input_spec
from graphc.trace.location import user_location
from graphc.trace.precision import own_precision
from graphc.trace.raising import after_checks
from graphc.trace.rewrite import prepare
from graphc.trace.session import Session, Vectors, recording
from graphc.trace.snapshots import is_same
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.target import Target, argument_names
from graphc.trace.tracer import Tracer
from graphc.trace.values import TracedValue, unwrap
from graphc.trace.variables import Undefined


@dataclass(frozen=True)
class Input:
    """A parameter of the graph: the argument leaf it comes from, or (-1) the path of what is read from outside."""

    leaf: int
    path: int | None
    spec: LeafSpec


class Constant:
    """An output leaf that is the same at every call. (No dataclass: those are containers.)"""

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


class Output:
    """An output leaf: output ``index`` of the graph. ``as_int``: a size, which Python code sees as an int."""

    __slots__ = ("as_int", "index")

    def __init__(self, index: int, as_int: bool = False):
        self.index, self.as_int = index, as_int


class GradientOutput(Output):
    """An output that is the gradient by what an argument has at this place."""

    __slots__ = ()


@dataclass(frozen=True)
class Kept:
    """A tensor of a module that the function wrote into: output ``index`` is what stands in it after the call.

    ``leaf``: the argument leaf that its values are, -1 where it is read from outside. ``path``: where it is found, None
    where none is known.
    """

    leaf: int
    path: int | None
    index: int


@dataclass(frozen=True)
class Traced:
    """A traced call.

    ``graph``: parameters are ``inputs``, in order; ``graph.ints`` come from the argument leaves ``int_leaves``.
    ``outputs``: what stands at each leaf of ``out_spec``. ``arguments``: the argument leaves; ``walk`` how native code
    reaches them; ``captures`` what was read from outside. ``kept``: tensors that have other values after the call.
    ``change``: the error of a store outside, in something that was also read.
    """

    graph: Graph
    inputs: tuple[Input, ...]
    int_leaves: tuple[int, ...]
    out_spec: pytree.TreeSpec
    outputs: tuple[Output | Constant, ...]
    arguments: tuple[ArgumentLeaf, ...]
    walk: ArgumentWalk
    captures: Captures
    notes: tuple[str, ...]
    symbols: Mapping[str, str]
    hints: Mapping[str, int]
    kept: tuple[Kept, ...] = ()
    change: SideEffectError | None = None

    def computes_as(self, other: Traced) -> bool:
        """Whether both are one program over the same objects from outside."""
        constants = [[o.value for o in each.outputs if isinstance(o, Constant)] for each in (self, other)]
        current = [[hidden.current for hidden in each.captures.hidden.values()] for each in (self, other)]
        return (
            print_graph(self.graph, locations=False) == print_graph(other.graph, locations=False)
            and self.out_spec == other.out_spec
            and list(map(type, self.outputs)) == list(map(type, other.outputs))
            and all(map(is_same, *constants))
            and all(map(_is_same_input, *current))
        )

    def release(self) -> None:
        """Let go of the objects of the traced call."""
        self.captures.release()
        for argument in self.arguments:
            argument.leaf = None


def _is_same_input(a: Any, b: Any) -> bool:
    if not isinstance(a, np.ndarray | np.generic) or type(a) is not type(b):
        return is_same(a, b)
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=is_floating(a.dtype))


class Ways(NamedTuple):
    """How a function is traced.

    ``silent``: its ``print`` is noted in the captures, and prints nothing. ``keeps``: what it writes into the tensors
    of modules are further outputs (``Traced.kept``), else that is an error. ``there``: how arrays on a device are seen
    that are read from outside. ``vectors``: how derivatives taken meanwhile treat those of equal eigenvalues.
    """

    silent: bool = False
    keeps: bool = False
    there: SeenThere | None = None
    vectors: Vectors = "watched"


PLAINLY = Ways()


def trace(
    target: Target,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    ops: Mapping[str, Op],
    check: Callable[[Sequence[ArgumentLeaf]], Any] = list,
    derivatives: int = 0,
    ways: Ways = PLAINLY,
) -> Traced:
    """Trace the target for arguments like these; ``check`` sees the argument leaves first.

    ``derivatives``: how many derivatives of the traced graph will be taken.

    How long ``x[k : k + 3]`` is shows when the program runs, for a traced ``k``: an end of the axis may cut it short.
    Where shapes do not fit but for slices of the whole length, the target is traced again for these, and a slice that
    is shorter stops the program. So are lengths that are parts of sizes, as ``int(0.8 * n)``: then they are numbers.

    What the function fills in outside when it first runs, such as a table that an object keeps, is there when it is
    traced again: where that changes nothing any more, and computes the same, it is the program of all calls.

    Raises the errors of ``graphc.errors`` at the user's line; what the user's own code raises goes through.
    """

    def traced(*, whole_windows: bool) -> Traced:
        captures = Captures(silent=ways.silent, there=ways.there)
        session = Session(ops, target.name, parent=None, wrap=Tracer, captures=captures)
        session.derivatives, session.whole_windows, session.keeps = derivatives, whole_windows, ways.keeps
        session.vectors = ways.vectors
        captures.session = session
        return _trace(session, target, args, kwargs, check)

    def settled(*, whole_windows: bool) -> Traced:
        first = traced(whole_windows=whole_windows)
        if first.change is None:
            return first
        again = traced(whole_windows=whole_windows)
        if again.change is not None or not again.computes_as(first):
            raise first.change
        return again

    try:
        return settled(whole_windows=False)
    except UndecidedSizeError as undecided:
        try:
            return settled(whole_windows=True)
        except UndecidedSizeError:
            raise undecided from None


def _trace(
    session: Session,
    target: Target,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    check: Callable[[Sequence[ArgumentLeaf]], Any],
) -> Traced:
    captures = session.captures
    names = argument_names(target, len(args), list(kwargs))
    walk = ArgumentWalk(captures.paths, [*args, *kwargs.values()], names)
    check(walk.leaves)
    inputs, int_leaves, ints, seen = _inputs(session, walk)
    _, spec = pytree.flatten((tuple(args), dict(kwargs)))
    traced_args, traced_kwargs = pytree.unflatten(spec, handed_to(target, walk.leaves, seen))
    with recording(session), random_state_unchanged(target.location), own_precision():
        try:
            out = prepare(target.original)(*traced_args, **traced_kwargs)
        except TypeError as error:
            _note_lists(error, zip(names, (*args, *kwargs.values()), strict=True))
            raise
        out_spec, outputs, values = output_leaves(session, out)
        kept = _kept(session, walk, seen, values)
        require_counts(session, values)
        change = captures.change(target.location)
        if captures.refused is not None:  # the function caught it, and went a way that plain NumPy would not
            raise captures.refused
        _tie_to_objects(captures, walk)
    hidden = [Input(-1, h.path, h.spec) for h in captures.hidden.values()]
    facts = session.F.facts
    graph = resolve_dims(finish(session.F, target.name, session.params, values, ints), facts)
    return Traced(
        graph, (*inputs, *hidden), tuple(int_leaves), out_spec, outputs, tuple(walk.leaves), walk, captures,
        tuple(session.notes), session.symbols, dict(facts.hints or {}), kept, change,
    )  # fmt: skip


def _note_lists(error: TypeError, arguments: Iterable[tuple[str, Any]]) -> None:
    """What a list of numbers is to the function, which may be why it failed."""
    for name, value in arguments:
        if type(value) is list and value and all(type(part) in (int, float) for part in value):
            error.add_note(f"graphc: {name!r} is a list, a container of numbers; for an array pass np.array({name})")


def _kept(session: Session, walk: ArgumentWalk, seen: Sequence[Any], values: list[Value]) -> tuple[Kept, ...]:
    """The tensors of the user's that the session wrote into; their values are added to ``values``."""
    arguments = {id(obj): number for number, obj in enumerate(seen) if walk.leaves[number].of_tensor}
    steps, kept = session.captures.paths.steps, []
    for traced, _, _ in session.written.values():
        leaf, path = arguments.get(id(traced), -1), getattr(traced, "owner", None)
        if leaf >= 0:
            reached, name = walk.leaves[leaf].path, walk.leaves[leaf].name
            path = None if reached is None else steps[reached][1]
        elif path is not None:
            name = session.captures.paths.describe(path)
        else:
            continue
        kept.append(Kept(leaf, path, len(values)))
        value = value_in_the_end(session, traced)
        values.append(session.F.stop_gradient(value) if value.type.is_float else value)  # it has no history afterwards
        session.note(f"written into: {name} has other values after each call")
    return tuple(kept)


def value_in_the_end(session: Session, traced: Any) -> Value:
    """The value of a traced array as an output."""
    return after_checks(session, session.F.value(unwrap(session, traced)))


def _tie_to_objects(captures: Captures, walk: ArgumentWalk) -> None:
    """Arrays that were met without having been read by a recorded load may belong to an argument object (an operator
    of its class computed with them): the program then is for this very object."""
    if captures.met_unseen:
        for argument in walk.leaves:
            if argument.by_type and argument.path is not None:
                captures.paths.require_same(argument.path, argument.leaf)


def _inputs(session: Session, walk: ArgumentWalk) -> tuple[list[Input], list[int], list[Expr], list[Any]]:
    """Parameters for the argument leaves: inputs, the leaves and symbols of ints, and what the function sees."""
    inputs, int_leaves, ints, seen = [], [], [], []
    captures, facts = session.captures, session.F.facts
    for index, argument in enumerate(walk.leaves):
        leaf = argument.leaf
        spec = None if argument.by_type else input_spec(leaf)
        if spec is None:
            if argument.by_type and argument.path is not None:
                captures.remember(leaf, argument.path)
            seen.append(leaf)
        elif spec.kind is LeafKind.INT:
            name = f"n{len(facts.hints or ())}"
            session.symbols[name] = argument.name
            ints.append(facts.new_symbol(name, leaf, lower=None))
            int_leaves.append(index)
            seen.append(SymbolicInt(session, ints[-1]))
        else:
            value = new_input(session, spec, leaf, argument.name)
            captures.arguments[value] = leaf
            inputs.append(Input(index, argument.path, spec))
            seen.append(Tracer(session, oriented(session, value, spec)))
    return inputs, int_leaves, ints, seen


def output_leaves(session: Session, out: Any) -> tuple[pytree.TreeSpec, tuple[Output | Constant, ...], list[Value]]:
    """The structure of a result, what stands at its leaves, and the values among them."""
    leaves, spec = pytree.flatten(out)
    outputs: list[Output | Constant] = []
    values: list[Value] = []
    session.F.location = user_location()
    for leaf in leaves:
        if isinstance(leaf, TracedValue | SymbolicInt | np.ndarray):
            outputs.append(Output(len(values), isinstance(leaf, SymbolicInt)))
            values.append(after_checks(session, session.F.value(unwrap(session, leaf))))
        elif isinstance(leaf, Undefined):
            leaf.refuse_returned()
        elif isinstance(leaf, Iterator | Coroutine):
            raise TraceTypeError(
                f"the function returns a {type(leaf).__name__}, which runs once only: return a list or tuple of its "
                "elements",
                location=user_location(),
            )
        else:
            outputs.append(Constant(leaf))
    return spec, tuple(outputs), values


def require_counts(session: Session, outputs: Sequence[Value]) -> None:
    """Raise where an array that is used is as long as the count of a mask, and nothing used comes from that mask."""
    counted = {n.attrs["symbol"]: n for n in session.F.nodes if n.op.name == "mask_indices"}
    if not counted:
        return
    used = set(outputs)
    for node in reversed(session.F.nodes):
        if any(output in used for output in node.outputs):
            used.update(node.inputs)
    for value in used:
        for name in (name for dim in value.dims for name in symbols_of(session.F.facts.resolve(dim))):
            if name in counted and counted[name].output not in used:
                raise_at(value.node.location if value.node else user_location(), "a count")


@contextmanager
def random_state_unchanged(location: Location | None) -> Iterator[None]:
    """Raise ``SideEffectError`` when the block draws from NumPy's global random state."""
    before = _random_state()
    yield
    after = _random_state()
    if before is not None and after is not None and before != after:
        raise SideEffectError(
            "the function draws from NumPy's global random state: a compiled program would use the same numbers at "
            "every call; draw them outside and pass them in, or draw from a key: graphc.random",
            location=location,
        )


def _random_state() -> tuple[Any, ...] | None:
    """The global generator's state; None while ``numpy.random`` is not imported, and so has not drawn."""
    random = sys.modules.get("numpy.random")
    if random is None:
        return None
    state = random.get_state(legacy=False)
    inner = state["state"]
    return inner["key"].tobytes(), inner["pos"], state["has_gauss"], state["gauss"]
