"""A C function with any prototype around a site (``direct``): generated code, no Python, no GIL.

The function's parameters are put into words on the stack, whatever their types; ``serve``, in restricted Python, does
the rest. What goes wrong is the status: see ``direct_layout``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from graphc.runtime.direct_layout import UNSERVED, WRONG_OUTPUT, RecordField

_LLVM = {("f", 8): "double", ("f", 4): "float"}


@dataclass(frozen=True)
class Words:
    """Which word of the parameters is what. ``sizes``: for each size that a site takes, a word's number or an int.

    ``inputs``: for each argument its word, and whether that word is its address already (else it is the number
    itself). ``outputs``: for each output the word of its address (None: it is not wanted; -1: it is returned), its
    dtype's bytes, and its sizes as the prototype has them (None where it has none).
    """

    sizes: tuple[tuple[str, int], ...]
    inputs: tuple[tuple[int, bool], ...]
    outputs: tuple[tuple[int | None, int, tuple[tuple[str, int], ...] | None], ...]
    ranks: tuple[int, ...]


def serve_source(words: Words, returned: int) -> str:
    """The function ``serve(site, find, words)`` (str); the word number ``returned`` takes what the function returns."""
    count = len(words.inputs)
    lines = ["def serve(site, find, words):", f"sizes = stack({8 * len(words.sizes) + 8})"]
    lines += [f"dims = stack({8 * sum(words.ranks) + 8})", f"arguments = stack({8 * (count + len(words.outputs)) + 8})"]
    lines += [f"store(sizes + {8 * k}, {_size(size)})" for k, size in enumerate(words.sizes)]
    for k, (number, is_address) in enumerate(words.inputs):
        place = f"words + {8 * number}"
        lines.append(f"store(arguments + {8 * k}, {f'load({place})' if is_address else place})")
    lines += ["record = call(find, site, sizes, dims)", f"if record == 0: return {UNSERVED}"]
    lines += ["scratch = 0", "missing = 0"]
    start = 0
    for k, ((word, size, wanted), rank) in enumerate(zip(words.outputs, words.ranks, strict=True)):
        slot = f"arguments + {8 * (count + k)}"
        own = [f"load(dims + {8 * (start + axis)})" for axis in range(rank)]
        start += rank
        lines += [
            f"if {actual} != {_size(due)}: return {WRONG_OUTPUT}"
            for actual, due in zip(own, wanted or (), strict=False)
        ]
        address = f"words + {8 * returned}" if word == -1 else "0" if word is None else f"load(words + {8 * word})"
        lines.append(f"store({slot}, {address})")
        room = " * ".join([str(size), *own])
        lines += [f"if load({slot}) == 0: missing = missing + ({room} + 63 & -64)"]
    lines += ["if missing:", f"    scratch = call(load(record + {int(RecordField.MALLOC)}), missing)"]
    lines += ["    if scratch == 0: return -1", "    free = scratch"]
    lines += _scratch_lines(words, count)
    lines += [f"status = call(load(record + {int(RecordField.RUN)}), record, sizes, arguments)"]
    lines += [f"if scratch: call(load(record + {int(RecordField.FREE)}), scratch)", "return status"]
    return "\n    ".join(lines) + "\n"


def _scratch_lines(words: Words, count: int) -> list[str]:
    """Memory for outputs that the caller does not want: a null pointer says so at the call."""
    lines, start = [], 0
    for k, ((_, size, _), rank) in enumerate(zip(words.outputs, words.ranks, strict=True)):
        slot = f"arguments + {8 * (count + k)}"
        room = " * ".join([str(size), *(f"load(dims + {8 * (start + axis)})" for axis in range(rank))])
        start += rank
        lines += [
            f"    if load({slot}) == 0:",
            f"        store({slot}, free)",
            f"        free = free + ({room} + 63 & -64)",
        ]
    return lines


def _size(size: tuple[str, int]) -> str:
    kind, number = size
    return f"load(words + {8 * number})" if kind == "word" else f"({number})"


def wrapper_ir(name: str, parameters: Sequence[np.dtype | None], result: np.dtype | None, site: str, find: str) -> str:
    """The C function as textual LLVM IR. A parameter of None is an address. ``site`` and ``find``: their addresses."""
    types = ["ptr" if dtype is None else llvm_type(dtype) for dtype in parameters]
    count = len(types)
    head = ", ".join(f"{kind} %p{k}" for k, kind in enumerate(types))
    returned = "void" if result is None else llvm_type(result)
    lines = [f"define {returned} @{name}({head}) {{", f"  %words = alloca [{count + 1} x i64], align 16"]
    for k, (kind, dtype) in enumerate(zip(types, parameters, strict=True)):
        lines.append(f"  %at{k} = getelementptr i64, ptr %words, i64 {k}")
        if dtype is not None and dtype.kind in "iu" and dtype.itemsize < 8:
            lines.append(f"  %w{k} = {'zext' if dtype.kind == 'u' else 'sext'} {kind} %p{k} to i64")
            lines.append(f"  store i64 %w{k}, ptr %at{k}")
        else:
            lines.append(f"  store {kind} %p{k}, ptr %at{k}")
    lines.append("  %start = ptrtoint ptr %words to i64")
    lines.append(f"  %status = call i64 @serve_{name}(i64 {site}, i64 {find}, i64 %start)")
    if result is None:
        lines.append("  ret void")
    elif result.kind == "f":
        lines += [f"  %at = getelementptr i64, ptr %words, i64 {count}", f"  %value = load {returned}, ptr %at"]
        nan = "0x7FF8000000000000"
        lines += ["  %ok = icmp eq i64 %status, 0", f"  %answer = select i1 %ok, {returned} %value, {returned} {nan}"]
        lines.append(f"  ret {returned} %answer")
    elif returned == "i64":
        lines.append("  ret i64 %status")
    else:
        lines += [f"  %short = trunc i64 %status to {returned}", f"  ret {returned} %short"]
    return "\n".join([*lines, "}", ""])


def llvm_type(dtype: np.dtype) -> str:
    return _LLVM.get((dtype.kind, dtype.itemsize), f"i{8 * dtype.itemsize}")
