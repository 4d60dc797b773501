"""Convolutions and their gradients as calls of the run time: operands and results are stored as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graphc.abi import CONVOLUTION_BY_SOURCE, CONVOLUTION_BY_WEIGHT, CONVOLUTION_FORWARD, CONVOLUTION_RECTIFIED
from graphc.ir.dims import Dim, floordiv, product
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Windows
from graphc.schedule.program import Convolve

Roles = tuple[int, tuple[Value, Value, Value]]  # what is computed, and which values are source, weight and result


@dataclass(frozen=True)
class WindowCall:
    """A convolution, or a gradient of one, as one call."""

    node: Node

    @property
    def reads(self) -> tuple[Value, ...]:
        return self.node.inputs

    @property
    def makes(self) -> Value:
        return self.node.output


def is_convolution(value: Value) -> bool:
    return value.node is not None and isinstance(value.node.op.kind, Windows)


ROLES: Mapping[str, Callable[[Node], Roles]] = {
    "convolution": lambda node: (CONVOLUTION_FORWARD, (node.inputs[0], node.inputs[1], node.output)),
    "convolution_source": lambda node: (CONVOLUTION_BY_SOURCE, (node.output, node.inputs[1], node.inputs[0])),
    "convolution_weight": lambda node: (CONVOLUTION_BY_WEIGHT, (node.inputs[0], node.output, node.inputs[1])),
}


def make_convolution(call: WindowCall, stored: Mapping[Value, int]) -> Convolve:
    """The call, over the whole batch; of one axis it makes two, of which the first has one place."""
    node, attrs = call.node, call.node.attrs
    assert isinstance(node.op.kind, Windows)
    flags, arrays = ROLES[node.op.name](node)
    flags |= CONVOLUTION_RECTIFIED if attrs.get("rectified") else 0
    x, weight, y = arrays
    spatial = len(attrs["stride"])
    *batch, n, _ = x.dims[: x.rank - spatial]
    groups, (o, c) = attrs["groups"], weight.dims[weight.rank - spatial - 2 : weight.rank - spatial]
    axes: list[Dim] = [] if spatial == 2 else [1, 1, 1, 1, 0, 1]
    for k, three in enumerate(zip(attrs["stride"], attrs["padding"], attrs["dilation"], strict=True)):
        axes += [*(v.dims[v.rank - spatial + k] for v in arrays), *three]
    return Convolve(
        node.output.type.short,
        flags,
        product(batch),
        [n, groups, c, floordiv(o, groups), *axes],
        stored[x],
        stored[weight],
        stored[y],
        stored[node.inputs[2]] if len(node.inputs) > 2 else None,
        node.op.kind.work(node),
        str(node.location or "").rsplit("/", 1)[-1],
    )
