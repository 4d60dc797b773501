"""LLVM IR of the gemm services, over the row-major CBLAS functions whose addresses ``blas`` puts into the state.

A large product is cut into panels of rows, or of columns where there are more of them, and graphc's own pool runs one
single-threaded BLAS call a panel: one pool of threads for everything, which shares work when a core is busy elsewhere
(OpenBLAS's own threads then wait for each other for milliseconds), and a BLAS that is left as the user set it. A batch
is one launch too: its units are panels of all its entries, or whole entries where there are many.

No product that a BLAS might run on its own threads reaches it unguarded: OpenBLAS's workers spin for some 30 ms after
their last call and take the CPUs from the pool.
"""

from __future__ import annotations

from graphc import abi
from graphc.runtime.library_threads_code import control_ir
from graphc.runtime.pool_code import PARTS_PER_THREAD

# Slots of the state, eight bytes each: addresses of functions, that of the library's guard, then settings.
GEMM_F64, GEMM_F32, GEMV_F64, GEMV_F32, LAUNCH, GUARD, THREADS, PANEL = range(8)
STATE_SLOTS = 8

# Below this many multiplications BLAS libraries use one thread by themselves, and two gain nothing (LAB: 64^3 to 96^3).
PARALLEL_WORK = 800_000
LEAST_WORK = PARALLEL_WORK // 2  # of one part
LEAST_PANEL = 32  # rows or columns of one part
# Above these OpenBLAS uses its own threads (it counts m n k of gemm up to 64^3, m n of gemv up to 96^2).
CALM_GEMM, CALM_GEMV = 200_000, 8_000

_HEAD = """
@blas = internal global [{slots} x i64] zeroinitializer, align 64
declare i64 @llvm.smax.i64(i64, i64)
declare i64 @llvm.smin.i64(i64, i64)

define ptr @graphc_blas_state_{variant}() {{
  ret ptr @blas
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
define internal i64 @entry_{name}(i64 %entry, i64 %inner, i64 %by_outer, i64 %by_inner) alwaysinline {{
  %o = sdiv i64 %entry, %inner
  %i = srem i64 %entry, %inner
  %from.o = mul i64 %o, %by_outer
  %from.i = mul i64 %i, %by_inner
  %elements = add i64 %from.o, %from.i
  %bytes = mul i64 %elements, {bytes}
  ret i64 %bytes
}}

; A kernel: units [start, stop), %each of them an entry of the batch, each %unit rows (columns where %by_column); one
; BLAS call for %step units of an entry, and never for more than one entry.
define internal i32 @panel_{name}(ptr %result, ptr %exception, {operands}, {batch_operands}, i64 %by_column, i64 %unit,
                                  i64 %step, i64 %each, i64 %start, i64 %stop) {{
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
  %number = sdiv i64 %at, %each
  %first = srem i64 %at, %each
  %rest = sub i64 %each, %first
  %mine = sub i64 %stop, %at
  %rest.mine = call i64 @llvm.smin.i64(i64 %rest, i64 %mine)
  %taken = call i64 @llvm.smin.i64(i64 %rest.mine, i64 %step)
  %next = add i64 %at, %taken
  %last = add i64 %first, %taken
  %low = mul i64 %first, %unit
  %high.full = mul i64 %last, %unit
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
  %a.entry = call i64 @entry_{name}(i64 %number, i64 %inner, i64 %a_outer, i64 %a_inner)
  %b.entry = call i64 @entry_{name}(i64 %number, i64 %inner, i64 %b_outer, i64 %b_inner)
  %c.entry = call i64 @entry_{name}(i64 %number, i64 %inner, i64 %c_outer, i64 %c_inner)
  %a.offset = add i64 %a.entry, %a.bytes
  %b.offset = add i64 %b.entry, %b.bytes
  %c.offset = add i64 %c.entry, %c.bytes
  %a.part = add i64 %a, %a.offset
  %b.part = add i64 %b, %b.offset
  %c.part = add i64 %c, %c.offset
  call void @core_{name}(i64 %flags, i64 %m.part, i64 %n.part, i64 %k, i64 %a.part, i64 %lda, i64 %b.part, i64 %ldb,
                         i64 %c.part, i64 %ldc)
  br label %loop
done:
  call void @leave_panel(i32 %before)
  ret i32 0
}}
"""

