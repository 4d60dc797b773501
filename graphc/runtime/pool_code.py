"""LLVM IR of the thread pool: how a range is split over threads, how they wait, how they start. ``threads`` loads it.

A parallel region publishes one *ticket* word a thread: the parts it owns, ``next << 32 | end``. A thread takes a part
by compare-and-swap on its own word, then from the others'; so each thread keeps its part of the data from launch to
launch (it is in its cache), and a thread that is late costs nothing but its help. Whoever has taken a part holds the
region open, so the job it reads after that cannot change under it; a late thread finds only empty words. The caller
works too and returns when all parts are finished.

Idle workers watch ``EPOCH`` for as long as a wake-up would cost, then sleep on a condition variable.
"""

from __future__ import annotations

import platform
import signal

from graphc.runtime.trampoline_code import trampoline_ir

MAX_WORKERS = 255
PARTS_PER_THREAD = 4
SPINS = 1000  # about 60 us of pause instructions: as long as waking a sleeping thread takes
WAIT_SPINS = 4000  # the caller's patience before it starts to yield its CPU to late workers

# Byte offsets in the pool's state; what is written by different threads lies 128 bytes apart.
LOCK, JOB, FINISHED, EPOCH, SLEEPERS = 0, 128, 256, 384, 512
WANTED, STARTED, REGIONS = 640, 648, 656
MUTEX, CONDITION, TICKETS = 768, 896, 1024
TICKET_STRIDE = 128
STATE_BYTES = TICKETS + TICKET_STRIDE * (MAX_WORKERS + 1)
_JOB_FIELDS = ("kernel", "slots", "nargs", "count", "chunk", "threads")


def _at(offset: int) -> str:
    return f"getelementptr (i8, ptr @pool, i64 {offset})"


def _pause() -> tuple[str, str]:
    """Declaration and call of the instruction that eases a spinning core, for this machine."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64"):
        return "declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"
    if machine in ("arm64", "aarch64"):
        return "declare void @llvm.aarch64.hint(i32)", "call void @llvm.aarch64.hint(i32 1)"
    return "", ""


_STATE = """
@pool = internal global [{state} x i8] zeroinitializer, align 128

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define ptr @graphc_pool_state() {{
  ret ptr @pool
}}
"""

_POSIX = """
declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_detach(ptr)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)
declare i32 @pthread_cond_broadcast(ptr)
declare i32 @sched_yield()
declare i64 @llvm.smin.i64(i64, i64)
declare i64 @llvm.smax.i64(i64, i64)
{declare_pause}
"""

_WORK = """
; Take and run parts, own ones first, until there are none.
define internal void @work(i64 %self) {{
entry:
  %threads = load i64, ptr {job_threads}
  br label %victims
victims:
  %v = phi i64 [0, %entry], [%v.next, %next_victim]
  %more = icmp slt i64 %v, %threads
  br i1 %more, label %choose, label %done
choose:
  %sum = add i64 %self, %v
  %victim = urem i64 %sum, %threads
  %offset = mul i64 %victim, {ticket_stride}
  %ticket = getelementptr i8, ptr {tickets}, i64 %offset
  br label %take
take:
  %word = load atomic i64, ptr %ticket acquire, align 8
  %next = lshr i64 %word, 32
  %end = and i64 %word, 4294967295
  %left = icmp ult i64 %next, %end
  br i1 %left, label %try, label %next_victim
try:
  %bumped = add i64 %word, 4294967296
  %swap = cmpxchg ptr %ticket, i64 %word, i64 %bumped acq_rel acquire
  %taken = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %taken, label %part, label %take
part:
  %kernel = load i64, ptr {job_kernel}
  %slots = load i64, ptr {job_slots}
  %nargs = load i64, ptr {job_nargs}
  %count = load i64, ptr {job_count}
  %chunk = load i64, ptr {job_chunk}
  %start = mul i64 %next, %chunk
  %full = add i64 %start, %chunk
  %stop = call i64 @llvm.smin.i64(i64 %full, i64 %count)
  call void @run(i64 %kernel, i64 %slots, i64 %nargs, i64 %start, i64 %stop)
  %before = atomicrmw add ptr {finished}, i64 1 acq_rel
  br label %take
next_victim:
  %v.next = add i64 %v, 1
  br label %victims
done:
  ret void
}}

