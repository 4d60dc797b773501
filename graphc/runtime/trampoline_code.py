"""LLVM IR that calls a kernel with any number of arguments, all of them int64 or pointers.

A call passes one of a few fixed numbers of words, at least as many as the kernel takes: in the C calling conventions of
64-bit machines the caller cleans up, so a callee ignores words too many.
"""

from __future__ import annotations

from graphc.abi import MOST_ARGUMENTS

# start and stop included
ARGUMENT_TIERS = (8, 16, 32, MOST_ARGUMENTS + 2)

_TIER = """
tier{size}:
{loads}
  %status{size} = call i32 %target(ptr %result, ptr %result, {arguments})
  ret void
"""

_RUN = """
; One call kernel(result, exception, slots[0..nargs), start, stop).
define internal void @run(i64 %kernel, i64 %slots, i64 %nargs, i64 %start, i64 %stop) noinline {{
entry:
  %words = alloca [{most} x i64]
  %result = alloca i64
  %target = inttoptr i64 %kernel to ptr
  %from = inttoptr i64 %slots to ptr
  %bytes = shl i64 %nargs, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %words, ptr %from, i64 %bytes, i1 false)
  %start.at = getelementptr i64, ptr %words, i64 %nargs
  store i64 %start, ptr %start.at
  %stop.at = getelementptr i64, ptr %start.at, i64 1
  store i64 %stop, ptr %stop.at
  br label %choose{first}
{choices}
{tiers}
}}
"""

_CHOICE = """
choose{size}:
  %fits{size} = icmp sle i64 %nargs, {fits}
  br i1 %fits{size}, label %tier{size}, label %{otherwise}
"""


def trampoline_ir() -> str:
    """Function ``run(kernel, slots, nargs, start, stop)`` as textual LLVM IR (str)."""
    choices, tiers = [], []
    for position, size in enumerate(ARGUMENT_TIERS):
        last = position + 1 == len(ARGUMENT_TIERS)
        following = f"tier{size}" if last else f"choose{ARGUMENT_TIERS[position + 1]}"
        choices.append(_CHOICE.format(size=size, fits=size - 2, otherwise=following))
        loads = []
        for k in range(size):
            loads.append(f"  %p{size}.{k} = getelementptr i64, ptr %words, i64 {k}")
            loads.append(f"  %a{size}.{k} = load i64, ptr %p{size}.{k}")
        arguments = ", ".join(f"i64 %a{size}.{k}" for k in range(size))
        tiers.append(_TIER.format(size=size, loads="\n".join(loads), arguments=arguments))
    most, first = ARGUMENT_TIERS[-1], ARGUMENT_TIERS[0]
    return _RUN.format(most=most, first=first, choices="".join(choices), tiers="".join(tiers))