_SERVICE = """
define internal void @zero_{name}({operands}, {batch_operands}) {{
entry:
  %matrix = mul i64 %m, %n
  %total = mul i64 %matrix, %batch
  %pc = inttoptr i64 %c to ptr
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %number = udiv i64 %i, %matrix
  %within = urem i64 %i, %matrix
  %row = udiv i64 %within, %n
  %column = urem i64 %within, %n
  %offset = mul i64 %row, %ldc
  %index = add i64 %offset, %column
  %at = getelementptr {real}, ptr %pc, i64 %index
  %from = call i64 @entry_{name}(i64 %number, i64 %inner, i64 %c_outer, i64 %c_inner)
  %element = getelementptr i8, ptr %at, i64 %from
  store {real} 0.0, ptr %element
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %total
  br i1 %more, label %loop, label %done
done:
  ret void
}}

; Service GEMM_BATCH of graphc.abi.
define i64 @graphc_gemm_batch_{name}_{variant}({operands}, {batch_operands}) {{
entry:
  %slots = alloca [{slot_count} x i64]
  %mn.least = call i64 @llvm.smin.i64(i64 %m, i64 %n)
  %all.least = call i64 @llvm.smin.i64(i64 %mn.least, i64 %batch)
  %empty = icmp slt i64 %all.least, 1
  br i1 %empty, label %done, label %some
some:
  %inner_dim = icmp sgt i64 %k, 0
  br i1 %inner_dim, label %size, label %hollow
hollow:
  %add = and i64 %flags, {accumulate}
  %keep = icmp ne i64 %add, 0
  br i1 %keep, label %done, label %zero
zero:
  call void @zero_{name}({operands}, {batch_operands})
  br label %done
size:
  %mn = mul i64 %m, %n
  %work = mul i64 %mn, %k
  %columns = icmp sgt i64 %n, %m
  %by_column = zext i1 %columns to i64
  %extent = call i64 @llvm.smax.i64(i64 %m, i64 %n)
  %panel = load i64, ptr {panel}
  %threads = load i64, ptr {threads}
  %total = mul i64 %work, %batch
  %large = icmp sgt i64 %total, {parallel_work}
  br i1 %large, label %split, label %small
small:
  %thin = icmp eq i64 %mn.least, 1
  %calm = select i1 %thin, i64 {calm_gemv}, i64 {calm_gemm}
  %threaded = icmp sgt i64 %work, %calm
  br i1 %threaded, label %guarded, label %plain
guarded:
  call void @enter()
  call i32 @panel_{name}(ptr null, ptr null, {operands}, {batch_operands}, i64 %by_column, i64 %extent, i64 1, i64 1,
                         i64 0, i64 %batch)
  call void @leave()
  br label %done
plain:
  call i32 @panel_{name}(ptr null, ptr null, {operands}, {batch_operands}, i64 %by_column, i64 %extent, i64 1, i64 1,
                         i64 0, i64 %batch)
  br label %done
split:
  %free = icmp eq i64 %panel, 0
  br i1 %free, label %by_threads, label %fixed
by_threads:
  %spread = mul i64 %threads, {parts_per_thread}
  %many = icmp sge i64 %batch, %spread
  %unit.free = select i1 %many, i64 %extent, i64 16
  br label %shares
fixed:
  %whole = icmp sle i64 %work, {parallel_work}
  %unit.fixed = select i1 %whole, i64 %extent, i64 %panel
  br label %shares
shares:
  %unit = phi i64 [%unit.free, %by_threads], [%unit.fixed, %fixed]
  %step = phi i64 [{endless}, %by_threads], [1, %fixed]
  %ends = phi i1 [%many, %by_threads], [true, %fixed]
  %unit.less = sub i64 %unit, 1
  %padded = add i64 %extent, %unit.less
  %each = sdiv i64 %padded, %unit
  %count = mul i64 %each, %batch
  %share = sdiv i64 %count, %threads
  %share.least = call i64 @llvm.smax.i64(i64 %share, i64 {least_units})
  %grain.even = select i1 %ends, i64 1, i64 %share.least
  %enough = mul i64 %count, {least_work}
  %grain.work = sdiv i64 %enough, %total
  %grain = call i64 @llvm.smax.i64(i64 %grain.even, i64 %grain.work)
{stores}
  call void @enter()
  %service = load ptr, ptr {launch}
  %kernel = ptrtoint ptr @panel_{name} to i64
  %from = ptrtoint ptr %slots to i64
  call i64 %service(i64 %kernel, i64 %from, i64 {slot_count}, i64 %count, i64 %grain)
  call void @leave()
  br label %done
done:
  ret i64 0
}}

; Service GEMM of graphc.abi.
define i64 @graphc_gemm_{name}_{variant}({operands}) {{
  %status = tail call i64 @graphc_gemm_batch_{name}_{variant}({operands}, i64 1, i64 1, i64 0, i64 0, i64 0, i64 0,
                                                              i64 0, i64 0)
  ret i64 %status
}}
"""

