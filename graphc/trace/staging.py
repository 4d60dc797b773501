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
In a generator only those become calls that neither ``yield`` nor end early.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphc.trace.counters import can_be_tried, counters, names_in
from graphc.trace.desugar import desugar, write_out_super
from graphc.trace.expressions import Expressions, filled_lists, filled_names, iterable, mark_tests, peek
from graphc.trace.liveness import Liveness, Names, changed_in_place, loaded
from graphc.trace.loads import FRAME_READERS, HOOKS, hook
from graphc.trace.scopes import FUNCTIONS, Scope
from graphc.trace.syntax import access, accessors, at, constants, define, delayed, name_of

_LEAVES = (ast.Return, ast.Break, ast.Continue)
_UNMOVABLE = (ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Global, ast.Nonlocal)
_DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
_SIGNAL = f"{HOOKS}signal"


def stage(function: Any, around: frozenset[str] = frozenset()) -> Any:
    """The function node with its loops and branches as calls; the same node where it has none that can be moved.

    ``around``: the names that the functions around it bind.
    """
    if isinstance(function, ast.Lambda):
        mark_tests(function)
        return Expressions().visit(function) if not _reads_frame(function) else function
    write_out_super(function)
    if isinstance(function, ast.AsyncFunctionDef) or _reads_frame(function):
        return function
    desugar(function)
    mark_tests(function)
    scope = Scope(function)
    own = sorted(name for name in scope.bound if name not in _arguments(function))
    known = around | scope.bound | _arguments(function)
    fixed = scope.declared - (around - _globals(function))
    function.body = _Stager(function, frozenset(fixed), known).statements(function.body, in_piece=False)
    if own:  # variables of the function itself, although only its pieces may assign them
        targets: list[ast.expr] = [ast.Name(name, ast.Store()) for name in own]
        binding = at(function, ast.Assign(targets, ast.Constant(None)))
        function.body.insert(0, at(function, ast.If(ast.Constant(False), [binding], [])))
    return function


def _arguments(function: Any) -> set[str]:
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {a.arg for a in every if a is not None}


def _globals(function: ast.AST) -> set[str]:
    return {name for part in _own(function) if isinstance(part, ast.Global) for name in part.names}


def _is_generator(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))


def _reads_frame(function: ast.AST) -> bool:
    """Whether it asks for its own variables: ``locals()``, ``vars()``, but not ``vars(x)``."""
    of_objects = {
        id(call.func)
        for call in _own(function)
        if isinstance(call, ast.Call) and call.args and isinstance(call.func, ast.Name)
        if call.func.id in ("vars", "dir", "super")
    }
    names = {node.id for node in _own(function) if isinstance(node, ast.Name) and id(node) not in of_objects}
    return bool(names & FRAME_READERS)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or statement that run as part of it: not those of functions defined in it."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, (*FUNCTIONS, ast.ClassDef)):
            yield from _own(child)


