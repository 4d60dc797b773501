"""A restricted Python that compiles to LLVM IR: how the native entry is written, and read, as plain functions.

Every value is a 64-bit integer: numbers, addresses, references to Python objects. A function body may assign names,
branch, loop with ``while`` and ``for k in range(n)``, return, call its sibling functions, and use the intrinsics below.
Names that are no locals are looked up in the program's module when it is compiled and must be integers there.
Integer C arguments are passed as 64 bits: the calling conventions of 64-bit machines read the low half of the register.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from graphc.runtime import native

CODE_LEVEL = 1


def load(address: int) -> int:
    """The 64-bit integer at an address."""
    raise NotImplementedError("exists in compiled code only")


def load32(address: int) -> int:
    """The signed 32-bit integer at an address."""
    raise NotImplementedError("exists in compiled code only")


def store(address: int, value: int) -> None:
    """Write a 64-bit integer."""
    raise NotImplementedError("exists in compiled code only")


def exchange(address: int, value: int) -> int:
    """Write a 64-bit integer and give the one that stood there, in one step that no other thread can divide."""
    raise NotImplementedError("exists in compiled code only")


def call(function: int, *arguments: int) -> int:
    """Call a C function that returns a pointer or a 64-bit integer."""
    raise NotImplementedError("exists in compiled code only")


def call_int(function: int, *arguments: int) -> int:
    """Call a C function that returns an ``int``."""
    raise NotImplementedError("exists in compiled code only")


def address_of(function: Callable[..., int]) -> int:
    """The address of a sibling function."""
    raise NotImplementedError("exists in compiled code only")


def stack(size: int) -> int:
    """Address of ``size`` bytes that live until the function returns."""
    raise NotImplementedError("exists in compiled code only")


def divide_towards_zero(dividend: int, divisor: int) -> int:
    """The machine's division: it traps for a divisor of 0 or -1 where the quotient overflows."""
    raise NotImplementedError("exists in compiled code only")


def inline(function: Callable[..., int]) -> Callable[..., int]:
    """Marks a function to be expanded where it is called: what runs in every call and has one call site."""
    return function


