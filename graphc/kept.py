"""Tensors of modules that a compiled function writes into (running statistics): what stands in them after a call.

The program reads their old values as inputs, and makes the new ones as further outputs, which are written into the
tensors when it has ended: once a call, and not where it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphc import pytree
from graphc.errors import SideEffectError
from graphc.runtime import pycall
from graphc.trace.location import user_location
from graphc.trace.paths import reach_plan
from graphc.trace.record import Kept, Output, Traced

if TYPE_CHECKING:
    from graphc.program import CallPlan

MakeEntry = Callable[["CallPlan", Callable[..., Any]], Callable[..., Any]]  # of the plan and what serves other calls
_MISSED = object()


def kept_writes(traced: Traced, moved: Callable[[Any], Any] = lambda leaf: leaf) -> KeptWrites | None:
    """What calls write into; None where that is nothing. ``moved``: how outputs are renumbered in the final graph."""
    return KeptWrites(traced, tuple([moved(Output(kept.index)) for kept in traced.kept])) if traced.kept else None


class KeptWrites:
    """``template``: the outputs of the program that are written into tensors."""

    def __init__(self, traced: Traced, template: tuple[Output, ...]):
        self.template, self._name = template, traced.graph.name
        self._leaves = [kept.leaf for kept in traced.kept]
        paths = [kept.path for kept in traced.kept]
        others = _others(traced)
        known = [path for path in (*paths, *others) if path is not None]
        self._is_reachable = len(known) == len(paths) + len(others)
        self._reaching = reach_plan(traced.captures.paths.without_checks().access(known))

    def tensors(self, arguments: Sequence[Any]) -> Sequence[Any]:
        """Those of a call's arguments that are written into. Raises ``SideEffectError`` where one comes in twice."""
        found = self._found(arguments)
        if found is None:
            raise SideEffectError(
                f"{self._name} writes into a tensor of a module that comes in by two ways, as two arguments or from "
                "outside, too: pass it once",
                location=user_location(),
            )
        return found

    def _found(self, arguments: Sequence[Any]) -> Sequence[Any] | None:
        """The tensors; None where one of them is another input, too."""
        count = len(self._leaves)
        reached = pycall.reach(self._reaching, arguments)
        if reached is None:
            return None
        if not self._is_reachable:
            leaves, outside = pytree.flatten_to_tensors(tuple(arguments)), iter(reached)
            reached = [leaves[leaf] if leaf >= 0 else next(outside) for leaf in self._leaves]
        targets = {id(tensor) for tensor in reached[:count]}
        if len(targets) < count or any(id(other) in targets for other in reached[count:]):
            return None
        return reached[:count]

    def write(self, tensors: Sequence[Any], arrays: Sequence[Any]) -> None:
        """Give the tensors the values that the program made."""
        for tensor, array in zip(tensors, arrays, strict=True):
            pytree.write_tensor(tensor, array)

    def entry(self, plan: CallPlan, make: MakeEntry, fallback: Callable[..., Any]) -> Callable[..., Any]:
        """The way into a program whose result is a pair, of what a call returns and what is written."""
        run = make(plan, lambda *args, **kwargs: _MISSED)
        nargs, keywords = plan.nargs, plan.keywords

        def call(*args: Any, **kwargs: Any) -> Any:
            fits = len(args) + len(kwargs) == nargs and tuple(kwargs) == keywords
            tensors = self._found((*args, *kwargs.values())) if fits else None
            found: Any = _MISSED if tensors is None else run(*args, **kwargs)
            if found is _MISSED or tensors is None:
                return fallback(*args, **kwargs)
            result, arrays = found
            self.write(tensors, arrays)
            return result

        return call


def _others(traced: Traced) -> list[int | None]:
    """Where tensors come in that might be one of those written into: of its dtype and rank, in another argument."""
    steps, found = traced.captures.paths.steps, []
    written = [(_argument(traced, kept), _kind(traced.graph.outputs[kept.index])) for kept in traced.kept]
    mine = {kept.leaf for kept in traced.kept}
    for source, param in zip(traced.inputs, traced.graph.params, strict=True):
        if source.leaf < 0 or source.leaf in mine or not traced.arguments[source.leaf].of_tensor:
            continue
        argument = traced.arguments[source.leaf].argument
        if any(argument != place and _kind(param) == kind for place, kind in written):
            found.append(None if source.path is None else steps[source.path][1])
    return found


def _argument(traced: Traced, kept: Kept) -> int:
    return -1 if kept.leaf < 0 else traced.arguments[kept.leaf].argument


def _kind(value: Any) -> tuple[Any, int]:
    return value.type.dtype, value.rank
