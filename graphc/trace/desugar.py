"""Statements as plainer ones, before a function is staged.

assert a, b                 ->  if not a: raise AssertionError(b)
while (r := f(x)) > 0: ...  ->  while True: if not (r := f(x)) > 0: break; ...
while True: if k >= n: break; ...; k += 1  ->  while not k >= n: ...; k += 1        (of counters alone)
match k: case 0 | 1: ...    ->  if k == 0 or k == 1: ...        (patterns of values alone)
total: float = 0.0          ->  total = 0.0                     (annotations of local variables are never evaluated)
super().step(x)             ->  super(__class__, self).step(x)  (which pieces of the method can call)
"""

from __future__ import annotations

import ast
from typing import Any

from graphc.trace.counters import counters, names_in
from graphc.trace.loads import HOOKS
from graphc.trace.scopes import FUNCTIONS


def desugar(function: ast.FunctionDef) -> None:
    """Rewrite the statements of the function in place; functions inside it see to themselves."""
    plain = _Plain()
    made = [plain.visit(statement) for statement in function.body]
    function.body = [part for parts in made for part in (parts if isinstance(parts, list) else [parts])]


def write_out_super(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    """``super()`` with its arguments, in place; methods of classes inside the function see to themselves."""
    arguments = [*function.args.posonlyargs, *function.args.args]
    if arguments:
        outer = _Super(arguments[0].arg)
        function.body = [outer.visit(statement) for statement in function.body]


class _Super(ast.NodeTransformer):
    def __init__(self, first: str):
        self.first = first

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else super().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args and not node.keywords:
            node.args = [_at(node, ast.Name(name, ast.Load())) for name in ("__class__", self.first)]
        return node


class _Plain(ast.NodeTransformer):
    def __init__(self) -> None:
        self.subjects = 0

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, (*FUNCTIONS, ast.ClassDef)) else super().visit(node)

    def visit_Assert(self, node: ast.Assert) -> Any:
        message = [] if node.msg is None else [node.msg]
        error = _at(node, ast.Call(ast.Name("AssertionError", ast.Load()), message, []))
        return _at(node, ast.If(_not(node.test), [_at(node, ast.Raise(error, None))], []))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        if node.value is not None:
            return _at(node, ast.Assign([node.target], node.value))
        if not isinstance(node.target, ast.Name):
            return _at(node, ast.Pass())
        declared = _at(node, ast.Assign([node.target], _at(node, ast.Constant(None))))  # a local variable all the same
        return _at(node, ast.If(_at(node, ast.Constant(False)), [declared], []))

    def visit_While(self, node: ast.While) -> Any:
        self.generic_visit(node)
        match node:
            case ast.While(test=ast.Constant(value=True), body=[ast.If(test, [ast.Break()], []), *rest], orelse=[]):
                counted = counters(node).keys()
                if rest and not counted.isdisjoint(names_in(test)):
                    return _at(node, ast.While(_not(test), rest, []))
        if node.orelse or not any(isinstance(part, ast.NamedExpr) for part in ast.walk(node.test)):
            return node
        leave = _at(node, ast.If(_not(node.test), [_at(node, ast.Break())], []))
        return _at(node, ast.While(_at(node, ast.Constant(True)), [leave, *node.body], []))

    def visit_Match(self, node: ast.Match) -> Any:
        self.generic_visit(node)
        if not all(_is_of_values(case.pattern) for case in node.cases):
            return node
        self.subjects += 1
        name = f"{HOOKS}subject_{self.subjects}"
        chain: list[ast.stmt] = []
        for case in reversed(node.cases):
            test = _test(name, case.pattern)
            parts = [part for part in (test, case.guard) if part is not None]
            if not parts:
                chain = case.body
                continue
            whole = parts[0] if len(parts) == 1 else _at(parts[0], ast.BoolOp(ast.And(), parts))
            chain = [_at(case.body[0], ast.If(whole, case.body, chain))]
        subject = _at(node, ast.Assign([ast.Name(name, ast.Store())], node.subject))
        return [subject, *(chain or [_at(node, ast.Pass())])]


def _is_of_values(pattern: ast.pattern) -> bool:
    if isinstance(pattern, ast.MatchOr):
        return all(map(_is_of_values, pattern.patterns))
    is_wildcard = isinstance(pattern, ast.MatchAs) and pattern.pattern is None and pattern.name is None
    return is_wildcard or isinstance(pattern, ast.MatchValue | ast.MatchSingleton)


def _test(name: str, pattern: ast.pattern) -> ast.expr | None:
    """Whether the subject is of the pattern; None for one that everything is of."""
    subject = ast.Name(name, ast.Load())
    match pattern:
        case ast.MatchValue(value=value):
            return _at(pattern, ast.Compare(subject, [ast.Eq()], [value]))
        case ast.MatchSingleton(value=value):
            return _at(pattern, ast.Compare(subject, [ast.Is()], [_at(pattern, ast.Constant(value))]))
        case ast.MatchOr(patterns=patterns):
            tests = [_test(name, part) for part in patterns]
            known = [test for test in tests if test is not None]
            return _at(pattern, ast.BoolOp(ast.Or(), known)) if len(known) == len(tests) else None
    return None


def _not(test: ast.expr) -> ast.expr:
    negated: ast.expr = _at(test, ast.UnaryOp(ast.Not(), test))
    return negated


def _at(node: ast.AST, made: Any) -> Any:
    return ast.copy_location(made, node)
