"""Views, and writing into tensors."""

from __future__ import annotations

from graphc.tensors.core import Tensor
from graphc.tensors.recording import Recording


def refreshed(recording: Recording, tensor: Tensor) -> bool:
    return False
