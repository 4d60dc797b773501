"""The thread pool: every index once, whatever happens around it."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from graphc import config
from graphc.runtime import native, threads

pytestmark = pytest.mark.skipif(not threads.have_posix_threads(), reason="no POSIX threads here")

COUNTING_KERNEL = """
declare i32 @usleep(i32)

define i32 @test_count_{nargs}(ptr %result, ptr %exception, {parameters}, i64 %start, i64 %stop) {{
entry:
  %counts = inttoptr i64 %p0 to ptr
  %log = inttoptr i64 %p1 to ptr
  {check}
  %any = icmp slt i64 %start, %stop
  br i1 %any, label %loop, label %done
loop:
  %i = phi i64 [%start, %entry], [%next, %loop]
  %at = getelementptr i64, ptr %counts, i64 %i
  %old = atomicrmw add ptr %at, i64 %sum monotonic
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %stop
  br i1 %more, label %loop, label %done
done:
  %calls = atomicrmw add ptr %log, i64 1 monotonic
  ret i32 0
}}
"""


def counting_kernel(nargs: int) -> int:
    """Address of a kernel that adds the sum of its arguments after the second to each element of its range."""
    parameters = ", ".join(f"i64 %p{k}" for k in range(nargs))
    adds = ["%s1 = add i64 0, 0"] + [f"%s{k} = add i64 %s{k - 1}, %p{k}" for k in range(2, nargs)]
    check = "\n  ".join([*adds, f"%sum = add i64 %s{nargs - 1}, 1"])
    ir = COUNTING_KERNEL.format(nargs=nargs, parameters=parameters, check=check)
    name = f"test_count_{nargs}"
    return native.loaded_address(name) or native.load_object(native.compile_module(ir, 0), [name])[name]


def launch(count: int, grain: int, nargs: int = 2) -> tuple[np.ndarray, int]:
    """Run the counting kernel; the counts and the number of parts it was called for."""
    kernel = counting_kernel(nargs)
    counts, calls = np.zeros(max(count, 1), np.int64), np.zeros(1, np.int64)
    slots = np.array([counts.ctypes.data, calls.ctypes.data, *range(nargs - 2)], np.int64)
    service = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 5)(threads.launch_address())
    service(kernel, slots.ctypes.data, nargs, count, grain)
    return counts[:count], int(calls[0])


@pytest.fixture
def four_threads():
    with config.override(num_threads=4):
        yield


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("count", [1, 2, 3, 7, 63, 64, 65, 511, 513, 4096, 100_003])
@pytest.mark.parametrize("grain", [1, 5, 64, 1000])
def test_each_index_once(count, grain):
    counts, calls = launch(count, grain)
    assert (counts == 1).all()
    assert calls <= max(1, count // grain)
    assert (calls > 1) == (count // grain > 1)


@pytest.mark.usefixtures("four_threads")
def test_empty_range_is_one_call():
    assert launch(0, 16)[1] == 1


@pytest.mark.usefixtures("four_threads")
@pytest.mark.parametrize("nargs", [2, 3, 6, 7, 14, 15, 30, 31, 60, 95, threads.MAX_ARGUMENTS])
def test_any_number_of_arguments(nargs):
    expected = 1 + sum(range(nargs - 2))
    for count, grain in ((1000, 1), (10, 1000)):
        assert (launch(count, grain, nargs)[0] == expected).all()


def test_setting_is_obeyed_at_run_time():
    with config.override(num_threads=1):
        before = threads.regions_run()
        assert launch(10_000, 1)[1] == 1
        assert threads.regions_run() == before
    with config.override(num_threads=3):
        launch(10_000, 1)
        assert threads.regions_run() == before + 1
        assert threads.workers_started() >= 2


@pytest.mark.usefixtures("four_threads")
def test_concurrent_launches_are_all_complete():
    wrong = []

    def many():
        for _ in range(300):
            if not (launch(3000, 10)[0] == 1).all():
                wrong.append(1)

    callers = [threading.Thread(target=many) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(60)
    assert not any(caller.is_alive() for caller in callers)
    assert not wrong


@pytest.mark.usefixtures("four_threads")
def test_sleeping_workers_wake_and_idle_ones_burn_nothing():
    for _ in range(5):
        launch(10_000, 1)
        time.sleep(0.01)
        assert (launch(10_000, 1)[0] == 1).all()
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.05


def wait_for(child: int) -> int:
    """Exit status of a forked child; -1 when it hangs."""
    for _ in range(1000):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


def child_check() -> int:
    ok = all((launch(5000, 10)[0] == 1).all() for _ in range(20))
    return 0 if ok and threads.workers_started() == 3 and threads.regions_run() == 20 else 1


@pytest.mark.usefixtures("four_threads")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_is_in_a_region():
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            launch(200_000, 1)

    caller = threading.Thread(target=busy)
    caller.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                os._exit(child_check())
            assert wait_for(child) == 0
    finally:
        stop.set()
        caller.join()
    assert (launch(5000, 10)[0] == 1).all()


@pytest.mark.parametrize("ending", ["", "import os; os.fork()", "raise SystemExit(0)", "import threading\n" + """
def forever():
    while True:
        launch(100_000, 1)
threading.Thread(target=forever, daemon=True).start()
import time; time.sleep(0.05)
"""])  # fmt: skip
def test_exit_does_not_hang_or_crash(ending):
    program = f"from tests.runtime.test_threads import launch\nlaunch(10_000, 1)\n{ending}\n"
    environment = os.environ | {"GRAPHC_NUM_THREADS": "4"}
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, timeout=30, env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