class _Stager:
    """Rewrites the statements of one function. ``fixed``: names from elsewhere that no piece can assign; ``known``:
    local names; ``shared``: those that functions inside it assign."""

    def __init__(self, function: ast.FunctionDef, fixed: frozenset[str], known: frozenset[str]):
        self.fixed, self.known = fixed, known
        self.shared = {name for part in ast.walk(function) if isinstance(part, ast.Nonlocal) for name in part.names}
        self.declared = frozenset(
            name for part in _own(function) if isinstance(part, ast.Nonlocal) for name in part.names
        )
        self.inner = loaded(part for part in ast.walk(function) if isinstance(part, FUNCTIONS) and part is not function)
        self.alive = Liveness(function)
        self.yields = _is_generator(function)
        self.count = 0

    def statements(
        self, nodes: Sequence[ast.stmt], *, in_piece: bool, tail: bool = False, closed: bool = False
    ) -> list[ast.stmt]:
        """``in_piece``: they are the body of a piece, which ends early by returning a signal.

        ``tail``: after the last of them an iteration ends, so that a ``continue`` there does nothing. ``closed``: they
        stand in a statement that stays, which is left for good or not at all.
        """
        result: list[ast.stmt] = []
        for position, node in enumerate(nodes):
            rest = list(nodes[position + 1 :])
            if isinstance(node, ast.Continue) and tail:
                return [*result, at(node, ast.Pass())]
            if self.yields and not in_piece and _leaves(node):
                result.append(self._plain(node, in_piece))
                continue
            if isinstance(node, ast.With | ast.Try | ast.Match) and _leaves(node) and self._is_movable(node):
                result += self._enclosed(node, in_piece, tail and not rest)
                names = self._assigned([node, *rest])
                return result + self._rest(node, rest, names, in_piece=in_piece, tail=tail, closed=closed)
            if not isinstance(node, ast.If | ast.For | ast.While) or not self._is_movable(node):
                result.append(self._plain(node, in_piece))
                continue
            leaves, alive = _may_leave(node), self.alive.after(node)
            if isinstance(node, ast.If) and self._can_absorb(node, rest):
                alive, node, rest = self.alive.after(node, *rest), _absorbing(node, rest), []  # noqa: PLW2901
            names = self._assigned([node, *rest])
            if isinstance(node, ast.If):
                result += self._branch(node, alive, leaves, tail and not rest)
            else:
                result += self._loop(node, leaves)
            if leaves:
                return result + self._rest(node, rest, names, in_piece=in_piece, tail=tail, closed=closed)
        return result

    def _can_absorb(self, node: ast.If, rest: list[ast.stmt]) -> bool:
        leaves = _always_leaves(node.body) or _always_leaves(node.orelse)
        return bool(rest) and leaves and self._are_movable(rest)

    def _is_movable(self, node: ast.stmt) -> bool:
        if any(isinstance(part, _UNMOVABLE) for part in _own(node)):
            return False
        return not self.fixed & assigned(node)

    def _are_movable(self, nodes: Sequence[ast.stmt]) -> bool:
        return all(not isinstance(node, _UNMOVABLE) and self._is_movable(node) for node in nodes)

    def _plain(self, node: ast.stmt, in_piece: bool) -> ast.stmt:
        """A statement that stays; those inside it are rewritten."""
        if isinstance(node, ast.FunctionDef):
            return stage(node, self.known)
        if isinstance(node, ast.ClassDef):
            node.body = [self._plain(n, False) if isinstance(n, _DEFINITIONS) else n for n in node.body]
            return node
        if isinstance(node, ast.AsyncFunctionDef):
            return node
        if isinstance(node, _LEAVES) and in_piece:
            return self._signal(node)
        if isinstance(node, ast.For | ast.While) and not self.yields:  # what breaks out of it stays inside
            return node
        for name, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                setattr(node, name, self.statements(value, in_piece=in_piece, closed=True))
            elif isinstance(value, list) and value and isinstance(value[0], ast.ExceptHandler | ast.match_case):
                for handler in value:
                    handler.body = self.statements(handler.body, in_piece=in_piece, closed=True)
            elif isinstance(value, ast.expr):
                setattr(node, name, Expressions().visit(value))
            elif isinstance(value, list):
                setattr(node, name, [Expressions().visit(v) if isinstance(v, ast.AST) else v for v in value])
        return node

    def _signal(self, node: ast.stmt) -> ast.stmt:
        if isinstance(node, ast.Return):
            value = node.value if node.value is not None else ast.Constant(None)
            return at(node, ast.Return(hook("leaving", node, Expressions().visit(value))))
        name = "BREAK" if isinstance(node, ast.Break) else "CONTINUE"
        return at(node, ast.Return(at(node, ast.Attribute(name_of(HOOKS), name, ast.Load()))))

    def _enclosed(self, node: ast.With | ast.Try | ast.Match, in_piece: bool, tail: bool) -> list[ast.stmt]:
        """A statement that may be left from inside: what stands in it are pieces, and it ends with a signal."""
        pieces: list[ast.stmt] = []

        def moved(body: list[ast.stmt], is_last: bool = True) -> list[ast.stmt]:
            piece = self._piece(f"within_{self._number()}", body[0], body, self._assigned(body), tail=tail and is_last)
            pieces.append(piece)
            return [self._call(node, at(node, ast.Call(name_of(piece.name), [], [])), True)]

        if isinstance(node, ast.With):
            for item in node.items:
                item.context_expr = Expressions().visit(item.context_expr)
            node.body = moved(node.body)
            return [*pieces, node]
        if isinstance(node, ast.Match):
            node.subject = Expressions().visit(node.subject)
            for case in node.cases:
                case.guard = None if case.guard is None else Expressions().visit(case.guard)
                case.body = moved(case.body)
            return [*pieces, self._call(node, ast.Constant(None), True), node]
        following = node.orelse
        node.body = moved(node.body, is_last=not following)
        for handler in node.handlers:
            handler.body = moved(handler.body)
        if following:
            node.orelse = self._after(node, following, self._assigned(following), tail)
        node.finalbody = self.statements(node.finalbody, in_piece=in_piece, closed=True)
        return [*pieces, node]

    # --- pieces -------------------------------------------------------------------------------------------------------

    def _branch(self, node: ast.If, alive: Names, leaves: bool, tail: bool) -> list[ast.stmt]:
        number, names = self._number(), self._assigned([node])
        watched = self._watched([node])
        yes = self._piece(f"yes_{number}", node, node.body, names, tail=tail)
        no = self._piece(f"no_{number}", node, node.orelse or [at(node, ast.Pass())], names, tail=tail)
        variables = self._access(node, number, names, alive, watched)
        call = hook("branch", node, Expressions().visit(node.test), name_of(yes.name), name_of(no.name), variables)
        return [yes, no, *accessors(node, number, names), self._call(node, call, leaves)]

    def _loop(self, node: ast.For | ast.While, leaves: bool) -> list[ast.stmt]:
        number, names = self._number(), self._assigned([node])
        filled = filled_names(node.body)
        head = self._head(node, filled) if isinstance(node, ast.While) else []
        alive = self.alive.head(node) | self.alive.after(node)
        variables = self._access(node, number, names, alive, self._watched([node]))
        body = self._piece(f"body_{number}", node, node.body, names, tail=True)
        otherwise = self._piece(f"else_{number}", node, node.orelse, names) if node.orelse else None
        pieces: list[ast.stmt] = [body] if otherwise is None else [body, otherwise]
        last: ast.expr = ast.Constant(None) if otherwise is None else name_of(otherwise.name)
        if isinstance(node, ast.While):
            test = self._piece(f"test_{number}", node, [], [])
            test.body = [at(node, ast.Return(Expressions().visit(node.test)))]
            pieces.append(test)
            call = hook("repeat", node, name_of(test.name), name_of(body.name), variables, last, *head)
        else:
            body.args.args = [ast.arg(f"{HOOKS}value")]
            target = at(node, ast.Assign([node.target], name_of(f"{HOOKS}value")))
            body.body.insert(1 if names else 0, target)
            bound = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
            targets, readers = constants(sorted(bound)), peek(node, _own(node), bound, filled)
            lists = filled_lists(node, filled)
            call = hook("loop", node, iterable(node.iter), name_of(body.name), variables, last, targets, readers, lists)
        return [*pieces, *accessors(node, number, names), self._call(node, call, leaves)]

    def _head(self, node: ast.While, filled: Mapping[str, bool]) -> list[ast.expr]:
        """What tells how a ``while`` that Python's numbers decide can be staged: its counters; None where it cannot."""
        if not can_be_tried(node.test, self.known):
            return [ast.Constant(None), ast.Constant(None)]
        filled = {name: reads_last for name, reads_last in filled.items() if name not in names_in(node.test)}
        found = {name: step for name, step in counters(node).items() if name not in self.shared}
        steps = ast.Dict([ast.Constant(name) for name in found], [delayed(step) for step in found.values()])
        return [at(node, steps), peek(node, _own(node), assigned(node), filled), filled_lists(node, filled)]

    def _rest(
        self, node: ast.stmt, rest: list[ast.stmt], names: list[str], *, in_piece: bool, tail: bool, closed: bool
    ) -> list[ast.stmt]:
        """What follows a statement that may leave, and passing on the signal with which it or that has left.

        ``names``: those that the statement and the rest assign.
        """
        signal = name_of(_SIGNAL)
        followed: list[ast.stmt] = []
        if rest and self._are_movable(rest):
            followed, rest = self._after(node, rest, names, tail), []
        end = hook("passed_on" if in_piece else "returned", node, signal, ast.Constant(bool(rest) or closed))
        is_there = at(node, ast.Compare(signal, [ast.IsNot()], [ast.Constant(None)]))
        leave = at(node, ast.If(is_there, [at(node, ast.Return(end))], []))
        following = self.statements(rest, in_piece=in_piece, tail=tail, closed=closed)
        return [*followed, leave, *following]

    def _after(self, node: ast.stmt, rest: list[ast.stmt], names: list[str], tail: bool) -> list[ast.stmt]:
        """What follows where the signal so far says that nothing has left."""
        number, alive = self._number(), self.alive.after(*rest)
        variables = self._access(node, number, names, alive, self._watched(rest))
        piece = self._piece(f"rest_{number}", rest[0], rest, names, tail=tail)
        call = hook("after", rest[0], name_of(_SIGNAL), name_of(piece.name), variables)
        return [piece, *accessors(node, number, names), self._call(rest[0], call, True)]

    def _assigned(self, nodes: Sequence[ast.stmt]) -> list[str]:
        """The names that the statements may bind, those that functions called there may bind included."""
        names = {name for node in nodes for name in assigned(node)}
        calls = any(isinstance(part, ast.Call) for node in nodes for part in _own(node))
        return sorted(names | (self.shared & self.known if calls else set()))

    def _watched(self, nodes: Sequence[ast.stmt]) -> list[str]:
        """The variables that the statements may read, those that functions called there read included."""
        calls = any(isinstance(part, ast.Call) for node in nodes for part in _own(node))
        names = loaded(nodes) | changed_in_place(nodes) | (self.inner if calls else frozenset())
        return sorted(name for name in names & self.known if not name.startswith(HOOKS))

    def _access(
        self, node: ast.stmt, number: int, names: Sequence[str], alive: Names, watched: Sequence[str]
    ) -> ast.Call:
        return access(
            node, number, names, sorted(alive.intersection(names)), watched, sorted(self.declared.intersection(names))
        )

    def _number(self) -> int:
        self.count += 1
        return self.count

    def _piece(
        self, name: str, node: ast.stmt, body: Sequence[ast.stmt], names: Sequence[str], *, tail: bool = False
    ) -> ast.FunctionDef:
        statements = self.statements(body, in_piece=True, tail=tail)
        return define(node, f"{HOOKS}{name}", [], statements, names)

    def _call(self, node: ast.stmt, call: ast.expr, leaves: bool) -> ast.stmt:
        """The call of a hook, with its signal kept where its pieces may leave."""
        return at(node, ast.Assign([ast.Name(_SIGNAL, ast.Store())], call) if leaves else ast.Expr(call))


