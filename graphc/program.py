"""A program that serves the calls of one signature: what it checks, how it is run, what it returns.

Between a traced call and the compiler stands ``CallPlan``: how each input is reached natively, and the recipe of the
result. ``compiler.compile_graph`` gives the rest (driver, symbols, output sizes); ``entry_plan`` joins the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from graphc import pytree
from graphc.abi import (
    ANY_LENGTH,
    FOREIGN_FAILED,
    OUT_OF_MEMORY,
    Build,
    Check,
    DeviceLeaf,
    EntryPlan,
    InputLeaf,
    LeafKind,
    Step,
)
from graphc.compiler import Executable
from graphc.errors import ForeignCallError, NoDerivativeError, OutOfMemoryError, ProgramError
from graphc.ir.dims import Dim, evaluate, symbols_of, to_code
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ir.types import dtype_text
from graphc.kept import KeptWrites
from graphc.ops.index import EqualValues, range_error
from graphc.results import out_plan, result_recipe
from graphc.runtime import pycall
from graphc.trace.leaves import PLAIN_ARRAYS, LeafSpec, as_input, input_spec
from graphc.trace.paths import Access, reach_plan
from graphc.trace.record import Constant, Input, Output, Traced

INT = LeafSpec(LeafKind.INT, np.dtype(np.int64), ())


# --- the seam to the compiler -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CallPlan:
    """How native code serves a call: ``access.wanted`` leads to each graph parameter and then to each of ``ints``.

    ``nargs`` arguments, the last of them by the names in ``keywords``. ``specs`` describes each wanted object.
    ``result`` is the recipe of the result that ``template`` describes. ``takes_out``: calls may give arrays for it.
    """

    nargs: int
    access: Access
    specs: tuple[LeafSpec, ...]
    result: tuple[tuple, ...]
    keywords: tuple[str, ...] = ()
    template: Any = None
    takes_out: bool = False


def call_plan(
    traced: Traced, nargs: int, keywords: tuple[str, ...], template: Any, *, takes_out: bool
) -> CallPlan | None:
    """The native plan for calls like the traced one; None where a leaf stands in a container that only Python reads."""
    if not traced.walk.reachable:
        return None
    paths = traced.captures.paths
    wanted, specs, arrays = [], [], []
    for source in traced.inputs:
        assert source.path is not None
        if source.spec.transposed:  # T of an array: other classes too may have such an attribute
            arrays.append((Check.TYPE_LEN, source.path, np.ndarray, ANY_LENGTH))
        wanted.append(paths.attribute(source.path, "T") if source.spec.transposed else source.path)
        specs.append(source.spec)
    for index in traced.int_leaves:
        path = traced.arguments[index].path
        assert path is not None
        wanted.append(path)
        specs.append(INT)
    checks = [*traced.walk.checks, *arrays, *static_checks(traced)]
    access, result = paths.access(wanted, checks), tuple(result_recipe(template))
    return CallPlan(nargs, access, tuple(specs), result, keywords, template, takes_out)


def static_checks(traced: Traced) -> list[tuple]:
    """What native code checks of the argument leaves that are no inputs: what the key compares in Python."""
    checks = traced.captures.paths.without_checks()
    for argument in traced.arguments:
        leaf = argument.leaf
        if argument.path is None or (not argument.by_type and input_spec(leaf) is not None):
            continue
        if argument.by_type:
            checks.require_type(argument.path, type(leaf))
        else:
            checks.require_value(argument.path, leaf)
    return checks.all_checks()


def input_leaves(
    graph: Graph, specs: Sequence[LeafSpec], steps: Sequence[int], index: Mapping[str, int]
) -> list[InputLeaf]:
    """How the inputs bind the symbols: a symbol is bound where it first stands alone, and checked everywhere else."""
    bound: set[str] = set()
    leaves = []
    shapes = [(tuple(enumerate(p.dims)), s) for p, s in zip(graph.params, specs, strict=False)]
    shapes += [(((-1, dim),), INT) for dim in graph.ints]
    for (dims, spec), step in zip(shapes, steps, strict=True):
        binds, checks = [], []
        for axis, dim in dims:
            names = symbols_of(dim)
            if len(names) == 1 and str(dim) in names and str(dim) not in bound:
                bound.add(str(dim))
                binds.append((axis, index[str(dim)]))
            else:
                checks.append((axis, to_code(dim, index)))
        rank = len(dims) if spec.kind is LeafKind.ARRAY else 0
        leaves.append(InputLeaf(step, spec.kind, dtype_text(spec.dtype), rank, tuple(binds), tuple(checks)))
    return leaves


def entry_plan(graph: Graph, executable: Executable, plan: CallPlan) -> EntryPlan:
    """The whole plan of a call: the traced graph's inputs and guards, the executable's outputs and sizes."""
    names = list(executable.symbols)
    for dim in (*(d for p in graph.params for d in p.dims), *graph.ints, *(g.expr for g in graph.guards)):
        names += sorted(symbols_of(dim) - set(names))
    index = {name: k for k, name in enumerate(names)}
    return EntryPlan(
        nargs=plan.nargs,
        steps=plan.access.steps,
        checks=plan.access.checks,
        inputs=tuple(input_leaves(graph, plan.specs, plan.access.wanted, index)),
        nsymbols=len(names),
        guards=tuple((guard.relation, to_code(guard.expr, index)) for guard in graph.guards),
        outputs=executable.outputs,
        result=plan.result,
        arena_bytes=executable.arena,
        work=executable.work,
        keywords=plan.keywords,
        out=out_plan(plan.template, plan.nargs, len(executable.outputs)) if plan.takes_out else None,
    )


# --- running ----------------------------------------------------------------------------------------------------------


class Runner(Protocol):
    """Runs a program on its inputs: one object for each graph parameter and then each of ``ints``."""

    executable: Executable | None  # what runs on the CPU
    sources: tuple[str, ...]  # generated modules, the driver's first
    kernels: tuple[str, ...]  # names of those that compute, in the order of launch

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        """The outputs, or None where the sizes do not fit the program."""


class InterpretedRunner:
    """Runs a graph with NumPy, node by node. ``given``: outputs that go over the input with this number."""

    executable: Executable | None = None
    sources: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()

    def __init__(self, graph: Graph, given: Mapping[int, int] = {}):
        self.graph, self.given = graph, given

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        graph = self.graph
        count = len(graph.params)
        if not sizes_fit(graph, inputs):
            return None
        try:
            outputs = interpret(graph, inputs[:count], inputs[count:])
        except ForeignCallError:
            raise foreign_error() from None
        made = [np.array(o) if o.ndim else o[()] for o in outputs]
        for number, place in self.given.items():
            inputs[place][...] = made[number]
        return [o for number, o in enumerate(made) if number not in self.given]


def sizes_fit(graph: Graph, inputs: Sequence[Any]) -> bool:
    """Whether the inputs' shapes, the ints and the guards agree with the graph."""
    actual: list[tuple[Dim, int]] = []
    for param, array in zip(graph.params, inputs, strict=False):
        actual.extend(zip(param.dims, np.shape(array), strict=True))
    actual.extend(zip(graph.ints, inputs[len(graph.params) :], strict=True))
    symbols: dict[str, int] = {}
    for dim, size in actual:
        if str(dim) in symbols_of(dim):
            symbols.setdefault(str(dim), size)
    return all(evaluate(dim, symbols) == size for dim, size in actual) and all(g.holds(symbols) for g in graph.guards)


