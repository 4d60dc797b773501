"""Functions of ``scalar_special`` with the C signatures of SciPy's: kernels of the CPU call either by address.

Each is a module of its own, which the disk keeps: whatever kernels call it, it is compiled once. No product and sum of
it are contracted, so that its values are those of the Python function, whatever the CPU.
"""

from __future__ import annotations

from llvmlite import ir

from graphc.abi import scipy_signature, scipy_symbol
from graphc.codegen.machine import host_target
from graphc.codegen.scalar_code import defined
from graphc.scalar_special.table import FUNCTIONS

_DOUBLE, _INT = ir.DoubleType(), ir.IntType(32)


def own_function_ir(name: str) -> str:
    """Textual LLVM IR (str) of the module that defines the function under ``abi.scipy_symbol`` of its name."""
    module = ir.Module(name)
    module.triple, module.data_layout = host_target()
    code = defined(module, FUNCTIONS[name], "f64", entry=True, contract=False)
    arity = len(code.args)
    _, results = scipy_signature(name, arity).split("->")
    inputs = [_DOUBLE] * arity
    if len(results) == 1:
        outer = ir.Function(module, ir.FunctionType(_DOUBLE, [*inputs, _INT]), scipy_symbol(name))
    else:
        places = [_DOUBLE.as_pointer()] * len(results)
        outer = ir.Function(module, ir.FunctionType(ir.VoidType(), [*inputs, *places]), scipy_symbol(name))
    builder = ir.IRBuilder(outer.append_basic_block())
    found = builder.call(code, outer.args[:arity])
    if len(results) == 1:
        builder.ret(found)
        return str(module)
    for k, place in enumerate(outer.args[arity:]):
        builder.store(builder.extract_value(found, k), place)
    builder.ret_void()
    return str(module)
