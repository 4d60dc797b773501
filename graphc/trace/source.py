"""The syntax tree of a function from its source file, proven to be that of its code.

The tree is compiled again and compared with the function's own code: a file that was edited after it was imported, or
the wrong one of two lambdas on a line, never gets through.
"""

from __future__ import annotations
import __future__

import ast
import dis
import linecache
from collections.abc import Iterator
from functools import reduce
from types import CodeType
from typing import Any

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

_FACTORY = "factory.<locals>."
MOST_CLOSING_LINES = 50  # a statement's closing brackets may stand below its last instruction
_FUTURE = reduce(lambda flags, name: flags | getattr(__future__, name).compiler_flag, __future__.all_feature_names, 0)

_modules: dict[str, tuple[list[str], ast.Module | None]] = {}


def function_tree(code: CodeType) -> FunctionNode | None:
    """The function's tree, with the line numbers of its file and without decorators; None where there is no source."""
    lines = linecache.getlines(code.co_filename)
    if not 0 < code.co_firstlineno <= len(lines):
        return None
    candidates = _lambdas(code, lines) if code.co_name == "<lambda>" else _definition(code, lines)
    for node in candidates:
        compiled = compile_function(bare(node), code)
        if compiled is not None and same_code(compiled, code):
            return node
    return None


def _definition(code: CodeType, lines: list[str]) -> Iterator[FunctionNode]:
    """The ``def`` that starts at the code's first line, cut out of the file: parsing all of it would be slow."""
    start = code.co_firstlineno - 1
    last = max(_last_line(code), start + 1)
    indented = lines[start][:1] in (" ", "\t")
    for end in range(last, min(last + MOST_CLOSING_LINES, len(lines)) + 1):
        text = "".join(lines[start:end])
        try:
            tree = ast.parse("if 1:\n" + text if indented else text)
        except SyntaxError:
            continue
        statement = tree.body[0]
        ast.increment_lineno(tree, start - indented)
        node = statement.body[0] if isinstance(statement, ast.If) and indented else statement
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        return


def _last_line(code: CodeType) -> int:
    last = max((line for _, _, line in code.co_lines() if line is not None), default=code.co_firstlineno)
    return max([last, *(_last_line(c) for c in code.co_consts if isinstance(c, CodeType))])


def _lambdas(code: CodeType, lines: list[str]) -> Iterator[FunctionNode]:
    """The lambdas of the file that start at the code's line."""
    known = _modules.get(code.co_filename)
    if known is None or known[0] != lines:
        try:
            known = (lines, ast.parse("".join(lines)))
        except SyntaxError:
            known = (lines, None)
        _modules[code.co_filename] = known
    for node in ast.walk(known[1]) if known[1] is not None else ():
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            yield node


def bare(node: FunctionNode) -> FunctionNode:
    """The function without decorators, annotations and default values (which are the function object's own)."""
    old = node.args
    nothing: list[ast.expr] = [ast.copy_location(ast.Constant(None), node) for _ in old.defaults]
    arguments = ast.arguments(
        posonlyargs=[_bare_argument(a) for a in old.posonlyargs],
        args=[_bare_argument(a) for a in old.args],
        vararg=_bare_argument(old.vararg) if old.vararg else None,
        kwonlyargs=[_bare_argument(a) for a in old.kwonlyargs],
        kw_defaults=[ast.copy_location(ast.Constant(None), node) if d is not None else None for d in old.kw_defaults],
        kwarg=_bare_argument(old.kwarg) if old.kwarg else None,
        defaults=nothing,
    )
    if isinstance(node, ast.Lambda):
        return ast.copy_location(ast.Lambda(arguments, node.body), node)
    made = type(node)(name=node.name, args=arguments, body=node.body, decorator_list=[], returns=None)
    return ast.copy_location(_without_type_parameters(made), node)


def _without_type_parameters(node: Any) -> Any:
    """The definition as Python 3.12 and later want it."""
    node.type_params = []
    return node


def _bare_argument(argument: ast.arg) -> ast.arg:
    return ast.copy_location(ast.arg(argument.arg), argument)


