"""Notices other programs that use the CPUs while a peer is timed.

A second thread that has to share its CPU makes each parallel region wait for the scheduler: a peer that takes 5 ms
alone then takes 100. So a turn starts when the machine is quiet, and one that was disturbed is taken again. Disturbed
means both that others took CPU time and that the peer's own threads had to wait for a CPU: either alone is harmless, or
the peer's own doing. Needs Linux's /proc; elsewhere every turn counts as quiet.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
WINDOW = 0.05  # seconds watched to see whether the machine is quiet
TOLERATED_SHARE = 0.15  # of one CPU, that others may take
TOLERATED_WAIT = 0.02  # of the time, that threads which could run may spend waiting for a CPU


class Watch:
    """Watches the machine around a process, from its creation until it is asked."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.began = time.perf_counter()
        self.foreign = all_seconds() - process_seconds(pid)
        self.waited = waiting_seconds(pid)

    def foreign_share(self) -> float:
        """How much of one CPU processes other than this one took."""
        return (all_seconds() - process_seconds(self.pid) - self.foreign) / self.elapsed()

    def disturbed(self) -> bool:
        waited = (waiting_seconds(self.pid) - self.waited) / self.elapsed()
        return self.foreign_share() > TOLERATED_SHARE and waited > TOLERATED_WAIT

    def elapsed(self) -> float:
        return time.perf_counter() - self.began


@dataclass
class Patience:
    """How many seconds may still be spent on waiting for a quiet machine."""

    seconds: float

    def wait_until_quiet(self) -> None:
        while self.seconds > 0.0:
            watch = Watch(os.getpid())
            time.sleep(WINDOW)
            if watch.foreign_share() <= TOLERATED_SHARE:
                return
            self.seconds -= watch.elapsed()


def all_seconds() -> float:
    """CPU seconds that all processes have used since the machine started, time stolen from it included."""
    if not PROC.joinpath("stat").exists():
        return 0.0
    user, nice, system, _, _, irq, soft_irq, steal = map(int, PROC.joinpath("stat").read_text().split()[1:9])
    return (user + nice + system + irq + soft_irq + steal) / os.sysconf("SC_CLK_TCK")


def process_seconds(pid: int) -> float:
    stat = PROC / str(pid) / "stat"
    if not stat.exists():
        return 0.0
    fields = stat.read_text().rpartition(")")[2].split()  # the name before it may hold spaces
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waiting_seconds(pid: int) -> float:
    """Seconds that the process's threads could have run, had there been a CPU for them."""
    total = 0.0
    for thread in PROC.glob(f"{pid}/task/*/schedstat"):
        total += int(thread.read_text().split()[1]) * 1e-9
    return total
