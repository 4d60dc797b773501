"""Which variables of a function may still be read: after each of its statements, and where an iteration begins.

    for i in range(n):       # head: s, x           (i and t are assigned before they are read)
        t = x[i]
        s = s + t            # after: s, x
    return s

Loops carry what is alive where an iteration begins, and branches give what is alive after them. Where the order of
reading and assigning is not plain (``try``, ``match``, names of inner functions), every name that is read counts.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from graphc.trace.scopes import FUNCTIONS

Names = frozenset[str]
NONE: Names = frozenset()


@dataclass(frozen=True)
class _Jumps:
    """What is alive where ``break`` and ``continue`` lead."""

    broken: Names = NONE
    continued: Names = NONE


class Liveness:
    """``after``: for a statement, the names that may be read after it; ``head``: for a loop, before an iteration."""

    def __init__(self, function: ast.FunctionDef):
        self._after: dict[int, Names] = {}
        self._jumped: dict[int, Names] = {}
        self._head: dict[int, Names] = {}
        inner = [part for part in ast.walk(function) if isinstance(part, FUNCTIONS) and part is not function]
        self._always = loaded(inner) | _nonlocals(function)  # its own too: they are read by the function around it
        self._every = loaded([function]) | self._always
        self._block(function.body, NONE, _Jumps())

    def after(self, node: ast.stmt, *others: ast.stmt) -> Names:
        """After the last of the statements, or where a ``break`` or ``continue`` in one of them leads."""
        nodes = (node, *others)
        return self._after[id(nodes[-1])].union(self._always, *(self._jumped[id(n)] for n in nodes))

    def head(self, node: ast.stmt) -> Names:
        return self._head[id(node)] | self._always

    def _block(self, nodes: Sequence[ast.stmt], alive: Names, jumps: _Jumps) -> Names:
        """What is alive before the statements, where ``alive`` is after them."""
        for node in reversed(nodes):
            self._after[id(node)] = alive
            self._jumped[id(node)] = _reached(node, jumps)
            alive = self._before(node, alive, jumps)
        return alive

    def _before(self, node: ast.stmt, alive: Names, jumps: _Jumps) -> Names:
        match node:
            case ast.Return():
                return loaded([node])
            case ast.Break():
                return jumps.broken
            case ast.Continue():
                return jumps.continued
            case ast.Assign(targets=targets):
                return (alive - _assigned(targets)) | loaded([node])
            case ast.AnnAssign(target=target, value=value) if value is not None:
                return (alive - _assigned([target])) | loaded([node])
            case ast.AugAssign(target=ast.Name(id=name)):
                return alive | loaded([node]) | {name}
            case ast.If(test=test, body=body, orelse=orelse):
                return loaded([test]) | self._block(body, alive, jumps) | self._block(orelse, alive, jumps)
            case ast.For():
                return self._for(node, alive, jumps)
            case ast.While(test=test, body=body):
                return self._loop(node, alive, jumps, lambda head: loaded([test]) | head)
            case ast.With(items=items, body=body):
                return alive | loaded(items) | self._block(body, alive, jumps)  # it may swallow an exception
            case ast.Expr() | ast.Pass() | ast.Raise() | ast.Assert() | ast.Import() | ast.ImportFrom():
                return alive | loaded([node])
            case ast.FunctionDef() | ast.ClassDef() | ast.AsyncFunctionDef():
                return alive | loaded([node])
        self._unordered(node)
        return alive | self._every

    def _for(self, node: ast.For, alive: Names, jumps: _Jumps) -> Names:
        targets = _assigned([node.target])
        read = loaded([node.target])  # the array of ``for u[0] in ...``
        return loaded([node.iter]) | self._loop(node, alive, jumps, lambda head: (head - targets) | read)

    def _loop(self, node: ast.For | ast.While, alive: Names, jumps: _Jumps, begin: Callable[[Names], Names]) -> Names:
        """``begin``: of what is alive in the body, what is before an iteration; until nothing more is found."""
        ends = self._block(node.orelse, alive, jumps)
        head = ends
        while True:
            found = ends | begin(self._block(node.body, head, replace(jumps, broken=alive, continued=head)))
            if isinstance(node, ast.While):
                found |= loaded([node.test])
            if found == head:
                break
            head = found
        self._head[id(node)] = head
        return head

    def _unordered(self, node: ast.stmt) -> None:
        """Every name counts in the statements inside of this one."""
        everything = _Jumps(self._every, self._every)
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.stmt):
                self._block([part], self._every, everything)
            elif isinstance(part, ast.ExceptHandler | ast.match_case):
                self._block(part.body, self._every, everything)


def _reached(node: ast.AST, jumps: _Jumps) -> Names:
    """What is alive where jumps out of the statement lead."""
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return NONE
    if isinstance(node, ast.Break | ast.Continue):
        return jumps.broken if isinstance(node, ast.Break) else jumps.continued
    parts = node.orelse if isinstance(node, ast.For | ast.While) else ast.iter_child_nodes(node)
    return NONE.union(*(_reached(part, jumps) for part in parts))


def loaded(nodes: Iterable[ast.AST]) -> Names:
    """The names that are read somewhere in the nodes."""
    parts = (part for node in nodes for part in ast.walk(node))
    return frozenset(part.id for part in parts if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Store))


def changed_in_place(nodes: Iterable[ast.AST]) -> Names:
    """The names of ``name += value``, which changes the object that the variable holds, if that can be changed."""
    parts = (part.target for node in nodes for part in ast.walk(node) if isinstance(part, ast.AugAssign))
    return frozenset(target.id for target in parts if isinstance(target, ast.Name))


def _assigned(targets: Iterable[ast.expr]) -> Names:
    """The names that an assignment to the targets gives another value, for sure."""
    parts = (part for target in targets for part in ast.walk(target))
    return frozenset(part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store))


def _nonlocals(function: ast.AST) -> set[str]:
    return {name for part in ast.walk(function) if isinstance(part, ast.Nonlocal) for name in part.names}
