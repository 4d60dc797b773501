"""Where tensors are: on the CPU, and how scripts that ask for other devices find that out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any


class device(str):
    """A device as PyTorch's scripts name it; equal to its name. Tensors are on ``device("cpu")`` only.

    >>> graphc.device("cuda" if graphc.cuda.is_available() else "cpu")
    device(type='cpu')
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


def require_cpu(wanted: Any) -> None:
    """Raise ``ValueError`` for a device other than the CPU."""
    if wanted is not None and str(wanted).partition(":")[0] != "cpu":
        raise ValueError(
            f"device={wanted!r}: only 'cpu' is supported (for kernels on a GPU: graphc.jit(f, target='cuda') of a "
            "NumPy function)"
        )


def _none(*args: Any, **kwargs: Any) -> None:
    return None


def _no(*args: Any, **kwargs: Any) -> bool:
    return False


cuda = SimpleNamespace(is_available=_no, device_count=lambda: 0, manual_seed=_none, manual_seed_all=_none,
                       empty_cache=_none, synchronize=_none)  # fmt: skip
mps = SimpleNamespace(is_available=_no, is_built=_no)
accelerator = SimpleNamespace(is_available=_no, current_accelerator=_none)
backends = SimpleNamespace(mps=mps, cudnn=SimpleNamespace(is_available=_no, deterministic=True, benchmark=False))
