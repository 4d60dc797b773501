"""LLVM IR of the gemm services, over the row-major CBLAS functions whose addresses ``blas`` puts into the state.

A large product is cut into panels of rows, or of columns where there are more of them, and graphc's own pool runs one
single-threaded BLAS call a panel: one pool of threads for everything, which shares work when a core is busy elsewhere
(OpenBLAS's own threads then wait for each other for milliseconds), and a BLAS that is left as the user set it.
"""

from __future__ import annotations

from graphc import abi

# Slots of the state, eight bytes each: function addresses, then settings, then what the code itself keeps.
GEMM_F64, GEMM_F32, GEMV_F64, GEMV_F32, GET_THREADS, SET_THREADS, LAUNCH = range(7)
THREADS, PANEL, LOCK, USERS, SAVED = range(8, 13)
STATE_SLOTS = 16

# Below this many multiplications BLAS libraries use one thread by themselves, and two gain nothing (LAB: 64^3 to 96^3).
PARALLEL_WORK = 800_000
LEAST_PANEL = 32

_HEAD = """
@blas = internal global [{slots} x i64] zeroinitializer, align 64
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)

define ptr @graphc_blas_state_{variant}() {{
  ret ptr @blas
}}
"""

# One thread in the BLAS while anyone is in a region; the user's own number comes back when the last one leaves.
_THREADS_GLOBAL = """
declare i32 @sched_yield()

define internal void @lock() {{
entry:
  br label %try
try:
  %swap = cmpxchg ptr {lock}, i64 0, i64 1 acquire monotonic
  %free = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %free, label %done, label %rest
rest:
  call i32 @sched_yield()
  br label %try
done:
  ret void
}}

define internal void @enter() {{
entry:
  call void @lock()
  %users = load i64, ptr {users}
  %users.next = add i64 %users, 1
  store i64 %users.next, ptr {users}
  %first = icmp eq i64 %users, 0
  br i1 %first, label %save, label %done
save:
  %get = load ptr, ptr {get_threads}
  %now = call i32 %get()
  %wide = sext i32 %now to i64
  store i64 %wide, ptr {saved}
  %several = icmp ne i32 %now, 1
  br i1 %several, label %set, label %done
set:
  %put = load ptr, ptr {set_threads}
  call void %put(i32 1)
  br label %done
done:
  store atomic i64 0, ptr {lock} release, align 8
  ret void
}}

define internal void @leave() {{
entry:
  call void @lock()
  %users = load i64, ptr {users}
  %users.next = sub i64 %users, 1
  store i64 %users.next, ptr {users}
  %saved = load i64, ptr {saved}
  %last = icmp eq i64 %users.next, 0
  %several = icmp ne i64 %saved, 1
  %restore = and i1 %last, %several
  br i1 %restore, label %set, label %done
set:
  %put = load ptr, ptr {set_threads}
  %narrow = trunc i64 %saved to i32
  call void %put(i32 %narrow)
  br label %done
done:
  store atomic i64 0, ptr {lock} release, align 8
  ret void
}}

define internal i32 @enter_panel() alwaysinline {{
  ret i32 0
}}

define internal void @leave_panel(i32 %before) alwaysinline {{
  ret void
}}
"""

# MKL's number of threads can be set for the calling thread alone; setting it gives the one before.
_THREADS_LOCAL = """
define internal void @enter() alwaysinline {{
  ret void
}}

define internal void @leave() alwaysinline {{
  ret void
}}

define internal i32 @enter_panel() {{
  %put = load ptr, ptr {set_threads}
  %before = call i32 %put(i32 1)
  ret i32 %before
}}

define internal void @leave_panel(i32 %before) {{
  %put = load ptr, ptr {set_threads}
  call i32 %put(i32 %before)
  ret void
}}
"""

_THREADS_NONE = """
define internal void @enter() alwaysinline {{
  ret void
}}

define internal void @leave() alwaysinline {{
  ret void
}}

define internal i32 @enter_panel() alwaysinline {{
  ret i32 0
}}

define internal void @leave_panel(i32 %before) alwaysinline {{
  ret void
}}
"""

