"""Nodes that a routine computes, as calls: how many rows or matrices, of what sizes, and what is needed to work in.

A routine's operands and results are stored as they are, C-contiguous. What it works in is made for each row or matrix,
so that several threads may work on different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.dims import Dim, dim_max, dim_min, product
from graphc.ir.graph import Node
from graphc.schedule.program import FEW, LONG_ROW, REVERSE_BLOCK, Call, Section, Storage

Work = tuple[str, Dim]  # dtype ("" for that of the first operand) and elements, for one row or matrix


@dataclass(frozen=True)
class Plan:
    """``core``: the number of axes of the first operand that are no batch; ``sizes``, ``room`` and ``work`` (rough
    operations) of one row or matrix."""

    core: int
    sizes: Callable[[Node], list[Dim]]
    room: Callable[..., list[Work]] = lambda *sizes: []
    work: Callable[..., Dim] = lambda *sizes: product(sizes)


def _last(count: int, operand: int = 0) -> Callable[[Node], list[Dim]]:
    """The last axes of an operand."""
    return lambda node: list(node.inputs[operand].dims[node.inputs[operand].rank - count :])


def _before_pairs(count: int, operand: int = 0) -> Callable[[Node], list[Dim]]:
    """Those before the axis of real and imaginary part."""
    return lambda node: _last(count + 1, operand)(node)[:-1]


def _cubic(*sizes: Dim) -> Dim:
    return product(sizes) * sizes[-1]


def _eigen_room(n: Dim) -> list[Work]:
    return [("", 2 * n * n + 6 * n + 1), ("i64", 5 * n + 3)]


def _eigen_pairs_room(n: Dim) -> list[Work]:
    return [("", 2 * (n * n + 2 * n)), ("", 2 * n * n + 5 * n + 1), ("i64", 5 * n + 3)]


def _singular_room(m: Dim, n: Dim) -> list[Work]:
    k = dim_min(m, n)
    return [("", m * n), ("", 4 * k * k + 7 * k + 64 * (m + n) + 1), ("i64", 8 * k + 1)]


def _singular_pairs_room(m: Dim, n: Dim) -> list[Work]:
    k = dim_min(m, n)
    complex_room, real_room = 2 * (k * k + 67 * (m + n) + 1), 5 * k * k + 7 * k + 2 * dim_max(m, n) * k + 1
    return [("", 2 * m * n), ("", complex_room), ("", real_room), ("i64", 8 * k + 1)]


def _orthogonal_room(width: int) -> Callable[..., list[Work]]:
    return lambda m, n: [("", width * n), ("", width * (64 * dim_max(m, n) + 1))]


def _exchanges(m: Dim, n: Dim) -> list[Work]:
    return [("i64", dim_min(m, n))]


def _sort_room(n: Dim) -> list[Work]:
    is_long = dim_min(n // LONG_ROW, 1)
    return [("", n * (1 - is_long)), ("i64", n * (1 - is_long)), ("i64", 4 * n * is_long), ("i64", 2048 * is_long)]


def _ranked_room(n: Dim, ranks: Dim) -> list[Work]:
    return [("i64", 3 * n), ("i64", 512 * dim_min(n // FEW, 1))]


PLANS: Mapping[str, Plan] = {
    "sort": Plan(1, _last(1), _sort_room, lambda n: 100 * n),
    "ranked": Plan(1, lambda node: [node.inputs[0].dims[-1], node.inputs[1].dims[-1]], _ranked_room,
                   lambda n, m: 20 * n * (m + 1)),
    "search": Plan(1, lambda node: [node.inputs[0].dims[-1], node.inputs[1].dims[-1]], work=lambda n, m: 40 * m),
    "lu": Plan(2, _last(2), _exchanges, _cubic),
    "cholesky_factor": Plan(2, _last(1), work=lambda n: n * n * n),
    "cholesky_reverse": Plan(2, _last(1), lambda n: [("", REVERSE_BLOCK**2)], lambda n: n * n * n),
    "triangular_solve": Plan(2, _last(2, 1), work=lambda n, k: n * n * k),
    "symmetric_eigen": Plan(2, _last(1), _eigen_room, lambda n: 9 * n * n * n),
    "singular": Plan(2, _last(2), _singular_room, lambda m, n: 20 * m * n * dim_min(m, n)),
    "exchanged": Plan(1, _last(1), work=lambda n: 10 * n),
    "orthogonal": Plan(2, _last(2), _orthogonal_room(1), lambda m, n: 4 * m * n * n),
    "eigen_of_real": Plan(2, _last(1), lambda n: [("", n * n), ("", n * n + 66 * n + 1)], lambda n: 25 * n * n * n),
    "lu_pairs": Plan(3, _before_pairs(2), _exchanges, lambda m, n: 4 * _cubic(m, n)),
    "cholesky_factor_pairs": Plan(3, _before_pairs(1), work=lambda n: 4 * n * n * n),
    "triangular_solve_pairs": Plan(3, _before_pairs(2, 1), lambda n, k: [("", 2)], lambda n, k: 4 * n * n * k),
    "symmetric_eigen_pairs": Plan(3, _before_pairs(1), _eigen_pairs_room, lambda n: 36 * n * n * n),
    "singular_pairs": Plan(3, _before_pairs(2), _singular_pairs_room, lambda m, n: 80 * m * n * dim_min(m, n)),
    "orthogonal_pairs": Plan(3, _before_pairs(2), _orthogonal_room(2), lambda m, n: 16 * m * n * n),
    "eigen_pairs": Plan(3, _before_pairs(1), lambda n: [("", 2 * n * n), ("", 130 * n + 1), ("", 2 * n)],
                        lambda n: 100 * n * n * n),
    "fft_pairs": Plan(2, lambda node: [node.inputs[0].dims[-2]] * 2, work=lambda n, m: 40 * n),
    "rfft_pairs": Plan(1, lambda node: [node.inputs[0].dims[-1], node.output.dims[-2]], work=lambda n, m: 20 * n),
    "irfft_pairs": Plan(2, lambda node: [node.inputs[0].dims[-2], node.output.dims[-1]], work=lambda m, n: 20 * n),
}  # fmt: skip


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
