"""Functions with a branch, in loops that vectorise all the same.

LLVM's loop vectoriser takes no branch to a costly block, and it takes a call only if it knows the callee's vector form.
So a function with a rare costly case (``sin(1e22)``) is emitted as an LLVM function of the kernel's module, with one
more copy per vector width, and the call says so in the attribute ``vector-function-abi-variant``. The vectoriser then
calls the copy, in which the branch asks "any lane?"; ``alwaysinline`` puts it into the loop in Numba's second run of
the pass pipeline. The ordinary arguments pay one comparison.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm
from llvmlite import ir

from .emit import Machine

SPECULATABLE = ("nounwind", "willreturn", "memory(none)")


@cache
def vector_bytes():
    """Vector widths worth a copy. Another width than these only costs speed: the vectoriser then calls lane by lane."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return (32, 64)
    return (32,) if features.get("avx") else (16,)


def routine(m, name, body, *args):
    """A call of ``body(machine, *values)`` as a function, scalar here and a vector function in a vectorised loop."""
    module = m.b.module
    name = f"graphc_{name}_f{m.bits_count}"
    if m.lanes:
        return body(m, *args)
    function = module.globals.get(name)
    if function is None:
        # noinline: once its branch stands in the loop, the loop does not vectorise any more
        function = define(module, name, m, body, len(args), "noinline")
        vector_machines = [Machine(None, m.bits_count, n) for n in widths(m)]
        keep(module, [define(module, f"{name}_v{v.lanes}", v, body, len(args), "alwaysinline") for v in vector_machines])
    call = m.b.call(function, [a.v for a in args])
    variants = ",".join(f"_ZGV_LLVM_N{n}{'v' * len(args)}_{name}({name}_v{n})" for n in widths(m))
    set.add(call.attributes, f'"vector-function-abi-variant"="{variants}"')  # llvmlite's own add refuses strings
    for attribute in SPECULATABLE:
        set.add(call.attributes, attribute)
    return m.value(call)


def widths(m):
    return [8 * n // m.bits_count for n in vector_bytes()]


def define(module, name, like, body, arity, inlining):
    """The LLVM function ``name`` that returns ``body(machine, *arguments)``, in the machine format of ``like``."""
    function_type = ir.FunctionType(like.float_type, [like.float_type] * arity)
    function = ir.Function(module, function_type, name)
    function.linkage = "internal"
    for attribute in (*SPECULATABLE, inlining):
        set.add(function.attributes, attribute)
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    m = Machine(builder, like.bits_count, like.lanes)
    builder.ret(body(m, *(m.value(a) for a in function.args)).v)
    return function


def keep(module, functions):
    """Protects functions that nothing calls until the vectoriser has run."""
    pointer = ir.PointerType(ir.IntType(8))
    used = module.globals.get("llvm.compiler.used")
    elements = list(used.initializer.constant) if used else []
    elements += [f.bitcast(pointer) for f in functions]
    array = ir.ArrayType(pointer, len(elements))
    if used is None:
        used = ir.GlobalVariable(module, array, "llvm.compiler.used")
        used.linkage = "appending"
        used.section = "llvm.metadata"
    used.value_type = array
    used.type = array.as_pointer()
    used.initializer = ir.Constant(array, elements)


def if_any(m, mask, otherwise, then):
    """``then()`` where any lane of ``mask`` is set, else ``otherwise``; both tuples of values, merged by phis.

    Only for a machine inside a ``routine``: a branch in the user's loop would keep it from vectorising.
    """
    b = m.b
    condition = mask.v
    if m.lanes:
        word = ir.IntType(m.lanes)
        condition = b.icmp_unsigned("!=", b.bitcast(condition, word), ir.Constant(word, 0))
    before = b.block
    with b.if_then(condition, likely=False):
        taken = then()
        after = b.block
    merged = []
    for no, yes in zip(otherwise, taken, strict=True):
        phi = b.phi(no.v.type)
        phi.add_incoming(no.v, before)
        phi.add_incoming(yes.v, after)
        merged.append(m.value(phi))
    return tuple(merged)
