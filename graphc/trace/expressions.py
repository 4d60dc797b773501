"""Decisions and loops in expressions as calls: ``a if c else b``, ``and``, ``not``, ``sum(v * v for v in x)``."""

from __future__ import annotations

import ast
import copy
from collections.abc import Collection, Iterable, Mapping, Sequence

from graphc.trace.counters import names_in
from graphc.trace.loads import HOOKS, hook
from graphc.trace.syntax import at, delayed, name_of

_GRIDS = frozenset(
    ["ndindex", "ndenumerate", "nditer", "product", "pairwise", "combinations", "count", "repeat", "cycle"]
)
_MUTATORS = frozenset(["append", "extend", "insert", "pop", "add", "update", "setdefault", "clear", "remove"])
_ARRAYS = frozenset(["array", "asarray", "stack"])
_COLLECTING = _ARRAYS | {"sum", "fsum", "mean", "prod", "max", "min", "amax", "amin", "any", "all", "median", "cumsum"}


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

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """``sum(f(v) for v in x)`` and ``np.array([f(v) for v in x])``: see ``comprehensions``."""
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        match node:
            case ast.Call(args=[ast.ListComp() | ast.GeneratorExp() as inner], keywords=[]) if name in _COLLECTING:
                if not any(g.is_async for g in inner.generators) and _is_movable_expression(inner):
                    return self._collected(node, name, inner)
        self.generic_visit(node)
        return node

    def _collected(self, node: ast.Call, name: str, inner: ast.ListComp | ast.GeneratorExp) -> ast.expr:
        first, *rest = inner.generators
        if rest:
            if name != "sum":
                self.generic_visit(node)
                return node
            part: ast.expr = at(node, ast.Call(node.func, [at(inner, ast.GeneratorExp(inner.elt, rest))], []))
            inner = at(inner, ast.GeneratorExp(part, [first]))
        elif isinstance(inner.elt, ast.ListComp) and name in ("array", "asarray"):
            row = at(node, ast.Call(copy.deepcopy(node.func), [inner.elt], []))
            inner = at(inner, ast.ListComp(row, [first]))
        readers = peek(node, ast.walk(inner), names_in(first.target))
        again = copy.deepcopy(at(node, type(inner)(inner.elt, [_from_value(first)])))
        self.generic_visit(again)
        plain = _of_value(at(node, ast.Call(copy.deepcopy(node.func), [again], [])))
        element = _of_value(_only(node, Expressions().visit(inner.elt), first.target))
        test: ast.expr = ast.Constant(None)
        if first.ifs:
            whole = first.ifs[0] if len(first.ifs) == 1 else at(node, ast.BoolOp(ast.And(), first.ifs))
            _mark_test(whole)
            test = _of_value(_only(node, Expressions().visit(whole), first.target))
        return hook("collected", node, node.func, plain, iterable(first.iter), element, test, readers)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return node  # of itself: ``stage`` sees to it

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        return node


def _operator(op: ast.cmpop) -> ast.Constant:
    return ast.Constant(type(op).__name__)


def _is_movable_expression(*nodes: ast.expr) -> bool:
    inner = (child for node in nodes for child in ast.walk(node))
    return not any(isinstance(child, ast.NamedExpr | ast.Yield | ast.YieldFrom | ast.Await) for child in inner)


# --- comprehensions ---------------------------------------------------------------------------------------------------

_VALUE = f"{HOOKS}value"


def _from_value(generator: ast.comprehension) -> ast.comprehension:
    """The generator over what it is handed."""
    return ast.comprehension(generator.target, name_of(_VALUE), generator.ifs, 0)


def _only(node: ast.AST, element: ast.expr, target: ast.expr) -> ast.expr:
    """The element for one value, which is unpacked as the target says."""
    once = ast.comprehension(copy.deepcopy(target), ast.Tuple([name_of(_VALUE)], ast.Load()), [], 0)
    made: ast.expr = at(node, ast.Subscript(at(node, ast.ListComp(element, [once])), ast.Constant(0), ast.Load()))
    return made