; Body of a worker thread; its argument is its number, from 1.
define internal ptr @worker(ptr %argument) {{
entry:
  %self = ptrtoint ptr %argument to i64
  br label %watch
watch:
  %seen = phi i64 [0, %entry], [%epoch, %join], [%epoch, %turn], [%seen, %wake]
  br label %spin
spin:
  %spins = phi i64 [0, %watch], [%spins.next, %again]
  %epoch = load atomic i64, ptr {epoch} acquire, align 8
  %new = icmp ne i64 %epoch, %seen
  br i1 %new, label %turn, label %idle
turn:
  %wanted = load atomic i64, ptr {wanted} monotonic, align 8
  %mine = icmp slt i64 %self, %wanted
  br i1 %mine, label %join, label %watch
join:
  call void @work(i64 %self)
  br label %watch
idle:
  %tired = icmp sge i64 %spins, {spins}
  br i1 %tired, label %sleep, label %again
again:
  {pause}
  %spins.next = add i64 %spins, 1
  br label %spin
sleep:
  call i32 @pthread_mutex_lock(ptr {mutex})
  %sleepers.before = atomicrmw add ptr {sleepers}, i64 1 seq_cst
  %epoch.now = load atomic i64, ptr {epoch} seq_cst, align 8
  %missed = icmp ne i64 %epoch.now, %seen
  br i1 %missed, label %wake, label %wait
wait:
  call i32 @pthread_cond_wait(ptr {condition}, ptr {mutex})
  br label %wake
wake:
  %sleepers.after = atomicrmw sub ptr {sleepers}, i64 1 seq_cst
  call i32 @pthread_mutex_unlock(ptr {mutex})
  br label %watch
}}
"""

_GROW = """
; Start workers until there are %goal; gives how many there are. They take no signals. Called with the lock held.
define internal i64 @grow(i64 %goal) noinline {{
entry:
  %thread = alloca ptr
  %all = alloca [128 x i8], align 16
  %old = alloca [128 x i8], align 16
  %have = load i64, ptr {started}
  %none = icmp eq i64 %have, 0
  br i1 %none, label %init, label %mask
init:
  call i32 @pthread_mutex_init(ptr {mutex}, ptr null)
  call i32 @pthread_cond_init(ptr {condition}, ptr null)
  br label %mask
mask:
  call i32 @sigfillset(ptr %all)
  call i32 @pthread_sigmask(i32 {sig_setmask}, ptr %all, ptr %old)
  br label %loop
loop:
  %n = phi i64 [%have, %mask], [%number, %made]
  %enough = icmp sge i64 %n, %goal
  br i1 %enough, label %done, label %make
make:
  %number = add i64 %n, 1
  %argument = inttoptr i64 %number to ptr
  %failed = call i32 @pthread_create(ptr %thread, ptr null, ptr @worker, ptr %argument)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %made, label %refused
made:
  %handle = load ptr, ptr %thread
  call i32 @pthread_detach(ptr %handle)
  br label %loop
refused:
  store atomic i64 %number, ptr {wanted} monotonic, align 8
  br label %done
done:
  call i32 @pthread_sigmask(i32 {sig_setmask}, ptr %old, ptr null)
  store i64 %n, ptr {started}
  ret i64 %n
}}
"""

_WAKE = """
; Wake up to %needed of the sleeping workers.
define internal void @rouse(i64 %sleeping, i64 %needed) noinline {{
entry:
  call i32 @pthread_mutex_lock(ptr {mutex})
  %all = icmp sle i64 %sleeping, %needed
  br i1 %all, label %everyone, label %loop
everyone:
  call i32 @pthread_cond_broadcast(ptr {condition})
  br label %done
loop:
  %i = phi i64 [0, %entry], [%i.next, %loop]
  call i32 @pthread_cond_signal(ptr {condition})
  %i.next = add i64 %i, 1
  %more = icmp slt i64 %i.next, %needed
  br i1 %more, label %loop, label %done
done:
  call i32 @pthread_mutex_unlock(ptr {mutex})
  ret void
}}
"""

_PARALLEL = """
; A region with the lock held: 1 when the range was run, 0 when it is too small to split or there are no workers.
define internal i1 @parallel(i64 %kernel, i64 %slots, i64 %nargs, i64 %count, i64 %grain, i64 %wanted) noinline {{
entry:
  %goal = sub i64 %wanted, 1
  %have = load i64, ptr {started}
  %short = icmp slt i64 %have, %goal
  br i1 %short, label %start, label %split
start:
  %grown = call i64 @grow(i64 %goal)
  br label %split
split:
  %workers.all = phi i64 [%have, %entry], [%grown, %start]
  %workers = call i64 @llvm.smin.i64(i64 %workers.all, i64 %goal)
  %crew = add i64 %workers, 1
  %grain.1 = call i64 @llvm.smax.i64(i64 %grain, i64 1)
  %most = sdiv i64 %count, %grain.1
  %wish = mul i64 %crew, {parts_per_thread}
  %parts.1 = call i64 @llvm.smin.i64(i64 %most, i64 %wish)
  %parts.less = sub i64 %parts.1, 1
  %padded = add i64 %count, %parts.less
  %chunk.exact = sdiv i64 %padded, %parts.1
  %chunk.up = add i64 %chunk.exact, 63
  %chunk.lines = and i64 %chunk.up, -64
  %long = icmp sge i64 %chunk.exact, 512
  %chunk = select i1 %long, i64 %chunk.lines, i64 %chunk.exact
  %chunk.less = sub i64 %chunk, 1
  %count.padded = add i64 %count, %chunk.less
  %parts = sdiv i64 %count.padded, %chunk
  %threads = call i64 @llvm.smin.i64(i64 %parts, i64 %crew)
  %several = icmp sgt i64 %threads, 1
  br i1 %several, label %publish, label %refuse
refuse:
  ret i1 false
publish:
  store i64 %kernel, ptr {job_kernel}
  store i64 %slots, ptr {job_slots}
  store i64 %nargs, ptr {job_nargs}
  store i64 %count, ptr {job_count}
  store i64 %chunk, ptr {job_chunk}
  store i64 %threads, ptr {job_threads}
  store atomic i64 0, ptr {finished} monotonic, align 8
  %regions = load i64, ptr {regions}
  %regions.next = add i64 %regions, 1
  store i64 %regions.next, ptr {regions}
  br label %tickets
tickets:
  %t = phi i64 [0, %publish], [%t.next, %tickets]
  %low = phi i64 [0, %publish], [%high, %tickets]
  %t.next = add i64 %t, 1
  %share = mul i64 %t.next, %parts
  %high = sdiv i64 %share, %threads
  %low.up = shl i64 %low, 32
  %word = or i64 %low.up, %high
  %offset = mul i64 %t, {ticket_stride}
  %ticket = getelementptr i8, ptr {tickets}, i64 %offset
  store atomic i64 %word, ptr %ticket release, align 8
  %more = icmp slt i64 %t.next, %threads
  br i1 %more, label %tickets, label %open
open:
  %epoch = load atomic i64, ptr {epoch} monotonic, align 8
  %epoch.next = add i64 %epoch, 1
  store atomic i64 %epoch.next, ptr {epoch} seq_cst, align 8
  fence seq_cst
  %sleeping = load atomic i64, ptr {sleepers} seq_cst, align 8
  %asleep = icmp sgt i64 %sleeping, 0
  br i1 %asleep, label %rouse, label %join
rouse:
  %needed = sub i64 %threads, 1
  call void @rouse(i64 %sleeping, i64 %needed)
  br label %join
join:
  call void @work(i64 0)
  br label %wait
wait:
  %spins = phi i64 [0, %join], [%spins.next, %rest], [%spins.next, %yield]
  %finished = load atomic i64, ptr {finished} acquire, align 8
  %all = icmp eq i64 %finished, %parts
  br i1 %all, label %done, label %patience
patience:
  %spins.next = add i64 %spins, 1
  %late = icmp sgt i64 %spins, {wait_spins}
  br i1 %late, label %yield, label %rest
rest:
  {pause}
  br label %wait
yield:
  call i32 @sched_yield()
  br label %wait
done:
  ret i1 true
}}
"""

_LAUNCH = """
; Service LAUNCH of graphc.abi.
define i64 @graphc_launch(i64 %kernel, i64 %slots, i64 %nargs, i64 %count, i64 %grain) {{
entry:
  %wanted = load atomic i64, ptr {wanted} monotonic, align 8
  %one = icmp sle i64 %wanted, 1
  %small = icmp sle i64 %count, %grain
  %alone = or i1 %one, %small
  br i1 %alone, label %serial, label %try
try:
  %swap = cmpxchg ptr {lock}, i64 0, i64 1 acquire monotonic
  %free = extractvalue {{ i64, i1 }} %swap, 1
  br i1 %free, label %region, label %serial
region:
  %ran = call i1 @parallel(i64 %kernel, i64 %slots, i64 %nargs, i64 %count, i64 %grain, i64 %wanted)
  store atomic i64 0, ptr {lock} release, align 8
  br i1 %ran, label %done, label %serial
serial:
  call void @run(i64 %kernel, i64 %slots, i64 %nargs, i64 0, i64 %count)
  br label %done
done:
  ret i64 0
}}
"""


_SERIAL = """
; Service LAUNCH of graphc.abi where there are no threads.
define i64 @graphc_launch(i64 %kernel, i64 %slots, i64 %nargs, i64 %count, i64 %grain) {{
  call void @run(i64 %kernel, i64 %slots, i64 %nargs, i64 0, i64 %count)
  ret i64 0
}}
"""


def pool_ir(threads: bool = True) -> str:
    """The pool as textual LLVM IR (str): defines ``graphc_launch`` and ``graphc_pool_state``.

    Args: threads: False where there are no POSIX threads: then every launch is serial and nothing is linked to.
    """
    declare_pause, pause = _pause()
    names = {f"job_{name}": _at(JOB + 8 * index) for index, name in enumerate(_JOB_FIELDS)}
    names |= {"lock": _at(LOCK), "finished": _at(FINISHED), "epoch": _at(EPOCH), "sleepers": _at(SLEEPERS)}
    names |= {"wanted": _at(WANTED), "started": _at(STARTED), "regions": _at(REGIONS), "tickets": _at(TICKETS)}
    names |= {"mutex": _at(MUTEX), "condition": _at(CONDITION), "pause": pause, "declare_pause": declare_pause}
    numbers = {"state": STATE_BYTES, "spins": SPINS, "wait_spins": WAIT_SPINS, "ticket_stride": TICKET_STRIDE}
    numbers |= {"parts_per_thread": PARTS_PER_THREAD, "sig_setmask": int(signal.SIG_SETMASK)}
    parts = (_STATE, _POSIX, _WORK, _GROW, _WAKE, _PARALLEL, _LAUNCH) if threads else (_STATE, _SERIAL)
    return "".join(part.format(**names, **numbers) for part in parts) + trampoline_ir()