def assigned(node: ast.stmt) -> set[str]:
    """The names that a statement binds."""
    return {n for n in Scope(define(node, "scope", [], [node], [])).bound if not n.startswith(HOOKS)}


def _always_leaves(nodes: Sequence[ast.stmt]) -> bool:
    if not nodes:
        return False
    last = nodes[-1]
    if isinstance(last, ast.If):
        return _always_leaves(last.body) and _always_leaves(last.orelse)
    return isinstance(last, _LEAVES)


def _absorbing(node: ast.If, rest: list[ast.stmt]) -> ast.If:
    """``if c: return a`` and what follows, as the two branches of one statement."""
    if _always_leaves(node.body):
        otherwise = [*node.orelse, *([] if _always_leaves(node.orelse) else rest)]
        return at(node, ast.If(node.test, node.body, otherwise))
    return at(node, ast.If(node.test, [*node.body, *rest], node.orelse))


def _may_leave(node: ast.If | ast.For | ast.While) -> bool:
    """Whether it holds a statement that leaves what is around it: not the break of a loop inside."""
    if isinstance(node, ast.For | ast.While):
        return any(isinstance(part, ast.Return) for part in _own(node)) or any(map(_leaves, node.orelse))
    return any(map(_leaves, [*node.body, *node.orelse]))


def _leaves(node: ast.AST) -> bool:
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
        return False
    if isinstance(node, ast.For | ast.While):
        return _may_leave(node)
    return isinstance(node, _LEAVES) or any(map(_leaves, ast.iter_child_nodes(node)))
