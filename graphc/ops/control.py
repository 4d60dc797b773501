"""Loops and branches: ops that run regions.

``for``     carried..., captures...         (i, carried..., captures...) -> (carried..., stacked...)
            carried stacked trips reverse
``while``   carried..., captures...         (carried..., captures...) -> bool[]  and  -> (carried...)
            carried
``cond``    flag, captures...               (captures...) -> results...  for true, and for false
``checkpoint``  captures...                 (captures...) -> results...

A region is a closed graph: what it reads from outside is an operand of the node, and a parameter of the region. Sizes
are symbols, which regions share with the graph around them. The attrs say how many operands are carried from one
iteration to the next, and how many results of a ``for`` are stacked along a new first axis, one entry an iteration:
that is how a loop saves what its adjoint reads (an entry is pushed there, and popped by a ``read`` at i).
``trips`` is the number of iterations; ``reverse``: i runs from the last to 0, and the entry of i stands at i all the
same. The index i is an int64 scalar that begins at 0.

A ``checkpoint`` is its region, but the adjoint saves nothing that the region computes: it computes it again.

``bind_size`` makes an int64 scalar a size, the value of a symbol in the region where it stands: the iterations of a
``while`` that runs again as a ``for``, or the index of a loop where an array has as many elements. It is not negative;
``limit``, where it is given, is the most that it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.graph import Attrs, Graph, Value
from graphc.ir.opdef import Bind, Control, NotDifferentiable, OfRegions, Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, I64, ArrayType

Types = Sequence[ArrayType]
Run = Callable[..., list[np.ndarray]]  # evaluates a region


def same_types(facts: ShapeFacts, found: Types, wanted: Types) -> bool:
    """Whether dtypes and dims agree; weakness does not matter."""
    if len(found) != len(wanted):
        return False
    return all(
        a.dtype == b.dtype and a.rank == b.rank and all(map(facts.equal, a.dims, b.dims))
        for a, b in zip(found, wanted, strict=True)
    )


def require_types(facts: ShapeFacts, what: str, found: Sequence[Value], wanted: Types) -> None:
    types = [v.type for v in found]
    if not same_types(facts, types, wanted):
        sides = (", ".join(map(str, side)) for side in (types, wanted))
        raise InvalidGraphError("{}: {} where {} are due".format(what, *sides))


def for_type(facts: ShapeFacts, types: Types, attrs: Attrs, regions: Sequence[Graph]) -> tuple[ArrayType, ...]:
    (body,) = regions
    carried = types[: attrs["carried"]]
    require_types(facts, "parameters of a for", body.params, [ArrayType(I64), *types])
    if len(body.outputs) != len(carried) + attrs["stacked"]:
        raise InvalidGraphError(f"for: the body has {len(body.outputs)} outputs")
    require_types(facts, "what a for carries", body.outputs[: len(carried)], carried)
    stacked = [ArrayType(o.type.dtype, (attrs["trips"], *o.dims)) for o in body.outputs[len(carried) :]]
    return (*carried, *stacked)


def while_type(facts: ShapeFacts, types: Types, attrs: Attrs, regions: Sequence[Graph]) -> tuple[ArrayType, ...]:
    condition, body = regions
    carried = types[: attrs["carried"]]
    require_types(facts, "parameters of a while's condition", condition.params, types)
    require_types(facts, "a while's condition", condition.outputs, [ArrayType(BOOL)])
    require_types(facts, "parameters of a while", body.params, types)
    require_types(facts, "what a while carries", body.outputs, carried)
    return tuple(carried)


def cond_type(facts: ShapeFacts, types: Types, attrs: Attrs, regions: Sequence[Graph]) -> tuple[ArrayType, ...]:
    flag, *captures = types
    if not same_types(facts, [flag], [ArrayType(BOOL)]):
        raise InvalidGraphError(f"cond: the flag is {flag}")
    for region in regions:
        require_types(facts, "parameters of a branch", region.params, captures)
    results = [o.type for o in regions[0].outputs]
    require_types(facts, "results of the second branch", regions[1].outputs, results)
    return tuple(ArrayType(t.dtype, t.dims) for t in results)


# --- references: they get the regions as functions --------------------------------------------------------------------


def for_ref(body: Run, *operands: Any, carried: int, stacked: int, trips: int, reverse: bool) -> list[Any]:
    """The carried values and the stacked entries; None for entries of which there are none."""
    state, captures = list(operands[:carried]), operands[carried:]
    entries: list[Any] = [None] * max(trips, 0)
    for i in reversed(range(trips)) if reverse else range(trips):
        results = body(np.int64(i), *state, *captures)
        state, entries[i] = results[:carried], results[carried:]
    columns = zip(*entries, strict=True) if entries else [None] * stacked
    return [*state, *(None if column is None else np.stack(column) for column in columns)]


def while_ref(condition: Run, body: Run, *operands: Any, carried: int) -> list[Any]:
    state, captures = list(operands[:carried]), operands[carried:]
    while condition(*state, *captures)[0]:
        state = body(*state, *captures)
    return state


def cond_ref(first: Run, second: Run, flag: Any, *captures: Any) -> list[Any]:
    return (first if flag else second)(*captures)


def checkpoint_type(facts: ShapeFacts, types: Types, attrs: Attrs, regions: Sequence[Graph]) -> tuple[ArrayType, ...]:
    (region,) = regions
    require_types(facts, "parameters of a checkpoint", region.params, types)
    return tuple(ArrayType(o.type.dtype, o.dims) for o in region.outputs)


def checkpoint_ref(region: Run, *captures: Any) -> list[Any]:
    return region(*captures)


def bind_type(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
    if not same_types(facts, types, [ArrayType(I64)]):
        raise InvalidGraphError(f"bind_size of {', '.join(map(str, types))}")
    return (ArrayType(I64),)


CONTROL = [
    Op("bind_size", Bind(), lambda n, symbol, limit=None: n, NotDifferentiable("a size"), type=bind_type),
    Op("for", Control(), for_ref, OfRegions(), type=for_type),
    Op("while", Control(), while_ref, OfRegions(), type=while_type),
    Op("cond", Control(), cond_ref, OfRegions(), type=cond_type),
    Op("checkpoint", Control(), checkpoint_ref, OfRegions(), type=checkpoint_type),
]
