"""Loops of a driver that are equal but for the names of what they work on are one function, which is called for each.

    for dim_loop0 in range(dim_size0):      A program that does the same at eight places, the branches of a tree, say,
        x3 = x3 * x3                        has eight such loops, and LLVM would optimise each of them.
    ...                                     What a loop is given and gives, single numbers of the driver's, stands in
    for dim_loop1 in range(dim_size1):      a *box* in the driver's frame, from which the function takes it at its
        x7 = x7 * x7                        beginning, and to which it returns it in the end.

Only loops that compute themselves: those that launch kernels are short.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from graphc.abi import MOST_ARGUMENTS
from graphc.codegen.text import STORED

SHORTEST = 30  # lines: calling the function costs some
STAYS = {"args", "table", "symbols", "grown"}  # what a function is not given
ADDRESS = "address_"  # with a number: one that is the same in all iterations, which a loop is given
WORDS = ("slot", "size", "dim_", "grown", "traded", ADDRESS)  # how the names of addresses and sizes begin

AddFunction = Callable[[str, str], int]  # source and signature -> the index in the table
_NAME = re.compile(r"\b([A-Za-z_]\w*)\b(\(?)")
_COMMENT = re.compile(r"\s*#.*$")
_KEPT = {"and", "break", "continue", "elif", "else", "False", "for", "if", "in", "inf", "INT64_MIN", "nan", "not", "or",
         "pass", "True", "while"}  # fmt: skip


@dataclass(frozen=True)
class _Loop:
    """``first`` and ``last``: its lines. ``source``: of its function. ``words``: the names that this is called with.

    ``given`` and ``got``: (place in the box, name, dtype) of what it takes from there, and what it returns to it.
    """

    first: int
    last: int
    source: str
    signature: str
    words: tuple[str, ...]
    given: tuple[tuple[int, str, str], ...]
    got: tuple[tuple[int, str, str], ...]

    @property
    def room(self) -> int:
        return 1 + max((place for place, _, _ in (*self.given, *self.got)), default=-1)


def share_equal_loops(body: str, dtypes: Mapping[str, str], add: AddFunction) -> str:
    """The driver's text with the loops that are equal to others as calls.

    Args: body: the driver's text, a function; dtypes: of its variables that hold single numbers.
        add: takes a function of the program, its source and signature, and gives its index in the table.
    """
    lines = body.splitlines()
    if _long_loops(lines) < 2:
        return body
    loops = list(_loops(body, lines, dtypes))
    sources = [loop.source for loop in loops]
    shared = [loop for loop in loops if sources.count(loop.source) > 1]
    if not shared:
        return body
    for loop in reversed(shared):
        lines[loop.first : loop.last] = _call(loop, add(loop.source, loop.signature))
    room = max(loop.room for loop in shared)
    return "\n".join([lines[0], f"    box = address_of(stack_slots({max(room, 1)}))", *lines[1:]]) + "\n"


def _call(loop: _Loop, index: int) -> Iterator[str]:
    for place, name, dtype in loop.given:
        yield f"    {_in_box('box', place, dtype)} = {name}"
    yield f"    run({', '.join(['table', str(index), 'box', *loop.words])})  # loop"
    for place, name, dtype in loop.got:
        yield f"    {name} = {_in_box('box', place, dtype)}"


def _in_box(box: str, place: int, dtype: str) -> str:
    return f"as_pointer_{STORED.get(dtype, dtype)}({box} + {8 * place})[0]"


def _long_loops(lines: Sequence[str]) -> int:
    """How many loops of the function itself are long: to know that takes no syntax tree."""
    places = [k for k, line in enumerate(lines) if line[:4].isspace() and not line[4:5].isspace()]
    ends = [*places[1:], len(lines)]
    return sum(
        end - k > SHORTEST and lines[k].startswith(("    for ", "    while "))
        for k, end in zip(places, ends, strict=True)
    )


def _loops(body: str, lines: Sequence[str], dtypes: Mapping[str, str]) -> Iterator[_Loop]:
    """Those that could be functions."""
    (function,) = ast.parse(body).body
    assert isinstance(function, ast.FunctionDef)
    long = [statement for statement in function.body if _is_long_loop(statement)]
    after: dict[ast.stmt, set[str]] = {}  # the names that are read later
    read: set[str] = set()
    for statement in reversed(function.body):
        if statement in long:
            after[statement] = set(read)
        read |= _names(statement, ast.Load)
    before = {argument.arg for argument in function.args.args}
    for statement in function.body:
        if statement in after:
            first, last = statement.lineno - 1, statement.end_lineno or 0
            found = _as_function(statement, lines[first:last], before, after[statement], dtypes)
            if found is not None:
                yield _Loop(first, last, *found)
        before |= _names(statement, ast.Store)


def _is_long_loop(statement: ast.stmt) -> bool:
    is_loop = isinstance(statement, ast.For | ast.While)
    return is_loop and (statement.end_lineno or 0) - statement.lineno >= SHORTEST


def _names(tree: ast.AST, context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}


def _as_function(
    loop: ast.stmt, lines: Sequence[str], before: set[str], after: set[str], dtypes: Mapping[str, str]
) -> tuple[str, str, tuple[str, ...], tuple[tuple[int, str, str], ...], tuple[tuple[int, str, str], ...]] | None:
    """Its source and signature, the words that it is called with, and what goes through the box; None if it stays."""
    written = _names(loop, ast.Store)
    lines, addresses = _with_addresses(loop, lines, before - written - dtypes.keys())
    text = "\n".join(_COMMENT.sub("", line) for line in lines if _COMMENT.sub("", line).strip())
    order = list(dict.fromkeys(name for name, call in _NAME.findall(text) if not call and name not in _KEPT))
    known = [name for name in order if name in before or name in addresses]
    boxed = [name for name in known if name in written or name in dtypes]
    words = tuple(name for name in known if name not in boxed)
    kinds = {name: dtypes.get(name) or ("i64" if name.startswith(WORDS) else "") for name in boxed}
    if (
        any(isinstance(node, ast.Return) for node in ast.walk(loop))
        or not STAYS.isdisjoint(order)
        or not all(kinds.values())
        or not all(name.startswith(WORDS) for name in words)
        or not (written & after) <= set(boxed)
        or len(words) + 1 > MOST_ARGUMENTS
    ):
        return None
    plain = {name: f"v{k}" for k, name in enumerate(order)}
    given = tuple((k, name, kinds[name]) for k, name in enumerate(boxed))
    got = tuple(part for part in given if part[1] in written)
    source = [f"def NAME({', '.join(['box', *(plain[name] for name in words), 'start', 'stop'])}):"]
    source += [f"    {plain[name]} = {_in_box('box', place, dtype)}" for place, name, dtype in given]
    source.append(_NAME.sub(lambda found: plain.get(found[1], found[1]) + found[2], text))
    source += [f"    {_in_box('box', place, dtype)} = {plain[name]}" for place, name, dtype in got]
    needed = tuple(part for part in got if part[1] in after)
    signature = f"void({', '.join(['int64'] * (len(words) + 3))})"
    return "\n".join(source) + "\n", signature, tuple(addresses.get(name, name) for name in words), given, needed


def _with_addresses(loop: ast.stmt, lines: Sequence[str], same: set[str]) -> tuple[list[str], dict[str, str]]:
    """The loop's lines with a name for each address that is computed of ``same`` names, and what these stand for."""
    found: dict[str, str] = {}
    changed = list(lines)
    calls = [(node, node.func) for node in ast.walk(loop) if isinstance(node, ast.Call)]
    addresses = [c.args[0] for c, f in calls if isinstance(f, ast.Name) and f.id.startswith("as_pointer_")]
    for place in sorted(addresses, key=lambda node: (node.lineno, -node.col_offset)):  # the last of a line first
        if isinstance(place, ast.Name) or not _names(place, ast.Load) <= same:
            continue
        line, name = place.lineno - loop.lineno, f"{ADDRESS}{len(found)}"
        found[name] = changed[line][place.col_offset : place.end_col_offset]
        changed[line] = changed[line][: place.col_offset] + name + changed[line][place.end_col_offset :]
    return changed, found
