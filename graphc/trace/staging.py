"""Loops and branches of a function as calls of its own pieces, on its syntax tree.

    for i in range(n):           def body(value):
        s = s + x[i]                 nonlocal s, i
                                     i = value
                                     s = s + x[i]
                                 _graphc_.loop(_graphc_.span(range, n), body, get, set, ("s", "i"), peek)

    if c:                        def yes(): ...          def no(): ...
        y = a                    _graphc_.branch(c, yes, no, get, set, ("y",))
    else:
        y = b

    a if c else b                _graphc_.choose(c, lambda: a, lambda: b)

What the calls do is in ``control``: where nothing traced decides they run the pieces as Python would. ``get`` and
``set`` reach the variables that the pieces assign. A piece that ends early returns a signal (``continue``, ``break``,
``return`` with its value), which is passed on. What follows a branch that always ends early becomes its other branch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from graphc.trace.loads import FRAME_READERS, HOOKS
from graphc.trace.scopes import FUNCTIONS, Scope

_LEAVES = (ast.Return, ast.Break, ast.Continue)
_UNMOVABLE = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global, ast.Nonlocal, ast.Delete)
_MUTATORS = frozenset(["append", "extend", "insert", "pop", "add", "update", "setdefault", "clear", "remove"])


def stage(function: Any, around: frozenset[str] = frozenset()) -> Any:
    """The function node with its loops and branches as calls; the same node where it has none that can be moved.

    ``around``: the names that the functions around it bind.
    """
    mark_tests(function)
    if isinstance(function, ast.Lambda):
        return _Expressions().visit(function) if not _reads_frame(function) else function
    if isinstance(function, ast.AsyncFunctionDef) or _is_generator(function) or _reads_frame(function):
        return function
    scope = Scope(function)
    own = sorted(name for name in scope.bound if name not in _arguments(function))
    known = around | scope.bound | _arguments(function)
    function.body = _Stager(scope.declared, known).statements(function.body, in_piece=False)
    if own:  # variables of the function itself, although only its pieces may assign them
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in own]
        binding = _at(function, ast.Assign(targets, ast.Constant(None)))
        function.body.insert(0, _at(function, ast.If(ast.Constant(False), [binding], [])))
    return function


def _arguments(function: Any) -> set[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {a.arg for a in every if a is not None}


def _is_generator(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _reads_frame(function: ast.AST) -> bool:
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return bool(names & (FRAME_READERS | {"__class__"}))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or statement that run as part of it: not those of functions defined in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield from _own(child)


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


class _Expressions(ast.NodeTransformer):
    """Conditional expressions and ``and``, ``or``, ``not`` as calls."""

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if not _is_movable_expression(node.body, node.orelse):
            return node
        return hook("choose", node, node.test, _lambda(node.body), _lambda(node.orelse))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        if not _is_movable_expression(*node.values[1:]):
            return node
        names = ("both", "either") if getattr(node, "is_test", False) else ("first_false", "first_true")
        name = names[isinstance(node.op, ast.Or)]
        return hook(name, node, node.values[0], *(_lambda(value) for value in node.values[1:]))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return hook("negated", node, node.operand) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        """``a < b < c`` computes b once, and c where ``a < b``."""
        self.generic_visit(node)
        if len(node.ops) == 1 or not _is_movable_expression(*node.comparators[1:]):
            return node
        pairs = zip(node.ops[1:], node.comparators[1:], strict=True)
        rest = (part for op, right in pairs for part in (_operator(op), _lambda(right)))
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


class _Stager:
    """Rewrites the statements of one function. ``declared``: what it says is from elsewhere; ``known``: local names."""

    def __init__(self, declared: set[str], known: frozenset[str]):
        self.declared, self.known = declared, known
        self.count = 0

    def statements(self, nodes: Sequence[ast.stmt], *, in_piece: bool, tail: bool = False) -> list[ast.stmt]:
        """``in_piece``: they are the body of a piece, which ends early by returning a signal.

        ``tail``: after the last of them an iteration ends, so that a ``continue`` there does nothing.
        """
        result: list[ast.stmt] = []
        for position, node in enumerate(nodes):
            rest = list(nodes[position + 1 :])
            if isinstance(node, ast.If) and self._is_movable(node):
                if rest and (_always_leaves(node.body) or _always_leaves(node.orelse)):
                    return result + self._branch(_absorbing(node, rest), in_piece, tail)
                result += self._branch(node, in_piece, tail and not rest)
            elif isinstance(node, ast.Continue) and tail:
                return [*result, _at(node, ast.Pass())]
            elif isinstance(node, ast.For | ast.While) and not node.orelse and self._is_movable(node):
                result += self._loop(node, in_piece)
            else:
                result.append(self._plain(node, in_piece))
        return result

    def _is_movable(self, node: ast.stmt) -> bool:
        inner = list(_own(node))
        if any(isinstance(part, _UNMOVABLE) for part in inner):
            return False
        stay = [part for part in inner if isinstance(part, ast.For | ast.While) and part.orelse]
        if any(isinstance(part, ast.Return) for loop in stay for part in _own(loop)):
            return False
        return not self.declared & assigned(node)

    def _plain(self, node: ast.stmt, in_piece: bool) -> ast.stmt:
        """A statement that stays; those inside it are rewritten."""
        if isinstance(node, ast.FunctionDef):
            return stage(node, self.known)
        if isinstance(node, ast.ClassDef | ast.AsyncFunctionDef):
            return node
        if isinstance(node, _LEAVES) and in_piece:
            return self._signal(node)
        if isinstance(node, ast.For | ast.While):  # what breaks out of it stays inside
            return node
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.statements(value, in_piece=in_piece))
            elif isinstance(value, list) and value and isinstance(value[0], ast.ExceptHandler):
                for handler in value:
                    handler.body = self.statements(handler.body, in_piece=in_piece)
            elif isinstance(value, ast.expr):
                setattr(node, name, _Expressions().visit(value))
            elif isinstance(value, list):
                setattr(node, name, [_Expressions().visit(v) if isinstance(v, ast.AST) else v for v in value])
        return node

    def _signal(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Return):
            value = node.value if node.value is not None else ast.Constant(None)
            return _at(node, ast.Return(hook("leaving", node, _Expressions().visit(value))))
        name = "BREAK" if isinstance(node, ast.Break) else "CONTINUE"
        return _at(node, ast.Return(_at(node, ast.Attribute(_name(HOOKS), name, ast.Load()))))

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _branch(self, node: ast.If, in_piece: bool, tail: bool) -> list[ast.stmt]:
        number, names = self._number(), sorted(assigned(node))
        leaves = any(isinstance(part, _LEAVES) for part in _leaving(node))
        watched = self._watched(node)
        yes = self._piece(f"yes_{number}", node, node.body, names, tail=tail)
        no = self._piece(f"no_{number}", node, node.orelse or [_at(node, ast.Pass())], names, tail=tail)
        test = _Expressions().visit(node.test)
        call = hook("branch", node, test, _name(yes.name), _name(no.name), *_access(number, names), watched)
        return [yes, no, *_accessors(node, number, names), *self._result(node, call, leaves, in_piece)]

    def _loop(self, node: ast.For | ast.While, in_piece: bool) -> list[ast.stmt]:
        number, names = self._number(), sorted(assigned(node))
        returns = any(isinstance(part, ast.Return) for part in _own(node))
        access = (*_access(number, names), self._watched(node))
        body = self._piece(f"body_{number}", node, node.body, names, tail=True)
        pieces: list[ast.stmt] = [body]
        if isinstance(node, ast.While):
            test = self._piece(f"test_{number}", node, [], [])
            test.body = [_at(node, ast.Return(_Expressions().visit(node.test)))]
            pieces.append(test)
            call = hook("repeat", node, _name(test.name), _name(body.name), *access)
        else:
            body.args.args = [ast.arg(f"{HOOKS}value")]
            target = _at(node, ast.Assign([node.target], _name(f"{HOOKS}value")))
            body.body.insert(1 if names else 0, target)
            peek = _at(node, ast.Tuple([_lambda(_name(n)) for n in _containers(node)], ast.Load()))
            targets = tuple(sorted(n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)))
            call = hook("loop", node, _iterable(node.iter), _name(body.name), *access, _constants(targets), peek)
        return [*pieces, *_accessors(node, number, names), *self._result(node, call, returns, in_piece)]

    def _watched(self, node: ast.stmt) -> ast.expr:
        """Readers of the variables that the pieces read: Python's containers among them must stay what they are."""
        loaded = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
        names = sorted(name for name in loaded & self.known if not name.startswith(HOOKS))
        return _at(node, ast.Tuple([_lambda(_at(node, _name(name))) for name in names], ast.Load()))

    def _number(self) -> int:
        self.count += 1
        return self.count

    def _piece(
        self, name: str, node: ast.stmt, body: Sequence[ast.stmt], names: Sequence[str], *, tail: bool = False
    ) -> ast.FunctionDef:
        statements = self.statements(body, in_piece=True, tail=tail)
        return _function(node, f"{HOOKS}{name}", [], statements, names)

    def _result(self, node: ast.stmt, call: ast.expr, leaves: bool, in_piece: bool) -> list[ast.stmt]:
        """The call, and passing on the signal with which its pieces left."""
        if not leaves:
            return [_at(node, ast.Expr(call))]
        signal = f"{HOOKS}signal"
        value: ast.expr = _name(signal)
        if not in_piece:
            value = _at(node, ast.Attribute(value, "value", ast.Load()))
        is_there = _at(node, ast.Compare(_name(signal), [ast.IsNot()], [ast.Constant(None)]))
        leave = _at(node, ast.If(is_there, [_at(node, ast.Return(value))], []))
        return [_at(node, ast.Assign([ast.Name(signal, ast.Store())], call)), leave]


