"""The way into a compiled function whose arrays are on a device: a printed Python function for one program's calls.

It reaches the arguments by the paths that the trace found, asks ``runtime.cuda_replay`` for the results of a captured
step, and puts them together. Whatever it does not know goes to the fallback, after which it knows it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from graphc.abi import ANY_LENGTH, Build, Check, Step
from graphc.cuda_runner import CudaRunner
from graphc.program import CallPlan
from graphc.runtime.cuda_calls import bare_plan
from graphc.runtime.pycall import check_holds


def device_entry(plan: CallPlan, runner: CudaRunner, fallback: Callable[..., Any]) -> Callable[..., Any]:
    """What serves calls that fit the plan from captured steps, and hands all others to ``fallback``.

    Arguments given by name go there, too.
    """
    steps, checks, wanted = plan.access.steps, plan.access.checks, plan.access.wanted
    space: dict[str, Any] = {
        "fallback": fallback,
        "replays": runner.replays,
        "learn": runner.learn,
        "holds": check_holds,
        "is_": operator.is_,
    }
    lines = [f"    if kwargs or len(args) != {plan.nargs}:", "        return fallback(*args, **kwargs)", "    try:"]
    lines += [f"        {line}" for k, step in enumerate(steps) for line in _reached(k, step, space)]
    conditions = [_condition(number, check, space) for number, check in enumerate(checks)]
    lines += [
        "    except (AttributeError, KeyError, IndexError, TypeError, ValueError):",
        "        return fallback(*args)",
    ]
    if conditions:
        lines += [f"    if not ({' and '.join(conditions)}):", "        return fallback(*args)"]
    objects = "".join(f"o{k}, " for k in wanted)
    lines += [f"    found = replays.fast({objects})", "    if found is None:", "        result = fallback(*args)"]
    lines += [f"        learn(({objects}))", "        return result", f"    return {_result(plan.result, space)}"]
    text = "def entry(*args, **kwargs):\n" + "\n".join(lines) + "\n"
    exec(compile(text, "<cuda entry>", "exec"), space)
    outputs = len(runner.graph.outputs)
    return runner.replays.known.entry(
        bare_plan(plan.nargs, steps, checks, wanted, outputs, plan.result), space["entry"]
    )


def _reached(number: int, step: tuple, space: dict[str, Any]) -> list[str]:
    """How an object is reached; where that fails or leads elsewhere, an error that the printed function catches."""
    match step:
        case (Step.ARG, k):
            return [f"o{number} = args[{k}]"]
        case (Step.CONST, obj):
            space[f"c{number}"] = obj
            return [f"o{number} = c{number}"]
        case (Step.DICT_ITEM, parent, key):
            space[f"c{number}"] = key
            return [f"o{number} = dict.__getitem__(o{parent}, c{number})"]
        case (Step.SEQ_ITEM, parent, index):
            kinds = f"if not isinstance(o{parent}, (tuple, list)): raise TypeError"
            return [kinds, f"o{number} = o{parent}[{index}]"]
        case (Step.CELL, parent):
            return [f"o{number} = o{parent}.cell_contents"]
        case (Step.ATTR, parent, name):
            space[f"c{number}"] = name
            return [f"o{number} = getattr(o{parent}, c{number})"]
        case (Step.APPLY, function, argument):
            return [f"o{number} = o{function}(o{argument})"]
    raise AssertionError(step)


def _condition(number: int, check: tuple, space: dict[str, Any]) -> str:
    match check:
        case (Check.IS, step, expected):
            space[f"k{number}"] = expected
            return f"o{step} is k{number}"
        case (Check.CODE, step, code):
            space[f"k{number}"] = code
            return f"o{step}.__code__ is k{number}"
        case (Check.TYPE_LEN, step, kind, length):
            space[f"k{number}"] = kind
            return f"type(o{step}) is k{number}" + (f" and len(o{step}) == {length}" if length != ANY_LENGTH else "")
    space[f"k{number}"] = check
    general = f"holds(k{number}, {{{check[1]}: o{check[1]}}})"
    if check[0] is not Check.KEYS:
        return general
    space[f"n{number}"], step = check[2], check[1]
    if all(type(key) is str for key in check[2]):  # as a rule, the very ones
        return f"(type(o{step}) is dict and (*o{step},) == n{number} or {general})"
    same = f"len(o{step}) == {len(check[2])} and all(map(is_, o{step}, n{number}))"
    return f"(type(o{step}) is dict and {same} or {general})"


def _result(recipe: tuple[tuple, ...], space: dict[str, Any]) -> str:
    """The expression that puts the outputs together."""
    stack: list[str] = []

    def taken(count: int) -> list[str]:
        parts = stack[len(stack) - count :]
        del stack[len(stack) - count :]
        return parts

    for number, step in enumerate(recipe):
        match step:
            case (Build.LEAF, k):
                stack.append(f"found[{k}]")
            case (Build.NONE,):
                stack.append("None")
            case (Build.TUPLE, count):
                stack.append(f"({''.join(part + ', ' for part in taken(count))})")
            case (Build.LIST, count):
                stack.append(f"[{', '.join(taken(count))}]")
            case (Build.DICT, keys):
                space |= {f"d{number}_{k}": key for k, key in enumerate(keys)}
                parts = enumerate(taken(len(keys)))
                stack.append(f"{{{', '.join(f'd{number}_{k}: {part}' for k, part in parts)}}}")
            case (Build.CALL, function, count):
                space[f"d{number}"] = function
                stack.append(f"d{number}({', '.join(taken(count))})")
    return stack.pop()
