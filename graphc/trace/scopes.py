"""Which names of a function's syntax tree are its own, and which come from outside."""

from __future__ import annotations

import ast
from collections.abc import Iterable

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SCOPES = (*FUNCTIONS, *COMPREHENSIONS, ast.ClassDef)


class Scope:
    """The names bound in one function, comprehension or class body, and those it declares to be from elsewhere."""

    def __init__(self, node: ast.AST):
        self.node = node
        self.bound: set[str] = set()
        self.declared: set[str] = set()  # by global or nonlocal
        self.is_class = isinstance(node, ast.ClassDef)
        if isinstance(node, FUNCTIONS):
            arguments = node.args
            every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
            self.bound.update(a.arg for a in every if a is not None)
        for child in _inner_parts(node):
            self._collect(child)
        self.bound -= self.declared

    def _collect(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                self.bound.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                self.declared.update(names)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self.bound.add(name)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                self.bound.update((alias.asname or alias.name).partition(".")[0] for alias in names)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                self.bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                self.bound.add(name)
        if isinstance(node, SCOPES):
            for child in outer_parts(node):
                self._collect(child)
            if isinstance(node, COMPREHENSIONS):  # := inside a comprehension binds outside of it
                for child in ast.walk(node):
                    if isinstance(child, ast.NamedExpr):
                        self.bound.add(child.target.id)
            return
        for child in ast.iter_child_nodes(node):
            self._collect(child)


def _inner_parts(node: ast.AST) -> Iterable[ast.AST]:
    """The children that are evaluated inside the scope that the node opens."""
    outer = {id(part) for part in outer_parts(node)}
    if isinstance(node, ast.Lambda):
        return [node.body]
    if isinstance(node, COMPREHENSIONS):
        parts: list[ast.AST] = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for generator in node.generators:
            parts += [generator.target, *generator.ifs, generator.iter]
        return [part for part in parts if id(part) not in outer and not isinstance(part, ast.NamedExpr)]
    return [part for part in getattr(node, "body", []) if id(part) not in outer]


def outer_parts(node: ast.AST) -> Iterable[ast.AST]:
    """The children that are evaluated outside of the scope that the node opens."""
    if isinstance(node, FUNCTIONS):
        parts = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        return [*parts, *getattr(node, "decorator_list", [])]
    if isinstance(node, ast.ClassDef):
        return [*node.bases, *(k.value for k in node.keywords), *node.decorator_list]
    if isinstance(node, COMPREHENSIONS):
        return [node.generators[0].iter]
    return []
