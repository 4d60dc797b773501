"""The counters of a ``while`` in its syntax tree: names that each iteration adds the same to.

while k < n:        k: 1
    s = s + x[k]
    k += 1
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator

from graphc.trace.scopes import SCOPES

_PURE = frozenset(["len", "abs", "min", "max", "int", "float", "bool", "round"])


def counters(loop: ast.While) -> dict[str, ast.expr]:
    """The names that each iteration adds the same to, once, whatever else it does; and what it adds."""
    parts = [part for part in ast.walk(loop) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)]
    stores = Counter(part.id for part in parts)
    found: dict[str, ast.expr] = {}
    for statement in loop.body:
        name, step = _addition(statement)
        if step is not None and stores[name] == 1 and not (names_in(step) & stores.keys()):
            found[name] = step
        if any(isinstance(part, ast.Continue) for part in _of_this_loop(statement)):
            break  # what follows is left out in some iterations
    return found


def _addition(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    """``k += step``, ``k -= step``, ``k = k + step`` or ``k = k - step`` of a name or number."""
    match statement:
        case ast.AugAssign(target=ast.Name(id=name), op=ast.Add() | ast.Sub() as op, value=step):
            pass
        case ast.Assign(
            targets=[ast.Name(id=name)],
            value=ast.BinOp(left=ast.Name(id=again), op=ast.Add() | ast.Sub() as op, right=step),
        ) if again == name:
            pass
        case _:
            return "", None
    if not isinstance(step, ast.Constant | ast.Name):
        return "", None
    return name, step if isinstance(op, ast.Add) else ast.copy_location(ast.UnaryOp(ast.USub(), step), step)


def _of_this_loop(node: ast.AST) -> Iterator[ast.AST]:
    """The statements of an iteration, those of loops inside it left out."""
    yield node
    if not isinstance(node, (*SCOPES, ast.For, ast.While)):
        for child in ast.iter_child_nodes(node):
            yield from _of_this_loop(child)


def names_in(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def can_be_tried(test: ast.expr, local: frozenset[str] | set[str]) -> bool:
    """Whether computing the test once more changes nothing: it calls functions of numbers and of modules alone."""
    return all(_is_pure(part.func, local) for part in ast.walk(test) if isinstance(part, ast.Call)) and not any(
        isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom) for part in ast.walk(test)
    )


def _is_pure(called: ast.expr, local: frozenset[str] | set[str]) -> bool:
    if isinstance(called, ast.Name):
        return called.id in _PURE and called.id not in local
    while isinstance(called, ast.Attribute):
        called = called.value
    return isinstance(called, ast.Name) and called.id not in local