_CORE = """
; One BLAS call for m, n, k >= 1: gemv where the result is a row or a column.
define internal void @core_{name}({operands}) {{
entry:
  %ta.bit = and i64 %flags, {transpose_a}
  %ta = icmp ne i64 %ta.bit, 0
  %tb.bit = and i64 %flags, {transpose_b}
  %tb = icmp ne i64 %tb.bit, 0
  %add.bit = and i64 %flags, {accumulate}
  %add = icmp ne i64 %add.bit, 0
  %beta = select i1 %add, {real} 1.0, {real} 0.0
  %pa = inttoptr i64 %a to ptr
  %pb = inttoptr i64 %b to ptr
  %pc = inttoptr i64 %c to ptr
  %opa = select i1 %ta, i32 112, i32 111
  %opb = select i1 %tb, i32 112, i32 111
  %opb.other = select i1 %tb, i32 111, i32 112
  {narrow}
  %column = icmp eq i64 %n, 1
  br i1 %column, label %times_column, label %not_column
times_column:
  %a.rows = select i1 %ta, {int} %k.i, {int} %m.i
  %a.columns = select i1 %ta, {int} %m.i, {int} %k.i
  %b.step = select i1 %tb, {int} 1, {int} %ldb.i
  %gemv.a = load ptr, ptr {gemv}
  call void %gemv.a(i32 101, i32 %opa, {int} %a.rows, {int} %a.columns, {real} 1.0, ptr %pa, {int} %lda.i,
                    ptr %pb, {int} %b.step, {real} %beta, ptr %pc, {int} %ldc.i)
  ret void
not_column:
  %row = icmp eq i64 %m, 1
  br i1 %row, label %row_times, label %general
row_times:
  %b.rows = select i1 %tb, {int} %n.i, {int} %k.i
  %b.columns = select i1 %tb, {int} %k.i, {int} %n.i
  %a.step = select i1 %ta, {int} %lda.i, {int} 1
  %gemv.b = load ptr, ptr {gemv}
  call void %gemv.b(i32 101, i32 %opb.other, {int} %b.rows, {int} %b.columns, {real} 1.0, ptr %pb, {int} %ldb.i,
                    ptr %pa, {int} %a.step, {real} %beta, ptr %pc, {int} 1)
  ret void
general:
  %gemm = load ptr, ptr {gemm}
  call void %gemm(i32 101, i32 %opa, i32 %opb, {int} %m.i, {int} %n.i, {int} %k.i, {real} 1.0, ptr %pa, {int} %lda.i,
                  ptr %pb, {int} %ldb.i, {real} %beta, ptr %pc, {int} %ldc.i)
  ret void
}}
"""

