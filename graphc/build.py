"""From one call of a user's function to the program that serves calls like it: trace, mark, transform, compile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from graphc import pytree
from graphc.abi import DeviceLeaf
from graphc.compiler import compile_graph, garbage_left
from graphc.config import settings
from graphc.debug_prints import runs_plainly
from graphc.differentiate import (
    Differentiated,
    check_scalar,
    differentiate,
    differentiated,
    float_constant,
    gradients_template,
    leaf_marks,
    mark_inputs,
    split_aux,
)
from graphc.entries import device_runner, give_device_entry, give_entry
from graphc.errors import CudaError
from graphc.ir.graph import Graph
from graphc.kept import KeptWrites, kept_writes
from graphc.limits import WarningRunner
from graphc.ops.table import OPS
from graphc.program import (
    INT,
    CallPlan,
    CompiledRunner,
    InterpretedRunner,
    Program,
    RecordedCalls,
    Runner,
    make_program_entry,
)
from graphc.results import owns_out
from graphc.runners import runner_maker
from graphc.trace.arguments import ArgumentLeaf
from graphc.trace.captures import SeenThere
from graphc.trace.location import user_location
from graphc.trace.record import Output, Traced, Ways, trace
from graphc.trace.session import Vectors
from graphc.trace.target import Target
from graphc.transform import Transform

if TYPE_CHECKING:
    from graphc.autodiff.equal_values import Rule
    from graphc.pullback import Place


def build_program(
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    is_method: bool,
    fallback: Callable[..., Any],
    vectors: Vectors = "watched",
) -> Program:
    """The program for calls like this one; calls that do not fit its native entry go to ``fallback``.

    ``vectors``: how derivatives treat eigenvectors whose values are equal.
    """
    with garbage_left():
        program = _build(target, transform, args, kwargs, is_method, fallback, vectors)
        program.device = device_of(args, kwargs)
        program.traced.release()
        return program


def _traced_target(target: Target, transform: Transform, is_method: bool) -> Target:
    """What is traced: the function, or one that transforms it while it is traced."""
    if not transform.staged:
        return target
    from graphc.nested import staged

    return staged(target, transform, int(is_method))


def _recorded_calls(
    target: Target, transform: Transform, traced: Any, kwargs: Mapping[str, Any]
) -> RecordedCalls | None:
    """For a jitted function of tensors that require gradients: calls that record, while gradients are recorded."""
    recorded_if = traced.captures.recorded_if
    if recorded_if is None or transform.kind != "jit" or transform.forward_mode:
        return None
    if getattr(*recorded_if):
        template = pytree.unflatten(traced.out_spec, traced.outputs)
        return RecordedCalls(traced, template, target.original, tuple(kwargs), recorded_if)
    paths, (owner, name) = traced.captures.paths, recorded_if
    paths.require_same(paths.attribute(paths.const(owner), name), False)
    return None


def _trace(
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    is_method: bool,
    wanted: Differentiated,
    number: int | None,
    vectors: Vectors,
) -> Traced:
    strict = not transform.is_split

    def check(leaves: Sequence[ArgumentLeaf]) -> None:
        leaf_marks(leaves, wanted.positions, target, strict=strict)

    derivatives = int(transform.differentiates or transform.is_split)
    silent = settings.disable_jit and runs_plainly(target, transform)
    seen = _traced_target(target, transform, is_method)
    return trace(seen, args, kwargs, OPS, check, derivatives, Ways(silent, True, _seen_on(number), vectors))


def _seen_on(number: int | None) -> SeenThere:
    """How a call whose arrays are on this device, or on the CPU, sees what its function reads from outside."""

    def there(obj: Any, name: str) -> DeviceLeaf | None:
        from graphc.runtime.cuda_arrays import view_of

        view = view_of(obj)
        if view is None or view.device == number:
            return view
        others = "no array of the call is there" if number is None else f"the arguments are on device {number}"
        raise CudaError(
            f"{name}, which the function reads from outside, is on device {view.device} ({view.kind.name}), and "
            f"{others}: move one of them, or pass it as an argument",
            location=user_location(),
        )

    return there


def _build(
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    is_method: bool,
    fallback: Callable[..., Any],
    vectors: Vectors,
) -> Program:
    number = device_of(args, kwargs)
    vectors = vectors if number is None else "watched"  # where nothing waits for results no other program could serve
    wanted = differentiated(transform, target, len(args), list(kwargs), int(is_method))
    traced = _trace(target, transform, args, kwargs, is_method, wanted, number, vectors)
    dump("traced", traced.graph)
    calls = _recorded_calls(target, transform, traced, kwargs)
    if calls is not None:
        return calls
    if transform.kind == "vjp":
        return vjp_program(target, transform, traced, args, kwargs, wanted, number, vectors)
    if transform.kind == "linearize":
        return linear_program(target, traced, wanted, number, vectors)
    marked, template, kept = marked_graph(target, transform, traced, args, kwargs, wanted)
    dump("marked", marked)
    return _finished(target, transform, _Parts(traced, marked, template, kept), args, kwargs, number, fallback, vectors)


class _Parts(NamedTuple):
    """What a program is made of, before it is compiled."""

    traced: Traced
    marked: Graph
    template: Any
    kept: KeptWrites | None


def _finished(
    target: Target, transform: Transform, parts: _Parts, args: Sequence[Any], kwargs: Mapping[str, Any],
    number: int | None, fallback: Callable[..., Any], vectors: Vectors,
) -> Program:  # fmt: skip
    traced, marked, template, kept = parts
    transposed = [source.spec.transposed for source in traced.inputs]

    def finish(graph: Graph) -> Graph:
        from graphc.vector_rules import rule_of

        return final_graph(transform, graph, transposed, rule_of(vectors))

    def silent(graph: Graph) -> Graph:
        from graphc.passes.derivative_checks import without_derivative_checks

        return without_derivative_checks(finish(graph), OPS)

    def program_of(runner: Runner, other: Callable[[], Runner]) -> Program:
        runs = _checked(WarningRunner(runner, other), transform, marked)
        return Program(traced, marked, template, runs, kept)

    if settings.disable_jit:
        return program_of(InterpretedRunner(finish(marked)), lambda: InterpretedRunner(silent(marked)))
    if transform.target == "cuda" or number is not None:
        runner = device_runner(finish(marked), traced, number, transform)
        if number is None:
            return program_of(runner, lambda: device_runner(silent(marked), traced, number, transform))
        program = Program(traced, marked, template, runner, kept)  # where nothing looks at results
        if not any(transposed):
            give_device_entry(program, runner, args, kwargs, fallback)
        return program
    kind = f"{transform.kind} {transposed} {vectors}"
    executable = compile_graph(marked, finish, kind=kind)
    specs = [*(source.spec for source in traced.inputs), *(INT for _ in traced.int_leaves)]

    def other() -> Runner:
        return CompiledRunner(marked, compile_graph(marked, silent, kind=f"{kind} silent"), specs)

    program = program_of(CompiledRunner(marked, executable, specs), other)
    if not settings.nan:  # else the results are to be looked at

        def make(plan: CallPlan, other: Callable[..., Any]) -> Callable[..., Any]:
            return make_program_entry(marked, executable, plan, other)

        give_entry(program, args, kwargs, fallback, make, takes_out=not owns_out(target))
    return program


def _checked(runner: Runner, transform: Transform, marked: Graph) -> Runner:
    """With ``GRAPHC_NAN=1`` a runner that raises ``NanError`` for results with NaN, else the very runner."""
    if not settings.nan:
        return runner
    from graphc.nan_search import BACKWARD, FORWARD, NanCheckedRunner

    def graphs() -> list[tuple[str, Graph]]:
        found = [(FORWARD, marked)]
        if transform.differentiates:
            stages: dict[str, Graph] = {}
            differentiate(marked, OPS, hook=lambda name, before, after: stages.update({name: after}))
            found.append((BACKWARD, stages["joint_vjp"]))
        return found

    return NanCheckedRunner(runner, graphs)


def device_of(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int | None:
    """The number of the device that the arguments are on; None for the CPU."""
    leaves, _ = pytree.flatten((args, kwargs))
    return next((leaf.device for leaf in leaves if isinstance(leaf, DeviceLeaf)), None)


def marked_graph(
    target: Target,
    transform: Transform,
    traced: Traced,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Differentiated,
) -> tuple[Graph, Any, KeptWrites | None]:
    """The traced graph with the wanted outputs and marks, the template of the call's result, and what else it makes."""
    out = pytree.unflatten(traced.out_spec, traced.outputs)
    if not transform.differentiates:
        return traced.graph, out, kept_writes(traced)
    marks = leaf_marks(traced.arguments, wanted.positions, target)
    value, aux = split_aux(transform, out, target)
    traced_graph, value = float_constant(traced.graph, value, OPS)
    wanted_output = check_scalar(transform, value, traced_graph, target, traced.hints)
    dropped = int(transform.kind == "grad")  # the value itself is then no output of the final graph
    graph, moved = value_first(traced_graph, wanted_output, dropped)
    value, aux = pytree.tree_map(moved, value), pytree.tree_map(moved, aux)
    first = len(graph.outputs) - dropped
    gradients = gradients_template([*args, *kwargs.values()], wanted, marks, first)
    if transform.kind == "grad":
        template = (gradients, aux) if transform.has_aux else gradients
    else:
        template = ((value, aux) if transform.has_aux else value, gradients)
    return mark_inputs(graph, traced.inputs, marks), template, kept_writes(traced, moved)


