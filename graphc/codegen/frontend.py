"""From printed functions to LLVM IR, in one walk over their syntax.

Printed code is a small part of what Numba compiles: numbers, ranges, branches, pointers, and intrinsics (functions that
emit their own LLVM code, ``numba.extending.intrinsic``). Each variable has one type, which its first assignment tells.
Numba's way from there to LLVM IR (bytecode, its own IR, type inference by rounds, lowering) took half of the time of a
first call. So graphc translates this part itself, with Numba's types, intrinsics and calling convention; a test
compiles printed modules with ``numba.njit`` as they are and compares the results.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from llvmlite import ir
from numba.core import sigutils, types
from numba.core.errors import NumbaError
from numba.core.extending import _Intrinsic

from graphc.codegen import operators
from graphc.codegen.contraction import allow_contraction
from graphc.codegen.conversions import convert, llvm_type
from graphc.codegen.loop_rules import access_group, begins_with, give_rules, has_long_loop, opaque
from graphc.codegen.operators import Number, as_type, truth
from graphc.codegen.scopes import memory_names
from graphc.codegen.targets import HOST, Target
from graphc.config import settings
from graphc.errors import ProgramError

INT64 = ir.IntType(64)
REFUSALS = (AssertionError, AttributeError, TypeError, ValueError, NumbaError)
LONGEST_BLOCK = 1000  # instructions: without optimisation LLVM looks over all of a block for each call in it


def value_type(kind: Any) -> ir.Type:
    """How a value stands in a register."""
    return memory_type(kind.dtype).as_pointer() if isinstance(kind, types.CPointer) else llvm_type(kind)


def memory_type(kind: Any) -> ir.Type:
    """How a value stands in memory: a bool takes a byte."""
    return ir.IntType(8) if isinstance(kind, types.Boolean) else value_type(kind)


class Context:
    """What intrinsics ask of Numba's target context."""

    get_value_type = staticmethod(value_type)
    get_data_type = staticmethod(memory_type)

    @staticmethod
    def cast(builder: ir.IRBuilder, value: Any, source: Any, target: Any) -> Any:
        return value if source is target or source == target else convert(builder, value, source, target)

    @staticmethod
    def get_dummy_value() -> Any:
        """The value of a call that has none."""
        return ir.Constant(ir.IntType(8).as_pointer(), None)


@lru_cache(maxsize=1024)
def _signature(text: str) -> tuple[tuple[Any, ...], Any]:
    arguments, result = sigutils.normalize_signature(text)
    return tuple(arguments), result


def function_ir(function: ast.FunctionDef, namespace: Mapping[str, Any], signature: str, target: Target = HOST) -> str:
    """LLVM IR of the module that defines the function under its own name.

    Args:
        function: the syntax of a printed function.
        namespace: what the names mean that it does not assign: intrinsics and constants.
        signature: Numba's text, such as ``"void(CPointer(float64), int64)"``.
        target: the machine, which has a calling convention of its own; for this one, see ``graphc.abi``.
    Returns: textual IR.
    Raises: ProgramError: something outside of what can be compiled, with its line: a defect of the printed source.
    """
    return Translator(function, namespace, *_signature(signature), target).run()


