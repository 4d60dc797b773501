"""Why no gradient reaches a parameter: where the way from it to the loss was cut, in what was recorded."""

from __future__ import annotations

from typing import NamedTuple

from graphc.errors import Location
from graphc.tensors.core import Tensor
from graphc.tensors.functions.table import GRADIENT
from graphc.tensors.kinds import Kind
from graphc.tensors.recording import State, now

POSITIONS = {"argmax", "argmin", "one_hot", "max_dim", "min_dim", "median_dim"}
FLAT = {"sign", "floor", "ceil", "round", "trunc"}


class Cut(NamedTuple):
    """``kind``: detach, no_grad, integer, comparison, positions, flat or unread; ``what`` says it in words."""

    kind: str
    what: str
    location: Location | None


def cuts_of(tensor: Tensor) -> list[Cut]:
    """Where the last ``backward()`` of this thread lost the way to the tensor, in the order of the program.

    ``flat`` cuts let a gradient through that is zero everywhere. Empty where the tensor did not come into what that
    pass went through: it is not used, or its value was read before.
    """
    found: list[Cut] = []
    for state, roots, references in now.passed:
        inputs = [reached.position for reached in state.path() if isinstance(reached.step, Kind)]
        for position, reference in zip(inputs, references, strict=False):
            if reference is not None and reference() is tensor:
                found += _cuts(state, roots, position)
    return found


def was_used(tensor: Tensor) -> bool:
    """Whether the tensor came into what the last ``backward()`` of this thread went through."""
    return any(r is not None and r() is tensor for _, _, references in now.passed for r in references)


def _cuts(state: State, roots: tuple[int, ...], source: int) -> list[Cut]:
    path = [reached for reached in state.path() if isinstance(reached.step, Kind) or reached.step[0] is not GRADIENT]
    leads = set(roots)  # to a root, by whatever steps
    for reached in reversed(path):
        if not isinstance(reached.step, Kind) and not leads.isdisjoint(range(reached.position, reached.end)):
            leads.update(_operands(reached))
    flows, found, unread = {source}, [], True
    for reached in path:
        if isinstance(reached.step, Kind) or flows.isdisjoint(_operands(reached)):
            continue
        for number, kind in enumerate(reached.kinds):
            position = reached.position + number
            if position not in leads:
                continue
            unread = False
            if kind.requires_grad:
                flows.add(position)
                if reached.step[0].name in FLAT:
                    found.append(_flat(reached))
            else:
                found.append(_cut(reached, kind))
    if unread and source not in leads:
        found.append(Cut("unread", "nothing that is computed of it reaches the loss", None))
    return found


def _operands(state: State) -> list[int]:
    return [x for x in state.step[2] if isinstance(x, int)]


def _flat(state: State) -> Cut:
    name = state.step[0].name
    return Cut("flat", f"{name}(), whose derivative is zero everywhere", state.location)


def _cut(state: State, kind: Kind) -> Cut:
    function, enabled, _, _ = state.step
    if function.name == "detach":
        return Cut("detach", "detach()", state.location)
    if function.name in POSITIONS and kind.dtype.kind in "iu":
        return Cut("positions", f"{function.name.removesuffix('_dim')}(), which gives positions", state.location)
    if kind.dtype.kind == "b":
        return Cut("comparison", f"a comparison ({function.name})", state.location)
    if kind.dtype.kind in "iu":
        return Cut("integer", f"a conversion to {kind.dtype}", state.location)
    if not enabled:
        return Cut("no_grad", f"{function.name} under no_grad()", state.location)
    return Cut("detach", f"{function.name}(), through which no gradient flows", state.location)
