"""``lib``: graphc, and torch beside it where it is installed, so that each test says what both do."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import graphc
from graphc.config import override
from graphc.tensors.recording import Recording, now


@pytest.fixture(params=["graphc", "torch"])
def lib(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """The library under its PyTorch names, with float64 as default; graphc runs in its interpreter."""
    now.recording = Recording()
    if request.param == "graphc":
        with override(disable_jit=True):
            yield graphc
        return
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


def values(tensor: Any) -> Any:
    """Nested lists of the tensor's numbers."""
    return tensor.detach().tolist()
