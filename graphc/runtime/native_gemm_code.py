"""LLVM IR of a plain gemm and gemv for a machine without any BLAS: vectorised for contiguous rows of B, yet slow."""

from __future__ import annotations

_NATIVE = """
define i64 @graphc_native_gemm_{name}(i32 %order, i32 %opa, i32 %opb, i64 %m, i64 %n, i64 %k, {real} %alpha, ptr %a,
                                      i64 %lda, ptr %b, i64 %ldb, {real} %beta, ptr %c, i64 %ldc) {{
entry:
  %ta = icmp eq i32 %opa, 112
  %a.row = select i1 %ta, i64 1, i64 %lda
  %a.column = select i1 %ta, i64 %lda, i64 1
  %tb = icmp eq i32 %opb, 112
  %b.row = select i1 %tb, i64 1, i64 %ldb
  %b.column = select i1 %tb, i64 %ldb, i64 1
  %fresh = fcmp oeq {real} %beta, 0.0
  br label %rows
rows:
  %i = phi i64 [0, %entry], [%i.next, %row_done]
  %c.offset = mul i64 %i, %ldc
  %c.row = getelementptr {real}, ptr %c, i64 %c.offset
  %a.offset = mul i64 %i, %a.row
  %a.start = getelementptr {real}, ptr %a, i64 %a.offset
  br label %inner
inner:
  %p = phi i64 [0, %rows], [%p.next, %inner_done]
  %a.step = mul i64 %p, %a.column
  %a.at = getelementptr {real}, ptr %a.start, i64 %a.step
  %x = load {real}, ptr %a.at
  %b.offset = mul i64 %p, %b.row
  %b.start = getelementptr {real}, ptr %b, i64 %b.offset
  %p.first = icmp eq i64 %p, 0
  %overwrite = and i1 %p.first, %fresh
  br label %columns
columns:
  %j = phi i64 [0, %inner], [%j.next, %columns]
  %b.step = mul i64 %j, %b.column
  %b.at = getelementptr {real}, ptr %b.start, i64 %b.step
  %y = load {real}, ptr %b.at
  %xy = fmul contract {real} %x, %y
  %c.at = getelementptr {real}, ptr %c.row, i64 %j
  %old = load {real}, ptr %c.at
  %base = select i1 %overwrite, {real} 0.0, {real} %old
  %sum = fadd contract {real} %base, %xy
  store {real} %sum, ptr %c.at
  %j.next = add i64 %j, 1
  %j.more = icmp slt i64 %j.next, %n
  br i1 %j.more, label %columns, label %inner_done
inner_done:
  %p.next = add i64 %p, 1
  %p.more = icmp slt i64 %p.next, %k
  br i1 %p.more, label %inner, label %row_done
row_done:
  %i.next = add i64 %i, 1
  %i.more = icmp slt i64 %i.next, %m
  br i1 %i.more, label %rows, label %done
done:
  ret i64 0
}}

define void @graphc_native_gemv_{name}(i32 %order, i32 %op, i64 %rows, i64 %columns, {real} %alpha, ptr %a, i64 %lda,
                                       ptr %x, i64 %incx, {real} %beta, ptr %y, i64 %incy) {{
  %t = icmp eq i32 %op, 112
  %m = select i1 %t, i64 %columns, i64 %rows
  %k = select i1 %t, i64 %rows, i64 %columns
  call i64 @graphc_native_gemm_{name}(i32 %order, i32 %op, i32 111, i64 %m, i64 1, i64 %k, {real} %alpha, ptr %a,
                                      i64 %lda, ptr %x, i64 %incx, {real} %beta, ptr %y, i64 %incy)
  ret void
}}
"""


def native_gemm_ir() -> str:
    """``graphc_native_gemm_f64`` and so on, with the CBLAS interface (64-bit ints), as textual LLVM IR (str)."""
    return "".join(_NATIVE.format(name=name, real=real) for name, real in (("f64", "double"), ("f32", "float")))