def llvm_text(programs: Sequence[ModuleType], exported: tuple[str, ...], more: str = "") -> str:
    """Compile every function of some modules, which may call each other, to textual LLVM IR.

    Text, since building it through ``llvmlite.ir`` takes five times as long. Only ``exported`` is visible outside.
    ``more``: the text of further functions, which may call those of the modules.
    """
    bodies: list[tuple[ast.FunctionDef, dict[str, Any]]] = []
    for source, names in (*((inspect.getsource(module), vars(module)) for module in programs), (more, {})):
        bodies += [(node, names) for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    functions = {node.name for node, _ in bodies}
    return "\n".join(_FunctionBody(functions, names, node).text(node.name in exported) for node, names in bodies)


def compile_text(text: str) -> bytes:
    """Compile textual LLVM IR (str) to object code for this CPU.

    A few passes do for code that mostly calls other code: LLVM's standard pipeline would take three times as long.
    """
    with native.LOCK:
        binding, module, machine = native.llvm(), native.parse(text), native.emitter(CODE_LEVEL)
        passes = binding.create_new_module_pass_manager()
        passes.add_always_inliner_pass()
        passes.add_sroa_pass()
        passes.add_simplify_cfg_pass()
        passes.add_instruction_combine_pass()
        passes.add_simplify_cfg_pass()
        passes.run(module, binding.create_pass_builder(machine, binding.create_pipeline_tuning_options()))
        return bytes(machine.emit_object(module))


class _FunctionBody:
    """Translates one function; locals live in stack slots, which LLVM's sroa pass turns into registers."""

    def __init__(self, functions: set[str], names: dict[str, Any], definition: ast.FunctionDef) -> None:
        self.functions = functions
        self.names = names
        self.definition = definition
        self.lines: list[str] = []
        self.made = 0
        parameters = [argument.arg for argument in definition.args.args]
        stored = [n.id for n in ast.walk(definition) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        self.parameters = parameters
        self.locals = list(dict.fromkeys(parameters + stored))

    def text(self, exported: bool) -> str:
        self.lines += [f"%{name}.slot = alloca i64" for name in self.locals]
        self.lines += [f"store i64 %{name}, ptr %{name}.slot" for name in self.parameters]
        self.block(self.definition.body)
        if not self.is_terminated():
            self.lines.append("ret i64 0")
        parameters = ", ".join(f"i64 %{name}" for name in self.parameters)
        linkage = "" if exported else "internal "
        attribute = " alwaysinline" if self.definition.decorator_list else ""
        head = f"define {linkage}i64 @{self.definition.name}({parameters}){attribute} {{"
        return "\n".join([head, *self.lines, "}"])

    def fresh(self, prefix: str) -> str:
        self.made += 1
        return f"{prefix}.{self.made}"

    def emit(self, instruction: str) -> str:
        result = self.fresh("%v")
        self.lines.append(f"{result} = {instruction}")
        return result

    def start(self, label: str) -> None:
        self.lines.append(f"{label}:")

    def jump(self, label: str) -> None:
        if not self.is_terminated():
            self.lines.append(f"br label %{label}")

    def is_terminated(self) -> bool:
        return self.lines[-1].startswith(("ret ", "br "))

    def block(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.assign(name, self.value(value))
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self.assign(name, self.arithmetic(op, self.emit(f"load i64, ptr %{name}.slot"), self.value(value)))
            case ast.If():
                self.if_statement(node)
            case ast.While(test=test, body=body):
                self.loop(test, body)
            case ast.For(target=ast.Name(id=name), iter=ast.Call(func=ast.Name(id="range"), args=[count]), body=body):
                self.counted_loop(name, count, body)
            case ast.Return(value=ast.expr() as value):
                self.lines.append(f"ret i64 {self.value(value)}")
            case ast.Expr(value=ast.Constant()):
                pass  # a docstring
            case ast.Expr(value=value):
                self.value(value)
            case _:
                raise self.unsupported(node)

    def assign(self, name: str, value: str) -> None:
        self.lines.append(f"store i64 {value}, ptr %{name}.slot")

    def if_statement(self, node: ast.If) -> None:
        yes, no, after = self.fresh("then"), self.fresh("else"), self.fresh("after")
        self.branch(node.test, yes, no)
        self.start(yes)
        self.block(node.body)
        self.jump(after)
        self.start(no)
        self.block(node.orelse)
        self.jump(after)
        self.start(after)

    def loop(self, test: ast.expr, body: list[ast.stmt]) -> None:
        head, inside, after = self.fresh("head"), self.fresh("inside"), self.fresh("after")
        self.jump(head)
        self.start(head)
        self.branch(test, inside, after)
        self.start(inside)
        self.block(body)
        self.jump(head)
        self.start(after)

    def counted_loop(self, name: str, count: ast.expr, body: list[ast.stmt]) -> None:
        self.assign(name, "0")
        index = ast.Name(id=name, ctx=ast.Load())
        step = ast.AugAssign(target=ast.Name(id=name, ctx=ast.Store()), op=ast.Add(), value=ast.Constant(value=1))
        self.loop(ast.Compare(left=index, ops=[ast.Lt()], comparators=[count]), [*body, step])

    def branch(self, test: ast.expr, yes: str, no: str) -> None:
        """Jump on a condition; ``and`` and ``or`` stop early, as in Python."""
        match test:
            case ast.BoolOp(op=op, values=[*firsts, last]):
                for first in firsts:
                    following = self.fresh("next")
                    self.branch(first, *((following, no) if isinstance(op, ast.And) else (yes, following)))
                    self.start(following)
                self.branch(last, yes, no)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.branch(operand, no, yes)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                truth = self.emit(f"icmp {_COMPARISONS[type(op)]} i64 {self.value(left)}, {self.value(right)}")
                self.lines.append(f"br i1 {truth}, label %{yes}, label %{no}")
            case _:
                truth = self.emit(f"icmp ne i64 {self.value(test)}, 0")
                self.lines.append(f"br i1 {truth}, label %{yes}, label %{no}")

    def value(self, node: ast.expr) -> str:
        match node:
            case ast.Constant(value=int() as value):
                return str(int(value))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.emit(f"sub i64 0, {self.value(operand)}")
            case ast.Name(id=name) if name in self.locals:
                return self.emit(f"load i64, ptr %{name}.slot")
            case ast.Name() | ast.Attribute():
                return str(self.known_integer(node))
            case ast.BinOp(left=left, op=op, right=right):
                return self.arithmetic(op, self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id="address_of"), args=[ast.Name(id=name)]) if name in self.functions:
                return self.emit(f"ptrtoint ptr @{name} to i64")
            case ast.Call(func=ast.Name(id=name), args=arguments):
                return self.call(name, [self.value(argument) for argument in arguments])
            case _:
                raise self.unsupported(node)

    def known_integer(self, node: ast.Name | ast.Attribute) -> int:
        match node:
            case ast.Name(id=name):
                found = self.names.get(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute):
                found = getattr(self.names.get(name), attribute, None)
        if not isinstance(found, int):
            raise self.unsupported(node)
        return int(found)

    def arithmetic(self, op: ast.operator, left: str, right: str) -> str:
        if type(op) not in _ARITHMETIC:
            raise self.unsupported(op)
        return self.emit(f"{_ARITHMETIC[type(op)]} i64 {left}, {right}")

    def call(self, name: str, arguments: list[str]) -> str:
        match name:
            case "load":
                return self.emit(f"load i64, ptr {self.pointer(arguments[0])}")
            case "load32":
                return self.emit(f"sext i32 {self.emit(f'load i32, ptr {self.pointer(arguments[0])}')} to i64")
            case "store":
                self.lines.append(f"store i64 {arguments[1]}, ptr {self.pointer(arguments[0])}")
                return "0"
            case "exchange":
                place = self.pointer(arguments[0])
                return self.emit(f"atomicrmw xchg ptr {place}, i64 {arguments[1]} acq_rel")
            case "call":
                return self.emit(f"call i64 {self.pointer(arguments[0])}({_passed(arguments[1:])})")
            case "call_int":
                returned = self.emit(f"call i32 {self.pointer(arguments[0])}({_passed(arguments[1:])})")
                return self.emit(f"sext i32 {returned} to i64")
            case "stack":
                return self.emit(f"ptrtoint ptr {self.emit(f'alloca i8, i64 {arguments[0]}, align 16')} to i64")
            case "divide_towards_zero":
                return self.emit(f"sdiv i64 {arguments[0]}, {arguments[1]}")
            case _ if name in self.functions:
                return self.emit(f"call i64 @{name}({_passed(arguments)})")
            case _:
                raise self.unsupported(ast.Name(id=name))

    def pointer(self, address: str) -> str:
        return self.emit(f"inttoptr i64 {address} to ptr")

    def unsupported(self, node: ast.AST) -> NotImplementedError:
        return NotImplementedError(f"restricted Python: {self.definition.name} holds {ast.unparse(node)}")


def _passed(arguments: list[str]) -> str:
    return ", ".join(f"i64 {argument}" for argument in arguments)


_COMPARISONS: dict[type, str] = {
    ast.Eq: "eq",
    ast.NotEq: "ne",
    ast.Lt: "slt",
    ast.LtE: "sle",
    ast.Gt: "sgt",
    ast.GtE: "sge",
}
_ARITHMETIC: dict[type, str] = {ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.BitAnd: "and"}
