"""Matrix products as library calls, with transposes folded into flags and batches into strides."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.abi import GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.ir.dims import product
from graphc.ir.graph import Node, Value
from graphc.schedule.loopnest import Gemm
from graphc.schedule.tasks import matmul_operand


def make_gemm(node: Node, stored: Mapping[Value, int]) -> Gemm:
    """The call that computes the node's product; both operands and the result are C-contiguous."""
    (a, flip_a), (b, flip_b) = (matmul_operand(v) for v in node.inputs)
    result = node.output
    *batch, m, k = node.inputs[0].dims
    n = result.dims[-1]
    flags = (GEMM_TRANSPOSE_A if flip_a else 0) | (GEMM_TRANSPOSE_B if flip_b else 0)
    leading = (m if flip_a else k, k if flip_b else n, n)
    strides = (m * k, k * n, m * n)
    comment = str(node.location or "").rsplit("/", 1)[-1]
    return Gemm(
        result.type.short,
        flags,
        product(batch),
        m,
        n,
        k,
        stored[a],
        stored[b],
        stored[result],
        strides,
        leading,
        comment,
    )
