"""What Numba sees: functions of this package as intrinsics, and the few intrinsics that printed kernels use themselves.

A function is an intrinsic, not a njit function: nothing is compiled until a kernel that calls it is, and then its
instructions are emitted into that kernel. The caller's fast-math flags do not reach them (see ``emit``).
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .emit import Machine

FLOAT_TYPES = {64: types.float64, 32: types.float32}


def as_intrinsic(name, bits, body, arity):
    """The Numba function ``name`` of ``arity`` floats whose code ``body(machine, *values)`` emits."""
    float_type = FLOAT_TYPES[bits]
    signature = float_type(*[float_type] * arity)

    def codegen(context, builder, sig, args):
        m = Machine(builder, bits)
        return body(m, *(m.value(a) for a in args)).v

    def typed(*args):
        if all(isinstance(a, (types.Number, types.Boolean)) for a in args):
            return signature, codegen
        return None

    if arity == 1:

        def typing(typingctx, x):
            return typed(x)

    else:

        def typing(typingctx, x, y):  # type: ignore[misc]
            return typed(x, y)

    typing.__name__ = typing.__qualname__ = name
    typing.__doc__ = body.__doc__
    return intrinsic(typing)


@intrinsic
def fma(typingctx, x, y, z):
    """``x * y + z`` rounded once."""
    return x(x, x, x), lambda context, builder, sig, args: builder.fma(*args)


@intrinsic
def select(typingctx, condition, yes, no):
    """A choice without a branch; both sides are evaluated."""
    if yes != no:
        return None
    return yes(types.boolean, yes, yes), lambda context, builder, sig, args: builder.select(*args)


@intrinsic
def reassociating_add(typingctx, x, y):
    """``x + y`` that LLVM may regroup: the one addition of a reduction's accumulator, which then vectorises."""
    return x(x, x), lambda context, builder, sig, args: builder.fadd(*args, flags=("reassoc",))


@intrinsic
def wide_vectors(typingctx):
    """Marks the function being compiled: 512-bit vectors where the CPU has them, pointer arguments do not alias."""

    def emit(context, builder, sig, args):
        function = builder.function
        if builder.module.triple.startswith("x86_64"):
            set.add(function.attributes, '"prefer-vector-width"="512"')  # llvmlite's own add refuses strings
        for argument in function.args:
            if isinstance(argument.type, ir.PointerType):
                argument.add_attribute("noalias")
        return context.get_dummy_value()

    return types.void(), emit
