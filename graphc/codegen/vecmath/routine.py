"""Functions with a branch, in loops that vectorise all the same.

LLVM's loop vectoriser takes no branch to a costly block, and it takes a call only if it knows the callee's vector form.
So a function with a rare costly case (``sin(1e22)``) is emitted as a function of the kernel's module on the widest
vectors of the machine, in which the branch asks "any lane?", and ordinary arguments pay one comparison. The scalar
function and narrower vectors (a loop that mixes element sizes) are calls of that one on padded arguments: they cost no
second compilation of the body. The call in the loop names them in its attribute ``vector-function-abi-variant``.

A GPU has no vectors: there the body stands once, on one lane.

``noinline``, for the branch must not come into the loop before that is vectorised; the call itself costs nothing
measurable beside eight evaluations.
"""

from __future__ import annotations

from functools import cache

import llvmlite.binding as llvm
from llvmlite import ir

from .emit import Machine

ATTRIBUTES = ("nounwind", "willreturn", "memory(none)", "noinline")
INT32 = ir.IntType(32)


@cache
def widest_vector():
    """In bits. On a machine with shorter vectors (another NUMBA_CPU_NAME) the code is right and slower."""
    features = llvm.get_host_cpu_features()
    return 512 if features.get("avx512f") else 256 if features.get("avx") else 128


def routine(m, name, body, *args):
    """A call of ``body(machine, *values)`` as a function of the module, a vector function in a vectorised loop."""
    if m.lanes:
        return body(m, *args)
    arity = len(args)
    name = f"graphc_{name}_f{m.bits_count}"
    has_vectors = not m.b.module.triple.startswith("nvptx")
    lanes = widest_vector() // m.bits_count if has_vectors else 1
    narrower = [n for n in (lanes // 4, lanes // 2) if n * m.bits_count >= 128]
    function = m.b.module.globals.get(name)
    if function is None:
        function = define(m.b.module, name, m.bits_count, lanes, narrower, body, arity)
    call = m.b.call(function, [a.v for a in args])
    if not has_vectors:
        return m.value(call)
    variants = ",".join(f"_ZGV_LLVM_N{n}{'v' * arity}_{name}({name}_v{n})" for n in (*narrower, lanes))
    add_attributes(call, (*ATTRIBUTES[:-1], f'"vector-function-abi-variant"="{variants}"'))
    return m.value(call)


def add_attributes(value, attributes):
    for attribute in attributes:
        set.add(value.attributes, attribute)  # llvmlite's own add knows only a few of them


def define(module, name, bits, lanes, narrower, body, arity):
    """The scalar function, after those it needs."""
    wide = start_function(module, f"{name}_v{lanes}", bits, lanes, arity)
    wide.b.ret(body(wide, *(wide.value(a) for a in wide.b.function.args)).v)
    variants = [wide.b.function]
    for n in narrower:
        m = start_function(module, f"{name}_v{n}", bits, n, arity)
        pad = ir.Constant(ir.VectorType(INT32, lanes), [min(k, n - 1) for k in range(lanes)])
        args = [m.b.shuffle_vector(a, a, pad) for a in m.b.function.args]
        result = m.b.call(wide.b.function, args)
        m.b.ret(m.b.shuffle_vector(result, result, ir.Constant(ir.VectorType(INT32, n), list(range(n)))))
        variants.append(m.b.function)
    m = start_function(module, name, bits, None, arity)
    zeros = wide.const(0.0).v
    args = [m.b.insert_element(zeros, a, INT32(0)) for a in m.b.function.args]
    m.b.ret(m.b.extract_element(m.b.call(wide.b.function, args), INT32(0)))
    if lanes > 1:
        keep(module, [*variants, m.b.function])
    return m.b.function


def start_function(module, name, bits, lanes, arity):
    """A machine that emits the body of the new function ``name``."""
    m = Machine(ir.IRBuilder(), bits, lanes)
    function = ir.Function(module, ir.FunctionType(m.float_type, [m.float_type] * arity), name)
    function.linkage = "internal"
    add_attributes(function, ATTRIBUTES)
    m.b.position_at_end(function.append_basic_block("entry"))
    return m


def keep(module, functions):
    """Protects functions that nothing calls until the vectoriser has run, and the parameters of the scalar one.

    LLVM drops a parameter that is the same constant in every call (``x % 2``); the names of the variants in the calls
    would then be those of another signature, which LLVM answers by aborting the process.
    """
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
    word = ir.IntType(m.lanes)
    condition = b.icmp_unsigned("!=", b.bitcast(mask.v, word), ir.Constant(word, 0))
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
