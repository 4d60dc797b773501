"""Notices other programs that use the CPUs while a peer is timed.

A second thread that has to share its CPU makes each parallel region wait for the scheduler: a peer that takes 5 ms
alone then takes 100. So a turn starts when the machine is quiet, and one that was disturbed is taken again. Needs
/proc; elsewhere every turn counts as quiet.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

PROC = Path("/proc")
WINDOW = 0.05  # seconds watched to see whether the machine is quiet
TOLERATED = 0.15  # share of one CPU that others may take


class Watch:
    """Measures how much of a CPU processes other than ``pid`` take, from its creation until ``foreign_share``."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.began = time.perf_counter()
        self.foreign_seconds = all_seconds() - process_seconds(pid)

    def foreign_share(self) -> float:
        seconds = all_seconds() - process_seconds(self.pid) - self.foreign_seconds
        return max(0.0, seconds) / (time.perf_counter() - self.began)


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


def wait_until_quiet(patience: float) -> bool:
    """Wait until others leave the CPUs alone, at most ``patience`` seconds; whether they do."""
    deadline = time.perf_counter() + patience
    while time.perf_counter() < deadline:
        watch = Watch(os.getpid())
        time.sleep(WINDOW)
        if watch.foreign_share() <= TOLERATED:
            return True
    return False
