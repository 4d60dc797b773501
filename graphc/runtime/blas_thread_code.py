"""LLVM IR that keeps the BLAS at one thread while graphc's own threads call it, for each way it counts its threads.

``enter`` and ``leave`` stand around a whole product on the calling thread, ``enter_panel`` and ``leave_panel`` around
the BLAS calls of one thread. The text is a format string over the slots of the state (see ``blas_code``).
"""

from __future__ import annotations

# One thread in the BLAS while anyone is in a region; the user's own number comes back when the last one leaves.
THREADS_GLOBAL = """
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
THREADS_LOCAL = """
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

THREADS_NONE = """
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

THREAD_CONTROL = {"global": THREADS_GLOBAL, "local": THREADS_LOCAL, "none": THREADS_NONE}
