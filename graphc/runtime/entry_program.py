"""The native entry: from a call's Python objects to the driver and back, in the restricted Python of ``machine_code``.

``graphc_enter`` is a METH_FASTCALL | METH_KEYWORDS function whose ``self`` is an int64 array, the descriptor of a
plan. The code knows nothing of any one plan, so one object file serves every program. The GIL is held everywhere but
inside the driver: plain reads and writes are atomic enough.
"""

from __future__ import annotations

from graphc.runtime.entry_accept import (
    WITH_OUT,
    accepts,
    copies_strided,
    dims_fit,
    guards_hold,
    inputs_fit,
    reach,
)
from graphc.runtime.entry_execute import execute
from graphc.runtime.entry_layout import LARGEST_STACK_FRAME, Frame, Head
from graphc.runtime.entry_out import given_fit
from graphc.runtime.entry_references import drop
from graphc.runtime.machine_code import call, call_int, inline, load, stack, store
from graphc.runtime.object_layout import Offset

MISS, HIT, RAISED = 0, 1, 2


def graphc_enter(self: int, arguments: int, nargs: int, keywords: int) -> int:
    plan = load(self + Offset.ARRAY_DATA)
    size = load(plan + Head.FRAME_BYTES)
    memory = 0
    if size <= LARGEST_STACK_FRAME:
        frame = stack(size)
    else:
        memory = call(load(plan + Head.RAW_MALLOC), size)
        if memory == 0:
            return call(load(plan + Head.NO_MEMORY))
        frame = memory
    result = serve(plan, frame, arguments, nargs, keywords)
    if memory:
        call(load(plan + Head.RAW_FREE), memory)
    return result


@inline
def serve(plan: int, frame: int, arguments: int, nargs: int, keywords: int) -> int:
    held = frame + load(plan + Head.FRAME_HELD)
    store(frame + Frame.HELD_END, held)
    verdict = MISS
    accepted = accepts(plan, arguments, nargs, keywords)
    if accepted:
        store(frame + Frame.OUT, 0)
        if accepted == WITH_OUT:
            store(frame + Frame.OUT, 1)
        verdict = judge(plan, frame, arguments)
    result = 0
    if verdict == HIT:
        result = execute(plan, frame)
        if result == 0 and call(load(plan + Head.ERROR_OCCURRED)) == 0:
            verdict = MISS
    drop(plan, held, load(frame + Frame.HELD_END))
    if verdict == MISS:
        result = call(load(plan + Head.VECTORCALL), load(plan + Head.FALLBACK), arguments, nargs, keywords)
    return result


@inline
def judge(plan: int, frame: int, arguments: int) -> int:
    """HIT, MISS or RAISED. An ordinary exception on the way (a missing attribute) is a miss."""
    if (
        reach(plan, frame, arguments, plan + Head.STEPS)
        and inputs_fit(plan, frame)
        and dims_fit(plan, frame)
        and guards_hold(plan, frame)
        and takes_out(plan, frame, arguments)
        and (not load(frame + Frame.STRIDED) or copies_strided(plan, frame))
    ):
        return HIT
    if call(load(plan + Head.ERROR_OCCURRED)) != 0:
        if call_int(load(plan + Head.ERROR_MATCHES), load(plan + Head.EXCEPTION_TYPE)) == 0:
            return RAISED
        call(load(plan + Head.ERROR_CLEAR))
    return MISS


@inline
def takes_out(plan: int, frame: int, arguments: int) -> int:
    if load(frame + Frame.OUT) and not reach(plan, frame, arguments, plan + Head.OUT_STEPS):
        return 0
    if load(frame + Frame.OUT):
        return given_fit(plan, frame)
    return 1