def vjp_program(
    target: Target,
    transform: Transform,
    traced: Traced,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    wanted: Differentiated,
    number: int | None,
    vectors: Vectors,
) -> Program:
    """The two programs of ``vjp``, on the device of this number or the CPU."""
    from graphc.pullback import VjpProgram

    marks = leaf_marks(traced.arguments, wanted.positions, target, strict=False)
    value, aux = split_aux(transform, pytree.unflatten(traced.out_spec, traced.outputs), target)
    gradients = gradients_template([*args, *kwargs.values()], wanted, marks, 0)
    marked = mark_inputs(traced.graph, traced.inputs, marks)
    return VjpProgram(traced, marked, value, aux, gradients, _place(traced, marked, number), vectors)


def linear_program(
    target: Target, traced: Traced, wanted: Differentiated, number: int | None, vectors: Vectors
) -> Program:
    """The two programs of ``linearize``, on the device of this number or the CPU."""
    from graphc.linear_map import LinearProgram

    marks = leaf_marks(traced.arguments, wanted.positions, target, strict=False)
    value, _ = split_aux(Transform("linearize"), pytree.unflatten(traced.out_spec, traced.outputs), target)
    marked = mark_inputs(traced.graph, traced.inputs, marks)
    return LinearProgram(traced, marked, value, _place(traced, marked, number), vectors)


