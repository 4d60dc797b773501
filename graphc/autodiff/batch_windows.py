"""Batches of convolutions: more examples where the other operand is shared, else a batch of convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from graphc.autodiff.lanes import Lane
from graphc.ir.graph import Node, Value

if TYPE_CHECKING:
    from graphc.autodiff.batch import Batcher


def windows(batcher: Batcher, node: Node, lanes: Sequence[Lane]) -> Value:
    """The result with the batch as its leading axis."""
    first, *others = lanes
    shared = [lane for lane in others if isinstance(lane, Value)]
    n, *rest = node.inputs[0].dims
    no_batch = len(rest) == len(node.attrs["stride"]) + 1
    if node.op.name == "convolution_weight" or isinstance(first, Value) or len(shared) < len(others) or not no_batch:
        return batcher.F.raw(node.op, tuple(map(batcher.dense, lanes)), node.attrs).output
    F, size = batcher.F, batcher.size
    tall = F.reshape(batcher.dense(first), (size * n, *rest))
    result = F.raw(node.op, (tall, *shared), node.attrs).output
    return F.reshape(result, (size, *node.output.dims))