_OPERAND_NAMES = ("flags", "m", "n", "k", "a", "lda", "b", "ldb", "c", "ldc")
_BATCH_NAMES = ("batch", "inner", "a_outer", "a_inner", "b_outer", "b_inner", "c_outer", "c_inner")
_SLOT_NAMES = (*_OPERAND_NAMES, *_BATCH_NAMES, "by_column", "unit", "step", "each")


def _slot(index: int) -> str:
    return f"getelementptr (i64, ptr @blas, i64 {index})"


def symbols(int_bits: int, thread_control: str) -> list[str]:
    """Names of what ``gemm_ir`` with these arguments defines (list of str).

    In this order: gemm for float64, for float32, batched gemm for float64, for float32, the state.
    """
    variant = f"{int_bits}_{thread_control}"
    services = [f"graphc_{kind}_{real}_{variant}" for kind in ("gemm", "gemm_batch") for real in ("f64", "f32")]
    return [*services, f"graphc_blas_state_{variant}"]


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
        "batch_operands": ", ".join(f"i64 %{name}" for name in _BATCH_NAMES),
        "narrow": "\n  ".join(f"%{name}.i = {convert.format(name)}" for name in sizes),
        "stores": "\n".join(stores),
        "slot_count": len(_SLOT_NAMES),
        "gemm": _slot(GEMM_F64 if double else GEMM_F32),
        "gemv": _slot(GEMV_F64 if double else GEMV_F32),
        "transpose_a": abi.GEMM_TRANSPOSE_A,
        "transpose_b": abi.GEMM_TRANSPOSE_B,
        "accumulate": abi.GEMM_ACCUMULATE,
        "parallel_work": PARALLEL_WORK,
        "least_work": LEAST_WORK,
        "least_units": LEAST_PANEL // 16,
        "parts_per_thread": PARTS_PER_THREAD,
        "calm_gemm": CALM_GEMM,
        "calm_gemv": CALM_GEMV,
        "endless": 1 << 40,
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
    variant = f"{int_bits}_{thread_control}"
    reals = [_names(real, int_bits, variant) for real in ("double", "float")]
    typed = (part.format(**names) for names in reals for part in (_CORE, _PANEL, _SERVICE))
    head = _HEAD.format(slots=STATE_SLOTS, variant=variant)
    return head + control_ir(thread_control, _slot(GUARD), yields) + "".join(typed)
