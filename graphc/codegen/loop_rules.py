"""What LLVM is told of a loop, as metadata of its branch back."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from llvmlite import ir


def has_long_loop(statements: list[ast.stmt]) -> bool:
    """Whether a loop of unknown length is among the statements, or in them."""
    for statement in statements:
        if isinstance(statement, ast.While):
            return True
        if isinstance(statement, ast.For):
            assert isinstance(statement.iter, ast.Call)
            if not all(map(_is_number, statement.iter.args)):
                return True
        if isinstance(statement, ast.For | ast.If) and has_long_loop([*statement.body, *statement.orelse]):
            return True
    return False


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def opaque(builder: ir.IRBuilder, number: Any) -> Any:
    """The integer itself, as a product that LLVM drops only when it selects instructions.

    LLVM's loop passes see sums and products of what a loop counts as expressions, and take seconds to rearrange long
    ones: the twenty rounds of a random number; in the innermost loop, the places of a row by the indices around it.
    """
    kind, scale = number.type, ir.IntType(32)
    product = builder.module.declare_intrinsic("llvm.umul.fix", [kind], ir.FunctionType(kind, [kind, kind, scale]))
    return builder.call(product, [number, kind(1), scale(0)])


def begins_with(body: list[ast.stmt], hint: str) -> bool:
    """Whether the printer says so of a loop.

    ``short_loop``: LLVM would take four vectors at a time, and the rest of few rounds one by one. ``few_rounds``: there
    are too few for vectors. ``lane_loop``: LLVM cannot know that rounds whose places are apart by a size never meet.
    """
    match body[0]:
        case ast.Expr(value=ast.Call(func=ast.Name(id=name))):
            return name == hint
    return False


class _AccessGroup(ir.MDValue):
    """Metadata that LLVM takes for a name of memory accesses: distinct, and empty."""

    def descr(self, buf: list[str]) -> None:
        buf += ("distinct !{}", "\n")


def access_group(blocks: Iterable[ir.Block]) -> ir.MDValue:
    """A name for what the blocks read and write, variables aside."""
    group: ir.MDValue | None = None
    for block in blocks:
        for instruction in block.instructions:
            if instruction.opname in ("load", "store"):
                if group is None:
                    module = block.function.module
                    group = _AccessGroup(module, [], name=str(len(module.metadata)))
                if not isinstance(instruction.operands[-1], ir.AllocaInstr):
                    instruction.set_metadata("llvm.access.group", group)
    assert group is not None
    return group


def give_rules(back: ir.Branch, *rules: tuple[Any, ...]) -> None:
    """Tell LLVM how to treat the loop of this branch back: each rule is a name and details.

    It would write a loop of eight rounds out eight times with all the loops in it, each vectorised on its own.
    """
    module = back.module
    known = [module.add_metadata([ir.MetaDataString(module, name), *details]) for name, *details in rules]
    loop = ir.MDValue(module, known, name=str(len(module.metadata)))
    loop.operands = (loop, *known)  # a loop's name is a node that refers to itself
    back.set_metadata("llvm.loop", loop)
