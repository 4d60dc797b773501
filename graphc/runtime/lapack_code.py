"""LLVM IR of service LAUNCH_LAPACK: matrices over graphc's threads, while LAPACK's library has one thread.

A library gains little by threads of its own where matrices are small, and loses much where anything else runs on the
machine, since its threads wait for each other by spinning. Few large matrices alone are its own to share.
"""

from __future__ import annotations

from graphc.runtime.library_threads_code import control_ir
from graphc.runtime.trampoline_code import trampoline_ir

LAUNCH, GUARD = range(2)  # slots of the state, eight bytes each: the address of service LAUNCH, the library's guard
STATE_SLOTS = 2

# Operations up to which a matrix has one thread. Against two of OpenBLAS, on two cores: where nothing else runs, a
# Cholesky factor with its adjoint takes 1.1 of the time at n = 256 and 1.2 at 480, LU and eigenvalues no longer than
# before; beside other work the median of all of them is 2 to 200 times shorter.
CALM_WORK = 512**3
# Below 8 rows OpenBLAS uses no threads by itself (its others took no CPU time up to 24), and asking it to would take a
# tenth of the time of a Cholesky factor and its adjoint.
TINY_WORK = 8**3
SEVERAL = 8  # so many large matrices keep graphc's threads busy; the number of threads decides nothing, nor any bits

_TEXT = """
@lapack = internal global [{slots} x i64] zeroinitializer, align 64
declare i64 @llvm.smax.i64(i64, i64)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define ptr @graphc_lapack_state_{kind}() {{
  ret ptr @lapack
}}

; A kernel: runs another kernel over the same range, the library at one thread.
define internal i32 @calm(ptr %result, ptr %exception, i64 %kernel, i64 %slots, i64 %nargs, i64 %start, i64 %stop) {{
  %before = call i32 @enter_panel()
  call void @run(i64 %kernel, i64 %slots, i64 %nargs, i64 %start, i64 %stop)
  call void @leave_panel(i32 %before)
  ret i32 0
}}

; Service LAUNCH_LAPACK of graphc.abi.
define i64 @graphc_launch_lapack_{kind}(i64 %kernel, i64 %slots, i64 %nargs, i64 %count, i64 %work, i64 %grain) {{
entry:
  %words = alloca [3 x i64]
  %launch = load ptr, ptr {launch}
  %tiny = icmp slt i64 %work, {tiny_work}
  br i1 %tiny, label %plain, label %some
plain:
  call i64 %launch(i64 %kernel, i64 %slots, i64 %nargs, i64 %count, i64 %grain)
  br label %done
some:
  %large = icmp sgt i64 %work, {calm_work}
  %few = icmp slt i64 %count, {several}
  %own = and i1 %large, %few
  br i1 %own, label %threaded, label %shared
threaded:
  call void @run(i64 %kernel, i64 %slots, i64 %nargs, i64 0, i64 %count)
  br label %done
shared:
  store i64 %kernel, ptr %words
  %second = getelementptr i64, ptr %words, i64 1
  store i64 %slots, ptr %second
  %third = getelementptr i64, ptr %words, i64 2
  store i64 %nargs, ptr %third
  %wrapped = ptrtoint ptr @calm to i64
  %from = ptrtoint ptr %words to i64
  call void @enter()
  call i64 %launch(i64 %wrapped, i64 %from, i64 3, i64 %count, i64 %grain)
  call void @leave()
  br label %done
done:
  ret i64 0
}}
"""


def symbols(kind: str) -> list[str]:
    """Names of what ``launch_ir`` defines (list of str): the service, and a function that gives the state's address."""
    return [f"graphc_launch_lapack_{kind}", f"graphc_lapack_state_{kind}"]


def launch_ir(kind: str, yields: bool = True) -> str:
    """The service as textual LLVM IR (str); arguments as in ``library_threads_code.control_ir``."""
    slot = "getelementptr (i64, ptr @lapack, i64 {})".format
    numbers = {"slots": STATE_SLOTS, "tiny_work": TINY_WORK, "calm_work": CALM_WORK, "several": SEVERAL}
    text = _TEXT.format(kind=kind, launch=slot(LAUNCH), **numbers)
    return text + control_ir(kind, slot(GUARD), yields) + trampoline_ir()
