"""Forward mode through regions: the tangent of each marked value is carried and captured beside the value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import carried, lead, own_params, results_of
from graphc.ir.shapes import ShapeFacts

Slots = tuple[Value | None, ...]
JvpRegion = Callable[[Graph, Mapping[str, Op], ShapeFacts], Graph]


def push_regions(F: Builder, node: Node, tangents: Slots, jvp_region: JvpRegion) -> tuple[tuple[Value, ...], Slots]:
    """Append the node with tangents beside everything; what stands for the node's outputs, and their tangents.

    ``jvp_region(region)`` has as parameters also the tangent of each marked one, and as outputs also the tangent of
    each floating one. A branch that does not depend on a marked operand leaves its tangent unread.
    """
    count, first = carried(node), lead(node)
    operands = node.inputs[first:]
    marked = _marked_operands(node)
    moving = [k for k, o in enumerate(node.outputs) if any(r.outputs[k].grad for r in results_of(node)) or k in marked]
    moving = [k for k in moving if node.outputs[k].type.is_float]
    state = sorted(k for k in {*marked, *moving} if k < count)  # one that the body never reads may still move
    given = {k: tangents[k + first] or F.zeros(operands[k].type) for k in (*state, *marked)}
    rest = [k for k in marked if k >= count]
    before, after = [given[k] for k in state], [given[k] for k in rest]
    inputs = (*node.inputs[:first], *operands[:count], *before, *operands[count:], *after)
    attrs = dict(node.attrs)
    if "carried" in attrs:
        attrs["carried"] = count + len(state)
    stacked = [k for k in moving if k >= count]
    if "stacked" in attrs:
        attrs["stacked"] += len(stacked)
    regions = tuple(_moved(F, node, r, (state, rest), stacked, jvp_region) for r in node.regions)
    results = F.raw(node.op, inputs, attrs, regions).outputs
    found: list[Value | None] = [None] * len(node.outputs)
    for k, value in zip(state, results[count:], strict=False):
        found[k] = value
    for k, value in zip(stacked, results[len(results) - len(stacked) :], strict=True):
        found[k] = value
    primal = (*results[:count], *results[count + len(state) : len(results) - len(stacked)])
    for old, fresh in zip(node.outputs, primal, strict=True):
        fresh.grad = old.grad
    return primal, tuple(found)


def _marked_operands(node: Node) -> list[int]:
    own = own_params(node)
    columns = zip(*(region.params[own:] for region in node.regions), strict=True)
    return [k for k, params in enumerate(columns) if any(p.grad for p in params)]


def _moved(
    F: Builder,
    node: Node,
    region: Graph,
    marked: tuple[Sequence[int], Sequence[int]],
    stacked: Sequence[int],
    jvp_region: JvpRegion,
) -> Graph:
    """(own..., carried..., their tangents..., captures..., their tangents...) -> results with tangents beside them."""
    own, count = own_params(node), carried(node)
    both = jvp_region(region, F.ops, F.facts)
    old = both.params[: len(region.params)]
    by_param = dict(zip((p for p in region.params if p.grad), both.params[len(old) :], strict=True))
    state, rest = (
        [by_param.get(region.params[own + k]) or Value(region.params[own + k].type, name=f"t{k}") for k in side]
        for side in marked
    )
    params = (*old[: own + count], *state, *old[own + count :], *rest)
    outputs = both.outputs[: len(region.outputs)]
    if region not in results_of(node):
        return Graph(both.name, params, both.nodes, outputs)
    floats = (k for k, o in enumerate(region.outputs) if o.type.is_float)
    moved = dict(zip(floats, both.outputs[len(outputs) :], strict=True))
    new = (*outputs[:count], *(moved[k] for k in marked[0]), *outputs[count:], *(moved[k] for k in stacked))
    return Graph(both.name, params, both.nodes, new)
