"""What a failed call of NVIDIA's driver means to a user. Codes are those of ``CUresult`` (cuda.h, version 12)."""

from __future__ import annotations

from graphc.errors import CudaError

OUT_OF_MEMORY, NO_DEVICE = 2, 100
LOST = frozenset((214, 700, 702, 709, 710, 714, 715, 716, 717, 718, 719))  # faults: the context is of no use any more
REASONS = {
    3: "a process that was forked cannot use a device that its parent has used: start it by multiprocessing's 'spawn'",
    201: "the device's context is gone: another library has reset the device",
    400: "a stream or an array of another library that is gone: it must live until what was asked of it is done",
    709: "the device's context is gone: another library has reset the device",
    803: "the driver's library and its kernel module are of different versions: restart the machine",
    804: "the driver's library is for another kind of device",
}
FAULT = (
    "what was asked of the device before, by graphc or another library, failed there, which shows only now; the "
    "process cannot use the device any more: start it again, under compute-sanitizer to find the kernel"
)


def driver_error(name: str, status: int, text: str | None) -> CudaError:
    """The error for this status of this function, whose own words are ``text``."""
    if status == NO_DEVICE:
        return CudaError('target="cuda": the NVIDIA driver finds no GPU on this machine')
    reason = REASONS.get(status) or (FAULT if status in LOST else "")
    return CudaError(f"{name}: {text or f'error {status}'}{f' ({reason})' if reason else ''}")
