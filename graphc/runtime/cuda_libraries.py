"""Where a vendor's libraries are: on the system's paths, or in a package that brings them along."""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from graphc.errors import CudaError


class Library(NamedTuple):
    """``stem``: of its file's name; ``versions``: known ones, the newest first; ``package``: that brings it along."""

    stem: str
    versions: tuple[int, ...]
    package: str

    def candidates(self) -> Iterator[str]:
        """Where it may be: loaded already or on the system's paths, then in packages."""
        yield from (f"lib{self.stem}.so.{version}" for version in self.versions)
        spec = importlib.util.find_spec("nvidia")
        for root in spec.submodule_search_locations or () if spec else ():
            for folder in (f"{self.stem}/lib", "cu13/lib", "cu12/lib"):
                yield from (str(path) for path in sorted(Path(root, folder).glob(f"lib{self.stem}.so.*")))

    def open(self) -> Any:
        """The library, None where it is not found."""
        for path in self.candidates():
            try:
                return ctypes.CDLL(path)
            except OSError:
                continue
        return None

    def required(self, what: str) -> Any:
        """The library. Raises: CudaError: it is not found; ``what`` needs it."""
        found = self.open()
        if found is None:
            raise CudaError(
                f"{what} on a GPU needs NVIDIA's library lib{self.stem}, which is not found: pip install "
                f"'graphc[cuda]' ({self.package}), or install CUDA"
            )
        return found


CUBLAS = Library("cublas", (13, 12, 11), "nvidia-cublas-cu12")
CUSOLVER = Library("cusolver", (12, 11), "nvidia-cusolver-cu12")
CUFFT = Library("cufft", (12, 11, 10), "nvidia-cufft-cu12")
