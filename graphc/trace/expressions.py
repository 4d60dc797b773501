"""Decisions inside of expressions as calls: ``a if c else b``, ``and``, ``or``, ``not``, chains of comparisons."""

from __future__ import annotations

import ast

from graphc.trace.syntax import delayed, hook


def mark_tests(tree: ast.AST) -> None:
    """Note on each ``and`` and ``or`` of which only the truth counts that it is so: otherwise they give an operand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
            _mark_test(node.test)
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            _mark_test(node.operand)
        elif isinstance(node, ast.comprehension):
            for test in node.ifs:
                _mark_test(test)


def _mark_test(node: ast.expr) -> None:
    if isinstance(node, ast.BoolOp):
        node.is_test = True  # type: ignore[attr-defined]
        for value in node.values:
            _mark_test(value)


class Expressions(ast.NodeTransformer):
    """Conditional expressions and ``and``, ``or``, ``not`` as calls."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if not _is_movable_expression(node.body, node.orelse):
            return node
        return hook("choose", node, node.test, delayed(node.body), delayed(node.orelse))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        if not _is_movable_expression(*node.values[1:]):
            return node
        names = ("both", "either") if getattr(node, "is_test", False) else ("first_false", "first_true")
        name = names[isinstance(node.op, ast.Or)]
        return hook(name, node, node.values[0], *(delayed(value) for value in node.values[1:]))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return hook("negated", node, node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """``a < b < c`` computes b once, and c where ``a < b``."""
        self.generic_visit(node)
        if len(node.ops) == 1 or not _is_movable_expression(*node.comparators[1:]):
            return node
        pairs = zip(node.ops[1:], node.comparators[1:], strict=True)
        rest = (part for op, right in pairs for part in (_operator(op), delayed(right)))
        return hook("compared", node, node.left, _operator(node.ops[0]), node.comparators[0], *rest)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node  # of itself: ``stage`` sees to it

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node


def _operator(op: ast.cmpop) -> ast.Constant:
    return ast.Constant(type(op).__name__)


def _is_movable_expression(*nodes: ast.expr) -> bool:
    inner = (child for node in nodes for child in ast.walk(node))
    return not any(isinstance(child, ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await) for child in inner)
