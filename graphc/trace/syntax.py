"""Pieces of syntax that ``staging`` makes: calls of hooks, closures, and what reaches the variables of a piece."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from graphc.trace.loads import HOOKS, hook


def at(node: ast.AST, made: Any) -> Any:
    return ast.copy_location(made, node)


def name_of(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def delayed(node: ast.expr) -> ast.Lambda:
    nothing = ast.arguments([], [], None, [], [], None, [])
    made: ast.Lambda = at(node, ast.Lambda(nothing, node))
    return made


def constants(names: Sequence[str]) -> ast.Tuple:
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())


def define(
    node: ast.stmt, name: str, arguments: Sequence[str], body: Sequence[ast.stmt], names: Sequence[str]
) -> ast.FunctionDef:
    signature = ast.arguments([], [ast.arg(a) for a in arguments], None, [], [], None, [])
    declared = [at(node, ast.Nonlocal(list(names)))] if names else []
    statements = [*declared, *body] or [ast.Pass()]
    made: Any = at(node, ast.FunctionDef(name, signature, statements, [], None))
    made.type_params = []
    return made


def access(
    node: ast.AST,
    number: int,
    names: Sequence[str],
    alive: Sequence[str],
    watched: Sequence[str],
    shared: Sequence[str],
) -> ast.Call:
    """``Variables`` of a piece, for the functions that ``accessors`` makes."""
    functions = name_of(f"{HOOKS}get_{number}"), name_of(f"{HOOKS}set_{number}")
    readers = at(node, ast.Tuple([delayed(at(node, name_of(name))) for name in watched], ast.Load()))
    return hook("variables", node, *functions, constants(names), constants(alive), constants(watched), readers,
                constants(shared))  # fmt: skip


def accessors(node: ast.stmt, number: int, names: Sequence[str]) -> list[ast.stmt]:
    """``get``: a function for each variable, which fails while it has no value; ``set``: gives them all values."""
    readers = ast.Tuple([delayed(at(node, name_of(name))) for name in names], ast.Load())
    get = define(node, f"{HOOKS}get_{number}", [], [at(node, ast.Return(readers))], [])
    new = f"{HOOKS}new"
    targets = ast.Tuple([ast.Name(name, ast.Store()) for name in names], ast.Store())
    body = [at(node, ast.Assign([targets], name_of(new)))] if names else [ast.Pass()]
    return [get, define(node, f"{HOOKS}set_{number}", [new], body, names)]
