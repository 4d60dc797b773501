"""Functions of ``scalar_special`` with the C signatures of SciPy's: kernels of the CPU call either by address.

Each is a module of its own, which the disk keeps: whatever kernels call it, it is compiled once. No product and sum of
it are contracted, so that its values are those of the Python function, whatever the CPU. Exported libraries, which have
no SciPy, are linked with those that they call.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from graphc.abi import scipy_signature, scipy_symbol
from graphc.codegen.machine import host_target
from graphc.codegen.scalar_code import defined
from graphc.codegen.scipy_calls import LLVM_TYPES
from graphc.scalar_special.table import FUNCTIONS

_INT = ir.IntType(32)


def own_function_ir(name: str) -> str:
    """Textual LLVM IR (str) of the module that defines the function under ``abi.scipy_symbol`` of its name."""
    module = ir.Module(name)
    module.triple, module.data_layout = host_target()
    code = defined(module, FUNCTIONS[name], "f64", entry=True, contract=False)
    inputs, results = scipy_signature(name, len(code.args)).split("->")
    outer = ir.Function(module, _kind(inputs, results), scipy_symbol(name))
    builder = ir.IRBuilder(outer.append_basic_block())
    given = zip(inputs.removesuffix("~"), outer.args, strict=False)  # after them come what SciPy's take, and places
    whole = builder.call(code, [number for letter, value in given for number in _numbers(builder, letter, value)])
    count = len(results) + results.count("z")
    found = _results(
        builder, results, [whole] if count == 1 else [builder.extract_value(whole, k) for k in range(count)]
    )
    if len(found) == 1:
        builder.ret(found[0])
        return str(module)
    for value, place in zip(found, outer.args[-len(found) :], strict=True):
        builder.store(value, place)
    builder.ret_void()
    return str(module)


def _kind(inputs: str, results: str) -> ir.FunctionType:
    """As ``abi.SCIPY_SIGNATURES`` tells."""
    arguments = [LLVM_TYPES[letter] for letter in inputs.removesuffix("~")]
    kinds = [LLVM_TYPES[letter] for letter in results]
    if len(kinds) > 1:
        return ir.FunctionType(ir.VoidType(), [*arguments, *(kind.as_pointer() for kind in kinds)])
    return ir.FunctionType(kinds[0], [*arguments, _INT, *([LLVM_TYPES["~"]] if inputs.endswith("~") else [])])


def _numbers(builder: Any, letter: str, value: Any) -> list[Any]:
    """An argument as the function's own numbers."""
    if letter == "z":
        return [builder.extract_value(value, k) for k in (0, 1)]
    return [builder.sitofp(value, LLVM_TYPES["d"]) if letter == "n" else value]


def _results(builder: Any, letters: str, numbers: list[Any]) -> list[Any]:
    """The function's numbers as C has them, complex ones of two."""
    found, rest = [], iter(numbers)
    for letter in letters:
        value = next(rest)
        if letter == "z":
            real = builder.insert_value(ir.Constant(LLVM_TYPES["z"], ir.Undefined), value, 0)
            value = builder.insert_value(real, next(rest), 1)
        found.append(value)
    return found