class CompiledRunner:
    """Runs an executable on inputs that are laid out already, through an entry of its own."""

    def __init__(self, graph: Graph, executable: Executable, specs: Sequence[LeafSpec]):
        self.executable: Executable | None = executable
        self.sources, self.kernels = (executable.source, *executable.kernel_sources), executable.kernels
        count = len(specs)
        outputs = [(Build.LEAF, k) for k in range(len(executable.outputs))]
        access = Access(tuple((Step.ARG, k) for k in range(count)), (), tuple(range(count)))
        plan = CallPlan(count, access, tuple(specs), (*outputs, (Build.LIST, len(outputs))))
        self.entry = make_program_entry(graph, executable, plan, lambda *inputs: None, hands_on=False)

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        result: list[Any] | None = self.entry(*inputs)
        return result


def make_program_entry(
    graph: Graph, executable: Executable, plan: CallPlan, fallback: Callable[..., Any], *, hands_on: bool = True
) -> Callable[..., Any]:
    """A callable that runs the program on calls that fit the plan, and hands all others to ``fallback``.

    ``hands_on``: also those that meet equal eigenvalues; else they raise ``EqualValues`` or ``NoDerivativeError``.
    """
    from graphc.runtime.entry import make_entry

    def on_status(status: int, symbols: tuple[int, ...]) -> bool:
        error = index_error(executable, status, symbols)
        if hands_on and isinstance(error, EqualValues | NoDerivativeError):
            return True
        raise error

    complete = entry_plan(graph, executable, plan)
    return make_entry(complete, executable.driver, executable.table, fallback, on_status, executable)


def index_error(executable: Executable, status: int, symbols: Sequence[int]) -> BaseException:
    """The error for a program that stopped with this status at these sizes."""
    if status == FOREIGN_FAILED:
        return foreign_error()
    if status == OUT_OF_MEMORY:
        return OutOfMemoryError(
            "there is no memory for what the iterations of a loop save for its gradient, whose number showed when the "
            "program ran: graphc.checkpoint(f, every=1000) saves every thousandth state, and computes the rest again"
        )
    checks = executable.index_checks()
    if not 0 < status <= len(checks):
        return ProgramError(f"the program failed with status {status} at the sizes {tuple(symbols)}")
    check = checks[status - 1]
    size = evaluate(check.size, dict(zip(executable.symbols, symbols, strict=False)))
    return range_error(check.axis, size, location=check.location)


