"""LLVM IR that keeps a library at one thread while graphc's own threads call it, for each way it counts its threads.

``enter`` and ``leave`` stand around all calls of a product or a batch, on the thread that asks for it, ``enter_panel``
and ``leave_panel`` around those of one thread. The text becomes part of each module that calls a library. ``{guard}``
is where that module has the address of the library's guard: words that all modules share, ``library_threads`` makes it.
"""

from __future__ import annotations

GET_THREADS, SET_THREADS, LOCK, USERS, SAVED = range(5)  # the words of a guard, eight bytes each
GUARD_WORDS = 5

# One thread in the library while anyone is in a region; the user's own number comes back when the last one leaves.
THREADS_GLOBAL = """
declare i32 @sched_yield()

define internal void @lock(ptr %guard) {{
entry:
  %lock = getelementptr i64, ptr %guard, i64 {lock}
  br label %try
try:
  %swap = cmpxchg ptr %lock, i64 0, i64 1 acquire monotonic
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
  %guard = load ptr, ptr {guard}
  %lock = getelementptr i64, ptr %guard, i64 {lock}
  %users.at = getelementptr i64, ptr %guard, i64 {users}
  %saved.at = getelementptr i64, ptr %guard, i64 {saved}
  call void @lock(ptr %guard)
  %users = load i64, ptr %users.at
  %users.next = add i64 %users, 1
  store i64 %users.next, ptr %users.at
  %first = icmp eq i64 %users, 0
  br i1 %first, label %save, label %done
save:
  %get.at = getelementptr i64, ptr %guard, i64 {get_threads}
  %get = load ptr, ptr %get.at
  %now = call i32 %get()
  %wide = sext i32 %now to i64
  store i64 %wide, ptr %saved.at
  %several = icmp ne i32 %now, 1
  br i1 %several, label %set, label %done
set:
  %put.at = getelementptr i64, ptr %guard, i64 {set_threads}
  %put = load ptr, ptr %put.at
  call void %put(i32 1)
  br label %done
done:
  store atomic i64 0, ptr %lock release, align 8
  ret void
}}

define internal void @leave() {{
entry:
  %guard = load ptr, ptr {guard}
  %lock = getelementptr i64, ptr %guard, i64 {lock}
  %users.at = getelementptr i64, ptr %guard, i64 {users}
  %saved.at = getelementptr i64, ptr %guard, i64 {saved}
  call void @lock(ptr %guard)
  %users = load i64, ptr %users.at
  %users.next = sub i64 %users, 1
  store i64 %users.next, ptr %users.at
  %saved = load i64, ptr %saved.at
  %last = icmp eq i64 %users.next, 0
  %several = icmp ne i64 %saved, 1
  %restore = and i1 %last, %several
  br i1 %restore, label %set, label %done
set:
  %put.at = getelementptr i64, ptr %guard, i64 {set_threads}
  %put = load ptr, ptr %put.at
  %narrow = trunc i64 %saved to i32
  call void %put(i32 %narrow)
  br label %done
done:
  store atomic i64 0, ptr %lock release, align 8
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
  %guard = load ptr, ptr {guard}
  %put.at = getelementptr i64, ptr %guard, i64 {set_threads}
  %put = load ptr, ptr %put.at
  %before = call i32 %put(i32 1)
  ret i32 %before
}}

define internal void @leave_panel(i32 %before) {{
  %guard = load ptr, ptr {guard}
  %put.at = getelementptr i64, ptr %guard, i64 {set_threads}
  %put = load ptr, ptr %put.at
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

_OF_KINDS = {"global": THREADS_GLOBAL, "local": THREADS_LOCAL, "none": THREADS_NONE}


def control_ir(kind: str, guard: str, yields: bool = True) -> str:
    """The four functions as textual LLVM IR (str).

    Args:
        kind: how the library's number of threads is set: ``"global"``, ``"local"`` to a thread, or ``"none"``.
        guard: an LLVM expression (str) of a pointer to the address of the guard.
        yields: whether the platform has ``sched_yield``.
    """
    words = {"get_threads": GET_THREADS, "set_threads": SET_THREADS, "lock": LOCK, "users": USERS, "saved": SAVED}
    text = _OF_KINDS[kind].format(guard=guard, **words)
    return text if yields else "".join(line for line in text.splitlines(True) if "@sched_yield" not in line)
