"""Routines for CUDA: each row is sorted or ranked by one thread, and each element searched for by one."""

from __future__ import annotations

from graphc.codegen import routines
from graphc.codegen.sort_routines import sort_alone
from graphc.codegen.text import Lines
from graphc.schedule.program import Call

ROUTINES = ("sort", "search", "ranked", "exchanged")
OWN_ELEMENTS = """
    for element in range(global_index(), count, global_count()):
        row = element // n1
        for e in range(element % n1, element % n1 + 1):"""


def routine_kernel(call: Call) -> str:
    """``NAME(*buffers, *sizes, count)``: ``count`` rows, of a search elements of all rows."""
    names = [f"b{k}" for k in range(len(call.buffers))] + [f"n{k}" for k in range(len(call.sizes))]
    head = f"def NAME({', '.join([*names, 'count'])}):"
    if call.name == "search":
        return head + routines.search(call, OWN_ELEMENTS)
    lines = Lines()
    lines.add("start = count * global_index() // global_count()")
    lines.add("stop = count * (global_index() + 1) // global_count()")
    body = sort_alone(call) if call.name == "sort" else routines.ROUTINES[call.name](call)
    return f"{head}\n{lines}{body}"