def compile_function(node: FunctionNode, code: CodeType, extra_free: tuple[str, ...] = ()) -> CodeType | None:
    """The code of the function node, its free variables those of ``code`` and ``extra_free``; None if it has none.

    It is compiled inside a function that has those names as arguments, and, where the names of a class are mangled,
    inside a class of that name.
    """
    free = [name for name in (*code.co_freevars, *extra_free) if name != "__class__"]
    body: ast.stmt = node if not isinstance(node, ast.Lambda) else ast.copy_location(ast.Expr(node), node)
    owner = owner_class(code)
    needs_class = "__class__" in code.co_freevars or any(_is_private(n) for n in (*code.co_names, *code.co_varnames))
    if owner is not None and needs_class:
        class_ = ast.ClassDef(name=owner, bases=[], keywords=[], body=[body], decorator_list=[])
        body = _without_type_parameters(class_)
    elif "__class__" in code.co_freevars:
        free.append("__class__")
    statements: list[ast.stmt] = [body]
    defined = getattr(body, "name", None)
    if defined is not None and defined not in free:
        statements.insert(
            0, ast.Global([defined])
        )  # what the function means by its own, or its class's, name stays one
    arguments = ast.arguments([], [ast.arg(name) for name in free], None, [], [], None, [])
    factory = ast.FunctionDef(name="factory", args=arguments, body=statements, decorator_list=[], returns=None)
    module = ast.fix_missing_locations(ast.Module([_without_type_parameters(factory)], []))
    flags = code.co_flags & _FUTURE
    compiled = compile(module, code.co_filename, "exec", flags=flags, dont_inherit=True)
    return _find_code(compiled, code.co_name, code.co_firstlineno)


def owner_class(code: CodeType) -> str | None:
    """The class that a method's code was compiled in, by its qualified name."""
    parts = code.co_qualname.split(".")
    return parts[-2] if len(parts) > 1 and parts[-2] != "<locals>" else None


def _is_private(name: str) -> bool:
    return name.startswith("_") and "__" in name[1:] and not name.endswith("__")


def _find_code(code: CodeType, name: str, line: int) -> CodeType | None:
    for const in code.co_consts:
        if isinstance(const, CodeType):
            if const.co_name == name:
                return const
            found = _find_code(const, name, line) if const.co_name != name else None
            if found is not None:
                return found
    return None


def same_code(a: CodeType, b: CodeType) -> bool:
    """Whether the two compute the same: instructions, names and constants, not line numbers."""
    if (a.co_varnames, a.co_freevars, a.co_names) != (b.co_varnames, b.co_freevars, b.co_names):
        return False
    if len(a.co_consts) != len(b.co_consts):
        return False
    if not all(_same_const(x, y) for x, y in zip(a.co_consts, b.co_consts, strict=True)):
        return False
    return a.co_code == b.co_code or _instructions(a) == _instructions(b)


def _instructions(code: CodeType) -> list[tuple[str, object]]:
    """The instructions without a difference that depends on the rest of the file: the compiler calls ``np.sum(x)`` in
    another way when the file imports ``np`` at its top, and so jumps may need a longer form."""
    kept: list[dis.Instruction] = []
    places: dict[int, int] = {}  # offset -> the instruction that is kept there or next
    for instruction in dis.get_instructions(code):
        places[instruction.offset] = len(kept)
        if instruction.opname not in ("PUSH_NULL", "EXTENDED_ARG"):
            kept.append(instruction)
    result: list[tuple[str, object]] = []
    for i in kept:
        is_jump = i.opcode in dis.hasjrel or i.opcode in dis.hasjabs
        argument = places.get(i.argval, i.argval) if is_jump else None if i.opname == "LOAD_CONST" else i.argval
        result.append(("LOAD_ATTR" if i.opname == "LOAD_METHOD" else i.opname, argument))
    return result


def _same_const(a: object, b: object) -> bool:
    if isinstance(a, CodeType):
        return isinstance(b, CodeType) and same_code(a, b)
    if isinstance(a, str) and isinstance(b, str) and a != b:  # the qualified name of a class that stands inside
        return a.startswith(_FACTORY) and a.removeprefix(_FACTORY).endswith(b.rpartition("<locals>.")[2])
    return type(a) is type(b) and repr(a) == repr(b)
