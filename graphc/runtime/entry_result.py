"""The native entries' last step: the outputs put together by the plan's recipe. See ``entry_accept``."""

from __future__ import annotations

from graphc.abi import Build
from graphc.runtime.entry_layout import BuildField, Head
from graphc.runtime.entry_references import drop, take
from graphc.runtime.machine_code import call, call_int, inline, load, store
from graphc.runtime.object_layout import Offset


@inline
def build_result(plan: int, frame: int) -> int:
    """Run the recipe; the stack owns its references."""
    step = plan + load(plan + Head.RESULT)
    end = plan + load(plan + Head.RESULT_END)
    bottom = frame + load(plan + Head.FRAME_STACK)
    top = bottom
    while step < end:
        op = load(step + BuildField.OP)
        built = load(step + BuildField.OPERAND)
        if op == Build.LEAF:
            built = load(frame + built)
            take(plan, built)
        elif op == Build.NONE:
            call(load(plan + Head.INCREF), built)
        else:
            top -= 8 * load(step + BuildField.COUNT)
            built = build_container(plan, step, top)
            if built == 0:
                drop(plan, bottom, top)
                return 0
        store(top, built)
        top += 8
        step += BuildField.SIZE
    return load(bottom)


def build_container(plan: int, step: int, values: int) -> int:
    """A new object made of the values, whose references are used up; or 0 with an exception set."""
    op = load(step + BuildField.OP)
    operand = load(step + BuildField.OPERAND)
    count = load(step + BuildField.COUNT)
    built = 0
    if op == Build.TUPLE:
        built = call(load(plan + Head.TUPLE_NEW), count)
        if built:
            for k in range(count):
                store(built + Offset.TUPLE_ITEMS + 8 * k, load(values + 8 * k))
            return built
    elif op == Build.LIST:
        built = call(load(plan + Head.LIST_NEW), count)
        if built:
            for k in range(count):
                call(load(plan + Head.LIST_SET), built, k, load(values + 8 * k))
            return built
    elif op == Build.DICT:
        built = build_dict(plan, operand, plan + load(step + BuildField.KEYS), values, count)
    else:
        built = call(load(plan + Head.VECTORCALL), operand, values, count, 0)
    drop(plan, values, values + 8 * count)
    return built


def build_dict(plan: int, template: int, keys: int, values: int, count: int) -> int:
    """Copying a dict that has the keys already is quicker than growing an empty one."""
    built = call(load(plan + Head.DICT_COPY), template)
    if built == 0:
        return 0
    for k in range(count):
        if call_int(load(plan + Head.DICT_SET), built, load(keys + 8 * k), load(values + 8 * k)) != 0:
            call(load(plan + Head.DECREF), built)
            return 0
    return built
