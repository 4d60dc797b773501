"""Products and sums that may be rounded once, on machines that have an instruction for both."""

from __future__ import annotations

from llvmlite import ir

FLOAT_OPERATIONS = frozenset(("fadd", "fsub", "fmul", "fdiv", "frem", "fcmp"))


def allow_contraction(function: ir.Function) -> None:
    """``contract`` on each float operation that has no flags of its own: a product and a sum may become one ``fma``."""
    for block in function.blocks:
        for instruction in block.instructions:
            if instruction.opname in FLOAT_OPERATIONS:
                if not instruction.flags:
                    instruction.flags.append("contract")
            elif isinstance(instruction, ir.CallInstr) and isinstance(instruction.type, ir.FloatType | ir.DoubleType):
                instruction.fastmath.add("contract")