class Translator:
    """Of one function."""

    def __init__(
        self, function: ast.FunctionDef, namespace: Mapping[str, Any], arguments: Any, result: Any, target: Target
    ):
        self.arguments, self.result = arguments, result
        code = target.declare(function.name, list(map(value_type, arguments)))
        self.begin(function, namespace, code, target)

    def begin(self, function: ast.FunctionDef, namespace: Mapping[str, Any], code: ir.Function, target: Target) -> None:
        """At the start of the code, with nothing known."""
        self.function, self.namespace, self.code, self.target = function, namespace, code, target
        self.b = ir.IRBuilder(self.code.append_basic_block("entry"))
        self.b.position_at_end(self.b.branch(self.code.append_basic_block("body")).operands[0])
        self.in_memory = memory_names(function)
        self.known: dict[str, Number] = {}  # variables in registers
        self.places: dict[str, Number] = {}  # variables in memory: their type and address
        self.loops: list[tuple[ir.Block, ir.Block]] = []  # where continue and break go
        self.indices: list[str] = []  # the variables of the loops
        self.strides: dict[str, Number] = {}  # parameters that the innermost variable is multiplied with in a position

    def run(self) -> str:
        names = [argument.arg for argument in self.function.args.args]
        if len(names) != len(self.arguments):
            raise ProgramError(f"{self.function.name}: the signature has {len(self.arguments)} arguments")
        for name, kind, value in zip(names, self.arguments, self.target.parameters(self.code), strict=True):
            value.name = name
            self.assign(name, (kind, value))
        self.block(self.function.body)
        if not self.b.block.is_terminated:
            self.target.leave(self.b)
        if settings.contract:
            allow_contraction(self.code)
        return str(self.code.module)

    # --- statements ---------------------------------------------------------------------------------------------------

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            if self.b.block.is_terminated:
                return
            try:
                getattr(self, "_" + type(statement).__name__.lower())(statement)
            except REFUSALS as error:
                where = f"{self.function.name}, line {statement.lineno}: {ast.unparse(statement)[:200]}"
                raise ProgramError(f"cannot compile {where}\n{type(error).__name__}: {error}") from error
            if len(self.b.block.instructions) > LONGEST_BLOCK and not self.b.block.is_terminated:
                more = self._new_block("more")
                self.b.branch(more)
                self.b.position_at_end(more)

    def _expr(self, statement: ast.Expr) -> None:
        if not isinstance(statement.value, ast.Constant):  # not a docstring
            self.value(statement.value)

    def _pass(self, statement: ast.Pass) -> None:
        """Nothing."""

    def _assign(self, statement: ast.Assign) -> None:
        (target,) = statement.targets
        self._write(target, self.value(statement.value))

    def _augassign(self, statement: ast.AugAssign) -> None:
        before = self.value(statement.target)
        self._write(statement.target, operators.binary(self.b, type(statement.op), before, self.value(statement.value)))

    def _write(self, target: ast.expr, number: Number) -> None:
        if isinstance(target, ast.Name):
            self.assign(target.id, number)
        else:
            assert isinstance(target, ast.Subscript)
            kind, address = self._address(target)
            self._store(kind, address, number)

    def assign(self, name: str, number: Number) -> None:
        """Give the variable this value."""
        if name not in self.in_memory:
            self.known[name] = number
            return
        if name not in self.places:
            with self.b.goto_entry_block():
                self.places[name] = number[0], self.b.alloca(memory_type(number[0]), name=name)
        kind, address = self.places[name]
        if kind != number[0]:
            raise TypeError(f"{name} is {kind} and cannot become {number[0]}")
        self._store(kind, address, number)

    def _store(self, kind: Any, address: Any, number: Number) -> None:
        value = as_type(self.b, number, kind)
        self.b.store(self.b.zext(value, memory_type(kind)) if isinstance(kind, types.Boolean) else value, address)

    def _load(self, kind: Any, address: Any) -> Number:
        value = self.b.load(address)
        return kind, self.b.trunc(value, ir.IntType(1)) if isinstance(kind, types.Boolean) else value

    def _return(self, statement: ast.Return) -> None:
        if statement.value is not None:
            value = as_type(self.b, self.value(statement.value), self.result)
            place = self.b.bitcast(self.code.args[0], memory_type(self.result).as_pointer())
            self._store(self.result, place, (self.result, value))
        self.target.leave(self.b)

    def _if(self, statement: ast.If) -> None:
        condition = truth(self.b, self.value(statement.test))
        then, after = self._new_block("then"), self._new_block("after")
        otherwise = self._new_block("otherwise") if statement.orelse else after
        self.b.cbranch(condition, then, otherwise)
        for start, statements in ((then, statement.body), (otherwise, statement.orelse)):
            if start is not after:
                self._run_block(start, statements, after)
        self.b.position_at_end(after)

    def _for(self, statement: ast.For) -> None:
        assert isinstance(statement.target, ast.Name)
        start, stop, step = self._range(statement.iter)
        before = self.b.block
        head, body, latch, after = map(self._new_block, ("head", "loop", "next", "end"))
        self.b.branch(head)
        self.b.position_at_end(head)
        index = self.b.phi(INT64, statement.target.id)
        index.add_incoming(start, before)
        self.b.cbranch(self.b.icmp_signed(">" if _is_negative(step) else "<", index, stop), body, after)
        self.b.position_at_end(body)
        is_outer = has_long_loop(statement.body)
        seen = opaque(self.b, index) if is_outer and self.target is HOST else index
        self.assign(statement.target.id, (types.int64, seen))
        self.loops.append((latch, after))
        self.indices.append(statement.target.id)
        self._run_block(body, statement.body, latch)
        self.indices.pop()
        self.loops.pop()
        self.b.position_at_end(latch)
        index.add_incoming(self.b.add(index, step, flags=["nsw"]), latch)
        back = self.b.branch(head)
        if is_outer:
            give_rules(back, ("llvm.loop.unroll.disable",))
        elif begins_with(statement.body, "short_loop"):
            give_rules(back, ("llvm.loop.interleave.count", ir.IntType(32)(2)))
        elif begins_with(statement.body, "few_rounds"):
            give_rules(back, ("llvm.loop.vectorize.enable", ir.IntType(1)(0)), ("llvm.loop.unroll.disable",))
        elif begins_with(statement.body, "lane_loop"):
            blocks = self.code.blocks[self.code.blocks.index(body) :]
            own = access_group(block for block in blocks if block is not after)
            give_rules(back, ("llvm.loop.parallel_accesses", own))
        self.b.position_at_end(after)

    def _range(self, span: ast.expr) -> tuple[Any, Any, Any]:
        """Start, stop and step; a step that is no constant is positive."""
        assert isinstance(span, ast.Call)
        assert isinstance(span.func, ast.Name)
        assert span.func.id == "range"
        numbers = [self.value(argument) for argument in span.args]
        step = numbers.pop() if len(numbers) == 3 else operators.constant(1)
        if operators.is_constant_integer(step) and step[1].constant == 0:
            raise TypeError("the step of a range is 0")
        bounds = [as_type(self.b, number, types.int64) for number in numbers]
        return (*([INT64(0), *bounds] if len(bounds) == 1 else bounds), as_type(self.b, step, types.int64))

    def _while(self, statement: ast.While) -> None:
        head, body, after = map(self._new_block, ("head", "loop", "end"))
        self.b.branch(head)
        self.b.position_at_end(head)
        self.b.cbranch(truth(self.b, self.value(statement.test)), body, after)
        self.loops.append((head, after))
        self._run_block(body, statement.body, head)
        self.loops.pop()
        self.b.position_at_end(after)

    def _continue(self, statement: ast.Continue) -> None:
        self.b.branch(self.loops[-1][0])

    def _break(self, statement: ast.Break) -> None:
        self.b.branch(self.loops[-1][1])

    def _new_block(self, name: str) -> ir.Block:
        return self.code.append_basic_block(name)

    def _run_block(self, start: ir.Block, statements: list[ast.stmt], after: ir.Block) -> None:
        """The statements from here on, and then ``after``."""
        self.b.position_at_end(start)
        self.block(statements)
        if not self.b.block.is_terminated:
            self.b.branch(after)

    # --- expressions --------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Number:
        """The value of an expression and its type."""
        return getattr(self, "_" + type(node).__name__.lower())(node)

    def _constant(self, node: ast.Constant) -> Number:
        if not isinstance(node.value, bool | int | float):
            raise TypeError(f"a constant {node.value!r}")
        return operators.constant(node.value)

    def _name(self, node: ast.Name) -> Number:
        if node.id in self.known:
            return self.known[node.id]
        if node.id in self.places:
            return self._load(*self.places[node.id])
        number = self.namespace.get(node.id)
        if not isinstance(number, bool | int | float):
            raise TypeError(f"{node.id} is no number")
        return operators.constant(number)

    def _binop(self, node: ast.BinOp) -> Number:
        return operators.binary(self.b, type(node.op), self.value(node.left), self.value(node.right))

    def _unaryop(self, node: ast.UnaryOp) -> Number:
        return operators.unary(self.b, type(node.op), self.value(node.operand))

    def _compare(self, node: ast.Compare) -> Number:
        (operator,), (right,) = node.ops, node.comparators
        return operators.compare(self.b, type(operator), self.value(node.left), self.value(right))

    def _boolop(self, node: ast.BoolOp) -> Number:
        """``and`` and ``or`` of truth values, each evaluated only where the ones before leave the result open."""
        after = self._new_block("decided")
        known = ir.IntType(1)(int(isinstance(node.op, ast.Or)))
        incoming = []
        for operand in node.values[:-1]:
            condition = truth(self.b, self.value(operand))
            incoming.append((known, self.b.block))
            more = self._new_block("open")
            self.b.cbranch(condition, *((after, more) if known.constant else (more, after)))
            self.b.position_at_end(more)
        incoming.append((truth(self.b, self.value(node.values[-1])), self.b.block))
        self.b.branch(after)
        self.b.position_at_end(after)
        result = self.b.phi(ir.IntType(1))
        for value, block in incoming:
            result.add_incoming(value, block)
        return types.boolean, result

    def _subscript(self, node: ast.Subscript) -> Number:
        return self._load(*self._address(node))

    def _address(self, node: ast.Subscript) -> Number:
        kind, pointer = self.value(node.value)
        if not isinstance(kind, types.CPointer):
            raise TypeError(f"{kind} has no elements")
        index = as_type(self.b, self._position(node.slice), types.int64)
        return kind.dtype, self.b.gep(pointer, [index])

    def _position(self, node: ast.expr) -> Number:
        """The value of an index.

        Where the innermost loop jumps by a size that the call gives, LLVM would make two loops: one in vectors for a
        size of 1, which no such program has, and a scalar one for all others. It does so only where the stride is
        nothing but a parameter, so it is a maximum of it and 1: vectors then gather.
        """
        match node:
            case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as op, right=right):
                return operators.binary(self.b, type(op), self._position(left), self._position(right))
            case ast.BinOp(left=ast.Name() as left, op=ast.Mult(), right=ast.Name(id=size)) if self._jumps(left, size):
                return operators.binary(self.b, ast.Mult, self.value(left), self._stride(size))
        return self.value(node)

    def _jumps(self, index: ast.Name, size: str) -> bool:
        """Whether these are the variable of the innermost loop and a parameter, on a machine with vectors."""
        kind, value = self.known.get(size, (None, None))
        is_size = kind == types.int64 and isinstance(value, ir.Argument)
        return is_size and self.indices[-1:] == [index.id] and self.target is HOST

    def _stride(self, size: str) -> Number:
        if size not in self.strides:
            kind, value = self.known[size]
            with self.b.goto_entry_block():
                least = ir.Constant(INT64, 1)
                self.strides[size] = kind, self.b.select(self.b.icmp_signed(">", value, least), value, least)
        return self.strides[size]

    def _call(self, node: ast.Call) -> Number:
        assert isinstance(node.func, ast.Name)
        intrinsic = self.namespace.get(node.func.id)
        if not isinstance(intrinsic, _Intrinsic):
            raise TypeError(f"{node.func.id} is no intrinsic")
        numbers = [self.value(argument) for argument in node.args]
        kinds = [kind for kind, _ in numbers]
        if intrinsic._prefer_literal:
            kinds = [types.literal(n[1].constant) if operators.is_constant_integer(n) else n[0] for n in numbers]
        found = intrinsic._defn(None, *kinds)
        if found is None:
            raise TypeError(f"{node.func.id} does not take {', '.join(map(str, kinds))}")
        signature, emit = found
        return signature.return_type, emit(Context, self.b, signature, self._arguments(signature.args, numbers))

    def _arguments(self, wanted: tuple[Any, ...], numbers: list[Number]) -> list[Any]:
        """The arguments in the types that the signature asks for; a last one with a star gets a tuple of values."""
        rest: list[Any] = []
        if wanted and isinstance(wanted[-1], types.BaseTuple):
            *wanted, packed = wanted  # type: ignore[assignment]
            rest = [tuple(map(self._as, numbers[len(wanted) :], packed))]
            numbers = numbers[: len(wanted)]
        return [*(self._as(n, kind) for n, kind in zip(numbers, wanted, strict=True)), *rest]

    def _as(self, number: Number, kind: Any) -> Any:
        if number[0] is kind:
            return number[1]  # types are compared by their keys, which takes long
        kind = types.unliteral(kind)
        if number[0] == kind:
            return number[1]
        if isinstance(kind, types.CPointer) or isinstance(number[0], types.CPointer):
            raise TypeError(f"expected {kind}, got {number[0]}")
        return as_type(self.b, number, kind)


def _is_negative(step: Any) -> bool:
    return isinstance(step, ir.Constant) and step.constant < 0
