"""The last part of the native way of a captured step (``cuda_call_code``): what is written, computed and asked for.

Under the program's lock, which a call that finds it taken does not wait for.
"""

from __future__ import annotations

from graphc.runtime.cuda_call_layout import Call, Host, Repeat, Table, Write
from graphc.runtime.cuda_submit_code import graphc_submit
from graphc.runtime.entry_layout import Frame, Head
from graphc.runtime.entry_references import drop, take
from graphc.runtime.machine_code import call, call_int, inline, load, stack, store

RAISED = 1


@inline
def hold_owner(plan: int, place: int, owner: int) -> int:
    take(plan, owner)
    store(place, owner)
    return 1


def asked(plan: int, frame: int, table: int, known: int, words: int) -> int:
    """Ask the driver for all of it, if no other thread runs the program now."""
    answer = stack(8)
    store(answer, call(load(plan + Head.VECTORCALL), load(table + Table.ACQUIRE), table + Table.FALSE, 1, 0))
    if load(answer) == 0:
        store(frame + Frame.STATUS, RAISED)
        return 0
    is_ours = load(answer) - load(table + Table.TRUE)
    drop(plan, answer, answer + 8)
    if is_ours != 0:
        return 0
    done = asked_alone(plan, frame, table, known, words)
    error = stack(24)
    if done == 0:  # Python runs nothing while there is an exception
        call(load(table + Table.SET_ASIDE), error, error + 8, error + 16)
    store(answer, call(load(plan + Head.VECTORCALL), load(table + Table.RELEASE), answer, 0, 0))
    drop(plan, answer, answer + 8)
    if done == 0:
        call(load(table + Table.RAISE), load(error), load(error + 8), load(error + 16))
    return done


@inline
def asked_alone(plan: int, frame: int, table: int, known: int, words: int) -> int:
    live = load(table + Table.LIVE)
    if load(live) != load(known + Call.VERSION) or load(live + 8) != load(known + Call.STREAM):
        return 0
    repeat = known_repeat(known, words)
    if repeat == 0:
        return 0
    sizes = load(known + Call.SIZES)
    if sizes and set_sizes(table, sizes) != 0:
        store(frame + Frame.STATUS, RAISED)
        return 0
    write = load(known + Call.WRITES)
    end = load(known + Call.WRITES_END)
    while write < end:
        store(load(write + Write.TARGET), load(words + load(write + Write.SOURCE)))
        write += Write.SIZE
    host = load(known + Call.HOST)
    if host and numbers_computed(host) == 0:
        return 0
    owner = stack(8)
    hold_owner(plan, owner, load(repeat + Repeat.OWNER))
    done = submitted(plan, frame, load(repeat + Repeat.BLOCK), load(owner))
    drop(plan, owner, owner + 8)
    return done


@inline
def numbers_computed(host: int) -> int:
    status = stack(16)
    failed = call_int(
        load(host + Host.DRIVER), status, status + 8, load(host + Host.ARGUMENTS), load(host + Host.SYMBOLS),
        load(host + Host.ARENA), load(host + Host.TABLE),
    )  # fmt: skip
    if failed != 0 or load(status) != 0:
        return 0
    return 1


@inline
def set_sizes(table: int, sizes: int) -> int:
    """Note the sizes for the message of a check that fails."""
    return call_int(load(table + Table.SET_ATTRIBUTE), load(table + Table.LOADED), load(table + Table.ASKED), sizes)


@inline
def known_repeat(known: int, words: int) -> int:
    """The graph that writes results at these addresses, or 0."""
    fixed = load(known + Call.FIXED)
    count = load(known + Call.FIXED_END) - fixed
    repeat = load(known + Call.REPEATS)
    end = load(known + Call.REPEATS_END)
    while repeat < end:
        at = 0
        while at < count and load(repeat + Repeat.SIZE + at) == load(words + load(fixed + at)):
            at += 8
        if at == count:
            return repeat
        repeat += Repeat.SIZE + count
    return 0


@inline
def submitted(plan: int, frame: int, block: int, repeat: int) -> int:
    """Without the GIL, since a full queue is waited for; or by a call from Python, where there is no block.

    Called with a status, ``repeat`` raises what it stands for.
    """
    answer = stack(8)
    if block == 0:
        store(answer, call(load(plan + Head.VECTORCALL), repeat, answer, 0, 0))
    else:
        thread = call(load(plan + Head.SAVE_THREAD))
        status = graphc_submit(block)
        call(load(plan + Head.RESTORE_THREAD), thread)
        if status == 0:
            return 1
        store(answer, call(load(plan + Head.FROM_INT64), status))
        if load(answer):
            raised = call(load(plan + Head.VECTORCALL), repeat, answer, 1, 0)
            drop(plan, answer, answer + 8)
            store(answer, raised)
    if load(answer) == 0:
        store(frame + Frame.STATUS, RAISED)
        return 0
    drop(plan, answer, answer + 8)
    return 1
