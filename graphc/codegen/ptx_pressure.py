"""How many registers PTX text holds at once, roughly: which kernels would spill where many blocks are to fit."""

from __future__ import annotations

import re

_REGISTER = re.compile(r"%(rd|fd|rq|r|f|rs)(\d+)\b")
_LABEL = re.compile(r"^(\$?\w+):")
_BRANCH = re.compile(r"\bbra(?:\.uni)?\s+(\$?\w+)")
_FUNCTION = re.compile(r"^\.(?:visible )?\.?(?:entry|func)\b", re.MULTILINE)
_WIDTH = {"rd": 2, "fd": 2, "rq": 4}  # in registers of 32 bits, others one


def pressure(ptx: str) -> int:
    """The most registers of 32 bits whose values are held at once, as the text orders its instructions.

    A value is held from where it is first named to where it is last, and to the end of a loop that it came into from
    outside. The assembler may order otherwise, and finds addresses anew: its number differs by some tenths. Of
    functions that call each other, the one that holds the most.
    """
    starts = [found.start() for found in _FUNCTION.finditer(ptx)]
    return max(_held(ptx[start:end]) for start, end in zip([0, *starts], [*starts, len(ptx)], strict=True))


def _held(ptx: str) -> int:
    """The same of one function."""
    spans: dict[str, list[int]] = {}
    labels: dict[str, int] = {}
    loops: list[tuple[int, int]] = []
    named: list[tuple[int, str]] = []
    for number, line in enumerate(ptx.splitlines()):
        label = _LABEL.match(line)
        if label is not None:
            labels[label.group(1)] = number
        if line.lstrip().startswith("."):
            continue
        branch = _BRANCH.search(line)
        if branch is not None and branch.group(1) in labels:
            loops.append((labels[branch.group(1)], number))
        for found in _REGISTER.finditer(line):
            spans.setdefault(found.group(), [number, number])[1] = number
            named.append((number, found.group()))
    for start, end in sorted(loops, key=lambda loop: loop[1] - loop[0]):
        for number, name in named:
            if start <= number <= end and spans[name][0] < start:
                spans[name][1] = max(spans[name][1], end)
    changes: dict[int, int] = {}
    for name, (first, last) in spans.items():
        width = _WIDTH.get(name[1:].rstrip("0123456789"), 1)
        changes[first] = changes.get(first, 0) + width
        changes[last + 1] = changes.get(last + 1, 0) - width
    held = most = 0
    for number in sorted(changes):
        held += changes[number]
        most = max(most, held)
    return most