def foreign_error() -> BaseException:
    """What a function that the program called by its address raised."""
    from graphc.runtime.foreign import take_error

    return take_error() or ForeignCallError("a C function that compiled code called returned a number other than 0")


class _Missed:
    """The answer of a program that does not serve a call."""


class Program:
    """Serves the calls of one key whose guards hold. ``entry``: the native way in, where there is one.

    ``chained``: how many programs' entries that one tries, its own included. ``marked`` is the traced graph with its
    marks and the wanted outputs. ``kept``: what a call writes into tensors of the user's.
    """

    MISSED = _Missed()

    def __init__(self, traced: Traced, marked: Graph, template: Any, runner: Runner, kept: KeptWrites | None = None):
        self.traced, self.marked, self.runner = traced, marked, runner
        self.template, self.kept = template, kept
        self.device: int | None = None  # the number of the one that the arrays are on
        self.entry: Callable[..., Any] | None = None
        self.chained = 1
        self.met_equal_values = False  # the last call needed limits, and therefore another program
        leaves, self.out_spec = pytree.flatten(template)
        self.outputs: list[Output | Constant] = leaves
        paths = traced.captures.paths
        self.inputs: tuple[Input, ...] = traced.inputs
        hidden = [i.path for i in self.inputs if i.leaf < 0 and i.path is not None]
        access = paths.access(hidden, traced.walk.key_checks())
        self.outside = reach_plan(access) if access.steps else None
        self.identities = [
            (index, argument.leaf)
            for index, argument in enumerate(traced.arguments)
            if argument.path is None and argument.by_type
        ]

    def attempt(self, arguments: Sequence[Any], leaves: Sequence[Any]) -> Any:
        """The result of the call, or ``MISSED`` where a guard does not hold.

        ``arguments``: positional arguments and then the values of keyword arguments; ``leaves``: their leaves.
        """
        if any(leaves[index] is not expected for index, expected in self.identities):
            return self.MISSED
        objects: Sequence[Any] = ()
        if self.outside is not None:
            found = pycall.reach(self.outside, arguments)
            if found is None:
                return self.MISSED
            objects = found
        count = len(self.inputs) - len(objects)
        inputs = [as_input(i.spec, leaves[i.leaf]) for i in self.inputs[:count]]
        for source, found in zip(self.inputs[count:], objects, strict=True):
            obj = found if self.device is None else _seen_on(self.device, found)
            if not still_fits(source.spec, obj):
                return self.MISSED
            inputs.append(as_input(source.spec, obj))
        inputs += [leaves[index] for index in self.traced.int_leaves]
        tensors = () if self.kept is None else self.kept.tensors(arguments)
        self.met_equal_values = False
        try:
            results = self.runner.run(inputs)
        except EqualValues:
            self.met_equal_values = True
            return self.MISSED
        if results is None:
            return self.MISSED
        if self.kept is not None:
            self.kept.write(tensors, [results[output.index] for output in self.kept.template])
        return self.deliver(results)

    def deliver(self, results: Sequence[Any]) -> Any:
        """The Python object that the call returns."""
        return pytree.unflatten(self.out_spec, [deliver_leaf(output, results) for output in self.outputs])


class RecordedCalls(Program):
    """Serves calls whose operations are recorded elsewhere, to be differentiated there: by the plain function.

    ``recorded_if``: an object and the name of its attribute that is true while that is so.
    """

    def __init__(
        self, traced: Traced, template: Any, function: Callable[..., Any], keywords: tuple[str, ...],
        recorded_if: tuple[Any, str],
    ):  # fmt: skip
        super().__init__(traced, traced.graph, template, InterpretedRunner(traced.graph))
        self.function, self.keywords, self.recorded_if = function, keywords, recorded_if

    def attempt(self, arguments: Sequence[Any], leaves: Sequence[Any]) -> Any:
        if not getattr(*self.recorded_if):
            return self.MISSED
        count = len(arguments) - len(self.keywords)
        args = pytree.bare(tuple(arguments[:count]))
        kwargs = pytree.bare(dict(zip(self.keywords, arguments[count:], strict=True)))
        return self.function(*args, **kwargs)


def deliver_leaf(output: Output | Constant, results: Sequence[Any]) -> Any:
    if isinstance(output, Constant):
        return output.value
    return int(results[output.index]) if output.as_int else results[output.index]


def _seen_on(number: int, obj: Any) -> Any:
    """A view of an array on this device, or the object as it is."""
    from graphc.runtime.cuda_arrays import view_of

    view = view_of(obj)
    return obj if view is None or view.device != number else view


def still_fits(spec: LeafSpec, obj: Any) -> bool:
    """Whether what a path leads to now is the same kind of input as when it was traced."""
    kind = type(obj)
    if kind not in PLAIN_ARRAYS and not isinstance(obj, float | np.generic | DeviceLeaf):
        return False
    return spec == input_spec(obj)
