"""The order of the passes, and the one place where each can be watched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from graphc.ir.graph import Graph
from graphc.ir.opdef import Op
from graphc.ir.shapes import ShapeFacts
from graphc.passes.algebra import ALGEBRA_RULES
from graphc.passes.blocks import read_blocks
from graphc.passes.branch_reads import read_before_branches
from graphc.passes.branch_sums import additions_into_branches
from graphc.passes.branches import branches_as_selects
from graphc.passes.broadcasts import broadcast_rules
from graphc.passes.casts import CAST_RULES
from graphc.passes.common import eliminate_common
from graphc.passes.constants import constant_rules
from graphc.passes.dead_code import eliminate_dead_code
from graphc.passes.independent import independent_loops_as_arrays
from graphc.passes.indices import settle_indices
from graphc.passes.invariants import invariants_before_loops
from graphc.passes.joins import JOIN_RULES
from graphc.passes.movement import MOVEMENT_RULES
from graphc.passes.rewriter import Pass, Rules, merge_rules, rewrite
from graphc.passes.scatter import SCATTER_RULES
from graphc.passes.shifts import cut_cancelling_shifts
from graphc.passes.small_arrays import small_arrays_as_numbers
from graphc.passes.sums import SUM_RULES
from graphc.passes.transposes import transpose_rules
from graphc.passes.updates import UPDATE_RULES, join_pieces

Hook = Callable[[str, Graph, Graph], None]


class _Table:
    """An op table by identity, so that its rules are merged once."""

    def __init__(self, ops: Mapping[str, Op]):
        self.ops = ops

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self.ops is other.ops

    def __hash__(self) -> int:
        return id(self.ops)


@lru_cache(maxsize=8)
def _local_rules(table: _Table) -> Rules:
    ops = table.ops
    return merge_rules(
        (
            constant_rules(ops),
            CAST_RULES,
            ALGEBRA_RULES,
            MOVEMENT_RULES,
            JOIN_RULES,
            broadcast_rules(ops),
            transpose_rules(ops),
            SUM_RULES,
            SCATTER_RULES,
            UPDATE_RULES,
        )
    )


def simplify(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Every local rule in one walk: constants, casts, algebra, movement, broadcasts, transposes, sums, writes."""
    return rewrite(graph, ops, _local_rules(_Table(ops)), "local rules")


PASSES: tuple[Pass, ...] = (
    eliminate_dead_code,
    read_blocks,
    eliminate_common,
    simplify,
    join_pieces,
    settle_indices,
    branches_as_selects,
    read_before_branches,
    additions_into_branches,
    independent_loops_as_arrays,
    small_arrays_as_numbers,
    invariants_before_loops,
    cut_cancelling_shifts,
)
MAX_ROUNDS = 6  # each round sees what the one before made; graphs settle in two or three


def optimize(graph: Graph, ops: Mapping[str, Op], hook: Hook | None = None) -> Graph:
    """The graph after every pass, in rounds until none changes it. A pass that changes nothing returns its argument.

    ``hook(pass name, before, after)`` is called after each pass that changed the graph: to dump, verify or time.
    """
    settled = 0  # passes in a row that changed nothing
    for run_pass in PASSES * MAX_ROUNDS:
        before, graph = graph, run_pass(graph, ops)
        if hook is not None and graph is not before:
            hook(run_pass.__name__, before, graph)
        settled = settled + 1 if graph is before else 0
        if settled == len(PASSES):
            break
    return graph


def optimize_region(region: Graph, ops: Mapping[str, Op], facts: ShapeFacts) -> Graph:
    """The same for a region by itself, where the facts are those of the graph around it; its parameters stay."""
    guarded = Graph(region.name, region.params, region.nodes, region.outputs, tuple(facts.guards))
    result = optimize(guarded, ops)
    return Graph(region.name, result.params, result.nodes, result.outputs)