_PANEL = """
; A kernel: units [start, stop) of %unit rows each, or columns where %by_column; one BLAS call a %step units.
define internal i32 @panel_{name}(ptr %result, ptr %exception, {operands}, i64 %by_column, i64 %unit, i64 %step,
                                  i64 %start, i64 %stop) {{
entry:
  %ta = and i64 %flags, {transpose_a}
  %plain_a = icmp eq i64 %ta, 0
  %tb = and i64 %flags, {transpose_b}
  %plain_b = icmp eq i64 %tb, 0
  %columns = icmp ne i64 %by_column, 0
  %extent = select i1 %columns, i64 %n, i64 %m
  %a.row = select i1 %plain_a, i64 %lda, i64 1
  %a.by = select i1 %columns, i64 0, i64 %a.row
  %b.column = select i1 %plain_b, i64 1, i64 %ldb
  %b.by = select i1 %columns, i64 %b.column, i64 0
  %c.by = select i1 %columns, i64 1, i64 %ldc
  %before = call i32 @enter_panel()
  br label %loop
loop:
  %at = phi i64 [%start, %entry], [%next, %one]
  %more = icmp slt i64 %at, %stop
  br i1 %more, label %one, label %done
one:
  %whole = add i64 %at, %step
  %next = call i64 @llvm.smin.i64(i64 %whole, i64 %stop)
  %low = mul i64 %at, %unit
  %high.full = mul i64 %next, %unit
  %high = call i64 @llvm.smin.i64(i64 %high.full, i64 %extent)
  %size = sub i64 %high, %low
  %m.part = select i1 %columns, i64 %m, i64 %size
  %n.part = select i1 %columns, i64 %size, i64 %n
  %a.shift = mul i64 %low, %a.by
  %b.shift = mul i64 %low, %b.by
  %c.shift = mul i64 %low, %c.by
  %a.bytes = mul i64 %a.shift, {bytes}
  %b.bytes = mul i64 %b.shift, {bytes}
  %c.bytes = mul i64 %c.shift, {bytes}
  %a.part = add i64 %a, %a.bytes
  %b.part = add i64 %b, %b.bytes
  %c.part = add i64 %c, %c.bytes
  call void @core_{name}(i64 %flags, i64 %m.part, i64 %n.part, i64 %k, i64 %a.part, i64 %lda, i64 %b.part, i64 %ldb,
                         i64 %c.part, i64 %ldc)
  br label %loop
done:
  call void @leave_panel(i32 %before)
  ret i32 0
}}
"""

_SERVICE = """
define internal void @zero_{name}(i64 %m, i64 %n, i64 %c, i64 %ldc) {{
entry:
  %total = mul i64 %m, %n
  %pc = inttoptr i64 %c to ptr
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %row = udiv i64 %i, %n
  %column = urem i64 %i, %n
  %offset = mul i64 %row, %ldc
  %index = add i64 %offset, %column
  %at = getelementptr {real}, ptr %pc, i64 %index
  store {real} 0.0, ptr %at
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %total
  br i1 %more, label %loop, label %done
done:
  ret void
}}

; Service GEMM of graphc.abi.
define i64 @graphc_gemm_{name}_{variant}({operands}) {{
entry:
  %slots = alloca [13 x i64]
  %mn.least = call i64 @llvm.smin.i64(i64 %m, i64 %n)
  %empty = icmp slt i64 %mn.least, 1
  br i1 %empty, label %done, label %some
some:
  %inner = icmp sgt i64 %k, 0
  br i1 %inner, label %size, label %hollow
hollow:
  %add = and i64 %flags, {accumulate}
  %keep = icmp ne i64 %add, 0
  br i1 %keep, label %done, label %zero
zero:
  call void @zero_{name}(i64 %m, i64 %n, i64 %c, i64 %ldc)
  br label %done
size:
  %mn = mul i64 %m, %n
  %work = mul i64 %mn, %k
  %large = icmp sgt i64 %work, {parallel_work}
  br i1 %large, label %split, label %small
small:
  call void @core_{name}(i64 %flags, i64 %m, i64 %n, i64 %k, i64 %a, i64 %lda, i64 %b, i64 %ldb, i64 %c, i64 %ldc)
  br label %done
split:
  %columns = icmp sgt i64 %n, %m
  %by_column = zext i1 %columns to i64
  %extent = call i64 @llvm.smax.i64(i64 %m, i64 %n)
  %panel = load i64, ptr {panel}
  %free = icmp eq i64 %panel, 0
  br i1 %free, label %by_threads, label %fixed
by_threads:
  %threads = load i64, ptr {threads}
  %lines = sdiv i64 %extent, 16
  %lines.thread = sdiv i64 %lines, %threads
  br label %launch
fixed:
  br label %launch
launch:
  %unit = phi i64 [16, %by_threads], [%panel, %fixed]
  %grain.0 = phi i64 [%lines.thread, %by_threads], [1, %fixed]
  %step = phi i64 [{whole}, %by_threads], [1, %fixed]
  %least = phi i64 [{least_units}, %by_threads], [1, %fixed]
  %grain = call i64 @llvm.smax.i64(i64 %grain.0, i64 %least)
  %unit.less = sub i64 %unit, 1
  %padded = add i64 %extent, %unit.less
  %count = sdiv i64 %padded, %unit
{stores}
  call void @enter()
  %service = load ptr, ptr {launch}
  %kernel = ptrtoint ptr @panel_{name} to i64
  %from = ptrtoint ptr %slots to i64
  call i64 %service(i64 %kernel, i64 %from, i64 13, i64 %count, i64 %grain)
  call void @leave()
  br label %done
done:
  ret i64 0
}}
"""

