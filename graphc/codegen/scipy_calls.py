"""Helpers of kernels that call a function of SciPy: ``scipy_gammainc_f64(a, x)``, ``scipy_airy__1_f64(x)``.

Each is a call of an external function over float64, which ``runtime.scipy_special`` gives its address before the object
is loaded; float32 is computed in float64, as SciPy does where it has no loop of its own. ``abi.SCIPY_SIGNATURES`` says
which functions have several results, or complex ones: of these a helper gives one number. They are called through a
function that is said to read and write no memory, so that the compiler calls it once where a kernel wants several.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from graphc.abi import SCIPY_PART, scipy_signature, scipy_symbol
from graphc.codegen.intrinsics import unpacked_arguments

_DOUBLE, _FLOAT, _INT, _SIZE = ir.DoubleType(), ir.FloatType(), ir.IntType(32), ir.IntType(64)
_COMPLEX = ir.LiteralStructType([_DOUBLE, _DOUBLE])
LLVM_TYPES = {"d": _DOUBLE, "n": _SIZE, "z": _COMPLEX, "~": ir.IntType(8).as_pointer()}
_KINDS = {"f64": types.float64, "f32": types.float32}


def scipy_call(name: str, short: str) -> Any:
    """The intrinsic for SciPy's function of that name, or for a part of its results, over numbers of the dtype."""
    kind = _KINDS[short]
    function, _, part = name.partition(SCIPY_PART)

    def scipy_function(typingctx: Any, *arguments: Any) -> Any:
        packed = types.StarArgTuple.from_types((kind,) * len(arguments))

        def emit(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            numbers = unpacked_arguments(builder, values[0])
            if short == "f32":
                numbers = [builder.fpext(n, _DOUBLE) for n in numbers]
            results = builder.call(_wrapper(builder.module, function, len(numbers)), numbers)
            result = builder.extract_value(results, int(part or 0))
            return builder.fptrunc(result, _FLOAT) if short == "f32" else result

        return kind(packed), emit

    return intrinsic(scipy_function)


def _wrapper(module: ir.Module, name: str, arity: int) -> ir.Function:
    """A function of the module from float64 numbers to all results of SciPy's, complex ones as two."""
    inputs, results = scipy_signature(name, arity).split("->")
    count = len(results) + results.count("z")
    symbol = f"{scipy_symbol(name)}_results"
    if symbol in module.globals:
        return module.globals[symbol]
    wrapped = ir.FunctionType(ir.LiteralStructType([_DOUBLE] * count), [_DOUBLE] * arity)
    wrapper = ir.Function(module, wrapped, symbol)
    wrapper.linkage = "internal"
    for attribute in ("readnone", "nounwind", "noinline"):
        wrapper.attributes.add(attribute)
    builder = ir.IRBuilder(wrapper.append_basic_block())
    numbers = _called(builder, name, _c_arguments(builder, inputs, list(wrapper.args)), results)
    found: Any = ir.Constant(wrapped.return_type, ir.Undefined)
    for k, number in enumerate(numbers):
        found = builder.insert_value(found, number, k)
    builder.ret(found)
    return wrapper


def _c_arguments(builder: Any, letters: str, numbers: list[Any]) -> list[Any]:
    """The numbers as the C function takes them."""
    found = []
    for letter in letters:
        if letter == "~":
            found.append(ir.Constant(LLVM_TYPES["~"], None))
        elif letter == "z":
            whole = builder.insert_value(ir.Constant(_COMPLEX, ir.Undefined), numbers.pop(0), 0)
            found.append(builder.insert_value(whole, numbers.pop(0), 1))
        else:
            number = numbers.pop(0)
            found.append(builder.fptosi(number, _SIZE) if letter == "n" else number)
    return found


def _called(builder: Any, name: str, arguments: list[Any], results: str) -> list[Any]:
    """All results of the call, as float64 numbers."""
    kinds = [LLVM_TYPES[letter] for letter in results]
    if len(kinds) > 1:
        places = [builder.alloca(kind) for kind in kinds]
        _external(builder, name, ir.VoidType(), [*arguments, *places])
        found = [builder.load(place) for place in places]
    else:
        optional = [arguments.pop()] if isinstance(arguments[-1].type, ir.PointerType) else []
        found = [_external(builder, name, kinds[0], [*arguments, ir.Constant(_INT, 0), *optional])]
    parts = [[builder.extract_value(v, k) for k in (0, 1)] if v.type == _COMPLEX else [v] for v in found]
    return [number for part in parts for number in part]


def _external(builder: Any, name: str, result: Any, arguments: list[Any]) -> Any:
    kind = ir.FunctionType(result, [a.type for a in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, scipy_symbol(name)), arguments)
