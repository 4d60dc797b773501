"""Functions of ``scalar_special`` as functions of an LLVM module.

Their syntax is translated by ``frontend``, with what they have beyond printed text: literals take the function's
precision, functions call each other and return several numbers, and tuples of numbers of their module are tables in
constant memory. Integers that meet floats become floats. Each function is made once for each precision and, since
tables and functions may be arguments, for each of these.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from graphc.abi import SCIPY_PART
from graphc.codegen import operators, vecmath
from graphc.codegen.contraction import allow_contraction
from graphc.codegen.conversions import convert, llvm_type
from graphc.codegen.frontend import Context, Translator, value_type
from graphc.codegen.helpers import HELPERS
from graphc.codegen.intrinsics import unpacked_arguments
from graphc.codegen.operators import Number
from graphc.codegen.targets import CUDA
from graphc.config import settings
from graphc.scalar_special import language
from graphc.scalar_special.table import FUNCTIONS

FLOATS = {"f64": types.float64, "f32": types.float32}
BITS = {"f64": 64, "f32": 32}
PRECISION = {
    "f64": {"epsilon": 2.0**-52, "tiny": 2.0**-1022, "largest": 2.0**1023 * (2 - 2.0**-52)},
    "f32": {"epsilon": 2.0**-23, "tiny": 2.0**-126, "largest": 2.0**127 * (2 - 2.0**-23)},
}
TERMS = {"f64": 2.0**-56, "f32": 2.0**-26}
LONGEST_COPIED = 150  # instructions of a function that may be copied to where it is called
TESTS = ("isnan", "isinf", "isfinite")
ALWAYS = ("nounwind", "readnone", "willreturn")


def scalar_call(name: str, short: str) -> Any:
    """The intrinsic for a function of the table, or for a part of its results, over numbers of the dtype."""
    kind = FLOATS[short]
    function, _, part = name.partition(SCIPY_PART)

    def scalar_function(typingctx: Any, *arguments: Any) -> Any:
        packed = types.StarArgTuple.from_types((kind,) * len(arguments))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            code = defined(builder.module, FUNCTIONS[function], short, entry=True, contract=settings.contract)
            results = builder.call(code, unpacked_arguments(builder, values[0]))
            return builder.extract_value(results, int(part or 0)) if _has_parts(code) else results

        return kind(packed), emit

    return intrinsic(scalar_function)


def _has_parts(code: ir.Function) -> bool:
    return isinstance(code.function_type.return_type, ir.LiteralStructType)


def defined(
    module: ir.Module, function: Callable[..., Any], short: str, fixed: Sequence[Any] = (), *, entry: bool = False,
    contract: bool,
) -> ir.Function:  # fmt: skip
    """The function of the module, made where it is not there yet.

    Args:
        fixed: for each argument, the table or function that it is, or None.
        entry: kernels call it, so that it stands apart.
        contract: whether a product and a sum may become one ``fma``.
    """
    bound = "".join(f"_{_symbol_of(value)}" for value in fixed if value is not None)
    symbol = f"device_{function.__module__.rpartition('.')[2]}_{function.__name__}{bound}_{short}"
    found = module.globals.get(symbol)
    if found is None:
        translator = _FunctionTranslator(module, symbol, function, short, fixed or None, contract)
        found = translator.translated(entry=entry)
    return found


def _symbol_of(value: tuple[float, ...] | FunctionType) -> str:
    if isinstance(value, FunctionType):
        return f"{value.__module__.rpartition('.')[2]}_{value.__name__}"
    return f"{hash(value) % 2**64:016x}"


@lru_cache(maxsize=512)
def _syntax(function: Callable[..., Any]) -> tuple[ast.FunctionDef, int]:
    """The function's syntax, each assignment with one target, and how many numbers it returns."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    tree.body = _plain(tree.body, count())
    returned = next(node.value for node in ast.walk(tree) if isinstance(node, ast.Return))
    return tree, len(returned.elts) if isinstance(returned, ast.Tuple) else 1


def _plain(statements: Sequence[ast.stmt], numbers: Iterator[int]) -> list[ast.stmt]:
    """The statements with assignments to several names taken apart."""
    found: list[ast.stmt] = []
    for statement in statements:
        for block in ("body", "orelse"):
            if getattr(statement, block, None):
                setattr(statement, block, _plain(getattr(statement, block), numbers))
        found += _apart(statement, numbers)
    return found


def _apart(statement: ast.stmt, numbers: Iterator[int]) -> list[ast.stmt]:
    if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Tuple):
        return [statement]
    names = [ast.unparse(name) for name in statement.targets[0].elts]
    parts: list[ast.stmt] = []
    values: Sequence[ast.expr]
    if isinstance(statement.value, ast.Tuple):
        values = statement.value.elts
    else:
        whole = f"parts__{next(numbers)}"
        parts.append(_assigned(whole, statement.value))
        values = [ast.Subscript(ast.Name(whole, ast.Load()), ast.Constant(k), ast.Load()) for k in range(len(names))]
    held = [f"part__{next(numbers)}" for _ in names]
    parts += map(_assigned, held, values)
    parts += [_assigned(name, ast.Name(value, ast.Load())) for name, value in zip(names, held, strict=True)]
    return [ast.fix_missing_locations(ast.copy_location(part, statement)) for part in parts]


