"""References to Python objects in the native entry. See ``entry_accept``.

Counts are changed in place; a call of the C API takes five times as long. It is made where an object may die, and for
immortal objects (from CPython 3.12 on), whose count reads as negative here.
"""

from __future__ import annotations

from graphc.runtime.entry_layout import Head
from graphc.runtime.machine_code import call, inline, load, load32, store
from graphc.runtime.object_layout import Offset


@inline
def take(plan: int, item: int) -> int:
    """One more reference."""
    if load32(item + Offset.REFERENCES) > 0:
        store(item + Offset.REFERENCES, load(item + Offset.REFERENCES) + 1)
    else:
        call(load(plan + Head.INCREF), item)
    return 1


def drop(plan: int, start: int, end: int) -> int:
    """Give back the references from start to end; 0 is none."""
    while start < end:
        item = load(start)
        if item:
            if load32(item + Offset.REFERENCES) > 1:
                store(item + Offset.REFERENCES, load(item + Offset.REFERENCES) - 1)
            else:
                call(load(plan + Head.DECREF), item)
        start += 8
    return 0