def _of_value(body: ast.expr) -> ast.Lambda:
    arguments = ast.arguments([], [ast.arg(_VALUE)], None, [], [], None, [])
    made: ast.Lambda = at(body, ast.Lambda(arguments, body))
    return made


# --- what is looped over ----------------------------------------------------------------------------------------------


def peek(node: ast.AST, parts: Iterable[ast.AST], varying: Collection[str], filled: Collection[str] = ()) -> ast.expr:
    """Readers of names that a traced index could not read, or that cannot be appended to, if they are containers.

    ``parts``: the nodes of the loop; ``varying``: the names that may be such an index; ``filled``: names that may be
    appended to.
    """
    found: dict[str, None] = {}
    for part in parts:
        if isinstance(part, ast.Subscript) and not names_in(part.slice).isdisjoint(varying):
            found.update(_root(part.value))
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _MUTATORS:
            found.update(_root(part.func.value))
    names = [name for name in found if name not in filled]
    readers: ast.expr = at(node, ast.Tuple([delayed(name_of(name)) for name in names], ast.Load()))
    return readers


def filled_names(body: Iterable[ast.stmt]) -> dict[str, bool]:
    """The names that the statements only append to, and whether they read the last item (``x[-1]``), too."""
    appended: dict[str, bool] = {}
    allowed: set[int] = set()  # of the places where such a name may stand
    nodes = [part for statement in body for part in ast.walk(statement)]
    for part in nodes:
        match part:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name() as name, "append"), [argument], [])):
                if not isinstance(argument, ast.Starred):
                    allowed.add(id(name))
                    appended.setdefault(name.id, False)
    for part in nodes:
        match part:
            case ast.Subscript(ast.Name() as name, ast.UnaryOp(ast.USub(), ast.Constant(1)), ast.Load()):
                if name.id in appended:
                    allowed.add(id(name))
                    appended[name.id] = True
    others = {part.id for part in nodes if isinstance(part, ast.Name) and id(part) not in allowed}
    return {name: reads for name, reads in appended.items() if name not in others}


def filled_lists(node: ast.AST, names: Mapping[str, bool]) -> ast.expr:
    """For each name: the name, what reads it, and whether the loop reads its last item."""
    parts: list[ast.expr] = [
        ast.Tuple([ast.Constant(name), delayed(name_of(name)), ast.Constant(reads)], ast.Load())
        for name, reads in names.items()
    ]
    made: ast.expr = at(node, ast.Tuple(parts, ast.Load()))
    return made


def _root(node: ast.expr) -> dict[str, None]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id: None} if isinstance(node, ast.Name) else {}


def iterable(node: ast.expr) -> ast.expr:
    """``range(...)`` keeps its symbolic bounds, ``enumerate``, ``zip`` and ``reversed`` what they go through."""
    match node:
        case ast.Call(func=ast.Name(id="range") as called, args=args, keywords=[]) if not _has_star(args):
            return hook("span", node, called, *(Expressions().visit(arg) for arg in args))
        case ast.Call(func=ast.Name(id="enumerate" | "zip" | "reversed") as called, args=args, keywords=keywords):
            named = {k.arg: k.value for k in keywords}
            if args and not _has_star(args) and named.keys() <= {"start" if called.id == "enumerate" else "strict"}:
                parts = [iterable(arg) for arg in args]
                first = [named["start"]] if "start" in named else []
                return hook("combined", node, called, named.get("strict", ast.Constant(False)), *parts, *first)
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name) as called, args=args, keywords=[]):
            if name in _GRIDS:
                return hook("grid", node, called, *(iterable(arg) for arg in args))
    visited: ast.expr = Expressions().visit(node)
    return visited


def _has_star(args: Sequence[ast.expr]) -> bool:
    return any(isinstance(arg, ast.Starred) for arg in args)
