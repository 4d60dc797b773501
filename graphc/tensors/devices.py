"""Where tensors are: how devices are named, and what scripts ask about them.

A place is None for the CPU, else the number of a CUDA device. Tensors of one operation are in one place; what has no
dimensions may come from the CPU.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class device(str):
    """A device as PyTorch's scripts name it; equal to its name.

    >>> graphc.device("cuda", 1)
    device(type='cuda', index=1)
    """

    def __new__(cls, type: Any = "cpu", index: int | None = None) -> device:
        return super().__new__(cls, str(type) if index is None else f"{type}:{index}")

    @property
    def type(self) -> str:
        """The name without a number."""
        return str(self).partition(":")[0]

    @property
    def index(self) -> int | None:  # type: ignore[override]
        """The number, where there is one."""
        number = self.partition(":")[2]
        return int(number) if number else None

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"


CPU = device("cpu")


def device_of(place: int | None) -> device:
    """The device of this place."""
    return CPU if place is None else device("cuda", place)


def is_device(wanted: Any) -> bool:
    """Whether this stands for a device where a dtype could stand too."""
    return isinstance(wanted, str) and (
        isinstance(wanted, device) or wanted.partition(":")[0] in ("cpu", "cuda", "mps")
    )


def place_of(wanted: Any) -> int | None:
    """The place that a device stands for: a name, ``graphc.device``, PyTorch's, the number of a CUDA device, or None.

    Raises: ``ValueError`` for a device that is neither the CPU nor a CUDA device, ``CudaError`` where there is none.
    """
    if wanted is None:
        return None
    name, _, number = (f"cuda:{wanted}" if type(wanted) is int else str(wanted)).partition(":")
    if name == "cpu":
        return None
    if name != "cuda" or not (number or "0").isdigit():
        raise ValueError(f"device={wanted!r}: the devices are 'cpu', 'cuda' and 'cuda:0', 'cuda:1', ...")
    from graphc.runtime.cuda_devices import device as find

    return find(int(number or "0")).number


# --- what scripts ask -------------------------------------------------------------------------------------------------


def is_available() -> bool:
    """Whether there is a CUDA device: tensors and modules may go ``.to("cuda")``."""
    return device_count() > 0


def device_count() -> int:
    """How many CUDA devices there are."""
    from graphc.runtime.cuda_devices import device_count as count

    return count()


def get_device_name(of: Any = "cuda") -> str:
    """What the device's driver calls it. Raises ``CudaError`` where there is none."""
    from graphc.runtime.cuda_devices import device as find

    return find(place_of(of) or 0).name


def synchronize(of: Any = "cuda") -> None:
    """Wait until the device has done all that was asked of it. Raises ``CudaError`` where there is none."""
    from graphc.runtime.cuda_devices import device as find

    found = find(place_of(of) or 0)
    with found.current():
        found.read((), found.stream)


def _none(*args: Any, **kwargs: Any) -> None:
    return None


def _no(*args: Any, **kwargs: Any) -> bool:
    return False


cuda = SimpleNamespace(
    is_available=is_available, device_count=device_count, get_device_name=get_device_name, synchronize=synchronize,
    current_device=lambda: 0, manual_seed=_none, manual_seed_all=_none, empty_cache=_none,
)  # fmt: skip
mps = SimpleNamespace(is_available=_no, is_built=_no)
accelerator = SimpleNamespace(
    is_available=is_available, current_accelerator=lambda: device("cuda") if is_available() else None
)
backends = SimpleNamespace(mps=mps, cudnn=SimpleNamespace(is_available=_no, deterministic=True, benchmark=False))