_OPERAND_NAMES = ("flags", "m", "n", "k", "a", "lda", "b", "ldb", "c", "ldc")
_SLOT_NAMES = (*_OPERAND_NAMES, "by_column", "unit", "step")
_THREAD_CONTROL = {"global": _THREADS_GLOBAL, "local": _THREADS_LOCAL, "none": _THREADS_NONE}


def _slot(index: int) -> str:
    return f"getelementptr (i64, ptr @blas, i64 {index})"


def symbols(int_bits: int, thread_control: str) -> list[str]:
    """Names of what ``gemm_ir`` with these arguments defines: gemm for float64, for float32, the state (three str)."""
    variant = f"{int_bits}_{thread_control}"
    return [f"graphc_gemm_f64_{variant}", f"graphc_gemm_f32_{variant}", f"graphc_blas_state_{variant}"]


def _names(real: str, int_bits: int, variant: str) -> dict[str, object]:
    sizes = ("m", "n", "k", "lda", "ldb", "ldc")
    convert = "add i64 %{0}, 0" if int_bits == 64 else "trunc i64 %{0} to i32"
    stores = []
    for index, name in enumerate(_SLOT_NAMES):
        stores.append(f"  %slot.{name} = getelementptr i64, ptr %slots, i64 {index}")
        stores.append(f"  store i64 %{name}, ptr %slot.{name}")
    double = real == "double"
    return {
        "variant": variant,
        "name": "f64" if double else "f32",
        "real": real,
        "bytes": 8 if double else 4,
        "int": f"i{int_bits}",
        "operands": ", ".join(f"i64 %{name}" for name in _OPERAND_NAMES),
        "narrow": "\n  ".join(f"%{name}.i = {convert.format(name)}" for name in sizes),
        "stores": "\n".join(stores),
        "gemm": _slot(GEMM_F64 if double else GEMM_F32),
        "gemv": _slot(GEMV_F64 if double else GEMV_F32),
        "transpose_a": abi.GEMM_TRANSPOSE_A,
        "transpose_b": abi.GEMM_TRANSPOSE_B,
        "accumulate": abi.GEMM_ACCUMULATE,
        "parallel_work": PARALLEL_WORK,
        "least_units": LEAST_PANEL // 16,
        "whole": 1 << 40,
        "panel": _slot(PANEL),
        "threads": _slot(THREADS),
        "launch": _slot(LAUNCH),
    }


def gemm_ir(int_bits: int, thread_control: str, yields: bool = True) -> str:
    """The services as textual LLVM IR (str); ``symbols`` names what it defines.

    Args:
        int_bits: 64 or 32, the width of the BLAS's integers.
        thread_control: how its number of threads is set: ``"global"``, ``"local"`` to a thread, or ``"none"``.
        yields: whether the platform has ``sched_yield``.
    """
    control = _THREAD_CONTROL[thread_control]
    if not yields:
        control = control.replace("declare i32 @sched_yield()\n", "").replace("  call i32 @sched_yield()\n", "")
    state = {"slots": STATE_SLOTS, "lock": _slot(LOCK), "users": _slot(USERS), "saved": _slot(SAVED)}
    state |= {"get_threads": _slot(GET_THREADS), "set_threads": _slot(SET_THREADS)}
    variant = f"{int_bits}_{thread_control}"
    reals = [_names(real, int_bits, variant) for real in ("double", "float")]
    typed = (part.format(**names) for names in reals for part in (_CORE, _PANEL, _SERVICE))
    return (_HEAD + control).format(**state, variant=variant) + "".join(typed)