def assigned(node: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    return {n for n in Scope(_function(node, "scope", [], [node], [])).bound if not n.startswith(HOOKS)}


def _always_leaves(nodes: Sequence[ast.stmt]) -> bool:
    if not nodes:
        return False
    last = nodes[-1]
    if isinstance(last, ast.If):
        return _always_leaves(last.body) and _always_leaves(last.orelse)
    return isinstance(last, ast.Return | ast.Continue)


def _absorbing(node: ast.If, rest: list[ast.stmt]) -> ast.If:
    """``if c: return a`` and what follows, as the two branches of one statement."""
    if _always_leaves(node.body):
        otherwise = [*node.orelse, *([] if _always_leaves(node.orelse) else rest)]
        return _at(node, ast.If(node.test, node.body, otherwise))
    return _at(node, ast.If(node.test, [*node.body, *rest], node.orelse))


def _leaving(node: ast.AST) -> Iterator[ast.AST]:
    """The statements with which a branch leaves what is around it: not the break of a loop inside."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            continue
        if isinstance(child, ast.For | ast.While):
            yield from (part for part in _own(child) if isinstance(part, ast.Return))
            continue
        yield child
        yield from _leaving(child)


def _containers(node: ast.For) -> list[str]:
    """Names that a traced index could not read, or that cannot be appended to, if they are Python containers."""
    targets = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
    found: dict[str, None] = {}
    for part in _own(node):
        if isinstance(part, ast.Subscript) and targets & {
            n.id for n in ast.walk(part.slice) if isinstance(n, ast.Name)
        }:
            found.update(_root(part.value))
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in _MUTATORS:
            found.update(_root(part.func.value))
    return list(found)


def _root(node: ast.expr) -> dict[str, None]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return {node.id: None} if isinstance(node, ast.Name) else {}


def _iterable(node: ast.expr) -> ast.expr:
    """``range(...)`` keeps its symbolic bounds."""
    visited: Any = _Expressions().visit(node)
    is_call = isinstance(visited, ast.Call) and isinstance(visited.func, ast.Name) and not visited.keywords
    if is_call and visited.func.id == "range" and not any(isinstance(a, ast.Starred) for a in visited.args):
        return hook("span", node, visited.func, *visited.args)
    return visited


# --- syntax -----------------------------------------------------------------------------------------------------------


def _at(node: ast.AST, made: Any) -> Any:
    return ast.copy_location(made, node)


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def hook(name: str, node: ast.AST, *arguments: ast.expr) -> ast.Call:
    call: ast.Call = _at(node, ast.Call(ast.Attribute(_name(HOOKS), name, ast.Load()), list(arguments), []))
    return call


def _lambda(node: ast.expr) -> ast.Lambda:
    nothing = ast.arguments([], [], None, [], [], None, [])
    made: ast.Lambda = _at(node, ast.Lambda(nothing, node))
    return made


def _constants(names: Sequence[str]) -> ast.Tuple:
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())


def _function(
    node: ast.stmt, name: str, arguments: Sequence[str], body: Sequence[ast.stmt], names: Sequence[str]
) -> ast.FunctionDef:
    signature = ast.arguments([], [ast.arg(a) for a in arguments], None, [], [], None, [])
    declared = [_at(node, ast.Nonlocal(list(names)))] if names else []
    statements = [*declared, *body] or [ast.Pass()]
    made: Any = _at(node, ast.FunctionDef(name, signature, statements, [], None))
    made.type_params = []
    return made


def _access(number: int, names: Sequence[str]) -> tuple[ast.expr, ast.expr, ast.expr]:
    return _name(f"{HOOKS}get_{number}"), _name(f"{HOOKS}set_{number}"), _constants(names)


def _accessors(node: ast.stmt, number: int, names: Sequence[str]) -> list[ast.stmt]:
    """``get``: a function for each variable, which fails while it has no value; ``set``: gives them all values."""
    readers = ast.Tuple([_lambda(_at(node, _name(name))) for name in names], ast.Load())
    get = _function(node, f"{HOOKS}get_{number}", [], [_at(node, ast.Return(readers))], [])
    new = f"{HOOKS}new"
    targets = ast.Tuple([ast.Name(name, ast.Store()) for name in names], ast.Store())
    body = [_at(node, ast.Assign([targets], _name(new)))] if names else [ast.Pass()]
    return [get, _function(node, f"{HOOKS}set_{number}", [new], body, names)]
