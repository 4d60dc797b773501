"""The device that is timed, by PyTorch or where that is not installed by graphc alone; how long a part may take."""

from __future__ import annotations

import importlib.util
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from graphc.runtime.cuda_devices import device
from graphc.runtime.cuda_memory import DeviceArray, sent


class Machine(NamedTuple):
    """``put(array)``: a NumPy array on the device; ``copying(bytes)``: a step that copies so many on the device.

    ``peers``: whether PyTorch is there to be timed beside.
    """

    title: str
    put: Callable[[np.ndarray], Any]
    wait: Callable[[], None]
    copying: Callable[[int], Callable[[], Any]]
    peers: bool


def this_machine() -> Machine:
    """The first CUDA device. Raises ``CudaError`` where there is none."""
    own = device()
    if importlib.util.find_spec("torch") is not None:
        import torch

        if torch.cuda.is_available():
            return _by_torch(torch)

    def wait() -> None:
        with own.current():
            own.read((), own.stream)

    def copying(size: int) -> Callable[[], Any]:
        source, target = (DeviceArray((size,), np.dtype(np.uint8), 0, own.stream) for _ in range(2))

        def copy() -> None:
            with own.current():
                own.copy(target.address, source.address, size, own.stream)

        return copy

    return Machine(f"{own.name}, without PyTorch", lambda array: sent(array, 0), wait, copying, False)


def _by_torch(torch: Any) -> Machine:
    def copying(size: int) -> Callable[[], Any]:
        source = torch.empty(size, dtype=torch.uint8, device="cuda")
        target = torch.empty_like(source)
        return lambda: target.copy_(source)

    title = f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    return Machine(title, lambda a: torch.as_tensor(a, device="cuda"), torch.cuda.synchronize, copying, True)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises ``TimeoutError`` in the block when it takes longer, as soon as Python code runs in it (on POSIX)."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"took more than {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def reason(error: BaseException) -> str:
    """An error in one line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:160] if text else ''}"