def _assigned(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)


class _FunctionTranslator(Translator):
    """Of one function at one precision."""

    def __init__(
        self, module: ir.Module, symbol: str, function: Callable[..., Any], short: str,
        fixed: Sequence[Any] | None, contract: bool,
    ) -> None:  # fmt: skip
        tree, self.results = _syntax(function)
        self.short, self.kind, self.contract = short, FLOATS[short], contract
        names = [argument.arg for argument in tree.args.args]
        bound = fixed or [None] * len(names)
        namespace = {**function.__globals__, **{n: t for n, t in zip(names, bound, strict=True) if t is not None}}
        self.given = [n for n, t in zip(names, bound, strict=True) if t is None]
        number = llvm_type(self.kind)
        result = number if self.results == 1 else ir.LiteralStructType([number] * self.results)
        code = ir.Function(module, ir.FunctionType(result, [number] * len(self.given)), symbol)
        code.linkage = "internal"
        self.begin(tree, namespace, code, CUDA)  # also for the CPU: no loop of these runs in vectors

    def translated(self, *, entry: bool) -> ir.Function:
        """Translate it all. ``entry``: it is not copied to where it is called."""
        for name, value in zip(self.given, self.code.args, strict=True):
            self.assign(name, (self.kind, value))
        self.block(self.function.body)
        if not self.b.block.is_terminated:
            self.b.unreachable()
        if self.contract:
            allow_contraction(self.code)
        is_long = sum(len(block.instructions) for block in self.code.blocks) > LONGEST_COPIED
        for attribute in (*ALWAYS, *(["noinline"] if entry or is_long else [])):
            set.add(self.code.attributes, attribute)  # llvmlite's own ``add`` takes names that it knows
        return self.code

    # --- statements ---------------------------------------------------------------------------------------------------

    def _return(self, statement: ast.Return) -> None:
        assert statement.value is not None
        if not isinstance(statement.value, ast.Tuple):
            kind, value = self.value(statement.value)
            if self.results == 1:
                value = operators.as_type(self.b, (kind, value), self.kind)
            self.b.ret(value)
            return
        whole = ir.Constant(self.code.function_type.return_type, ir.Undefined)
        for k, part in enumerate(statement.value.elts):
            whole = self.b.insert_value(whole, self._float(self.value(part)), k)
        self.b.ret(whole)

    # --- expressions --------------------------------------------------------------------------------------------------

    def _constant(self, node: ast.Constant) -> Number:
        return self._literal(node.value)

    def _literal(self, value: Any) -> Number:
        if isinstance(value, float):
            return self.kind, ir.Constant(llvm_type(self.kind), value)
        if not isinstance(value, int):
            raise TypeError(f"a constant {value!r}")
        return operators.constant(value)

    def _name(self, node: ast.Name) -> Number:
        if node.id in self.known or node.id in self.places:
            return super()._name(node)
        return self._literal(self.namespace.get(node.id))

    def _float(self, number: Number) -> Any:
        return operators.as_type(self.b, number, self.kind)

    def _met(self, a: Number, b: Number) -> tuple[Number, Number]:
        """Both as floats where one is."""
        if types.float64 in (a[0], b[0]) or types.float32 in (a[0], b[0]):
            return (self.kind, self._float(a)), (self.kind, self._float(b))
        return a, b

    def _binop(self, node: ast.BinOp) -> Number:
        a, b = self._met(self.value(node.left), self.value(node.right))
        if isinstance(node.op, ast.Div):
            a, b = (self.kind, self._float(a)), (self.kind, self._float(b))
        return operators.binary(self.b, type(node.op), a, b)

    def _compare(self, node: ast.Compare) -> Number:
        numbers = [self.value(part) for part in (node.left, *node.comparators)]
        found = None
        for operator, a, b in zip(node.ops, numbers, numbers[1:], strict=False):
            _, holds = operators.compare(self.b, type(operator), *self._met(a, b))
            found = holds if found is None else self.b.and_(found, holds)
        return types.boolean, found

    def _ifexp(self, node: ast.IfExp) -> Number:
        blocks = [self._new_block("yes"), self._new_block("no")]
        self.b.cbranch(operators.truth(self.b, self.value(node.test)), *blocks)
        found = []
        for start, branch in zip(blocks, (node.body, node.orelse), strict=True):
            self.b.position_at_end(start)
            found.append((self.value(branch), self.b.block))
        kinds = {number[0] for number, _ in found}
        kind = types.int64 if kinds == {types.int64} else self.kind
        after, values = self._new_block("chosen"), []
        for number, block in found:
            self.b.position_at_end(block)
            values.append((operators.as_type(self.b, number, kind), block))
            self.b.branch(after)
        self.b.position_at_end(after)
        chosen = self.b.phi(llvm_type(kind))
        for value, block in values:
            chosen.add_incoming(value, block)
        return kind, chosen

    def _subscript(self, node: ast.Subscript) -> Number:
        assert isinstance(node.value, ast.Name)
        table = self.namespace.get(node.value.id)
        if isinstance(table, tuple):
            place = _table(self.b.module, table, self.kind)
            index = operators.as_type(self.b, self.value(node.slice), types.int64)
            return self.kind, self.b.load(self.b.gep(place, [ir.IntType(64)(0), index]))
        assert isinstance(node.slice, ast.Constant)
        _, whole = self.value(node.value)
        return self.kind, self.b.extract_value(whole, node.slice.value)

    # --- calls --------------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> Number:
        assert isinstance(node.func, ast.Name)
        name = node.func.id
        if name in ("len", "terms"):
            return self._length(name, node.args[0])
        function = self.namespace.get(name)
        if function is not getattr(language, name, None) and isinstance(function, FunctionType):
            return self._own(function, node.args)
        numbers = [self.value(argument) for argument in node.args]
        if name in ("abs", "min", "max"):
            return self._builtin(name, numbers)
        if function is not getattr(language, name, self):
            raise TypeError(f"{name} is no function of the language")
        return self._of_language(name, numbers)

    def _length(self, name: str, argument: ast.expr) -> Number:
        assert isinstance(argument, ast.Name)
        table = self.namespace[argument.id]
        return operators.constant(len(table) if name == "len" else language.needed(table, TERMS[self.short]))

    def _own(self, function: FunctionType, arguments: Sequence[ast.expr]) -> Number:
        """A call of a function of that room."""
        fixed = list(map(self._fixed, arguments))
        numbers = [self._float(self.value(a)) for a, f in zip(arguments, fixed, strict=True) if f is None]
        code = defined(self.b.module, function, self.short, fixed, contract=self.contract)
        return self.kind, self.b.call(code, numbers)

    def _fixed(self, argument: ast.expr) -> Any:
        """The table or the function that an argument is."""
        if not isinstance(argument, ast.Name) or argument.id in self.known or argument.id in self.places:
            return None
        value = self.namespace.get(argument.id)
        return value if isinstance(value, tuple | FunctionType) else None

    def _builtin(self, name: str, numbers: list[Number]) -> Number:
        if name == "abs":
            return self._of_language("abs", numbers)
        best, *others = numbers
        for other in others:
            a, b = self._met(best, other)
            _, better = operators.compare(self.b, ast.Lt if name == "min" else ast.Gt, b, a)
            best = a[0], self.b.select(better, b[1], a[1])
        return best

    def _of_language(self, name: str, numbers: list[Number]) -> Number:
        if name == "is_single":
            return types.boolean, ir.IntType(1)(self.short == "f32")
        if name in PRECISION[self.short]:
            return self._literal(PRECISION[self.short][name])
        if name == "integer":
            return types.int64, convert(self.b, self._float(numbers[0]), self.kind, types.int64)
        if name == "number":
            return self.kind, self._float(numbers[0])
        values = [self._float(number) for number in numbers]
        if name == "fma":
            return self.kind, self.b.fma(*values)
        if name in TESTS:
            return types.boolean, self._emitted(HELPERS[f"{name}_{self.short}"], self.b, values)
        if name == "abs":
            return self.kind, self._emitted(HELPERS[f"abs_{self.short}"], self.b, values)
        return self.kind, self.b.call(self._vector_math(name, len(values)), values)

    def _vector_math(self, name: str, arity: int) -> ir.Function:
        """A function of the module for one of ``vecmath``, which is long to stand wherever it is called."""
        assert name in language.VECTOR_MATH
        module, symbol = self.b.module, f"device_{name}_{self.short}"
        if symbol not in module.globals:
            number = llvm_type(self.kind)
            code = ir.Function(module, ir.FunctionType(number, [number] * arity), symbol)
            code.linkage = "internal"
            for attribute in ALWAYS:
                set.add(code.attributes, attribute)
            builder = ir.IRBuilder(code.append_basic_block())
            builder.ret(self._emitted(vecmath.FUNCTIONS[name, self.short], builder, list(code.args)))
        return module.globals[symbol]

    def _emitted(self, function: Any, builder: Any, values: list[Any]) -> Any:
        signature, emit = function._defn(None, *[self.kind] * len(values))
        return emit(Context, builder, signature, values)


def _table(module: ir.Module, table: tuple[float, ...], kind: Any) -> ir.GlobalVariable:
    """The numbers in constant memory."""
    symbol = f"table_{_symbol_of(table)}_{kind}"
    if symbol not in module.globals:
        array = ir.ArrayType(value_type(kind), len(table))
        place = ir.GlobalVariable(module, array, symbol)
        place.linkage, place.global_constant, place.unnamed_addr = "internal", True, True
        place.initializer = ir.Constant(array, list(map(float, table)))
    return module.globals[symbol]