def _place(traced: Traced, marked: Graph, number: int | None) -> Place:
    """Where the two programs of a split function run."""
    if number is not None:
        from graphc.cuda_runner import constants_of
        from graphc.cuda_split import OnDevice

        return OnDevice(number, constants_of(traced))
    from graphc.pullback import OnHost

    return OnHost(runner_maker(len(marked.outputs)))


def value_first(graph: Graph, value: Output, dropped: int) -> tuple[Graph, Callable[[Any], Any]]:
    """The graph with the differentiated output in front, and how ``Output`` leaves are renumbered for it.

    ``dropped``: how many outputs, from the first, the final graph leaves out.
    """
    order = [value.index, *(i for i in range(len(graph.outputs)) if i != value.index)]
    outputs = tuple(graph.outputs[i] for i in order)
    moved_graph = Graph(graph.name, graph.params, graph.nodes, outputs, graph.guards, graph.ints)

    def moved(leaf: Any) -> Any:
        return Output(order.index(leaf.index) - dropped, leaf.as_int) if isinstance(leaf, Output) else leaf

    return moved_graph, moved


def final_graph(transform: Transform, marked: Graph, transposed: Sequence[bool], vectors: Rule | None = None) -> Graph:
    """The graph to compile: optimised, differentiated (with a rule for eigenvectors), optimised again."""
    from graphc.passes.pipeline import optimize

    if not transform.differentiates:
        graph = optimize(marked, OPS, dump_change)
    else:
        dropped = int(transform.kind == "grad")
        graph, _ = differentiate(marked, OPS, transposed, dropped=dropped, hook=dump_change, vectors=vectors)
    dump("final", graph)
    return graph


def dump_change(name: str, before: Graph, after: Graph) -> None:
    dump(name, after)


def dump(stage: str, graph: Graph) -> None:
    """Print the graph where ``GRAPHC_DUMP`` names the stage."""
    if stage in settings.dump:
        print(f"--- {stage}\n{graph}", file=sys.stderr)
