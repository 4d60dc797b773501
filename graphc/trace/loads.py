"""The rewriting of a function's loads, on its syntax tree.

    lam * self.w[0]        ->  _graphc_.name(lam, "lam") * _graphc_.item(_graphc_.raw_attribute(self, "w"), 0)
    helper(x)              ->  _graphc_.callee(_graphc_.name(helper, "helper"))(x)
    for layer in model     ->  for layer in _graphc_.iterated(_graphc_.name(model, "model"))
    self.cache = v         ->  _graphc_.owner(self).cache = v

``_graphc_`` is a ``reader.Reader``, a cell of the rewritten function. Every expression is still evaluated by Python, at
its place and in its order, and keeps its line: what the hooks add is the record of where a value came from. The
``raw_`` forms stand where the value is only read through, so that a container is not recorded as a whole.
"""

from __future__ import annotations

import ast
import copy
from typing import Any

from graphc.trace.scopes import Scope

HOOKS = "_graphc_"
FRAME_READERS = {"super", "locals", "globals", "vars", "dir", "eval", "exec"}


class LoadRewriter(ast.NodeTransformer):
    """Rewrites one function. Names bound nowhere in it, nor in the functions inside it that see them, are outside."""

    def __init__(self, owner: str | None) -> None:
        """``owner``: the class whose method is rewritten, for the names that it mangles."""
        self.owner = owner
        self.scopes: list[Scope] = []

    # --- scopes -------------------------------------------------------------------------------------------------------

    def rewrite_function(self, node: Any) -> Any:
        """The function node with its body rewritten; its defaults and decorators belong to whoever defined it."""
        self.scopes.append(Scope(node))
        if isinstance(node, ast.Lambda):
            node.body = self.visit(node.body)
        else:
            node.body = [statement for old in node.body for statement in self._statements(old)]
        self.scopes.pop()
        return node

    def _statements(self, node: ast.stmt) -> list[ast.stmt]:
        result = self.visit(node)
        return result if isinstance(result, list) else [result]

    def visit_FunctionDef(self, node: Any) -> Any:
        self._visit_outer_parts(node)
        return self.rewrite_function(node)

    visit_AsyncFunctionDef = visit_Lambda = visit_FunctionDef

    def _visit_outer_parts(self, node: Any) -> None:
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [d if d is None else self.visit(d) for d in node.args.kw_defaults]
        if not isinstance(node, ast.Lambda):
            node.decorator_list = [self.visit(d) for d in node.decorator_list]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [self.visit(b) for b in node.bases]
        made = ast.Attribute(ast.Name(HOOKS, ast.Load()), "made_class", ast.Load())
        node.decorator_list = [ast.copy_location(made, node), *(self.visit(d) for d in node.decorator_list)]
        self.scopes.append(Scope(node))
        node.body = [statement for old in node.body for statement in self._statements(old)]
        self.scopes.pop()
        return node

    def _visit_comprehension(self, node: Any) -> Any:
        first = self._iterated(node.generators[0].iter)
        self.scopes.append(Scope(node))
        for position, generator in enumerate(node.generators):
            generator.target = self.visit(generator.target)
            generator.iter = first if position == 0 else self._iterated(generator.iter)
            generator.ifs = [self._test(condition) for condition in generator.ifs]
        for part in ("elt", "key", "value"):
            if hasattr(node, part):
                setattr(node, part, self.visit(getattr(node, part)))
        self.scopes.pop()
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _visit_comprehension

    def is_outside(self, name: str) -> bool:
        innermost = self.scopes[-1]
        for scope in reversed(self.scopes):
            if name in scope.bound and (not scope.is_class or scope is innermost):
                return False
        return name != HOOKS

    def _declared_outside(self, name: str) -> bool:
        """A name that this scope may assign although it is bound outside of the function."""
        return name in self.scopes[-1].declared and self.is_outside(name)

    # --- loads --------------------------------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._name(node, "name")

    def _name(self, node: ast.Name, kind: str) -> ast.expr:
        if not isinstance(node.ctx, ast.Load) or not self.is_outside(node.id):
            return node
        return hook(kind, node, node, ast.Constant(node.id))

    def raw(self, node: ast.expr) -> ast.expr:
        """The expression where its value is read through: a container in it is only passed by."""
        match node:
            case ast.Name(ctx=ast.Load()):
                return self._name(node, "raw_name")
            case ast.Attribute(ctx=ast.Load()):
                return self._attribute(node, "raw_attribute")
            case ast.Subscript(ctx=ast.Load()):
                return self._item(node, "raw_item")
        return self.visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if isinstance(node.ctx, ast.Load):
            return self._attribute(node, "attribute")
        node.value = hook("owner", node, self.raw(node.value))
        return node

    def _attribute(self, node: ast.Attribute, kind: str) -> ast.expr:
        name = self._mangled(node.attr)
        return hook(kind, node, self.raw(node.value), ast.Constant(name))

    def _mangled(self, name: str) -> str:
        """A private name as the class that the function stands in sees it."""
        owner = next((s.node.name for s in reversed(self.scopes) if isinstance(s.node, ast.ClassDef)), self.owner)
        if owner is None or not name.startswith("__") or name.endswith("__"):
            return name
        return f"_{owner.lstrip('_')}{name}"

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if isinstance(node.ctx, ast.Load):
            return self._item(node, "item")
        node.value = hook("store", node, self.raw(node.value))
        node.slice = self.visit(node.slice)
        return node

    def _item(self, node: ast.Subscript, kind: str) -> ast.expr:
        value = self.raw(node.value)
        key = self._slice_object(self.visit(node.slice), node)
        if isinstance(key, ast.Tuple):
            key.elts = [self._slice_object(part, node) for part in key.elts]
        return hook(kind, node, value, key)

    def _slice_object(self, part: ast.expr, node: ast.expr) -> ast.expr:
        if not isinstance(part, ast.Slice):
            return part
        bounds = [bound if bound is not None else ast.Constant(None) for bound in (part.lower, part.upper, part.step)]
        return hook("slice", node, *bounds)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        if isinstance(node.func, ast.Name) and node.func.id == "print" and self.is_outside("print"):
            return self._print(node)
        return self._call(node)

    def _print(self, node: ast.Call) -> ast.IfExp:
        """What a plain run prints is not even looked at in the trace: it may ask for numbers (``f"{x:.3f}"``)."""
        elsewhere = hook("printed_elsewhere", node, copy.deepcopy(node.func))
        return ast.copy_location(ast.IfExp(elsewhere, ast.Constant(None), self._call(node)), node)

    def _call(self, node: ast.Call) -> ast.expr:
        node.args = [self.visit(argument) for argument in node.args]
        match node.func:
            case ast.Attribute(value=ast.Name(id=name)) if name == HOOKS:
                return node  # of ``staging``
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        if self._reads_the_frame(node):
            return self._frame_reader(node)
        node.func = hook("callee", node.func, self.visit(node.func))
        return node

    def _reads_the_frame(self, call: ast.Call) -> bool:
        """``vars(obj)`` and ``dir(obj)`` read an object, ``vars()`` and ``dir()`` the frame."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        return name in FRAME_READERS and self.is_outside(name) and not (name in ("vars", "dir") and call.args)

    def _frame_reader(self, call: ast.Call) -> ast.expr:
        """What reads this very frame is called by Python; where it leads outside, that is recorded or refused."""
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name == "globals":
            return hook("all_globals", call, call)
        if name in ("eval", "exec") and len(call.args) == 1:
            call.args[0] = hook("expression", call, call.args[0])
        elif name in ("eval", "exec"):
            call.func = hook("evaluating", call.func, call.func)
        return call

    def visit_FormattedValue(self, node: ast.FormattedValue) -> ast.FormattedValue:
        spec = self.visit(node.format_spec) if node.format_spec is not None else ast.Constant("")
        conversion = ast.Constant(chr(node.conversion) if node.conversion > 0 else "")
        value = hook("formatted", node.value, self.visit(node.value), conversion, spec)
        return ast.copy_location(ast.FormattedValue(value, -1, None), node)

    def visit_Match(self, node: ast.Match) -> ast.Match:
        node.subject = self.visit(node.subject)
        if any(isinstance(part, ast.MatchClass) for case in node.cases for part in ast.walk(case.pattern)):
            node.subject = hook("matched", node.subject, node.subject)
        node.cases = [self.visit(case) for case in node.cases]
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.match_case:
        """A pattern is no expression: only its guard and body are."""
        node.guard = self._test(node.guard) if node.guard is not None else None
        node.body = [statement for old in node.body for statement in self._statements(old)]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign:
        """The annotation of a local variable is never evaluated."""
        node.target = self.visit(node.target)
        node.value = self.visit(node.value) if node.value is not None else None
        return node

    # --- what Python calls by itself ----------------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        return hook("binary", node, ast.Constant(type(node.op).__name__), self.visit(node.left), self.visit(node.right))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        node.left = self.visit(node.left)
        node.comparators = [self.visit(c) for c in node.comparators]
        asks_for_none = isinstance(node.ops[0], ast.Is | ast.IsNot) and isinstance(node.comparators[0], ast.Constant)
        if len(node.ops) > 1 or asks_for_none:
            return node
        return hook("binary", node, ast.Constant(type(node.ops[0]).__name__), node.left, node.comparators[0])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        if isinstance(node.op, ast.Not):
            node.operand = self._test(node.operand)
            return node
        if isinstance(node.operand, ast.Constant):
            return node
        return hook("unary", node, ast.Constant(type(node.op).__name__), self.visit(node.operand))

    def _test(self, node: ast.expr) -> ast.expr:
        """An expression of which only the truth counts."""
        if isinstance(node, ast.BoolOp):
            node.values = [self._test(value) for value in node.values]
            return node
        visited = self.visit(node)
        return visited if isinstance(node, ast.Compare | ast.Constant) else hook("truth", node, visited)

    def _visit_test(self, node: Any) -> Any:
        node.test = self._test(node.test)
        return self.generic_visit_but(node, "test")

    visit_If = visit_While = visit_IfExp = visit_Assert = _visit_test

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        self.generic_visit(node)
        if node.exc is not None:
            node.exc = hook("raising", node.exc, node.exc)
        return node

    def visit_Try(self, node: ast.Try) -> ast.Try:
        """What a ``raise`` in its body does is noted where a handler may stand ready for it."""
        self.generic_visit(node)
        if node.handlers:
            item = ast.withitem(hook("handler", node.body[0]), None)
            node.body = [ast.copy_location(ast.With([item], node.body), node.body[0])]
        return node

    def _iterated(self, node: ast.expr) -> ast.expr:
        return hook("iterated", node, self.visit(node))

    def visit_For(self, node: ast.For) -> ast.For:
        node.iter = self._iterated(node.iter)
        return self.generic_visit_but(node, "iter")

    def visit_Starred(self, node: ast.Starred) -> ast.Starred:
        node.value = self._iterated(node.value) if isinstance(node.ctx, ast.Load) else self.visit(node.value)
        return node

    def visit_withitem(self, node: ast.withitem) -> ast.withitem:
        node.context_expr = hook("context", node.context_expr, self.visit(node.context_expr))
        node.optional_vars = self.visit(node.optional_vars) if node.optional_vars is not None else None
        return node

    def generic_visit_but(self, node: Any, done: str) -> Any:
        """Visit all parts of the node but one, which is rewritten already."""
        kept = getattr(node, done)
        setattr(node, done, ast.Constant(None))
        self.generic_visit(node)
        setattr(node, done, kept)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """``from module import rate`` reads an attribute of the module."""
        read: list[ast.stmt] = [node]
        for alias in node.names:
            name = alias.asname or alias.name
            if not self.is_outside(name):
                where = [ast.Constant(part) for part in (node.module or "", node.level, alias.name)]
                value = hook("imported", node, ast.Name(name, ast.Load()), *where)
                read.append(ast.copy_location(ast.Assign([ast.Name(name, ast.Store())], value), node))
        return read

    # --- names that are assigned outside ------------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        unpacks = any(isinstance(target, ast.Tuple | ast.List) for target in node.targets)
        node.value = self._iterated(node.value) if unpacks else self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name) and self._declared_outside(target.id):
                node.value = hook("escaping", node.value, node.value, ast.Constant(target.id))
        node.targets = [self.visit(target) for target in node.targets]
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        target = node.target
        if isinstance(target, ast.Name) and self._declared_outside(target.id):
            read = self.visit(ast.copy_location(ast.Name(target.id, ast.Load()), target))
            operator = ast.Constant(type(node.op).__name__)
            value = hook("in_place", node, operator, read, self.visit(node.value))
            value = hook("escaping", node, value, ast.Constant(target.id))
            return ast.copy_location(ast.Assign([target], value), node)
        node.target = self.visit(target)
        node.value = self.visit(node.value)
        return node


def hook(name: str, at: ast.AST, *arguments: ast.expr) -> ast.Call:
    """``_graphc_.name(*arguments)`` at the line where the node begins: a method's call is where its name ends."""
    reader = ast.copy_location(ast.Name(HOOKS, ast.Load()), at)
    method = ast.copy_location(ast.Attribute(reader, name, ast.Load()), at)
    if hasattr(at, "lineno"):
        method.end_lineno, method.end_col_offset = method.lineno, method.col_offset
    placed = [a if hasattr(a, "lineno") else ast.copy_location(a, at) for a in arguments]
    return ast.copy_location(ast.Call(method, placed, []), at)
