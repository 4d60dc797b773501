"""A compiled function as compiled code calls it: from ``@njit`` code, through a C pointer, out of a shared library.

Such a caller says what it passes once, by *forms*: dtype, rank and order of each array, no sizes. A function is traced
for sizes that are made up; where the sizes at hand do not fit the guards of what came out, it is traced for those.
What the function reads from outside is read when a program is made, as Numba does with globals.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from graphc import pytree
from graphc.abi import EntryPlan
from graphc.build import build_program
from graphc.errors import GraphcError, IndexRangeError, NoDerivativeError, ShapeError, UnsupportedError
from graphc.function import CompiledFunction
from graphc.limits import WarningRunner, warn
from graphc.ops.index import NO_DERIVATIVE, EqualValues, range_error
from graphc.program import INT, CallPlan, Program, Runner, entry_plan
from graphc.runtime import pycall
from graphc.runtime.direct import Record, Site
from graphc.trace.leaves import as_input
from graphc.trace.paths import Access
from graphc.trace.record import Constant, Output
from graphc.trace.session import Vectors

_LIKELY_SIZES = (61, 3, 2, 1)  # of every axis: large enough for most slices, then small ones for fixed shapes


MOST_TRIED = 64  # combinations of sizes; each that fails costs a trace of some milliseconds


def outside_sizes(function: Any, deep: int = 3) -> set[int]:
    """The sizes of the arrays that a function, and the functions that it reads, have in their closures and globals."""
    plain = inspect.unwrap(function)
    if not deep or not inspect.isfunction(plain):
        return set()
    seen = inspect.getclosurevars(plain)
    found: set[int] = set()
    for thing in (*seen.nonlocals.values(), *seen.globals.values()):
        if inspect.isfunction(thing):
            found |= outside_sizes(thing, deep - 1)
        elif isinstance(thing, np.ndarray | dict | list | tuple):
            arrays = (leaf for leaf in pytree.flatten(thing)[0] if isinstance(leaf, np.ndarray))
            found |= {size for array in arrays for size in array.shape}
    return found


class Form:
    """What an argument is, without its sizes. ``kind``: "array", "float", "int" or "scalar" (a NumPy scalar)."""

    graphc_static = True

    def __init__(self, kind: str, dtype: Any = np.float64, rank: int = 0, fortran: bool = False):
        self.kind, self.dtype, self.rank = kind, np.dtype(dtype), rank
        self.fortran = fortran and rank > 1

    @property
    def sizes(self) -> int:
        """How many sizes the caller gives for it."""
        return self.rank if self.kind == "array" else int(self.kind == "int")

    def example(self, sizes: Sequence[int]) -> Any:
        """An argument of this form; the sizes are those of the array in memory."""
        if self.kind == "array":
            shape = tuple(sizes)[::-1] if self.fortran else tuple(sizes)
            return np.empty(shape, self.dtype, order="F" if self.fortran else "C")
        return {"float": float, "int": int}.get(self.kind, self.dtype.type)(*(sizes or (1,)))


@dataclass(frozen=True)
class Result:
    """What a call returns: a tree whose leaves are numbers of ``outputs`` (dtype, rank), or ``Constant``."""

    tree: Any
    outputs: tuple[tuple[np.dtype, int], ...]
    as_int: frozenset[int]

    def same_as(self, other: Result) -> bool:
        """Whether a caller can use the one where it expects the other."""
        return (self.outputs, self.as_int) == (other.outputs, other.as_int) and str(self.tree) == str(other.tree)


@dataclass(frozen=True)
class Built:
    """A program that compiled code can call: ``sources`` and ``hidden`` as ``runtime.direct.Record`` has them.

    ``limits``: what serves calls that meet equal eigenvalues.
    """

    program: Program
    plan: EntryPlan
    sources: tuple[int, ...]
    hidden: tuple[Any, ...]
    result: Result
    limits: Built | None = None


class DirectFunction:
    """A function for callers that pass these forms: a tree for each positional and keyword argument.

    Raises what tracing raises, and ``UnsupportedError`` for what compiled code cannot call.
    """

    def __init__(self, function: CompiledFunction, args: Sequence[Any], kwargs: Mapping[str, Any]):
        self.function = function
        self.forms, self.spec = pytree.flatten((tuple(args), dict(kwargs)))
        self.inputs = [form for form in self.forms if isinstance(form, Form)]
        self.name = function._target.name
        self.first = first = self._first()
        self.result = first.result
        self.site = Site(sum(form.sizes for form in self.inputs), self._resolve)
        self.record = record(first)
        self.site.add(self.record)

    @property
    def failures(self) -> dict[int, BaseException]:
        """What the first program raises, by its status, but for what depends on sizes."""
        executable = self.first.program.runner.executable
        checks = [] if executable is None else executable.index_checks()
        found = {k: range_error(check.axis, 0, location=check.location) for k, check in enumerate(checks, 1)}
        return {k: error for k, error in found.items() if not isinstance(error, IndexRangeError | EqualValues)}

    def _first(self) -> Built:
        """A program for sizes that are made up: all alike, else as arrays that the function reads from outside have."""
        failed: GraphcError | None = None
        count = sum(form.sizes for form in self.inputs)
        for sizes in itertools.chain(((size,) * count for size in _LIKELY_SIZES), self._sizes_outside(count)):
            try:
                return self.build(sizes)
            except ShapeError as error:
                failed = failed or error
            except (IndexError, ValueError) as error:
                if isinstance(error, GraphcError):
                    raise
                failed = failed or ShapeError(f"{self.name}: {error}")
        assert failed is not None
        raise failed

    def _sizes_outside(self, count: int) -> Iterator[tuple[int, ...]]:
        outside = (*sorted(outside_sizes(self.function._target.original)), _LIKELY_SIZES[0])
        yield from itertools.islice(itertools.product(outside, repeat=count), MOST_TRIED)

    def build(self, sizes: Sequence[int]) -> Built:
        """A program for these sizes: of each array in memory order, and the value of each int."""
        from graphc.vector_rules import might_meet_equal_values

        function = self.function
        left = list(sizes)
        leaves = []
        for form in self.forms:
            if isinstance(form, Form):
                own, left = left[: form.sizes], left[form.sizes :]
                leaves.append(form.example(own))
            else:
                leaves.append(form)
        args, kwargs = pytree.unflatten(self.spec, leaves)

        def made(vectors: Vectors) -> Built:
            program = build_program(function._target, function._transform, args, kwargs, False, function._slow, vectors)
            return _built(program, self.forms, [*args, *kwargs.values()], self.name)

        with function._lock:
            built = made("checked")
            if might_meet_equal_values(function._transform, built.program.marked):
                built = replace(built, limits=made("limits"))
            return built

    def _resolve(self, sizes: list[int]) -> bool:
        """Make a program for sizes that none serves. Python prints what is raised here: the caller cannot take it."""
        built = self.build(sizes)
        if not built.result.same_as(self.result):
            raise UnsupportedError(
                f"{self.name} gives another kind of result for the sizes {sizes}: call it from Python"
            )
        self.site.add(record(built))
        return True


def _built(program: Program, forms: Sequence[Any], arguments: Sequence[Any], name: str) -> Built:
    executable = program.runner.executable
    if program.kept is not None:
        message = f"{name} writes into tensors of a module, which compiled callers do not have: call it from Python"
        raise UnsupportedError(message)
    if executable is None or any(output.capacity is not None for output in executable.outputs):
        what = "a result whose size only the values tell"
        if executable is None:
            what = "it is interpreted (GRAPHC_DISABLE_JIT), runs on a GPU, or in two programs"
        raise UnsupportedError(f"{name} cannot be called from compiled code: {what}")
    specs = [*(source.spec for source in program.inputs), *(INT for _ in program.traced.int_leaves)]
    count = len(specs)
    plan = entry_plan(
        program.marked, executable, CallPlan(count, Access((), (), tuple(range(count))), tuple(specs), result=())
    )
    place = {leaf: k for k, leaf in enumerate(i for i, form in enumerate(forms) if isinstance(form, Form))}
    outside = [source for source in program.inputs if source.leaf < 0]
    sources = [place[source.leaf] for source in program.inputs if source.leaf >= 0]
    sources += [-1 - k for k in range(len(outside))]
    sources += [place[leaf] for leaf in program.traced.int_leaves]
    found = pycall.reach(program.outside, arguments) if program.outside is not None else []
    if found is None:
        raise UnsupportedError(f"{name} changed something that it reads: return it, and assign it outside")
    hidden = [as_input(source.spec, obj) for source, obj in zip(outside, found, strict=True)]
    return Built(program, plan, tuple(sources), tuple(hidden), _result(program, plan))


def _result(program: Program, plan: EntryPlan) -> Result:
    as_int = frozenset(o.index for o in program.outputs if isinstance(o, Output) and o.as_int)
    leaves = [o if isinstance(o, Constant) else o.index for o in program.outputs]
    outputs = tuple((np.dtype(output.dtype), len(output.dims)) for output in plan.outputs)
    return Result(pytree.unflatten(program.out_spec, leaves), outputs, as_int)


def record(built: Built) -> Record:
    """The loaded program's record. One that computes limits hands on to one that computes NaN, after a warning."""
    made = _record(built, built.program.runner)
    if built.limits is not None:
        limits, runner = _record(built.limits, built.limits.program.runner), built.limits.program.runner
        made.hand_on(limits)
        if isinstance(runner, WarningRunner):
            limits.hand_on(_record(built.limits, runner.other), partial(_notice, built.limits.program))
    return made


def _record(built: Built, runner: Runner) -> Record:
    executable = runner.executable
    assert executable is not None
    return Record(built.plan, executable.driver, executable.table, built.sources, built.hidden, built.program)


def _notice(program: Program, status: int) -> None:
    """Warn, where the program stopped with this status for want of a derivative."""
    executable = program.runner.executable
    assert executable is not None
    checks = executable.index_checks()
    if 0 < status <= len(checks) and checks[status - 1].axis in NO_DERIVATIVE:
        check = checks[status - 1]
        warn(NoDerivativeError(NO_DERIVATIVE[check.axis], location=check.location))
