"""Nodes that a routine computes, as calls: how many rows or matrices, of what sizes, and what is needed to work in.

A routine's operands and results are stored as they are, C-contiguous. What it works in is made for each row or matrix,
so that several threads may work on different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.dims import Dim, dim_max, dim_min, product
from graphc.ir.graph import Node
from graphc.schedule.program import Call, Section, Storage

Work = tuple[str, Dim]  # dtype ("" for that of the first operand) and elements, for one row or matrix


@dataclass(frozen=True)
class Plan:
    """``core``: the number of axes of the first operand that are no batch; ``sizes``, ``room`` and ``work`` (rough
    operations) of one row or matrix."""

    core: int
    sizes: Callable[[Node], list[Dim]]
    room: Callable[..., list[Work]] = lambda *sizes: []
    work: Callable[..., Dim] = lambda *sizes: product(sizes)


def _last(count: int) -> Callable[[Node], list[Dim]]:
    return lambda node: list(node.inputs[0].dims[len(node.inputs[0].dims) - count :])


def _cubic(*sizes: Dim) -> Dim:
    return product(sizes) * sizes[-1]


def _eigen_room(n: Dim) -> list[Work]:
    return [("", 2 * n * n + 6 * n + 1), ("i64", 5 * n + 3)]


def _singular_room(m: Dim, n: Dim) -> list[Work]:
    k = dim_min(m, n)
    return [("", m * n), ("", 4 * k * k + 7 * k + 64 * (m + n) + 1), ("i64", 8 * k + 1)]


PLANS: Mapping[str, Plan] = {
    "sort": Plan(1, _last(1), lambda n: [("", n), ("i64", n)], lambda n: 100 * n),
    "search": Plan(1, lambda node: [node.inputs[0].dims[-1], node.inputs[1].dims[-1]], work=lambda n, m: 40 * m),
    "lu": Plan(2, _last(2), lambda m, n: [("i64", dim_min(m, n))], _cubic),
    "cholesky_factor": Plan(2, _last(1), work=lambda n: n * n * n),
    "triangular_solve": Plan(2, lambda node: list(node.inputs[1].dims[-2:]), work=lambda n, k: n * n * k),
    "symmetric_eigen": Plan(2, _last(1), _eigen_room, lambda n: 9 * n * n * n),
    "singular": Plan(2, _last(2), _singular_room, lambda m, n: 20 * m * n * dim_min(m, n)),
    "fft_pairs": Plan(2, lambda node: [node.inputs[0].dims[-2]] * 2, work=lambda n, m: 40 * n),
    "rfft_pairs": Plan(1, lambda node: [node.inputs[0].dims[-1], node.output.dims[-2]], work=lambda n, m: 20 * n),
    "irfft_pairs": Plan(2, lambda node: [node.inputs[0].dims[-2], node.output.dims[-1]], work=lambda m, n: 20 * n),
    "orthogonal": Plan(2, _last(2), lambda m, n: [("", n), ("", 64 * dim_max(m, n) + 1)], lambda m, n: 4 * m * n * n),
}


def routine_call(node: Node, operands: Sequence[Storage], results: Sequence[Storage]) -> Section:
    """The node as one call over its whole batch."""
    plan, first = PLANS[node.op.name], node.inputs[0]
    sizes = plan.sizes(node)
    count = product(first.dims[: first.rank - plan.core])
    room = [
        Storage("arena", -1, dtype or first.type.short, dim_max(elements * count, 1))
        for dtype, elements in plan.room(*sizes)
    ]
    storage = [*operands, *results, *room]
    flags = tuple(name for name in sorted(node.attrs) if node.attrs[name] is True)
    call = Call(
        node.op.name,
        flags,
        first.type.short,
        list(range(len(storage))),
        sizes,
        count,
        plan.work(*sizes),
        str(node.location or "").rsplit("/", 1)[-1],
    )
    return Section(storage, [call])
